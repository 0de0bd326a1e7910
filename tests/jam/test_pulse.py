"""Tempo and beat out of what is played, in simulated time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.jam.pulse import SILENCE, Pulse
from antiphon.music.grid import Grid

JITTER = 0.015
seeds = st.integers(0, 2**32 - 1)
ROCK = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)
TUNE = (0.0, 1.0, 1.5, 2.0, 3.0, 3.5)
QUARTERS = (0.0, 1.0, 2.0, 3.0)


def rhythm(pattern: tuple[float, ...], tempo: float, bars: int, seed: int, begin: float = 3.0) -> list[float]:
    """Onsets of a bar of four beats, again and again, by someone whose hands shake."""
    beats = np.add.outer(4 * np.arange(bars), pattern).ravel()
    return sorted((begin + beats * 60.0 / tempo + np.random.default_rng(seed).normal(0.0, JITTER, len(beats))).tolist())


def hearing(onsets: list[float]) -> Pulse:
    pulse = Pulse()
    for at in onsets:
        pulse.heard(at)
    return pulse


def octaves(grid: Grid, tempo: float) -> float:
    """How far, as a share, the grid's tempo is from `tempo`, or its half, double, third or triple if nearer."""
    return min(abs(grid.tempo / (tempo * f) - 1.0) for f in (1.0, 2.0, 0.5, 3.0, 1 / 3))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([ROCK, TUNE, QUARTERS]), st.floats(60.0, 125.0), seeds)
def test_the_tempo_and_the_beat_of_a_steady_rhythm_are_found(
    pattern: tuple[float, ...], tempo: float, seed: int
) -> None:
    onsets = rhythm(pattern, tempo, 6, seed)
    grid = hearing(onsets).grid(onsets[-1])
    assert grid is not None
    assert octaves(grid, tempo) < 0.04


@pytest.mark.parametrize("tempo", range(60, 130, 5))
def test_quarter_notes_are_taken_for_beats(tempo: int) -> None:
    grid = hearing(rhythm(QUARTERS, tempo, 6, seed=tempo)).grid(20.0)
    assert grid is not None
    assert grid.tempo == pytest.approx(tempo, rel=0.02)
    beat = grid.beat(3.0 + 23 * 60.0 / tempo)
    assert abs(beat - 23) * grid.period < 0.02


@pytest.mark.parametrize("tempo", [40, 50, 140, 160, 180, 200, 220, 240])
def test_the_slowest_and_fastest_tempos_are_found_up_to_octaves(tempo: int) -> None:
    grid = hearing(rhythm(QUARTERS, tempo, 8, seed=tempo)).grid(20.0)
    assert grid is not None
    assert octaves(grid, tempo) < 0.02


@settings(deadline=None, max_examples=30)
@given(st.floats(70.0, 120.0), st.floats(-0.01, 0.01), seeds)
def test_a_tempo_that_drifts_is_followed_without_a_jump(tempo: float, drift: float, seed: int) -> None:
    """Eighths whose tempo changes by up to 1 % a second for 20 s: no new grid moves the beat by more than 40 ms."""
    rng = np.random.default_rng(seed)
    pulse, at, before = Pulse(), 0.0, None
    while at < 26.0:
        pulse.heard(at + rng.normal(0.0, 0.008))
        grid = pulse.grid(at)
        if at > 6.0 and grid is not None and before is not None:
            jump = grid.beat(at) - before.beat(at)
            assert abs(jump) * grid.period < 0.04
        before = grid
        at += 30.0 / (tempo * math.exp(drift * max(at - 6.0, 0.0)))
    assert before is not None
    assert octaves(before, tempo * math.exp(drift * (at - 6.0))) < 0.04


def test_another_tempo_is_followed_in_a_few_seconds() -> None:
    old = rhythm(ROCK, 100.0, 5, seed=1)
    new = rhythm(ROCK, 140.0, 5, seed=2, begin=old[-1] + 30.0 / 140.0)
    grid = hearing(old + new).grid(new[-1])
    assert grid is not None
    assert octaves(grid, 140.0) < 0.02


def test_beats_are_counted_on_from_the_first_onset() -> None:
    onsets = rhythm(ROCK, 90.0, 8, seed=3)
    pulse = Pulse(meter=3)
    for i, at in enumerate(onsets):
        pulse.heard(at)
        grid = pulse.grid(at)
        if grid is not None:
            assert grid.meter == 3
            assert grid.beat(at) == pytest.approx(i / 2, abs=0.15)


def test_there_is_no_beat_in_silence_in_few_notes_or_long_after() -> None:
    pulse = Pulse()
    assert pulse.grid(0.0) is None
    for at in (1.0, 1.5, 2.0):
        pulse.heard(at)
    assert pulse.grid(2.0) is None
    for at in (2.5, 3.0, 3.5, 4.0):
        pulse.heard(at)
    assert pulse.grid(4.0) is not None
    assert pulse.grid(4.0 + SILENCE) is not None
    assert pulse.grid(4.1 + SILENCE) is None
    pulse.rest()
    assert pulse.grid(4.0) is None
    assert pulse.confidence == 0.0


def test_confidence_tells_a_beat_from_none() -> None:
    rng = np.random.default_rng(5)
    without = [hearing(np.cumsum(rng.exponential(0.25, 80)).tolist()).confidence for _ in range(20)]
    steady = [hearing(rhythm(ROCK, tempo, 6, seed=4)).confidence for tempo in range(60, 130, 10)]
    assert max(without) < min(steady)


def test_a_chord_is_one_onset() -> None:
    times = rhythm(QUARTERS, 100.0, 5, seed=6)
    chords = [at + late for at in times for late in (0.0, 0.008, 0.012)]
    one, many = hearing(times).grid(20.0), hearing(chords).grid(20.0)
    assert one is not None
    assert many is not None
    assert many.tempo == pytest.approx(one.tempo, rel=0.005)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.one_of(st.floats(0.0, 5.0), st.just(0.0), st.just(1e7)), st.floats(0.0, 4.0)), max_size=80)
)
def test_any_onsets_are_borne(steps: list[tuple[float, float]]) -> None:
    pulse, now = Pulse(), 0.0
    for wait, weight in steps:
        now += wait
        pulse.heard(now, weight)
        grid = pulse.grid(now)
        assert 0.0 <= pulse.confidence <= 1.0
        assert grid is None or 20.0 <= grid.tempo <= 480.0
