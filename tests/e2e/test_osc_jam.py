"""A jam is played and turned over OSC by programs that musicians have: liblo's tools, and any that speaks UDP."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from antiphon.engine import shipped_models
from antiphon.ports.osc_packets import Message, read_packet, write_bundle, write_message
from antiphon.ports.recorder import MACHINE, PLAYER
from antiphon.ports.take import read_take

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif("antiphon" not in shipped_models(), reason="the model in the box is not in this build"),
]

PATIENCE = 20.0


class Wired:
    """`antiphon jam --osc`, heard nowhere else, and a subscriber to it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.take = folder / "jam.take"
        command = ["jam", "--page", "--page-port", "0", "--no-browser", "--osc", "0", "--take", str(self.take), *words]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "antiphon", *command],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_DATA_HOME": str(folder)},
        )
        assert self.process.stderr is not None
        said = ""
        for line in self.process.stderr:
            said += line
            if "listens" in line:
                break
        found = re.search(r"OSC: 127\.0\.0\.1:(\d+)", said)
        assert found is not None, said
        self.port = int(found[1])
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)

    def says(self, address: str, *args: object) -> None:
        self.sends(write_message(address, *args))

    def sends(self, packet: bytes) -> None:
        self._socket.sendto(packet, ("127.0.0.1", self.port))

    def hears(self, until: Callable[[Message], bool]) -> Message:
        """The first message for which `until` holds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for message in read_packet(self._socket.recv(65_507)):
                if until(message):
                    return message
        raise AssertionError("it was never told")

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE)
        self._socket.close()
        assert self.process.returncode == 0


@pytest.fixture
def jam(tmp_path: Path) -> Iterator[Wired]:
    wired = Wired(tmp_path)
    yield wired
    if wired.process.poll() is None:
        wired.end()


def test_a_jam_is_played_turned_and_watched_over_osc(jam: Wired) -> None:
    jam.says("/antiphon/subscribe")
    jam.hears(lambda m: m.address == "/antiphon/control/share" and m.args == [pytest.approx(0.45)])
    jam.says("/antiphon/control/{share,balance}", 0.75)
    jam.hears(lambda m: m.address == "/antiphon/control/share" and m.args == [0.75])
    jam.hears(lambda m: m.address == "/antiphon/control/balance" and m.args == [0.75])
    jam.says("/antiphon/strip/16/range", 60, 72)
    jam.hears(lambda m: m.address == "/antiphon/strip/16/range" and m.args == [60, 72])
    jam.says("/antiphon/control/share", 7.0)
    assert "0 to 1" in jam.hears(lambda m: m.address == "/antiphon/error").args[1]
    for number in range(12):
        pitch = 60 + (0, 4, 7)[number % 3]
        jam.says("/antiphon/note", 1, pitch, 90)
        time.sleep(0.1)
        jam.says("/antiphon/note", 1, pitch, 0)
        time.sleep(0.1)
    played = jam.hears(lambda m: m.address == "/antiphon/note/it" and m.args[2] > 0)
    assert 60 <= played.args[1] <= 72
    jam.says("/antiphon/action/panic")
    jam.hears(lambda m: m.address == "/antiphon/sense/playing" and m.args == [False])
    jam.end()
    sounding: set[tuple[int, int]] = set()
    for event in read_take(jam.take).recording().as_it_came(MACHINE):
        (sounding.add if event.velocity else sounding.discard)((event.instrument, event.pitch))
    assert not sounding


def test_a_bundle_is_played_at_its_time(jam: Wired) -> None:
    jam.says("/antiphon/subscribe")
    jam.hears(lambda m: m.address == "/antiphon/control/share")
    begun = time.time()
    jam.sends(write_bundle([write_message("/antiphon/note", 1, 60, 80)], begun + 0.5))
    jam.sends(write_bundle([write_message("/antiphon/note", 1, 60, 0)], begun + 0.7))
    jam.hears(lambda m: m.address == "/antiphon/note/you" and m.args[2] == 80)
    assert time.time() - begun >= 0.5
    jam.hears(lambda m: m.address == "/antiphon/note/you" and m.args[2] == 0)
    jam.end()
    on, off = (event.at for event in read_take(jam.take).recording().as_it_came(PLAYER))
    assert off - on == pytest.approx(0.2, abs=0.1)


@pytest.mark.system("oscsend")
def test_liblo_turns_a_control_and_hears_of_it(jam: Wired) -> None:
    send = ["oscsend", "127.0.0.1", str(jam.port)]
    jam.says("/antiphon/subscribe")
    subprocess.run([*send, "/antiphon/control/tempo", "f", "87.5"], check=True)
    jam.hears(lambda m: m.address == "/antiphon/control/tempo" and m.args == [87.5])
    subprocess.run([*send, "/antiphon/action/preset", "s", "strings"], check=True)
    jam.hears(lambda m: m.address == "/antiphon/control/policy" or "/strip/" in m.address)
