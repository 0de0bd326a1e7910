"""`antiphon ports` and `antiphon calibrate` on a real transport."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.jack import PATIENCE, Gear, Stage

pytestmark = [pytest.mark.system("jackd"), pytest.mark.timeout(120)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def antiphon(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "antiphon", *words],
        env={**stage.env, "XDG_CONFIG_HOME": str(stage.folder)},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def kept(stage: Stage) -> dict[str, float]:
    found: dict[str, float] = json.loads((stage.folder / "antiphon" / "latency.json").read_text())
    return found


def test_the_ports_are_listed_with_the_interface_that_offers_them(stage: Stage) -> None:
    gear = Gear(stage)
    found = json.loads(antiphon(stage, "ports", "--json").stdout)
    assert [port["name"] for port in found["inputs"]] == ["my keys:notes"]
    assert [port["name"] for port in found["outputs"]] == ["my synth:notes"]
    assert "my synth:notes (" in antiphon(stage, "ports").stdout
    gear.quit()


def test_without_a_server_it_says_so_and_what_to_do(stage: Stage) -> None:
    stage.env["JACK_DEFAULT_SERVER"] = "nobody"
    answer = antiphon(stage, "ports")
    assert answer.returncode == 0
    assert "missing: the JACK server is not running: start it" in answer.stdout
    assert answer.stderr == ""


def test_an_output_is_calibrated_by_loop_back_shown_and_forgotten(stage: Stage) -> None:
    gear = Gear(stage)
    gear.order("echo 0")
    answer = antiphon(
        stage, "calibrate", "--out", "my synth", "--in", "my keys", "--count", "20", "--input-share", "0.25"
    )
    assert answer.returncode == 0, answer.stderr
    assert "20 notes came back and 0 did not" in answer.stdout
    assert 0.0005 < kept(stage)["my synth:notes"] < 0.02
    assert antiphon(stage, "calibrate", "--show").stdout.startswith("my synth:notes: ")
    assert antiphon(stage, "calibrate", "--forget", "--out", "synth").returncode == 0
    assert kept(stage) == {}
    gear.quit()


def test_an_output_is_calibrated_by_a_musician_who_taps_eighty_milliseconds_late(stage: Stage) -> None:
    gear = Gear(stage)
    gear.order("echo 0.08")
    answer = antiphon(stage, "calibrate", "--out", "my synth", "--ear", "--in", "my keys", "--count", "8")
    assert answer.returncode == 0, answer.stderr
    assert 0.08 < kept(stage)["my synth:notes"] < 0.1
    gear.quit()


def test_a_loop_in_which_nothing_comes_back_is_one_line(stage: Stage) -> None:
    gear = Gear(stage)
    answer = antiphon(stage, "calibrate", "--out", "my synth", "--in", "my keys", "--count", "4")
    assert answer.returncode == 1
    assert answer.stderr.endswith("came back at 'my keys:notes': are they connected?\n")
    assert not (stage.folder / "antiphon").exists()
    gear.quit()
