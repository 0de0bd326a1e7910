"""The token codec: what is spelt can be read again, and its rounding never adds up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.codec import token
from antiphon.music.event import DRUM_KITS, EVENT, Event

steps = st.lists(st.tuples(st.floats(0, 12), st.integers(0, 127), st.integers(0, 127)), min_size=1, max_size=40)


def _events(steps: list[tuple[float, int, int]]) -> list[Event]:
    at = np.cumsum([since for since, _, _ in steps])
    return [Event(float(t), 0, pitch, velocity) for t, (_, pitch, velocity) in zip(at, steps, strict=True)]


@given(steps)
def test_what_is_spelt_is_read_again(steps: list[tuple[float, int, int]]) -> None:
    events = _events(steps)
    words = token.encode(np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in events], EVENT))
    back = list(token.decode(words, start=token.tick_of(events[0].at) * token.TICK))
    assert [(e.pitch, e.velocity > 0) for e in back] == [(e.pitch, e.velocity > 0) for e in events]
    for was, now in zip(events, back, strict=True):
        if was.velocity:
            assert token.velocity_bin(was.velocity) == token.velocity_bin(now.velocity)
    if all(since <= 9.9 for since, _, _ in steps[1:]):
        assert np.allclose([e.at for e in back], [e.at for e in events], atol=token.TICK / 2 + 1e-9)


@given(steps)
def test_an_event_at_a_time_gives_the_same_words(steps: list[tuple[float, int, int]]) -> None:
    events, encoder = _events(steps), token.TokenEncoder()
    words = [word for event in events for word in encoder.encode(event)]
    assert words == token.encode(np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in events], EVENT)).tolist()


@given(st.integers(0, 3 * token.LONGEST), st.integers(0, 127), st.integers(0, 127))
def test_time_is_spelt_in_one_way(ticks: int, pitch: int, velocity: int) -> None:
    words = token.spelt(ticks, pitch, velocity)
    shifts = [w - token.TIME_SHIFT + 1 for w in words if token.TIME_SHIFT <= w < token.VELOCITY]
    assert sum(shifts) == min(ticks, token.LONGEST)
    assert all(shift == token.LONGEST_SHIFT for shift in shifts[:-1])


def test_drums_are_not_spelt() -> None:
    assert token.TokenEncoder().encode(Event(0.0, DRUM_KITS, 36, 100)) == []


def test_late_events_do_not_move_the_clock_back() -> None:
    encoder = token.TokenEncoder()
    encoder.encode(Event(1.0, 0, 60, 80))
    assert encoder.encode(Event(0.5, 0, 62, 80)) == token.spelt(0, 62, 80)
    assert encoder.encode(Event(1.1, 0, 64, 80)) == token.spelt(5, 64, 80)


def test_velocities_lie_in_their_bins() -> None:
    for velocity in range(1, 128):
        low, high = token.loudness(token.velocity_bin(velocity))
        assert low <= velocity <= high


def test_every_word_has_a_name() -> None:
    names = [token.name_of(word) for word in range(token.VOCABULARY)]
    assert len(set(names)) == token.VOCABULARY == 316
    assert (names[0], names[4], names[259], names[291], names[315]) == (
        "<PAD>", "NOTE_ON_0", "NOTE_OFF_127", "TIME_SHIFT_32", "DURATION_16",
    )  # fmt: skip
    with pytest.raises(ValueError, match="316"):
        token.name_of(316)
