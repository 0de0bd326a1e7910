"""A long jam: memory stays flat and nothing hangs. Run by `pytest --soak MINUTES tests/e2e/test_soak.py`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest

from antiphon.engine import shipped_models
from tests.e2e.jack import Gear, Jam, Stage, sounding_after

pytestmark = [pytest.mark.system("jackd"), pytest.mark.soak, pytest.mark.timeout(7200)]

WARM_UP = 0.2
"""The share of the time after which memory should be flat."""


def megabytes(*processes: int) -> float:
    return sum(psutil.Process(number).memory_info().rss for number in processes) / 2**20


def test_memory_is_flat_and_nothing_hangs_after_long_playing_at_twenty_notes_a_second(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seconds = 60.0 * float(request.config.getoption("soak"))
    stage = Stage(tmp_path)
    try:
        gear = Gear(stage)
        model = "box" if "antiphon" in shipped_models() else "random"
        jam = Jam(stage, "--in", "my keys", "--out", "my synth", "--model", model, "memory=60")
        begun, used = time.monotonic(), list[tuple[float, float]]()
        while (now := time.monotonic() - begun) < seconds:
            gear.order("notes 100 0.05")
            used.append((now, megabytes(jam.process.pid, jam.holder)))
        report = jam.end()
        sent, heard = gear.quit()
    finally:
        stage.close()
    warm = [size for at, size in used if at >= WARM_UP * seconds]
    growth = max(warm[-3:]) / min(warm[:3]) - 1
    print("\n" + json.dumps({"megabytes": [round(size, 1) for _, size in used], "growth": growth, "report": report}))
    assert report["feed"]["count"] >= 0.999 * len(sent)  # JACK itself drops some where the machine is full
    assert sounding_after(heard) == set()
    assert growth < 0.05
