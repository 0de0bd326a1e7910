"""Beats, bars and lines fall where they should, at any tempo."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.grid import FASTEST, SLOWEST, Grid

tempos = st.floats(SLOWEST, FASTEST)
seconds = st.floats(-1e5, 1e5)
grids = st.builds(Grid, seconds, tempos, st.integers(1, 15))
divisions = st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
swings = st.floats(0.0, 1.0)

ROUNDING = 1e-9  # seconds that doubles lose near 1e5 s


@given(grids, seconds)
def test_beats_and_seconds_are_two_names_of_one_time(grid: Grid, at: float) -> None:
    assert grid.at(grid.beat(at)) == pytest.approx(at, abs=ROUNDING)


@given(grids, st.integers(-1000, 1000))
def test_a_bar_begins_on_its_line_and_lasts_until_the_next(grid: Grid, bar: int) -> None:
    begin, end = grid.bar_at(bar), grid.bar_at(bar + 1)
    assert end - begin == pytest.approx(grid.meter * grid.period, abs=ROUNDING)
    assert grid.bar(begin) == bar
    assert grid.bar(math.nextafter(begin, -math.inf)) == bar - 1
    assert grid.bar(math.nextafter(end, -math.inf)) == bar


@given(grids, seconds, divisions, swings)
def test_the_line_after_is_at_or_after_and_no_line_lies_between(
    grid: Grid, at: float, division: float, swing: float
) -> None:
    line = grid.line_after(at, division, swing)
    longest = grid.period / division * (4 / 3 if division % 2 == 0 else 1)
    assert at <= line < at + longest + ROUNDING
    assert grid.line_after(line, division, swing) == line


@given(grids, seconds, divisions, swings)
def test_the_nearest_line_is_no_further_than_any_other(grid: Grid, at: float, division: float, swing: float) -> None:
    nearest = grid.nearest(at, division, swing)
    assert grid.line_after(nearest, division, swing) == nearest
    line = grid.line_after(at - 2 * grid.period / division, division, swing)
    for _ in range(5):
        assert abs(nearest - at) <= abs(line - at)
        line = grid.line_after(math.nextafter(line, math.inf), division, swing)


@given(grids, st.integers(-1000, 1000), divisions.filter(lambda division: division >= 1), swings)
def test_swing_leaves_beats_where_they_are(grid: Grid, beat: int, division: float, swing: float) -> None:
    assert grid.nearest(grid.at(beat), division, swing) == pytest.approx(grid.at(beat), abs=ROUNDING)


def test_full_swing_is_the_two_and_one_of_a_triplet() -> None:
    grid = Grid(0.0, 60.0)
    assert grid.line_after(0.1, 2, swing=1.0) == pytest.approx(2 / 3)
    assert grid.line_after(0.1, 2, swing=0.5) == pytest.approx(1 / 2 + 1 / 12)
    assert grid.line_after(0.1, 2) == 0.5
    assert grid.line_after(0.1, 4, swing=1.0) == pytest.approx(1 / 3)
    assert grid.line_after(0.1, 3, swing=1.0) == pytest.approx(1 / 3)  # triplets do not swing


@given(grids, tempos, seconds)
def test_a_change_of_tempo_keeps_the_beat_and_the_meter(grid: Grid, tempo: float, at: float) -> None:
    changed = grid.with_tempo(tempo, at)
    assert changed.tempo == tempo
    assert changed.meter == grid.meter
    assert changed.beat(at) == pytest.approx(grid.beat(at), abs=1e-6)


@pytest.mark.parametrize(
    ("origin", "tempo", "meter", "message"),
    [
        (0.0, 19.0, 4, "a tempo of 19 is not between 20 and 999"),
        (0.0, 1000.0, 4, "a tempo of 1000"),
        (0.0, math.nan, 4, "a tempo of nan"),
        (0.0, 120.0, 0, "a bar of 0 beats"),
        (math.inf, 120.0, 4, "beat 0 cannot fall at inf"),
    ],
)
def test_what_is_no_grid_is_refused(origin: float, tempo: float, meter: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Grid(origin, tempo, meter)


def test_a_change_to_no_tempo_and_a_division_into_nothing_are_refused() -> None:
    grid = Grid(0.0, 120.0)
    for tempo in (0.0, -5.0, 1e6):
        with pytest.raises(ValueError, match="a tempo of"):
            grid.with_tempo(tempo, 1.0)
    with pytest.raises(ValueError, match="cannot be divided into 0"):
        grid.line_after(0.0, 0)
