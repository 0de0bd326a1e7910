"""Phrases for tests of what learns: notes in a row, and streams at random."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from antiphon.engine.markov import MarkovModel
from antiphon.music.event import Event


def phrase(pitches: Sequence[int], *, begin: float = 0.0, gap: float = 0.25, instrument: int = 0) -> list[Event]:
    """One note after another, each `gap` seconds long but for a breath, all of one loudness."""
    events = []
    for i, pitch in enumerate(pitches):
        at = begin + i * gap
        events += [Event(at, instrument, pitch, 80), Event(at + 0.9 * gap, instrument, pitch, 0)]
    return events


def taught(events: Iterable[Event], **settings: object) -> MarkovModel:
    """A model that has heard `events`."""
    model = MarkovModel(**settings)  # type: ignore[arg-type]
    for event in events:
        model.feed(event)
    return model


@st.composite
def streams(draw: st.DrawFn, most: int = 60) -> list[Event]:
    """Anything that players may send, in order of time: chords, doubled onsets, releases of silence, drums."""
    seed, count = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, most))
    rng = np.random.default_rng(seed)
    at, events = 0.0, []
    for _ in range(count):
        at += float(rng.choice([0.0, 0.0, 0.004, 0.25, 0.5, 12.0], p=[0.2, 0.2, 0.1, 0.3, 0.15, 0.05]))
        velocity = int(rng.integers(1, 128)) if rng.random() < 0.5 else 0
        events.append(Event(at, int(rng.choice([0, 5, 128])), int(rng.integers(55, 70)), velocity))
    return events
