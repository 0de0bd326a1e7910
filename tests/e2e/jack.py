"""A JACK server of a test's own, the processes on it, and what they heard. Every wait is bounded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
MACHINE_CHANNEL = 15
PATIENCE = 20.0
"""Seconds after which a process that should have answered is taken for dead."""
SERVER = f"antiphon-tests-{os.getpid()}"


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


def messages_in(path: Path) -> tuple[list[Heard], list[Heard]]:
    """What was sent and what was heard, of messages with three bytes."""
    kept = json.loads(path.read_text())
    sent, heard = ([Heard(row[0], *map(int, row[1:4])) for row in kept[what] if len(row) == 4] for what in kept)
    return sent, heard


def sounding_after(messages: Iterable[Heard]) -> set[tuple[int, int]]:
    """(channel, pitch) of what is left sounding; no note may be struck while it sounds."""
    sounding: set[tuple[int, int]] = set()
    for message in messages:
        key = (message.channel, message.pitch)
        if message.is_note:
            assert not (message.is_onset and key in sounding), f"{message} is struck twice"
            (sounding.add if message.is_onset else sounding.discard)(key)
    return sounding


def wait_until(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until `true()` is; fail with `what` when it does not come."""
    given_up = time.monotonic() + patience
    while not true():
        assert time.monotonic() < given_up, what
        time.sleep(0.02)


class Stage:
    """A JACK server, and processes that end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "JACK_DEFAULT_SERVER": SERVER}
        self._running: list[subprocess.Popen[str]] = []
        self.start_server()

    def start_server(self) -> None:
        """Start the JACK server."""
        _sweep()
        words = ["jackd", "-S", "-n", SERVER, "-d", "dummy", "-r", "48000", "-p", "64"]
        self.server = self._start(words, "jackd.log")
        # A client that knocks while the server is still starting may be left waiting for ever.
        waiting = ["jack_wait", "-s", SERVER, "-w", "-t", "10"]
        subprocess.run(waiting, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_server(self) -> None:
        """End the JACK server without a word."""
        self.server.kill()
        self.server.wait()

    def start(self, words: list[str], log: str, *, talks: bool = False) -> subprocess.Popen[str]:
        """Start a Python program on this stage; `talks` when it reads its standard input."""
        return self._start([sys.executable, *words], log, talks=talks)

    def says(self, log: str, word: str, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until `word` is in a log."""
        path = self.folder / log
        given_up = time.monotonic() + PATIENCE * 2
        while word not in path.read_text():
            assert process is None or process.poll() is None, path.read_text()
            assert time.monotonic() < given_up, path.read_text()
            time.sleep(0.02)

    def close(self) -> None:
        """End everything."""
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
                env=self.env,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._running.append(process)
        return process


class Gear:
    """A keyboard and a synthesiser (see `gear.py`)."""

    def __init__(self, stage: Stage, name: str = "my") -> None:
        self.name = name
        self._count = 0
        self._log = stage.folder / f"{name}.{time.monotonic_ns()}.log"
        self._kept = self._log.with_suffix(".json")
        self._process = stage.start([str(HERE / "gear.py"), name, str(self._kept)], self._log.name, talks=True)
        self._done()

    def order(self, words: str) -> None:
        """Have something done; returns when it is."""
        assert self._process.stdin is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()
        self._done()

    def send(self, *message: int) -> None:
        """Send one message from the keyboard."""
        self.order("send " + " ".join(map(str, message)))

    def quit(self) -> tuple[list[Heard], list[Heard]]:
        """What was sent and what was heard."""
        self.order("quit")
        self._process.wait(timeout=PATIENCE)
        return messages_in(self._kept)

    def _done(self) -> None:
        self._count += 1
        wait_until(lambda: self._log.read_text().count("done") >= self._count, self._log.read_text())


class Jam:
    """A jam on a stage (see `jam_on_stage.py`)."""

    def __init__(self, stage: Stage, *words: str) -> None:
        self._stage = stage
        self._report = stage.folder / "report.json"
        self.process = stage.start([str(HERE / "jam_on_stage.py"), str(self._report), *words], "jam.log")
        stage.says("jam.log", "listens", self.process)

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self._stage.folder / "jam.log").read_text()

    @property
    def holder(self) -> int:
        """The process that held its ports first."""
        return int(self.log.split("held by ")[1].split()[0])

    def says(self, word: str) -> None:
        """Wait until it has said `word`."""
        self._stage.says("jam.log", word, self.process)

    def end(self) -> dict[str, dict[str, float]]:
        """End it as a session manager would. Returns its report."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=PATIENCE) == 0, self.log
        time.sleep(0.2)
        report: dict[str, dict[str, float]] = json.loads(self._report.read_text())
        return report


def _sweep() -> None:
    """Remove what killed JACK servers left, when none runs: after eight of them no server starts any more."""
    if not any(process.info["name"] in ("jackd", "jackdbus") for process in psutil.process_iter(["name"])):
        for left in Path("/dev/shm").glob("jack*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
