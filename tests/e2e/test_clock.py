"""The beat over a real transport: a clock and clicks that go out, and a clock that comes in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from antiphon.ports.take import read_take
from tests.e2e.jack import Gear, Stage
from tests.e2e.test_minute import Typed, needs_model, takes

pytestmark = [pytest.mark.system("jackd"), pytest.mark.timeout(120), needs_model]

TICK, START, STOP = 0xF8, 0xFA, 0xFC
PERIOD = 64 / 48_000
"""Seconds to which JACK rounds when a message is heard."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    stage.env["XDG_DATA_HOME"] = str(tmp_path / "data")
    yield stage
    stage.close()


def test_a_clock_goes_out_with_one_start_and_clicks_on_its_beats(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Typed(stage, "--clock", "out", "--count-in", "1", "--metronome", "--tempo", "120")
    gear.order("tune 5")
    jam.end()
    gear.quit()
    (kept,) = stage.folder.glob("my.*.json")
    heard = json.loads(kept.read_text())["heard"]
    ticks = np.array([row[0] for row in heard if row[1] == TICK])
    clicks = np.array([row[0] for row in heard if row[1] == 0x99 and row[3]])
    assert [row[1] for row in heard if row[1] == START] == [START]
    assert len(ticks) > 100
    assert len(clicks) > 6
    steady = np.median(np.diff(ticks[::24])), np.median(np.diff(clicks))
    assert steady == pytest.approx((0.5, 0.5), abs=2 * PERIOD)


def test_a_clock_that_comes_in_is_the_beat_of_the_jam(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Typed(stage, "--clock", "in")
    gear.send(START)
    gear.order("clock 6 97")
    gear.send(STOP)
    jam.types("save beats")
    jam.says("beats.toml")  # what came before has been taken
    jam.end()
    gear.quit()
    lines = read_take(takes(stage)[-1]).lines
    tempos = [line[3] for line in lines if line[0] == "beat" and len(line) > 2]
    assert tempos
    assert tempos[-1] == pytest.approx(97.0, rel=0.02)
    assert "stop" in [line[2] for line in lines if line[0] == "act"]
