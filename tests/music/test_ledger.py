"""What the ledger says of any stream of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.event import Event
from antiphon.music.ledger import Ledger

events = st.lists(
    st.builds(Event, st.just(0.0), st.integers(0, 3), st.integers(60, 63), st.sampled_from([0, 64])), max_size=60
)


@given(events)
def test_sounding_is_what_was_struck_and_not_yet_released(stream: list[Event]) -> None:
    ledger, expected = Ledger(), dict[tuple[int, int], float]()
    for i, event in enumerate(stream):
        stamped = Event(float(i), event.instrument, event.pitch, event.velocity)
        ledger.apply(stamped)
        expected.pop((event.instrument, event.pitch), None)
        if event.is_onset:
            expected[event.instrument, event.pitch] = float(i)
    assert list(ledger.sounding.items()) == list(expected.items())


@given(events)
def test_closing_leaves_nothing_sounding(stream: list[Event]) -> None:
    ledger = Ledger()
    for event in stream:
        ledger.apply(event)
    for release in ledger.closing(9.0):
        assert release.at == 9.0
        assert not release.is_onset
        ledger.apply(release)
    assert len(ledger) == 0


def test_a_second_strike_tells_which_note_it_cut() -> None:
    ledger = Ledger()
    assert ledger.strike(Event(1.0, 0, 60, 80)) is None
    assert ledger.strike(Event(2.0, 0, 60, 80)) == 1.0
    assert ledger.release(0, 60) == 2.0
    assert ledger.release(0, 60) is None


def test_a_copy_goes_its_own_way() -> None:
    ledger = Ledger()
    ledger.strike(Event(1.0, 0, 60, 80))
    twin = ledger.copy()
    twin.release(0, 60)
    assert (0, 60) in ledger
    assert (0, 60) not in twin


def test_the_view_of_what_sounds_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        Ledger().sounding[0, 60] = 1.0  # type: ignore[index]


def test_what_an_event_comes_to():
    ledger = Ledger()
    strike, release = Event(1.0, 0, 60, 80), Event(2.0, 0, 60, 0)
    assert ledger.meant(release) == ()
    assert ledger.meant(strike) == (strike,)
    ledger.apply(strike)
    assert ledger.meant(release) == (release,)
    assert ledger.meant(Event(1.5, 0, 60, 70)) == (Event(1.5, 0, 60, 0), Event(1.5, 0, 60, 70))
    assert ledger.sounding == {(0, 60): 1.0}
