"""Measures of counterpoint on scores whose faults were planted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antiphon.music.counterpoint import Counterpoint, measure, parallels

FIFTHS = np.array([[67, 67, 69, 69], [60, 60, 62, 62]])
SCORES = arrays.arrays(np.int16, (4, 9), elements=st.one_of(st.just(-1), st.integers(40, 76)))


def test_a_parallel_fifth_is_found_where_it_arrives():
    assert parallels(FIFTHS).tolist() == [[False, False, True, False]]
    assert parallels(FIFTHS, 7).sum() == 1
    assert parallels(FIFTHS, 0).sum() == 0


def test_octaves_and_unisons_are_one():
    for lower in (60, 48, 72):
        score = np.array([[72, 74], [lower, lower + 2]])
        assert parallels(score, 0).sum() == 1


@pytest.mark.parametrize(
    "score",
    [
        [[67, 67], [60, 60]],  # held
        [[67, 67], [60, 55]],  # oblique
        [[67, 69], [60, 60]],
        [[67, -1, 69], [60, 60, 62]],  # a rest between
        [[67, 69], [60, 65]],  # the second is no fifth
    ],
)
def test_what_is_no_parallel_is_not_counted(score):
    assert not parallels(np.array(score)).any()


def test_rates_of_a_planted_score():
    score = np.array([[60, 72], [67, 67], [52, 52], [48, 48]])  # the alto starts above the soprano
    rates = measure([score])
    assert rates["crossed_pairs"] == 1 / 12
    assert rates["triads"] == 1.0
    assert rates["dissonant_pairs"] == 0.0
    assert rates["moves_per_step"] == 0.5


def test_a_bass_that_falls_a_fifth_at_the_end_is_a_cadence():
    end = np.array([[71, 72], [67, 67], [62, 64], [55, 48]])
    assert measure([end])["authentic_endings"] == 1.0
    end[3, 0] = 50
    assert measure([end])["authentic_endings"] == 0.0


def test_what_leaves_its_range_is_counted():
    assert measure([FIFTHS], [(60, 68), (60, 80)])["out_of_range"] == 2 / 8


@given(SCORES, st.integers(-12, 12))
def test_nothing_but_ranges_depends_on_the_key(score, semitones):
    moved = np.where(score < 0, score, score + semitones)
    assert measure([score]) == measure([moved])


@given(st.lists(SCORES, min_size=1, max_size=4))
def test_counts_add_up(scores):
    together = Counterpoint()
    for score in scores:
        together.add(score)
    apart = [Counterpoint() for _ in scores]
    for counts, score in zip(apart, scores, strict=True):
        counts.add(score)
    assert together.counts == sum((c.counts for c in apart), start=type(together.counts)())


def test_one_voice_has_no_counterpoint():
    with pytest.raises(ValueError, match="2 or more voices"):
        measure([np.full((1, 4), 60)])
