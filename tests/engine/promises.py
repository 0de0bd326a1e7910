"""The promises that every model keeps, one by one, and random constraints to hold it to them."""

import math

import numpy as np
from hypothesis import strategies as st

from antiphon.engine.model import Constraints, NothingPossible, Steer, Voice
from antiphon.music.event import Event

A_LITTLE = 1e-9  # seconds; the rounding of one addition


@st.composite
def voices(draw):
    low = draw(st.integers(0, 120))
    high = draw(st.integers(low, 127))
    pitches = np.zeros(128, np.bool_)
    pitches[low : high + 1] = True
    shortest = draw(st.sampled_from([0.0, 0.05, 0.3]))
    soft = draw(st.integers(1, 127))
    return Voice(
        pitches=pitches,
        min_velocity=soft,
        max_velocity=draw(st.integers(soft, 127)),
        min_polyphony=draw(st.integers(0, 1)),
        max_polyphony=draw(st.integers(1, 5)),
        min_length=shortest,
        max_length=shortest + draw(st.sampled_from([0.0, 0.02, 1.0, math.inf])),
        may_start=draw(st.integers(0, 9)) > 0,
    )


@st.composite
def steering(draw):
    low = draw(st.floats(0, 1))
    return Steer(
        temperature=draw(st.sampled_from([0.0, 0.2, 1.0, 5.0])),
        top_p=draw(st.sampled_from([0.01, 0.5, 0.95, 1.0])),
        window=(low, draw(st.floats(low, 1))),
    )


def check(event: Event, constraints: Constraints, held: dict, last: float) -> None:
    """Every promise of `Constraints` and `Voice`, one by one."""
    voice = constraints.voices[event.instrument]  # KeyError: an instrument that is not allowed
    key = (event.instrument, event.pitch)
    assert max(constraints.earliest, last) <= event.at <= constraints.latest + A_LITTLE
    of_voice = {k: since for k, since in held.items() if k[0] == event.instrument}
    if event.velocity:
        assert key not in held, "struck twice"
        assert voice.may_start
        assert voice.pitches is None or voice.pitches[event.pitch]
        assert voice.min_velocity <= event.velocity <= voice.max_velocity
        assert len(of_voice) < voice.max_polyphony
    else:
        assert key in held, "released what does not sound"
        assert event.at - held[key] >= voice.min_length - A_LITTLE
        if voice.may_start and len(of_voice) <= voice.min_polyphony:
            assert event.at >= held[key] + voice.max_length - A_LITTLE, "fewer notes than asked for"
    for (instrument, _), since in held.items():
        limits = constraints.voices.get(instrument)
        if limits is not None:
            overdue = since + limits.max_length
            assert event.at <= max(overdue, constraints.earliest, last) + A_LITTLE, "a note went on for too long"


def limits(voices: dict, last: float, *, wait: float, span: float, **others) -> Constraints:
    """Constraints on an event at least `wait` seconds after `last`, and no more than `span` after that."""
    return Constraints(voices, last + wait, last + wait + span, **others)


def full(voices: dict, held: dict) -> None:
    """An honest reason to wait: nothing may be struck, since no voice has a finger or a key left."""
    for i, voice in voices.items():
        own = {pitch for instrument, pitch in held if instrument == i}
        assert len(own) >= voice.max_polyphony or not voice.may_start or set(np.flatnonzero(voice.pitches)) <= own


def keeps_its_promises(model, at, rng, events: int, waits, held: dict | None = None, last: float = 0.0) -> None:
    """`model` plays up to `events` events under `at(last)`, each checked; `waits(voices, held)` judges its silences."""
    held = dict(held or {})
    for _ in range(events):
        constraints = at(last)
        try:
            event = model.sample(constraints, rng)
        except NothingPossible:
            last += 0.5
            waits(constraints.voices, held)
            continue
        check(event, constraints, held, last)
        model.feed(event)
        if event.velocity:
            held[event.instrument, event.pitch] = event.at
        else:
            del held[event.instrument, event.pitch]
        last = event.at
