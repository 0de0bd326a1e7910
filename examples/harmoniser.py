"""Sing a tune to the model; under each of its notes it finds one for a cello. Prints both."""

import numpy as np

import antiphon
from antiphon.engine import Constraints, Voice
from antiphon.music.event import Event

FLUTE, CELLO, TUNE = 73, 42, (60, 62, 64, 65, 67, 65, 64, 62, 60)

model, rng = antiphon.open(), np.random.default_rng(1)
low = Voice(pitches=np.arange(128) < 55, max_polyphony=1)
for beat, pitch in enumerate(TUNE):
    at = beat * 0.5
    model.feed(Event(at, FLUTE, pitch, 80))
    below = model.sample(Constraints({CELLO: low}, fixed={"time": at, "velocity": 70}), rng)
    model.feed(below)
    print(pitch, below.pitch)
    model.feed(Event(at + 0.45, CELLO, below.pitch, 0))
    model.feed(Event(at + 0.45, FLUTE, pitch, 0))
