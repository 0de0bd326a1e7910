"""The measures against the libraries that defined them, by values that `golden/make.py` wrote with these."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.music import measures
from antiphon.music.event import EVENT, Events
from antiphon.music.statistics import frechet_distance, kl_divergence, overlap_area

GOLDEN = json.loads((Path(__file__).parent / "golden" / "measures.json").read_text())
TICK = 0.02  # seconds


def events_of(notes: list[tuple[int, int, int]]) -> Events:
    rows = [(onset, 0, pitch, 64) for onset, _, pitch in notes] + [(o + d, 0, pitch, 0) for o, d, pitch in notes]
    return np.array([(t * TICK, *rest) for t, *rest in sorted(rows, key=lambda row: (row[0], row[3]))], EVENT)


@pytest.mark.parametrize("piece", GOLDEN["pieces"])
@pytest.mark.parametrize("measure", ["pitch_class_entropy", "scale_consistency", "polyphony", "groove_consistency"])
def test_a_measure_is_that_of_muspy(piece: dict[str, Any], measure: str) -> None:
    events = events_of(piece["notes"])
    if measure == "groove_consistency":
        found = measures.groove_consistency(events, GOLDEN["bar"] * TICK, GOLDEN["bar"])
    else:
        found = getattr(measures, measure)(events)
    assert found == pytest.approx(piece[measure], abs=1e-6)


@pytest.mark.parametrize("case", GOLDEN["samples"])
def test_overlap_and_divergence_are_those_of_gaussian_kernels(case: dict[str, Any]) -> None:
    assert kl_divergence(case["a"], case["b"]) == pytest.approx(case["kl"], abs=1e-6)
    assert overlap_area(case["a"], case["b"]) == pytest.approx(case["overlap"], abs=1e-5)


@pytest.mark.parametrize("case", GOLDEN["clouds"])
def test_a_frechet_distance_is_that_by_the_root_of_the_product(case: dict[str, Any]) -> None:
    a, b = np.array(case["a"]), np.array(case["b"])
    assert frechet_distance(a, b) == pytest.approx(case["frechet"], rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(case["frechet"], rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert math.isnan(frechet_distance(a[:1], b))
