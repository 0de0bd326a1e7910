"""Measures of rhythm, repetition and harmony, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from antiphon.music import measures
from tests.music.test_measures import NOTHING, melody, stream


def test_grooves_that_repeat_are_consistent() -> None:
    bar = [(0.0, 0.1, 60), (0.5, 0.6, 60), (1.25, 1.4, 60)]
    same = stream(*((on + 2 * i, off + 2 * i, pitch) for i in range(4) for on, off, pitch in bar))
    assert measures.groove_consistency(same, 2.0) == 1
    other = stream((0, 0.1, 60), (2.5, 2.6, 60))
    assert measures.groove_consistency(other, 2.0) == pytest.approx(1 - 2 / 16)
    assert math.isnan(measures.groove_consistency(other, 4.0))


@pytest.mark.parametrize("bar", [1.0, 1.6, 2.4])
def test_a_bar_is_found_by_what_comes_back(bar: float) -> None:
    rng = np.random.default_rng(3)
    hits = sorted(rng.choice(16, 7, replace=False) * bar / 16)
    events = stream(*((at + i * bar, at + i * bar + 0.02, 60) for i in range(12) for at in hits))
    assert measures.bar_length(events) == pytest.approx(bar, abs=0.03)
    assert math.isnan(measures.bar_length(NOTHING))
    assert math.isnan(measures.bar_length(melody(60, 62)))


@pytest.mark.parametrize("shift", [-0.04, 0.0, 0.05])
def test_grooves_are_measured_from_where_the_positions_are_and_not_by_a_hair(shift: float) -> None:
    rng = np.random.default_rng(0)
    hits = [i * 2.0 + at + shift + 1.0 for i in range(4) for at in (0.0, 0.5, 1.25, 1.75)]
    events = stream(*((at, at + 0.1, 60) for at in (np.array(hits) + rng.uniform(-0.005, 0.005, len(hits))).tolist()))
    start = measures.bar_start(events, 2.0)
    assert start == pytest.approx(shift, abs=0.003)
    assert measures.groove_consistency(events, 2.0, start=start) == pytest.approx(1 - 4 / 64 - 4 / 64, abs=0.07)
    assert measures.bar_start(NOTHING, 2.0) == 0


def test_what_comes_again_is_repetition() -> None:
    assert measures.repetition(melody(*range(60, 72)), 4) == 0
    assert measures.repetition(melody(*[60, 62, 64, 65] * 5), 4) == pytest.approx(1 - 4 / 17)
    assert math.isnan(measures.repetition(melody(60), 4))


def test_chord_agreement_is_a_share_of_time_under_named_chords() -> None:
    chord = stream((0, 2, 48), (0, 2, 52), (0, 2, 55))
    part = stream((0, 1, 72), (1, 1.5, 73), (3, 4, 61))
    assert measures.chord_agreement(part, chord) == pytest.approx(1 / 1.5)
    assert math.isnan(measures.chord_agreement(part, stream((0, 2, 48))))
    assert math.isnan(measures.chord_agreement(NOTHING, NOTHING))


def test_intervals_between_onsets_leave_chords_out() -> None:
    events = stream((0, 1, 60), (0, 1, 64), (0.5, 1, 67), (2, 3, 60))
    assert measures.onset_intervals(events).tolist() == [0.5, 1.5]
    rolled = stream((0, 1, 60), (0.01, 1, 64), (0.5, 1, 67), (0.52, 3, 60))
    assert measures.onset_intervals(rolled).tolist() == [0.5]
