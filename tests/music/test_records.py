"""Rows joined, put in order and cut into runs as NumPy's own, slower ways do it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.records import joined, order_of, starts_of
from antiphon.music.score import NOTE

SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=5)


@given(SIZES)
def test_rows_are_joined_as_they_stand(sizes: list[int]) -> None:
    chance = np.random.default_rng(0)
    tables = [np.zeros(2 * size, NOTE) for size in sizes]
    for table in tables:
        for name in NOTE.fields or ():
            table[name] = chance.integers(0, 128, len(table))
    parts = [table[::2] for table in tables]  # a view of a larger table, too
    assert joined(parts).dtype == NOTE
    assert joined(parts).tolist() == np.concatenate(parts).tolist()


@given(st.lists(st.integers(0, 9) | st.integers(0, (1 << 63) - 1), max_size=30))
def test_numbers_are_put_in_order_and_equal_ones_keep_theirs(numbers: list[int]) -> None:
    values = np.array(numbers, np.int64)
    assert order_of(values).tolist() == np.argsort(values, kind="stable").tolist()


@given(st.lists(st.booleans(), max_size=20))
def test_a_run_begins_first_of_all_and_after_each_break(breaks: list[bool]) -> None:
    assert starts_of(np.array(breaks, np.bool_)).tolist() == [0, *(i + 1 for i, one in enumerate(breaks) if one)]
