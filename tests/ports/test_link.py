"""Ableton Link, between two real peers on a network of their own; and what happens without any."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import pytest

from antiphon.music.grid import Grid
from antiphon.ports.base import Listener, PortError
from antiphon.ports.link import Link, LinkBeat

PEER = "antiphon.ports.link_peer"


def namespace() -> list[str]:
    """The command that runs another within a network of its own; skips, or fails in CI, where that is impossible."""
    reason = ""
    if importlib.util.find_spec("aalink") is None:
        reason = "the extra `link` is not installed"
    elif shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        reason = "this system grants no network namespace"
    if reason and os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must not pass without it", pytrace=False)
    if reason:
        pytest.skip(reason)
    return ["unshare", "-rn"]


def test_two_peers_share_tempo_and_bars_and_the_death_of_one_is_told_once() -> None:
    command = [*namespace(), sys.executable, "-m", "tests.ports.link_session"]
    root = Path(__file__).parents[2]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert seen["alone"] == 93.0
    assert seen["met"]
    assert seen["joined"]
    assert seen["20"]
    assert seen["999"]
    assert seen["120"]
    assert seen["apart_ms"] < 1.0
    assert seen["playing"]
    assert seen["told_while_steady"] <= 1
    assert seen["lost"]
    assert seen["reports"] == ["the Link peer has ended"]
    assert seen["closing"] < 3.0
    assert not seen["imported"]


def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let `program` run in the peer's place."""
    package = tmp_path / "antiphon" / "ports"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package / "link_peer.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PortError, match=r"pip install 'antiphon\[link\]'") as refused:
        Link(lambda grid: None, lambda reason: None).start()
    assert "\n" not in str(refused.value)


def test_this_process_never_imports_the_library() -> None:
    code = "import sys, antiphon.ports.link, antiphon.ports.link_peer; sys.exit('aalink' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_peer_that_cannot_begin_is_an_error_and_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor(tmp_path, monkeypatch, """print('{"error": "no such socket"}')""")
    lost: list[str] = []
    with pytest.raises(PortError, match="does not start: no such socket"):
        Link(lambda grid: None, lost.append).start()
    assert lost == []


def test_a_peer_that_talks_nonsense_and_never_ends_is_closed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["nonsense", "{}", "[1]", '{"tempo": "fast", "beat": 0, "at": 0, "peers": 0, "playing": false}']
    good = '{"tempo": 60.0, "beat": 8.0, "at": 100.0, "peers": 3, "playing": true}'
    ending = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    said = "".join(f"print({line!r}, flush=True)\n" for line in [good, *lines, good])
    impostor(tmp_path, monkeypatch, said + ending)
    grids: list[Grid] = []
    lost: list[str] = []
    link = Link(grids.append, lost.append)
    link.start()
    assert grids == [Grid(92.0, 60.0)]
    assert link.peers == 3
    assert link.playing
    link.set_tempo(90.0)
    begun = time.monotonic()
    link.close()
    link.set_tempo(91.0)
    assert time.monotonic() - begun < 5.0
    assert lost == []


class Told:
    """A listener, and what it was told of beats."""

    def __init__(self) -> None:
        self.beats: list[Grid | None] = []
        self.notices: list[str] = []
        self.beat = self.beats.append
        self.notice = self.notices.append


def test_a_jam_whose_session_is_lost_is_told_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = '{"tempo": 60.0, "beat": 8.0, "at": 100.0, "peers": 3, "playing": true}'
    impostor(tmp_path, monkeypatch, f"import time\nprint({good!r}, flush=True)\ntime.sleep(0.3)")
    told, beat = Told(), LinkBeat(120.0, 3)
    beat.start(cast(Listener, told))
    end = time.monotonic() + 10.0
    while not told.notices and time.monotonic() < end:
        time.sleep(0.01)
    beat.close()
    beat.close()
    assert told.beats == [Grid(92.0, 60.0, 3), None]
    assert told.notices == ["the Link peer has ended: beats are found by ear again"]


def test_no_tempo_is_set_that_none_can_have() -> None:
    with pytest.raises(ValueError, match="not between 20 and 999"):
        Link(lambda grid: None, lambda reason: None).set_tempo(1000.0)
