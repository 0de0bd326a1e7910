"""Who gives the time to the jam, and how the jam gives it to others."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.grid import Grid
from antiphon.ports.beats import ClockEar, ClockGiver, Metronome, SteadyBeat
from antiphon.ports.clock import ClockIn
from antiphon.ports.inbox import Act, Beat, Inbox, Notice

TICK, START, STOP = b"\xf8", b"\xfa", b"\xfc"


def test_a_clock_that_comes_in_is_the_beat_and_its_stop_stops_the_machine() -> None:
    inbox, ear = Inbox(), ClockEar(meter=3)
    ear.start(inbox)
    ear.hear(START, 100.0)
    for tick in range(100):
        ear.hear(TICK, 100.0 + tick * 0.5 / 24)
    ear.hear(STOP, 102.2)
    ear.close()
    heard = []
    while (message := inbox.take(0.0)) is not None:
        heard.append(message)
    grids = [m.grid for m in heard if isinstance(m, Beat) and m.grid is not None]
    assert grids[-1].tempo == pytest.approx(120.0, abs=0.1)
    assert grids[-1].meter == 3
    assert grids[-1].bar(100.01) == 0
    assert Act("stop", "") in heard


def test_a_clock_that_falls_silent_is_noticed() -> None:
    inbox, ear = Inbox(), ClockEar(meter=4)
    ear.start(inbox)
    for tick in range(60):
        ear.hear(TICK, tick * 0.02)  # long ago, on the monotonic clock
    heard = [inbox.take(3.0)]
    while not isinstance(heard[-1], Notice):
        heard.append(inbox.take(3.0))
    ear.close()
    assert heard[-2] == Beat(None)


def test_counting_in_puts_the_first_bar_after_the_count() -> None:
    inbox = Inbox()
    SteadyBeat(120.0, 4, bars=2).start(inbox)
    message = inbox.take(1.0)
    assert isinstance(message, Beat)
    assert message.grid is not None
    grid = message.grid
    metronome = Metronome(lambda: grid, bars=0)
    horizons = [grid.origin - 4.2 + k * 0.1 for k in range(100)]
    clicks = [click for horizon in horizons for click in metronome.messages_until(horizon) if click[1][2]]
    assert len(clicks) == 8
    assert [grid.beat(at) for at, _ in clicks] == pytest.approx(list(range(-8, 0)))
    assert [click[1] for _, click in clicks] == [76, 77, 77, 77] * 2


@given(
    tempo=st.floats(30, 300),
    meter=st.integers(1, 7),
    horizons=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=20),
)
def test_a_metronome_clicks_once_on_every_beat_and_every_click_ends(
    tempo: float, meter: int, horizons: list[float]
) -> None:
    grid, now, messages = Grid(10.0, tempo, meter), 10.0, []
    metronome = Metronome(lambda: grid)
    for ahead in horizons:
        now += ahead
        messages += metronome.messages_until(now)
    on = [at for at, message in messages if message[2]]
    assert len(messages) == 2 * len(on)
    beats = [grid.beat(at) for at in on]
    assert beats == pytest.approx([round(beat) for beat in beats], abs=1e-6)
    assert beats == sorted(beats)
    assert [round(later - sooner) for sooner, later in itertools.pairwise(beats)] == [1] * (len(beats) - 1)


def test_the_clock_that_is_given_has_the_beat_of_the_jam() -> None:
    grid = Grid(5.0, 100.0)
    giver, clock = ClockGiver(lambda: grid), ClockIn()
    for horizon in range(60, 160):
        for at, message in giver.messages_until(horizon / 10):
            clock.take(message, at)
    assert clock.grid is not None
    assert clock.grid.tempo == pytest.approx(100.0, abs=0.01)
    assert clock.grid.bar_at(0) == pytest.approx(grid.bar_at(grid.bar(clock.grid.bar_at(0) + 0.01)), abs=0.01)
