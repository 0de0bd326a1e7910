"""Intervals cover what they promise, distances between distributions are distances, confidence is taken at its word."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.statistics import (
    bootstrap_interval,
    calibration,
    density,
    distances_between,
    distances_within,
    kl_divergence,
    overlap_area,
)

SAMPLES = st.lists(st.floats(-100, 100), min_size=2, max_size=40)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Pieces of different size and mean: resampling their events instead would be sure far too often."""
    rng = np.random.default_rng(0)
    covered = by_event = 0
    for _ in range(200):
        sizes = rng.integers(5, 40, 60)
        levels = rng.normal(3.0, 1.0, 60)
        events = [rng.normal(level, 0.5, n) for level, n in zip(levels, sizes, strict=True)]
        interval = bootstrap_interval([e.sum() for e in events], sizes, rng, confidence=0.9, resamples=300)
        covered += interval.low <= 3.0 <= interval.high
        flat = np.concatenate(events)
        by_event += abs(flat.mean() - 3.0) < 1.645 * flat.std() / math.sqrt(len(flat))
    assert 0.82 <= covered / 200 <= 0.97
    assert by_event / 200 < 0.6


def test_an_interval_holds_its_mean_and_is_nothing_for_nothing() -> None:
    rng = np.random.default_rng(1)
    one = bootstrap_interval([6.0, 6.0], [2, 4], rng)
    assert one.mean == 2
    assert 1.5 <= one.low <= one.mean <= one.high <= 3
    assert math.isnan(bootstrap_interval([], [], rng).mean)


@given(SAMPLES)
@settings(max_examples=40)
def test_a_sample_is_not_apart_from_itself(sample: list[float]) -> None:
    assert kl_divergence(sample, sample) == pytest.approx(0, abs=1e-9)
    assert overlap_area(sample, sample) <= 1.001


@given(SAMPLES, SAMPLES)
@settings(max_examples=40)
def test_overlap_is_even_handed_and_divergence_never_negative(a: list[float], b: list[float]) -> None:
    assert overlap_area(a, b) == pytest.approx(overlap_area(b, a))
    assert kl_divergence(a, b) >= -1e-9


def test_what_lies_apart_does_not_overlap() -> None:
    near, far = np.linspace(0, 1, 50), np.linspace(9, 10, 50)
    assert overlap_area(near, far) < 0.01
    assert kl_divergence(near, far) > 3
    assert math.isnan(overlap_area([], near))
    assert math.isnan(kl_divergence(near, []))


def test_a_density_holds_one_in_all() -> None:
    at = np.linspace(-20, 20, 4001)
    assert density(np.random.default_rng(0).normal(0, 1, 30), at).sum() * 0.01 == pytest.approx(1, abs=1e-6)


def test_honest_guesses_are_calibrated_and_boasts_are_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20000)
    honest = calibration(p, rng.random(20000) < p)
    assert honest.error < 0.02
    boast = calibration(np.full(1000, 0.9), np.arange(1000) < 500)
    assert boast.error == pytest.approx(0.4)
    assert boast.count.sum() == 1000
    assert math.isnan(calibration([], []).error)
    assert calibration([0.0, 1.0], [0, 1]).count[[0, -1]].tolist() == [1, 1]


def test_distances_are_between_all_pairs() -> None:
    rows = [[0, 0], [3, 4], [0, 1]]
    assert sorted(distances_within(rows).tolist()) == pytest.approx([1, math.sqrt(18), 5])
    assert distances_between(rows[:1], rows).tolist() == [0, 5, 1]
