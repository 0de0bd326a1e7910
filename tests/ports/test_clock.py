"""MIDI clock in and out, in simulated time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.grid import FASTEST, SLOWEST, Grid
from antiphon.ports.clock import LOST, TICKS, ClockIn, ClockOut

TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
JITTER = 0.003

tempos = st.floats(SLOWEST, FASTEST)
usual_tempos = st.floats(40.0, 300.0)
seeds = st.integers(0, 2**32 - 1)


def ticks(tempo: float, beats: float, begin: float = 10.0) -> list[float]:
    return [begin + i * 60.0 / (TICKS * tempo) for i in range(round(beats * TICKS))]


def shaken(times: list[float], seed: int, jitter: float = JITTER) -> list[float]:
    """As they would come through a port that is early or late by up to `jitter` seconds, still in order."""
    return sorted(np.array(times) + np.random.default_rng(seed).uniform(-jitter, jitter, len(times)))


def hearing(times: list[float], *, clock: ClockIn | None = None) -> ClockIn:
    clock = clock or ClockIn()
    for at in times:
        clock.take(TICK, at)
    return clock


def off_beat(grid: Grid, beat: float, at: float) -> float:
    """Seconds between where the grid has `beat` and `at`."""
    return abs(grid.at(beat) - at)


# In


@settings(deadline=None, max_examples=50)
@given(tempos, seeds)
def test_after_two_seconds_tempo_and_beat_are_known_whatever_the_jitter(tempo: float, seed: int) -> None:
    times = ticks(tempo, 2.0 * tempo / 60.0 + 1 / TICKS)
    clock = ClockIn()
    clock.take(START, 9.9)
    hearing(shaken(times, seed), clock=clock)
    assert clock.grid is not None
    assert clock.grid.tempo == pytest.approx(tempo, rel=0.005)
    few = len(times) < TICKS  # below 30 beats a minute two seconds hold too few ticks for more
    assert off_beat(clock.grid, (len(times) - 1) / TICKS, times[-1]) < (0.004 if few else 0.003)
    assert clock.position == pytest.approx(len(times) / TICKS)


@settings(deadline=None, max_examples=50)
@given(usual_tempos, usual_tempos, seeds)
def test_another_tempo_is_followed_within_a_beat(before: float, after: float, seed: int) -> None:
    old = ticks(before, 8)
    new = ticks(after, 1 + 1 / TICKS, begin=old[-1] + 60.0 / (TICKS * before))
    clock = hearing(shaken(old + new, seed, jitter=0.001))
    assert clock.grid is not None
    assert clock.grid.tempo == pytest.approx(after, rel=0.03)
    assert off_beat(clock.grid, 9.0, new[-1]) < 0.006


def test_a_slow_change_of_tempo_is_followed_all_the_way() -> None:
    """From 100 to 130 beats a minute in 20 s."""
    clock, at, worst = ClockIn(), 5.0, 0.0
    for tick in range(46 * TICKS):
        clock.take(TICK, at)
        if clock.grid is not None and tick > TICKS:
            worst = max(worst, off_beat(clock.grid, tick / TICKS, at))
        at += 60.0 / (TICKS * min(130.0, 100.0 + 1.5 * (at - 5.0)))
    assert worst < 0.003
    assert clock.grid is not None
    assert clock.grid.tempo == pytest.approx(130.0, rel=0.002)


@settings(deadline=None, max_examples=50)
@given(usual_tempos, seeds, st.sets(st.integers(48, 190), max_size=8), st.sets(st.integers(48, 190), max_size=8))
def test_dropped_and_doubled_ticks_move_no_beat(tempo: float, seed: int, dropped: set[int], doubled: set[int]) -> None:
    times = shaken(ticks(tempo, 9), seed, jitter=0.0005)
    dropped -= {i + 1 for i in dropped} | {i + 2 for i in dropped} | doubled
    heard = [at for i, at in enumerate(times) if i not in dropped for _ in range(2 if i in doubled else 1)]
    clock = hearing(heard)
    assert clock.grid is not None
    assert clock.grid.tempo == pytest.approx(tempo, rel=0.005)
    assert off_beat(clock.grid, (len(times) - 1) / TICKS, times[-1]) < 0.003


def test_half_and_double_the_tempo_are_no_dropped_or_doubled_ticks() -> None:
    for tempo in (60.0, 240.0):
        old = ticks(120.0, 8)
        clock = hearing(old + ticks(tempo, 2, begin=old[-1] + 60.0 / (TICKS * 120.0)))
        assert clock.grid is not None
        assert clock.grid.tempo == pytest.approx(tempo, rel=0.005)
        assert clock.position == 10.0


def test_start_stop_position_and_continue() -> None:
    clock = hearing(ticks(120.0, 3.3))
    assert clock.running
    assert clock.take(STOP, 11.66)
    assert clock.grid is None
    assert not clock.running
    hearing(ticks(120.0, 4, begin=11.67), clock=clock)
    assert clock.grid is None
    clock.take(bytes((0xF2, 10, 1)), 13.6)  # sixteenth 138
    assert clock.position == 138 / 4
    clock.take(CONTINUE, 13.66)
    hearing(ticks(120.0, 1, begin=13.67), clock=clock)
    assert clock.grid is not None
    assert clock.grid.beat(13.67) == pytest.approx(138 / 4, abs=0.01)
    assert not clock.take(START, 14.168)  # the beat moves with the next tick; the grid goes on until then
    assert clock.position == 0.0
    hearing(ticks(120.0, 1, begin=14.17), clock=clock)
    assert clock.grid.beat(14.17) == pytest.approx(0.0, abs=0.01)


def test_a_clock_that_goes_silent_is_lost_and_may_come_back() -> None:
    clock = hearing(ticks(100.0, 4))
    last = ticks(100.0, 4)[-1]
    assert clock.deadline == last + LOST
    assert not clock.check(last + LOST - 0.01)
    assert clock.check(last + LOST)
    assert clock.grid is None
    assert clock.deadline is None
    assert not clock.check(last + 9.0)
    hearing(ticks(80.0, 2, begin=last + 5.0), clock=clock)
    assert clock.grid is not None
    assert clock.grid.beat(last + 5.0) == pytest.approx(4.0, abs=0.01)
    assert clock.grid.tempo == pytest.approx(80.0)


def test_a_steady_clock_makes_few_new_grids() -> None:
    clock = ClockIn()
    renewed = sum(clock.take(TICK, at) for at in shaken(ticks(120.0, 60), seed=1, jitter=0.001))
    assert renewed < 75


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from([TICK, TICK, TICK, START, CONTINUE, STOP, b"\xf2\x01", b"\xf2\x01\x02"]),
            ),
            st.one_of(st.floats(-1.0, 2.0), st.sampled_from([0.0, 0.02, 0.02, 1e9, float("nan"), float("inf")])),
        ),
        max_size=80,
    )
)
def test_any_bytes_at_any_time_are_borne(messages: list[tuple[bytes, float]]) -> None:
    clock, at = ClockIn(), 100.0
    for message, wait in messages:
        clock.take(message, at + wait)
        at += wait if 0.0 <= wait < 1e10 else 0.0
        assert clock.grid is None or (clock.running and SLOWEST <= clock.grid.tempo <= FASTEST)
        assert clock.position >= 0.0


# Out


def sent(clock: ClockOut, until: float, step: float = 0.013, begin: float = 0.0) -> list[tuple[float, bytes]]:
    """What a host that asks every `step` seconds gets to send."""
    return [m for i in range(int((until - begin) / step) + 1) for m in clock.messages_until(begin + (i + 1) * step)]


def only_ticks(messages: list[tuple[float, bytes]]) -> list[float]:
    return [at for at, message in messages if message == TICK]


@settings(deadline=None)
@given(st.builds(Grid, st.floats(-9, 9), tempos), st.floats(0.001, 0.3))
def test_ticks_fall_exactly_on_the_grid(grid: Grid, step: float) -> None:
    times = only_ticks(sent(ClockOut(grid, 0.0), 3.0, step))
    beats = np.array([grid.beat(at) for at in times]) * TICKS
    assert np.abs(beats - np.rint(beats)).max() < 1e-6
    assert np.diff(np.rint(beats)).tolist() == [1.0] * (len(beats) - 1)
    assert -1e-9 <= times[0] <= grid.period / TICKS


@settings(deadline=None)
@given(tempos, st.lists(st.tuples(st.floats(0.05, 0.4), tempos, st.floats(-0.5, 0.5)), min_size=1, max_size=6))
def test_changes_of_tempo_and_moved_beats_make_no_burst_and_no_gap(
    tempo: float, changes: list[tuple[float, float, float]]
) -> None:
    """A tick is never longer than the slower tempo's, nor shorter than the faster one's, but for 10 %."""
    grid, now = Grid(0.0, tempo), 0.0
    clock = ClockOut(grid, 0.0)
    last, between = -1.0, [tempo]
    for wait, to, shift in [*changes, (0.4, tempo, 0.0)]:
        for at in only_ticks(clock.messages_until(now + wait)):
            shortest, longest = (60.0 / (TICKS * t) for t in (max(between), min(between)))
            assert last < 0.0 or 0.9 * shortest - 1e-9 <= at - last <= 1.1 * longest + 1e-9
            last, between = at, [grid.tempo]
        now += wait
        grid = Grid(grid.origin + shift, grid.tempo).with_tempo(to, now)
        clock.follow(grid)
        between.append(to)


@settings(deadline=None)
@given(tempos, tempos, st.floats(0.5, 2.0))
def test_a_change_of_tempo_that_is_not_too_late_is_exact(before: float, after: float, at: float) -> None:
    grid = Grid(0.0, before)
    clock = ClockOut(grid, 0.0)
    clock.messages_until(at)
    changed = grid.with_tempo(after, at)
    clock.follow(changed)
    beats = np.array([changed.beat(t) for t in only_ticks(clock.messages_until(at + 0.4))]) * TICKS
    assert np.allclose(beats, np.rint(beats), atol=1e-6)


@settings(deadline=None)
@given(usual_tempos, usual_tempos, st.floats(-1.0, 1.0))
def test_a_beat_that_moved_is_caught_up_with(before: float, after: float, shift: float) -> None:
    clock = ClockOut(Grid(0.0, before), 0.0)
    clock.messages_until(1.0)
    moved = Grid(shift, after)
    clock.follow(moved)
    late = only_ticks(sent(clock, 13.0, begin=1.0))[-50:]
    beats = np.array([moved.beat(t) for t in late]) * TICKS
    assert np.allclose(beats, np.rint(beats), atol=1e-6)


def test_a_host_that_slept_sends_no_burst() -> None:
    clock = ClockOut(Grid(0.0, 120.0), 0.0)
    clock.messages_until(1.0)
    messages = only_ticks(clock.messages_until(60.0))
    assert len(messages) <= 25 + TICKS
    assert messages[0] >= 59.0
    assert messages[0] % 0.5 == pytest.approx(0.0)  # the tick of a beat, which is what receivers wait for


def test_start_comes_just_before_the_bar_and_continue_before_the_same_place_in_one() -> None:
    clock = ClockOut(Grid(0.25, 120.0), 0.0)
    clock.start(1.0)
    assert not clock.running
    messages = sent(clock, 3.0)
    begun = messages.index(next(m for m in messages if m[1] == START))
    assert clock.running
    assert messages[begun + 1] == (2.25, TICK)
    assert 2.24 < messages[begun][0] < 2.25
    assert [message for _, message in messages].count(START) == 1
    clock.stop(3.5)
    messages = sent(clock, 4.0, begin=3.0)
    assert (3.5, STOP) in messages
    assert not clock.running
    clock.resume(4.1)
    told = [(at, m) for at, m in sent(clock, 7.0, begin=4.0) if m != TICK]
    assert [message for _, message in told] == [bytes((0xF2, 10, 0)), CONTINUE]  # two and a half beats in
    assert told[1][0] == pytest.approx(5.5 - 0.001)
    assert clock.running


def test_stop_and_start_before_anything_was_sent() -> None:
    clock = ClockOut(Grid(0.0, 60.0), 0.0)
    clock.stop(0.0)
    assert clock.messages_until(0.01) == [(0.0, STOP), (0.0, TICK)]


# Both


@settings(deadline=None, max_examples=25)
@given(st.floats(30.0, 300.0), st.floats(30.0, 300.0), st.floats(-5.0, 0.0), seeds)
def test_what_one_sends_the_other_hears(first: float, second: float, origin: float, seed: int) -> None:
    """Tempo and place in the bar, through a change of tempo and a port with jitter."""
    grid = Grid(origin, first)
    out, heard = ClockOut(grid, 0.0), ClockIn()
    out.start(0.0)
    messages = sent(out, 8.96, step=0.05)
    begun = next(at for at, message in messages if message == START)
    changed = grid.with_tempo(second, 9.0)
    out.follow(changed)
    messages += sent(out, 13.0, step=0.05, begin=9.0)
    jitter = np.random.default_rng(seed).uniform(-0.001, 0.001, len(messages))
    for (at, message), late in zip(messages, jitter, strict=True):
        heard.take(message, at + late)
    assert heard.grid is not None
    assert heard.grid.tempo == pytest.approx(second, rel=0.005)
    begun_at_bar = grid.beat(begun + 0.001)
    assert begun_at_bar == pytest.approx(round(begun_at_bar / 4) * 4, abs=1e-6)
    now = messages[-1][0]
    assert off_beat(heard.grid, changed.beat(now) - begun_at_bar, now) < 0.003
