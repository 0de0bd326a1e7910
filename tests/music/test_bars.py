"""Bars follow each other without a gap, each meter begins one, and an upbeat is counted as none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.bars import Bars, whole_bars

METER = st.sampled_from([(4, 4), (3, 4), (2, 2), (6, 8), (3, 8), (5, 8), (7, 16), (3, 2), (12, 8)])
ROWS = st.lists(st.tuples(st.integers(0, 200), METER), max_size=5, unique_by=lambda row: row[0]).map(
    lambda rows: [(time, *meter) for time, meter in sorted(rows)]
)


@given(ROWS, st.integers(1, 300))
def test_bars_follow_each_other_and_every_row_begins_one(rows: list[tuple[int, int, int]], end: int) -> None:
    bars = list(Bars(rows, 4).between(0, end))
    assert bars[0].start == 0
    assert all(one.end == other.start and one.number + 1 == other.number for one, other in pairwise(bars))
    assert {time for time, _, _ in rows if time < end} <= {bar.start for bar in bars}
    for bar in bars:
        assert 1 <= bar.length <= 16 * bar.meter[0] // bar.meter[1]
        assert {Bars(rows, 4).at(time) for time in range(bar.start, bar.end)} == {bar}


@pytest.mark.parametrize(
    ("rows", "numbers", "starts"),
    [
        ([], [1, 2, 3], [0, 16, 32]),
        ([(0, 3, 4)], [1, 2, 3], [0, 12, 24]),
        ([(0, 4, 4), (4, 4, 4)], [0, 1, 2], [0, 4, 20]),
        ([(0, 1, 4), (4, 3, 4)], [0, 1, 2], [0, 4, 16]),
        ([(0, 4, 4), (16, 3, 4)], [1, 2, 3], [0, 16, 28]),
        ([(0, 4, 4), (32, 4, 4)], [1, 2, 3], [0, 16, 32]),
        ([(4, 3, 4)], [0, 1, 2], [0, 4, 16]),
        ([(0, 4, 4), (20, 4, 4)], [1, 2, 3], [0, 16, 20]),
    ],
)
def test_an_upbeat_has_the_number_0(rows: list[tuple[int, int, int]], numbers: list[int], starts: list[int]) -> None:
    found = list(Bars(rows, 4).between(0, starts[-1] + 1))
    assert [bar.start for bar in found] == starts
    assert [bar.number for bar in found] == numbers


@pytest.mark.parametrize(
    ("rows", "since"),
    [
        ([], [0, 1, 2, 3, 0, 1]),
        ([(0, 4, 4), (2, 4, 4)], [2, 3, 0, 1, 2, 3]),
        ([(0, 3, 8)], [0, 1, 2, 3, 0, 1, 0, 1]),
        ([(0, 3, 4), (3, 3, 4)], [1, 2, 3, 0, 1]),
    ],
)
def test_quarters_are_counted_from_the_bar_and_back_from_the_end_of_an_upbeat(
    rows: list[tuple[int, int, int]], since: list[int]
) -> None:
    assert [Bars(rows, 4).since_quarter(time) for time in range(len(since))] == since


@given(ROWS, st.integers(1, 300))
def test_bars_are_the_same_where_none_is_cut_short(rows: list[tuple[int, int, int]], end: int) -> None:
    rows = [(0, 4, 4), *(row for row in rows if row[0])]
    whole = whole_bars(rows, 4)
    bars = list(Bars(whole, 4).between(0, end))
    assert [(bar.start, bar.length) for bar in bars] == [
        (bar.start, bar.length) for bar in Bars(rows, 4).between(0, end)
    ]
    assert all(bar.length == 16 * bar.meter[0] // bar.meter[1] for bar in bars)
    assert len({time for time, _, _ in whole}) == len(whole)


def test_an_upbeat_may_have_a_meter_of_its_own() -> None:
    assert whole_bars([(0, 3, 4), (2, 3, 4)], 4) == [(0, 1, 8), (2, 3, 4)]
    assert whole_bars([(0, 4, 4), (36, 3, 4)], 4) == [(0, 4, 4), (32, 1, 4), (36, 3, 4)]
    assert whole_bars([(0, 3, 4), (24, 3, 4)], 4) == [(0, 3, 4), (24, 3, 4)]
    assert whole_bars([], 4) == []
