"""The page's server as a program meets it: who is let in, what is refused, and that nobody leaves a note behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from antiphon.engine import shipped_models
from antiphon.ports.take import read_take

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif("antiphon" not in shipped_models(), reason="the model in the box is not in this build"),
]

News = dict[str, Any]
PATIENCE = 20.0


class Running:
    """`antiphon jam` with a page, and nobody at it yet."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.take = folder / "jam.take"
        self.log = folder / "jam.log"
        command = ["jam", "--page-port", "0", "--no-browser", "--seed", "1", "--take", str(self.take), *words]
        environment = {**os.environ, "XDG_DATA_HOME": str(folder), "ANTIPHON_TOKEN": "open sesame"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "antiphon", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE
        while "listens" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)
        found = re.search(r"the page: (http://\S+)", self.log.read_text())
        assert found is not None
        self.url = found[1]
        self.host = urlsplit(self.url).netloc

    def page(self, **more: Any) -> ClientConnection:
        return connect(f"ws://{self.host}/jam", **more)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=PATIENCE) == 0, self.log.read_text()


@pytest.fixture(scope="module")
def jam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("site"), "--osc", "0")
    yield running
    running.end()


def ask(page: ClientConnection, t: str, **message: Any) -> None:
    page.send(json.dumps({"t": t, **message}))


def told(page: ClientConnection, until: Callable[[News], bool]) -> News:
    """The first message for which `until` holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        news: News = json.loads(page.recv(timeout=PATIENCE))
        if until(news):
            return news
    raise AssertionError("it was never told")


def test_a_program_is_told_everything_and_may_turn_a_control_which_every_page_then_knows(jam: Running) -> None:
    with jam.page() as one, jam.page() as other:
        hello = told(one, lambda news: news["t"] == "hello")
        assert hello["model"] == "antiphon"
        assert hello["sounds"] is True
        ask(one, "set", name="density", value=1.5)
        told(other, lambda news: news["t"] == "controls" and news["values"].get("density") == 1.5)
        ask(other, "strip", channel=16, fields={"program": 40, "range": [50, 70]})
        told(one, lambda news: news["t"] == "strips" and news["strips"][15]["range"] == [50, 70])
        ask(one, "act", name="preset", argument="strings")
        told(other, lambda news: news["t"] == "presets" and news["current"] == "strings")


@pytest.mark.parametrize(
    "said",
    [
        '{"t": "strip", "channel": 1, "fields": {"range": [9, 1]}}',
        '{"t": "act", "name": "preset", "argument": "/etc/passwd"}',
        '{"t": "midi", "data": {"a": 1}}',
        '{"t": "set", "name": "density", "value": 99}',
        '{"t": "set", "name": "density"}',
        '{"t": "set", "name": ["density"], "value": 1}',
        '{"t": "act", "name": "explode"}',
        '{"t": "strip", "channel": 77, "fields": {"mute": true}}',
        '{"t": "strip", "channel": 1, "fields": {"mute": "loudly"}}',
        '{"t": "strip", "channel": 1, "fields": 3}',
        '{"t": "midi", "data": [900]}',
        '{"t": "midi", "data": "loud"}',
        '{"t": "quit"}',
        '{"t": "files", "take": "/etc/passwd"}',
        "not JSON",
        "[" * 3000,
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_the_jam_goes_on(jam: Running, said: str) -> None:
    with jam.page() as page:
        page.send(said)
        why = ""
        deadline = time.monotonic() + PATIENCE
        while not why and time.monotonic() < deadline:
            news = json.loads(page.recv(timeout=PATIENCE))
            why = news.get("why", "") or (news["text"] if news["t"] == "notice" else "")
        assert why
        assert "\n" not in why
        ask(page, "ping", id=7)
        assert told(page, lambda news: news["t"] == "pong")["id"] == 7
    assert jam.process.poll() is None


def test_a_page_that_goes_mid_note_leaves_none_behind(jam: Running) -> None:
    with jam.page() as watching:
        with jam.page() as page:
            ask(page, "midi", data=[0x90, 61, 90])
            told(watching, lambda n: n["t"] == "note" and n["who"] == "you" and n["velocity"] == 90)
            ask(page, "midi", data=[0xB0, 64, 127])
        told(watching, lambda n: n["t"] == "note" and n["who"] == "you" and n["pitch"] == 61 and n["velocity"] == 0)


def test_somebody_elses_page_is_turned_away(jam: Running) -> None:
    assert jam.get("/")[0] == 200
    assert jam.get("/", Host="evil.example")[0] == 403
    assert jam.get("/take.mid", Host=f"evil.example:{jam.host.rpartition(':')[2]}")[0] == 403
    for origin in ("http://evil.example", "null", "http://[", f"https://{jam.host}.evil.example"):
        with pytest.raises(InvalidStatus, match="403"), jam.page(origin=origin):
            pass
    with jam.page(origin=f"http://{jam.host}") as page:
        told(page, lambda news: news["t"] == "hello")


def test_nothing_but_the_page_is_served_and_it_may_run_nothing_from_elsewhere(jam: Running) -> None:
    status, headers, content = jam.get("/", Accept="text/html")
    assert (status, content[:15].lower()) == (200, b"<!doctype html>")
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    for path in ("/../site.py", "/%2e%2e/site.py", "/..%2fsite.py", "/js/../../doors.py", "/static"):
        assert jam.get(path)[0] == 404, path


def test_a_message_that_is_too_long_ends_the_connection_and_only_that(jam: Running) -> None:
    with jam.page() as page, jam.page() as other:
        page.send(json.dumps({"t": "ping", "id": "x" * 5000}))
        with pytest.raises(ConnectionClosed):
            told(page, lambda news: False)
        ask(other, "ping", id=1)
        told(other, lambda news: news["t"] == "pong")


def test_a_flood_is_cut_and_others_play_on(jam: Running) -> None:
    with jam.page() as flood, jam.page() as other:
        for _ in range(3000):
            flood.send('{"t": "nonsense"}')
        told(flood, lambda news: news["t"] == "refused" and "too much" in news["why"])
        ask(other, "ping", id=2)
        told(other, lambda news: news["t"] == "pong")


def test_the_take_is_there_to_be_downloaded_while_it_is_played(jam: Running) -> None:
    with jam.page() as page:
        for pitch in (60, 64, 67):
            ask(page, "midi", data=[0x90, pitch, 80])
            ask(page, "midi", data=[0x80, pitch, 0])
        told(page, lambda n: n["t"] == "note" and n["who"] == "you" and n["pitch"] == 67 and n["velocity"] == 0)
        status, headers, content = jam.get("/take.mid")
        assert (status, content[:4]) == (200, b"MThd")
        assert headers["content-disposition"] == 'attachment; filename="jam.mid"'
        assert jam.get("/take.wav")[2][:4] == b"RIFF"
        assert jam.get("/soundfont")[2][8:12] == b"sfbk"


def test_oscquery_tells_the_namespace_and_where_osc_is_heard(jam: Running) -> None:
    info = json.loads(jam.get("/?HOST_INFO")[2])
    assert info["OSC_TRANSPORT"] == "UDP"
    assert info["OSC_PORT"] > 0
    assert json.loads(jam.get("/", Accept="application/json")[2])["CONTENTS"]["antiphon"]
    assert "VALUE" in json.loads(jam.get("/antiphon/control/tempo?VALUE")[2])
    assert jam.get("/antiphon/control/nothing")[0] == 404


def test_when_the_jam_ends_pages_are_told_and_the_take_is_whole(tmp_path: Path) -> None:
    jam = Running(tmp_path)
    with jam.page() as page:
        ask(page, "midi", data=[0x90, 60, 80])
        told(page, lambda n: n["t"] == "note" and n["who"] == "you")
        jam.process.send_signal(signal.SIGINT)
        told(page, lambda news: news["t"] == "silence")
        assert "SIGINT" in told(page, lambda news: news["t"] == "ended")["why"]
        with pytest.raises(ConnectionClosed):
            page.recv(timeout=PATIENCE)
    assert jam.process.wait(timeout=PATIENCE) == 0
    sounding: set[int] = set()
    for event in read_take(jam.take).recording().as_it_came("player"):
        (sounding.add if event.velocity else sounding.discard)(event.pitch)
    assert sounding <= {60}  # a key that was down when it ended is closed by whoever reads the take


def test_beyond_this_machine_only_who_knows_the_token_comes_in(tmp_path: Path) -> None:
    jam = Running(tmp_path, "--page-host", "0.0.0.0")
    try:
        assert "token=open%20sesame" in jam.log.read_text()
        assert jam.get("/")[0] == 403
        assert jam.get("/?token=guess")[0] == 403
        status, headers, _ = jam.get("/?token=open%20sesame")
        assert status == 200
        cookie = "a b; bad[]=1; " + headers["set-cookie"].partition(";")[0]
        assert "HttpOnly" in headers["set-cookie"]
        assert jam.get("/take.mid", Cookie=cookie)[0] == 404  # nothing was played
        with pytest.raises(InvalidStatus, match="403"), jam.page():
            pass
        with jam.page(additional_headers={"Cookie": cookie}) as page:
            told(page, lambda news: news["t"] == "hello")
    finally:
        jam.end()


def test_a_jam_that_is_heard_at_its_page_alone_ends_with_it_and_loses_nothing(tmp_path: Path) -> None:
    import psutil

    jam = Running(tmp_path)
    with jam.page() as page:
        ask(page, "midi", data=[0x90, 60, 80])
        told(page, lambda n: n["t"] == "note" and n["who"] == "you")
        (child,) = [c for c in psutil.Process(jam.process.pid).children() if "antiphon.faces.web" in c.cmdline()]
        child.kill()
    assert jam.process.wait(timeout=PATIENCE) == 0
    assert "a face is gone" in jam.log.read_text()
    last = [event for event in read_take(jam.take).recording().as_it_came("player") if event.pitch == 60]
    assert [event.velocity for event in last] == [80, 0]


def test_a_page_that_says_nothing_any_more_lets_go_of_its_notes_soon(jam: Running) -> None:
    with jam.page() as watching, jam.page(ping_interval=None) as page:
        ask(page, "midi", data=[0x90, 62, 90])
        told(watching, lambda n: n["t"] == "note" and n["who"] == "you" and n["velocity"] == 90)
        begun = time.monotonic()
        page.protocol.data_to_send = lambda: []  # type: ignore[method-assign]  # it answers nothing from now on
        told(watching, lambda n: n["t"] == "note" and n["who"] == "you" and n["pitch"] == 62 and n["velocity"] == 0)
        assert time.monotonic() - begun < 10.0


def test_a_port_that_is_taken_is_one_line(jam: Running) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "antiphon", "jam", "--page-port", jam.host.rpartition(":")[2], "--no-take"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "in use" in line
