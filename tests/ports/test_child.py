"""The process of the ports itself: it starts, says what it cannot open, and ends with whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from antiphon.ports import jack
from antiphon.ports.base import PortError
from antiphon.ports.child import Child
from antiphon.ports.frames import Kind

WANTED = {"inputs": ["nobody"], "outputs": ["nobody"], "mpe": False, "echoes": True, "owed": [[]], "patiently": True}

TABLE = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000003 00000000 00000000 0001 03 114957 /dev/shm/jack_default_0_0
0000000000000000: 00000002 00000000 00010000 0001 01 114956 /dev/shm/jack_default_0_0
0000000000000000: 00000002 00000000 00010000 0001 01 114958 /dev/shm/jack_other_0_0
0000000000000000: 00000003 00000000 00000000 0001 03  1061
"""


def test_a_process_that_waits_for_its_ports_gives_signs_of_life_and_leaves_when_it_is_told() -> None:
    child = Child(WANTED)
    assert child.names == {"inputs": ["nobody"], "outputs": ["nobody"]}
    kinds = []
    for frame in child.frames():
        kinds.append(frame.kind)
        if frame.kind is Kind.ALIVE:
            break
    assert kinds == [Kind.NOTICE, Kind.NOTICE, Kind.ALIVE]
    assert not child.is_stuck
    begun = time.monotonic()
    child.close()
    child.forget()
    assert time.monotonic() - begun < 3.0
    assert not psutil.pid_exists(child.number)


def test_a_port_that_is_not_there_is_one_line() -> None:
    with pytest.raises(PortError, match="no MIDI output is named 'nobody'"):
        Child({**WANTED, "patiently": False})


def test_it_ends_by_itself_when_its_parent_is_killed() -> None:
    program = (
        "from antiphon.ports.child import Child\n"
        f"child = Child({WANTED!r})\n"
        "print(child.number, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        assert psutil.pid_exists(number)
        parent.kill()
    given_up = time.monotonic() + 5.0
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < given_up
        time.sleep(0.02)


def test_a_process_that_is_killed_says_nothing_more() -> None:
    child = Child(WANTED)
    os.kill(child.number, 9)
    assert {frame.kind for frame in child.frames()} <= {Kind.NOTICE, Kind.ALIVE}
    child.forget()


def test_the_jack_server_is_known_by_the_socket_that_it_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JACK_DEFAULT_SERVER", raising=False)
    first = jack.server_socket(TABLE)
    assert first is not None
    assert jack.server_socket(TABLE.replace("114956", "114999")) not in (None, first)  # it was started anew
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    assert jack.server_socket(TABLE) is None
    assert jack.server_socket("") is None
