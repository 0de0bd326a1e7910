"""How late an output sounds is told from what came back or was tapped, and kept until it is forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports.latency import (
    forget_latency,
    keep_latency,
    kept_latencies,
    latency_of,
    offsets,
    spread,
    steady,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_the_spread_of_some_durations() -> None:
    found = spread([0.001 * i for i in range(101)])
    assert (found.count, found.median) == (101, pytest.approx(0.05))
    assert found.jitter == pytest.approx(0.09)
    with pytest.raises(ValueError, match="only 3 measurements: at least 4"):
        spread([0.1] * 3)


@given(
    st.floats(-0.3, 0.3), st.lists(st.floats(-0.05, 0.05), min_size=8, max_size=40), st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_taps_give_the_latency_whichever_beats_they_miss(late: float, hand: list[float], seed: int) -> None:
    beats = 100.0 + 0.75 * np.arange(len(hand) + 10)
    places = np.sort(np.random.default_rng(seed).choice(len(beats), len(hand), replace=False))
    taps = beats[places] + late + np.array(hand)
    np.testing.assert_allclose(offsets(beats.tolist(), taps.tolist()), late + np.array(hand), atol=1e-9)


def test_no_taps_and_no_beats_are_no_offsets() -> None:
    assert len(offsets([], [1.0])) == len(offsets([1.0], [])) == 0
    assert offsets([1.0], [1.5, 0.5]).tolist() == [0.5, -0.5]


def test_what_lies_far_from_the_others_does_not_count() -> None:
    taps = np.array([0.10, 0.11, 0.09, 0.10, 0.12, 0.35, -0.3])
    assert steady(taps).tolist() == [0.10, 0.11, 0.09, 0.10, 0.12]
    assert steady(np.full(5, 0.1)).tolist() == [0.1] * 5
    assert len(steady(np.empty(0))) == 0


def test_a_latency_is_kept_by_the_outputs_name_whatever_its_number(folder: Path) -> None:
    assert latency_of("Synth:in 20:0") == 0.0
    path = keep_latency("Synth:in 20:0", 0.0123)
    keep_latency("Organ:in", 0.5)
    assert latency_of("Synth:in 24:1") == 0.0123
    assert kept_latencies() == {"Synth:in": 0.0123, "Organ:in": 0.5}
    assert [p.name for p in path.parent.iterdir()] == ["latency.json"]
    assert forget_latency("Synth:in 9:0")
    assert not forget_latency("Synth:in 9:0")
    assert latency_of("Synth:in") == 0.0


@pytest.mark.parametrize("seconds", [-0.001, 2.5, float("nan")])
def test_what_can_be_no_latency_is_not_kept(seconds: float) -> None:
    with pytest.raises(ValueError, match="can be no output's latency"):
        keep_latency("Synth", seconds)


@pytest.mark.parametrize("content", ["", "[]", '{"a": "b"}', '{"a": -1}', '{"a": true}'])
def test_a_broken_file_is_one_line_that_says_which(folder: Path, content: str) -> None:
    path = keep_latency("Synth", 0.1)
    path.write_text(content)
    with pytest.raises(ValueError, match=r"latency\.json is not what `antiphon calibrate` writes"):
        latency_of("Synth")
