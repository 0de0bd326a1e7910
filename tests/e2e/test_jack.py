"""`antiphon jam` over a real MIDI transport: JACK's dummy driver, and a musician in another process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from antiphon.engine import shipped_models
from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET

pytestmark = [pytest.mark.system("jackd"), pytest.mark.timeout(180)]

HERE = Path(__file__).parent
MACHINE_CHANNEL = 15
PATIENCE = 20.0
"""Seconds after which a process that should have answered is taken for dead."""


@dataclass(frozen=True)
class Heard:
    """One message that came back."""

    at: float
    status: int
    pitch: int
    velocity: int

    @property
    def channel(self) -> int:
        return self.status & 0x0F

    @property
    def is_onset(self) -> bool:
        return self.status & 0xF0 == 0x90 and self.velocity > 0

    @property
    def is_note(self) -> bool:
        return self.status & 0xF0 in (0x80, 0x90)


def _sweep() -> None:
    """Remove what killed JACK servers left, when none runs: after eight of them no server starts any more."""
    if not any(process.info["name"] in ("jackd", "jackdbus") for process in psutil.process_iter(["name"])):
        for left in Path("/dev/shm").glob("jack*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


class Stage:
    """A JACK server of its own, a jam on it, and a musician who plays into it. Every wait is bounded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._env = {**os.environ, "JACK_DEFAULT_SERVER": "antiphon-tests"}
        self._running: list[subprocess.Popen[str]] = []
        _sweep()
        server = ["jackd", "-S", "-n", self._env["JACK_DEFAULT_SERVER"], "-d", "dummy", "-r", "48000", "-p", "64"]
        self._start(server, "jackd.log")
        # A client that knocks while the server is still starting may be left waiting for ever.
        subprocess.run(
            ["jack_wait", "-s", self._env["JACK_DEFAULT_SERVER"], "-w", "-t", "10"],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def jam(self, *words: str) -> subprocess.Popen[str]:
        """Start a jam on virtual ports; returns when it listens."""
        real = "antiphon" in shipped_models()
        program = ["-m", "antiphon", "jam"] if real else [str(HERE / "jam_at_random.py")]
        outcome = ("--record", str(self.folder / "duet.mid"), "--report", str(self.folder / "report.json"))
        jam = self._start([sys.executable, *program, "--virtual", "--seed", "1", *outcome, *words], "jam.log")
        given_up = time.monotonic() + PATIENCE
        while "listens" not in (self.folder / "jam.log").read_text():
            assert jam.poll() is None, (self.folder / "jam.log").read_text()
            assert time.monotonic() < given_up, "the jam does not listen"
            time.sleep(0.05)
        return jam

    def musician(self, seconds: float, last: str) -> subprocess.Popen[str]:
        """Start a musician who plays `seconds` of the menuet and then will `hold` or `release`; returns at once."""
        words = [str(HERE / "musician.py"), str(MENUET), str(seconds), last, str(self.folder / "heard.json")]
        return self._start([sys.executable, *words], "musician.log", talks=True)

    def played(self, musician: subprocess.Popen[str]) -> None:
        """Wait until the musician has played."""
        self.says("musician.log", "played")
        assert musician.poll() is None

    def says(self, log: str, word: str) -> None:
        """Wait until `word` is in a log."""
        given_up = time.monotonic() + PATIENCE * 2
        while word not in (self.folder / log).read_text():
            assert time.monotonic() < given_up, (self.folder / log).read_text()
            time.sleep(0.02)

    def start(self, words: list[str], log: str) -> subprocess.Popen[str]:
        """Start a Python program on this stage."""
        return self._start([sys.executable, *words], log)

    def heard(self, musician: subprocess.Popen[str]) -> tuple[list[Heard], list[Heard]]:
        """Send the musician home; what they sent and what they heard."""
        musician.communicate(timeout=PATIENCE)
        kept = json.loads((self.folder / "heard.json").read_text())
        return tuple([Heard(row[0], *map(int, row[1:4])) for row in kept[what] if len(row) == 4] for what in kept)

    def close(self) -> None:
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)
            if process.stdin is not None:
                process.stdin.close()

    def _start(self, words: list[str], log: str, *, talks: bool = False) -> subprocess.Popen[str]:
        with (self.folder / log).open("w") as file:
            process = subprocess.Popen(
                words,
                env=self._env,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._running.append(process)
        return process


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def sounding_at_the_end(messages: list[Heard]) -> set[tuple[int, int]]:
    sounding: set[tuple[int, int]] = set()
    for message in messages:
        if message.is_note:
            key = (message.channel, message.pitch)
            assert not (message.is_onset and key in sounding), f"{message} is struck twice"
            (sounding.add if message.is_onset else sounding.discard)(key)
    return sounding


def end(jam: subprocess.Popen[str], stage: Stage) -> None:
    """SIGTERM, as a session manager would; the jam leaves with code 0, having closed and written everything."""
    jam.send_signal(signal.SIGTERM)
    assert jam.wait(timeout=PATIENCE) == 0, (stage.folder / "jam.log").read_text()
    time.sleep(0.2)


def of_machine(messages: list[Heard]) -> list[Heard]:
    return [message for message in messages if message.is_note and message.channel == MACHINE_CHANNEL]


def of_player(messages: list[Heard]) -> list[Heard]:
    return [message for message in messages if message.is_note and message.channel == 0]


def test_it_plays_together_with_a_real_file_in_time_and_closes_every_note(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    jam = stage.jam("--policy", "together", "--answer", "2")
    musician = stage.musician(20.0, "release")
    stage.played(musician)
    time.sleep(4.0)
    end(jam, stage)
    sent, heard = stage.heard(musician)

    machine = of_machine(heard)
    assert sum(message.is_onset for message in machine) >= 10
    assert [message.at for message in heard] == sorted(message.at for message in heard)
    assert sounding_at_the_end(heard) == set()
    assert min(message.at for message in machine) > sent[0].at

    passed = of_player(heard)[: len(sent)]
    assert [(m.pitch, m.is_onset) for m in passed] == [(m.pitch, m.is_onset) for m in sent]
    round_trip = np.array([back.at - out.at for back, out in zip(passed, sent, strict=True)]) * 1e3
    assert round_trip.min() > 0

    score = read_midi(stage.folder / "duet.mid")
    assert score.repairs == ()
    assert len(score.parts[-1].notes) == sum(message.is_onset for message in machine)

    report = json.loads((stage.folder / "report.json").read_text())
    assert report["feed"]["count"] == len(sent)
    assert report["lateness"]["count"] >= len(machine) - 8
    figures = {name: report[name] for name in ("feed", "thru", "lateness", "wake")}
    figures["thru_round_trip"] = {f"p{p}_ms": float(np.percentile(round_trip, p)) for p in (50, 99)}
    print("\n" + json.dumps(figures, indent=2))
    for name, summary in figures.items():
        record_property(name, json.dumps(summary))


def test_it_answers_only_when_the_phrase_has_ended(stage: Stage) -> None:
    jam = stage.jam("--policy", "answer", "--answer", "3", "--silence", "0.6")
    musician = stage.musician(5.5, "release")
    stage.played(musician)
    time.sleep(6.0)
    end(jam, stage)
    sent, heard = stage.heard(musician)
    machine = of_machine(heard)
    phrase_end = max(message.at for message in sent) + 0.6
    assert machine
    assert min(message.at for message in machine) >= phrase_end
    assert max(message.at for message in machine if message.is_onset) <= phrase_end + 3.0 + 0.2
    assert sounding_at_the_end(heard) == set()


def test_a_signal_in_the_middle_of_notes_closes_the_machines_and_the_players(stage: Stage) -> None:
    jam = stage.jam("--policy", "together", "--length-min", "1.5", "--rest", "0.3")
    musician = stage.musician(2.0, "hold")  # in the middle of a bar, with keys down
    stage.played(musician)
    end(jam, stage)
    sent, heard = stage.heard(musician)
    assert sounding_at_the_end(sent), "the musician holds keys"
    assert any(message.is_onset for message in of_machine(heard))
    assert sounding_at_the_end(heard) == set()
    controllers = {(m.channel, m.pitch) for m in heard if m.status & 0xF0 == 0xB0}
    assert {(MACHINE_CHANNEL, number) for number in (64, 120, 123)} <= controllers
    assert (stage.folder / "duet.mid").is_file()


def test_a_musician_who_disappears_leaves_no_note_sounding(stage: Stage) -> None:
    """The input goes away with keys down, and the jam ends itself: nobody could let go of them any more."""
    stage.jam()
    lender = stage.musician(1.0, "hold")
    stage.played(lender)
    words = ["--in", "hand", "--out", "antiphon input"]
    jam = stage.start([str(HERE / "jam_at_random.py"), *words], "second.log")
    stage.says("second.log", "listens")
    lender.kill()
    assert jam.wait(timeout=PATIENCE) == 1
    assert "antiphon jam: the MIDI port 'hand:notes' is gone" in (stage.folder / "second.log").read_text()


def test_a_port_that_does_not_exist_is_one_line_that_lists_those_that_do(stage: Stage) -> None:
    stage.jam()
    refused = subprocess.run(
        [sys.executable, str(HERE / "jam_at_random.py"), "--in", "nobody", "--out", "nobody"],
        env=stage._env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr == "antiphon: no MIDI output is named 'nobody': there are 'antiphon input:notes'\n"
