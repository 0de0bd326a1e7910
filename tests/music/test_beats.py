"""Where the beats of a piece fall: as its maps of tempo and meter say, and as a jam's grid would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec.beats import BEAT_FEATURES, LINES, PHASES, beat_features, grid_features
from antiphon.music.beats import BEAT, NO_BEATS, beats_moved, grid_at, score_beats, steady, stretched
from antiphon.music.grid import Grid
from antiphon.music.score import METER, TEMPO, Score

QUARTER = 480
METERS = [(4, 4), (3, 4), (2, 2), (6, 8), (3, 8), (7, 8), (5, 4), (9, 16)]
BAR_SINE, BAR_COSINE = PHASES, 2 * PHASES

sections = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(METERS), st.integers(260_000, 1_200_000)), min_size=1, max_size=6
)
times = st.lists(st.floats(0.0, 60.0), min_size=1, max_size=20)


def score_of(parts: list[tuple[int, tuple[int, int], int]]) -> tuple[Score, list[int]]:
    """A score of so many bars in each meter and tempo, and the ticks at which its bars begin."""
    tick, bars, meters, tempos = 0, [], [], []
    for n, (upper, lower), microseconds in parts:
        meters.append((tick, upper, lower))
        tempos.append((tick, microseconds))
        length = 4 * QUARTER * upper // lower
        bars += [tick + k * length for k in range(n)]
        tick += n * length
    return Score(QUARTER, (), np.array(tempos, TEMPO), np.array(meters, METER)), bars


@given(sections)
def test_bars_begin_where_the_score_has_them(parts: list[tuple[int, tuple[int, int], int]]) -> None:
    score, bars = score_of(parts)
    beats = score_beats(score)
    at = score.seconds(bars) + 1e-9
    for when in at.tolist():
        grid = grid_at(beats, when)
        assert grid is not None
        assert grid.bar_at(grid.bar(when + 1e-6)) == pytest.approx(when, abs=1e-5)
    told = beat_features(beats, at)
    np.testing.assert_allclose(told[:, BAR_SINE], 0, atol=1e-4)
    np.testing.assert_allclose(told[:, BAR_COSINE], 1, atol=1e-4)


@given(sections, times)
def test_a_score_tells_what_the_grid_of_a_jam_tells(
    parts: list[tuple[int, tuple[int, int], int]], at: list[float]
) -> None:
    beats = score_beats(score_of(parts)[0])
    told = beat_features(beats, np.array(at))
    for row, when in zip(told, at, strict=True):
        np.testing.assert_array_equal(row, grid_features(grid_at(beats, when), when))


@given(st.floats(30.0, 300.0), st.integers(1, 12), st.floats(-5.0, 5.0), times)
def test_the_phases_are_those_of_the_grid(tempo: float, meter: int, origin: float, at: list[float]) -> None:
    grid = Grid(origin, tempo, meter)
    for when in at:
        told = grid_features(grid, when)
        turns = [grid.beat(when) * line for line in LINES] + [grid.beat(when) / meter]
        np.testing.assert_allclose(told[1 : len(turns) + 1], np.sin(2 * np.pi * np.array(turns)), atol=1e-4)
        np.testing.assert_allclose(told[len(turns) + 1 : -2], np.cos(2 * np.pi * np.array(turns)), atol=1e-4)
        assert told[0] == 1
        assert told[-2:].tolist() == pytest.approx([np.log2(tempo / 120), meter / 4], abs=1e-4)


@given(sections, times, st.floats(-20.0, 20.0), st.floats(0.7, 1.4))
def test_moved_and_stretched_beats_are_the_same_beats(
    parts: list[tuple[int, tuple[int, int], int]], at: list[float], by: float, factor: float
) -> None:
    beats, when = score_beats(score_of(parts)[0]), np.array(at)
    borders = beats["at"][:, None] - when
    told = beat_features(beats, when[(np.abs(borders) > 1e-6).all(0)])
    when = when[(np.abs(borders) > 1e-6).all(0)]
    np.testing.assert_allclose(beat_features(beats_moved(beats, by), when + by), told, atol=1e-4)
    slower = beat_features(stretched(beats, factor), when * factor)
    np.testing.assert_allclose(slower[:, :-2], told[:, :-2], atol=1e-4)
    np.testing.assert_allclose(slower[:, -2], told[:, -2] - np.log2(factor), atol=1e-4)


def test_what_a_file_says_again_and_again_is_kept_once() -> None:
    tempos = np.array([(k * QUARTER, 500_000) for k in range(40)], TEMPO)
    meters = np.array([(k * 3 * QUARTER, 3, 4) for k in range(13)], METER)
    assert score_beats(Score(QUARTER, (), tempos, meters)).tolist() == [(0.0, 0.0, 120.0, 3)]


def test_bars_that_are_no_whole_number_of_quarters_are_counted_in_their_own_unit() -> None:
    (row,) = score_beats(score_of([(4, (3, 8), 500_000)])[0])
    assert (row["tempo"], row["meter"]) == (240, 3)
    (row,) = score_beats(score_of([(4, (6, 8), 500_000)])[0])
    assert (row["tempo"], row["meter"]) == (120, 3)


def test_a_file_without_a_meter_is_in_four() -> None:
    assert score_beats(Score(QUARTER, ())).tolist() == [(0.0, 0.0, 120.0, 4)]


@settings(max_examples=20)
@given(times)
def test_no_beat_is_all_zeros(at: list[float]) -> None:
    when = np.array(at)
    snail = np.array([(0.0, 0.0, 4.0, 0)], BEAT)
    for beats in (NO_BEATS, steady(None), snail, score_beats(score_of([(1, (4, 4), 15_000_000)])[0])):
        assert not beat_features(beats, when).any()
        assert grid_at(beats, at[0]) is None
    assert grid_features(None, at[0]).shape == (BEAT_FEATURES,)
