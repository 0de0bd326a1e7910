"""A minute on stage in real time, by the command line: policies, presets, knobs, undo, panic, and the take of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.engine import shipped_models
from antiphon.music.midi_read import read_midi
from antiphon.ports.take import read_take
from tests.e2e.jack import PATIENCE, Gear, Stage, sounding_after

pytestmark = [pytest.mark.system("jackd"), pytest.mark.timeout(180)]

needs_model = pytest.mark.skipif("antiphon" not in shipped_models(), reason="the model in the box is not in this build")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    stage.env["XDG_DATA_HOME"] = str(tmp_path / "data")
    yield stage
    stage.close()


class Typed:
    """`antiphon jam` with somebody at the terminal."""

    def __init__(self, stage: Stage, *words: str) -> None:
        self._stage = stage
        ports = ["--in", "my keys", "--out", "my synth", "--console", "--seed", "1"]
        self.process = stage.start(["-m", "antiphon", "jam", *ports, *words], "jam.log", talks=True)
        stage.says("jam.log", "listens", self.process)

    def types(self, *lines: str) -> None:
        assert self.process.stdin is not None
        for line in lines:
            self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def says(self, word: str) -> None:
        self._stage.says("jam.log", word, self.process)

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=PATIENCE) == 0, (self._stage.folder / "jam.log").read_text()


def antiphon(stage: Stage, *words: str) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "antiphon", *words], env=stage.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def takes(stage: Stage) -> list[Path]:
    return sorted((stage.folder / "data" / "antiphon" / "takes").iterdir())


@needs_model
def test_a_minute_on_stage(stage: Stage) -> None:
    gear = Gear(stage)
    mine = stage.folder / "mine.toml"
    mine.write_text('[controls]\npolicy = "answer"\nsilence = 0.3\nanswer = 3.0\n[[knob]]\nname = "undo"\nnote = 127\n')
    jam = Typed(stage, "--preset", str(mine), "--report", str(stage.folder / "report.json"))
    begun = time.monotonic()
    gear.order("tune 4")
    time.sleep(3.0)
    gear.send(0x90, 127, 90)  # undo, by a pad
    gear.send(0x80, 127, 0)
    jam.types("policy together", "snap key", "share 0.6")
    gear.order("tune 6")
    gear.send(0xB0, 31, 127)  # share, by its knob
    jam.types("learn density")
    jam.says("move the knob")
    gear.send(0xB0, 74, 100)
    mine.write_text('[controls]\npolicy = "trade"\nturn_bars = 1\ntempo = 240.0\n')  # saved in an editor
    gear.order("tune 6")
    mine.write_text("[controls]\npolicy = 7\n")
    jam.says("mine.toml, line 2: policy cannot be 7")
    for preset in ("band", "harmony", "comping", "solo", "loop", "strings"):
        jam.types(f"preset {preset}")
        gear.order("tune 4")
    jam.types("undo", "again", "preset polka", "save evening")
    jam.says("no preset is named 'polka'")
    jam.says("evening.toml")
    gear.send(0x90, 50, 80)
    jam.types("panic")
    gear.order("tune 3")
    jam.types("mute on")
    while time.monotonic() < begun + 60.0:
        time.sleep(0.1)
    jam.end()
    _, heard = gear.quit()
    assert sounding_after(message for message in heard if message.is_note) <= {(0, 50)}  # a key that is still down
    machines = {message.channel for message in heard if message.is_onset} - {0}
    assert len(machines) >= 5, "the voices of the presets were heard"
    check_the_take(stage)


def check_the_take(stage: Stage) -> None:
    (path,) = takes(stage)
    take = read_take(path)
    assert take.whole
    begin, end = take.span
    assert end - begin == pytest.approx(60.0, abs=3.0)
    called = {line[2] for line in take.lines if line[0] in ("set", "act")}
    assert {"policy", "snap", "share", "density", "undo", "again", "panic", "mute"} <= called
    assert "the same event for event" in antiphon(stage, "replay", str(path), "-o", str(stage.folder / "again.mid"))
    assert "1:0" in antiphon(stage, "takes")
    antiphon(stage, "export-take", str(path), "-o", str(stage.folder / "out.mid"))
    assert len(read_midi(stage.folder / "out.mid").parts) >= 6
    assert "evening" in antiphon(stage, "presets")
    antiphon(stage, "presets", "evening")
    figures = json.loads((stage.folder / "report.json").read_text())
    assert figures["wake"]["count"] > 100
    assert [line for line in take.lines if line[0] == "figures"]


@needs_model
def test_a_killed_session_leaves_its_take_and_the_next_one_goes_on_from_it(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Typed(stage, "--rest", "0.2", "--share", "0.8")
    gear.order("tune 4")
    gear.send(0x90, 50, 80)
    time.sleep(1.0)
    killed = time.monotonic()
    os.kill(jam.process.pid, signal.SIGKILL)
    jam.process.wait()
    (path,) = takes(stage)
    take = read_take(path)
    assert not take.whole
    assert take.span[1] > killed - 1.0, "the take ends with the last second"
    assert "the same event for event" in antiphon(stage, "replay", str(path))
    assert "cut off" in antiphon(stage, "takes")
    time.sleep(1.0)
    again = Typed(stage, "--from", str(path))
    gear.order("tune 2")
    again.end()
    _, heard = gear.quit()
    assert {key for key in sounding_after(m for m in heard if m.is_note) if key[0] != 0} == set()
    assert any(line[0] == "recall" and len(line[2]) > 10 for line in read_take(takes(stage)[-1]).lines)
