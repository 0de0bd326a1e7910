"""The chorale's addresses and the process behind them: what is refused, what is made, and whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from starlette.types import ASGIApp, Message

from antiphon.faces.cli import main
from antiphon.faces.web.choir import Busy, Choir, Gone
from antiphon.faces.web.choir_work import page_of
from antiphon.faces.web.chorale_orders import LONGEST, read_order, read_paper
from antiphon.faces.web.site import Site
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import midi_bytes
from antiphon.music.score import METER, NOTE, Part, Score
from antiphon.music.score_files import open_score

MELODY = [[at * 4, 4, pitch] for at, pitch in enumerate([67, 67, 69, 71, 72, 71, 69, 67])]
ORDER = {"verb": "harmonize", "steps": 48, "lines": [MELODY, [], [], []], "seed": 5, "gibbs": 2}


def _said(**fields: Any) -> bytes:
    return json.dumps(ORDER | fields).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"nonsense", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "no object"),
        (_said(verb="explode"), "the choir can write"),
        (_said(verb=["write"]), "the choir can write"),
        (_said(shell="rm"), "nobody knows what"),
        (_said(steps=LONGEST + 1), "steps is a whole number from 1"),
        (_said(steps=True), "steps is a whole number"),
        (_said(steps=None), "steps is a whole number"),
        (_said(seed=-1), "seed is a whole number"),
        (_said(temperature=float("nan")), "temperature is a number"),
        (_said(temperature="hot"), "temperature is a number"),
        (_said(gibbs=10**6), "gibbs is a whole number"),
        (_said(lines=[]), "4 voices"),
        (_said(lines=[[], [], [], []]), "no note yet"),
        (_said(lines=[[[0, 4]], [], [], []]), "a note is"),
        (_said(lines=[[[0, 4, 60.5]], [], [], []]), "a note is"),
        (_said(lines=[[[46, 4, 60]], [], [], []]), "not within 48 steps"),
        (_said(lines=[[[0, 4, 128]], [], [], []]), "a pitch is 0 to 127"),
        (_said(lines=[[], [], [], [[16, 4, 50], [18, 4, 50]]]), "the bass: bar 2 has two notes at once"),
        (_said(voices=[]), "voices is a list"),
        (_said(voices=[4]), "voices is a list"),
        (_said(bars=[3, 9]), "the score has 1 to 3"),
        (_said(bars=[2]), "bars is"),
        (_said(meters=[]), "meters is a list of 1 to 64"),
        (_said(meters=[[0, 3]]), "a meter is [at, beats, unit]"),
        (_said(meters=[[0, 3, 4], [4, True, 4]]), "a meter is"),
        (_said(meters=[[0, 3, 5]]), "not as in 3/5"),
        (_said(meters=[[0, 0, 4]]), "not as in 0/4"),
        (_said(meters=[[0, 255, 1]]), "not as in 255/1"),
        (_said(meters=[[4, 3, 4]]), "meters begin at 0"),
        (_said(meters=[[0, 3, 4], [0, 4, 4]]), "meters begin at 0"),
        (_said(meters=[[0, 3, 4], [48, 4, 4]]), "meters begin at 0"),
        (_said(meters=[[0, 3, 4], [4, 3, 4]], bars=[0, 5]), "the score has 0 to 4"),
    ],
)
def test_what_cannot_be_sung_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]{1,200}\Z") as refused:
        read_order(data)
    assert why in str(refused.value)


def test_a_score_that_cannot_be_written_is_refused_in_one_line() -> None:
    for data in (b"{}", b'{"steps": 4, "lines": [[]]}', b'{"steps": 4, "lines": [[[0, 4, 60]]], "tempo": 1e9}'):
        with pytest.raises(ValueError, match=r"\A[^\n]{1,200}\Z"):
            read_paper(data)


class _Caller:
    """Somebody who asks `app` once, as a server would have it; `hang_up` at any time."""

    def __init__(self, app: ASGIApp, path: str, body: bytes, **headers: str) -> None:
        sent = {"host": "127.0.0.1", **headers}
        path, _, query = path.partition("?")
        self._scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        self._app = app
        self._waiting: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.status = 0
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._body = b""

    async def answer(self) -> bytes:
        await self._app(self._scope, self._waiting.get, self._hear)
        return self._body

    def hang_up(self) -> None:
        self._waiting.put_nowait({"type": "http.disconnect"})

    async def _hear(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._body += message.get("body", b"")
            self.heard.put_nowait(message.get("body", b""))


@asynccontextmanager
async def _site() -> AsyncIterator[Site]:
    site = Site(lambda _: None)
    try:
        yield site
    finally:
        site.close()
        choir = site._choir
        if choir._process:
            await choir._process.wait()


def _in_a_loop(test: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _site() as site:
            await test(site)

    asyncio.run(run())


def test_strangers_get_no_music() -> None:
    async def ask(site: Site) -> None:
        for path in ("/chorale", "/chorale/read", "/chorale/midi", "/chorale/musicxml"):
            for headers in ({"origin": "https://elsewhere.example"}, {"host": "elsewhere.example"}):
                caller = _Caller(site.app, path, _said(), **headers)
                assert (await caller.answer()).count(b"\n") == 1
                assert caller.status == 403
        assert site._choir.pid is None, "nobody was called for that"

    _in_a_loop(ask)


def test_what_is_wrong_or_too_large_never_reaches_the_choir() -> None:
    async def ask(site: Site) -> None:
        for path, body, status in (
            ("/chorale", b"{}", 400),
            ("/chorale", _said(lines=[[[0, 1, 60]] * 100_000]), 413),
            ("/chorale/midi", b"{}", 400),
            ("/chorale/musicxml", b"{}", 400),
            ("/chorale/read", b"", 400),
            ("/chorale/read", b"x" * (1 << 21), 413),
        ):
            caller = _Caller(site.app, path, body)
            assert (await caller.answer()).count(b"\n") == 1
            assert caller.status == status
        assert site._choir.pid is None

    _in_a_loop(ask)


def test_a_melody_comes_back_to_the_letter_as_on_the_command_line_and_its_file_is_read_again(tmp_path: Any) -> None:
    found = {}

    async def ask(site: Site) -> None:
        steps = [json.loads(line) for line in (await _Caller(site.app, "/chorale", _said()).answer()).splitlines()]
        assert [line["t"] for line in steps] == ["step", "step", "made"]
        found["lines"] = steps[-1]["lines"]
        melody = json.dumps({"steps": 48, "lines": [MELODY, [], [], []]}).encode()
        found["melody"] = await _Caller(site.app, "/chorale/midi", melody).answer()
        score = json.dumps({"steps": 48, "lines": found["lines"], "tempo": 90}).encode()
        file = await _Caller(site.app, "/chorale/midi", score).answer()
        read = json.loads(await _Caller(site.app, "/chorale/read?name=x.mid", file).answer())
        assert (read["steps"], read["lines"], read["tempo"]) == (32, found["lines"], 90)
        caller = _Caller(site.app, "/chorale/read?name=x.mid", b"MThd nonsense")
        assert (await caller.answer()).count(b"\n") == 1
        assert caller.status == 400

    _in_a_loop(ask)
    assert found["lines"][0] == MELODY
    (tmp_path / "melody.mid").write_bytes(found["melody"])
    words = ["chorale", "harmonize", tmp_path / "melody.mid", "-o", tmp_path / "o.mid", "--seed", 5, "--gibbs", 2]
    assert main([*map(str, words)]) == 0
    by_hand = read_midi(tmp_path / "o.mid")
    step = by_hand.ticks_per_quarter // 4
    lines = [[[int(n["onset"]) // step, int(n["duration"]) // step, int(n["pitch"])] for n in p.notes]
             for p in by_hand.parts]  # fmt: skip
    assert found["lines"] == lines


IN_THREE = [[0, 3, 4], [2, 3, 4]]
"""3/4, after an upbeat of an eighth."""
TUNE = [[0, 2, 62], [2, 8, 67], [10, 4, 71], [14, 12, 74], [26, 10, 67]]


def test_a_score_in_three_with_an_upbeat_comes_back_as_it_went_and_as_on_the_command_line(tmp_path: Any) -> None:
    order = {"verb": "harmonize", "steps": 38, "lines": [TUNE, [], [], []], "meters": IN_THREE, "seed": 5, "gibbs": 2}
    files: dict[str, bytes] = {}
    found = {}

    async def ask(site: Site) -> None:
        answer = await _Caller(site.app, "/chorale", json.dumps(order).encode()).answer()
        found["lines"] = json.loads(answer.splitlines()[-1])["lines"]
        for kind in ("midi", "musicxml"):
            paper = {"steps": 38, "lines": [TUNE, [], [], []], "meters": IN_THREE, "tempo": 66}
            files[kind] = await _Caller(site.app, f"/chorale/{kind}", json.dumps(paper).encode()).answer()
            name = "x" * 300 + f".{kind}"
            read = json.loads(await _Caller(site.app, f"/chorale/read?name={name}", files[kind]).answer())
            assert read.pop("lines")[0] == TUNE
            assert read == {"t": "made", "steps": 38, "meters": IN_THREE, "tempo": 66, "remarks": []}

    _in_a_loop(ask)
    for kind, suffix in (("midi", "mid"), ("musicxml", "musicxml")):
        (tmp_path / f"melody.{suffix}").write_bytes(files[kind])
        words = ["harmonize", tmp_path / f"melody.{suffix}", "-o", tmp_path / f"o.{suffix}", "--seed", 5, "--gibbs", 2]
        assert main(["chorale", *map(str, words)]) == 0
        made = open_score(tmp_path / f"o.{suffix}")
        step = made.ticks_per_quarter // 4
        assert found["lines"] == [
            [[int(n["onset"]) // step, int(n["duration"]) // step, int(n["pitch"])] for n in p.notes]
            for p in made.parts
        ]
        upbeat = (0, 1, 8) if kind == "midi" else (0, 3, 4)
        assert made.meters.tolist() == [upbeat, (2 * step, 3, 4)]


def _file(*notes: tuple[int, int, int], meters: list[tuple[int, int, int]]) -> bytes:
    """A MIDI file of one part at sixteenths."""
    rows = np.array([(*note, 80) for note in notes], NOTE)
    return midi_bytes(Score(4, (Part(0, False, rows),), meters=np.array(meters, METER)))


@pytest.mark.parametrize(
    ("file", "meters", "steps", "remark"),
    [
        (_file((0, 4, 67), (4, 30, 69), meters=[(0, 1, 4), (4, 6, 8)]), [[0, 6, 8], [4, 6, 8]], 40, ""),
        (_file((24, 4, 67), meters=[(0, 3, 4)]), [[0, 3, 4]], 12, ""),
        (_file((0, 50, 67), meters=[(0, 3, 4), (24, 3, 4), (36, 4, 4)]), [[0, 3, 4], [36, 4, 4]], 52, ""),
        (_file((0, 8, 67), meters=[(0, 5, 32)]), [[0, 4, 4]], 16, "it is in 5/32"),
        (_file((0, 800, 67), meters=[(0, 2, 2)]), [[0, 2, 2]], 640, "of its 50 bars the first 40 were taken"),
        (_file((0, 700, 67), meters=[(0, 3, 4)]), [[0, 3, 4]], 636, "of its 59 bars the first 53 were taken"),
    ],
)
def test_a_file_is_drawn_in_its_own_bars(file: bytes, meters: list[list[int]], steps: int, remark: str) -> None:
    page = page_of(file, "x.mid")
    assert [list(row) for row in page["meters"]] == meters
    assert page["steps"] == steps
    assert remark in "; ".join(page["remarks"])
    assert all(at + length <= steps for line in page["lines"] for at, length, _ in line)


@pytest.mark.parametrize(
    ("name", "file", "why"),
    [
        ("x.musicxml", b"<html/>", "x.musicxml: holds no MusicXML score"),
        ("x.mxl", b"PK\x03\x04 no archive", "x.mxl: is no compressed MusicXML"),
        ("x.mid", b"<html/>", "x.mid: "),
        ("x.mid", _file((0, 2**26, 67), meters=[(0, 4, 4)]), "sixteenths long; a score has 16384 at most"),
    ],
)
def test_a_file_that_is_no_music_is_refused_in_one_line(name: str, file: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]{1,200}\Z") as refused:
        page_of(file, name)
    assert why in str(refused.value)


def test_without_its_reader_notation_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ValueError, match=r"\Ait\.abc: .*antiphon\[scores\]'\Z"):
        page_of(b"X:1\nK:C\nCDE|\n", "it.abc")


def test_only_chosen_bars_and_voices_are_made_anew_and_what_is_out_of_range_is_told() -> None:
    lines = [MELODY, [[0, 32, 64]], [[0, 6, 55], [6, 26, 55]], [[0, 32, 48]]]

    async def ask(site: Site) -> None:
        body = _said(verb="complete", lines=lines, bars=[2, 3], voices=[1, 2])
        made = json.loads((await _Caller(site.app, "/chorale", body).answer()).splitlines()[-1])["lines"]
        assert [made[0], made[3]] == [lines[0], lines[3]]
        assert made[1][0][:1] + made[1][0][2:] == [0, 64]
        assert made[1][0][1] >= 16, "a note that goes on into the second bar is kept up to there, at least"
        assert [made[2][0], made[2][1][0], made[2][1][2]] == [[0, 6, 55], 6, 55], "what was struck again still is"
        assert max(at + length for at, length, _ in made[1]) == 32, "where soprano and bass rest, so do the others"
        wide = [[[0, 8, 30], [16, 8, 100]], [], [], []]
        refused = json.loads((await _Caller(site.app, "/chorale", _said(lines=wide)).answer()).splitlines()[-1])
        assert refused["t"] == "refused"
        assert refused["why"].startswith("bar 2: the soprano goes from 30 to 100")

    _in_a_loop(ask)


def test_whoever_hangs_up_or_kills_the_choir_leaves_the_next_one_a_new_one() -> None:
    long = {"verb": "write", "steps": LONGEST, "seed": 1, "gibbs": 1024}

    async def ask(site: Site) -> None:
        caller = _Caller(site.app, "/chorale", json.dumps(long).encode())
        singing = asyncio.create_task(caller.answer())
        assert json.loads(await caller.heard.get())["t"] == "step"
        first = site._choir.pid
        caller.hang_up()
        await singing
        assert site._choir.pid is None, "a choir that nobody hears is sent home"
        caller = _Caller(site.app, "/chorale", json.dumps(long).encode())
        singing = asyncio.create_task(caller.answer())
        await caller.heard.get()
        second = site._choir.pid
        assert second not in (None, first)
        os.kill(second, signal.SIGKILL)
        last = json.loads((await singing).splitlines()[-1])
        assert last == {
            "t": "refused",
            "why": "the choir's process was killed by signal 9; the next order starts another",
        }
        body = json.dumps({"steps": 48, "lines": [MELODY]}).encode()
        assert (await _Caller(site.app, "/chorale/midi", body).answer()).startswith(b"MThd")

    _in_a_loop(ask)


ECHO = """
import base64, json, sys
for line in sys.stdin:
    kind, body, name = json.loads(line)
    if name == "die": sys.exit(3)
    if name == "sleep": sys.stdin.readline()
    print(json.dumps({"t": "refused", "why": "no"} if name == "no" else {"t": "made", "said": body}), flush=True)
"""


def _rehearsal(patience: float = 20.0) -> Choir:
    return Choir((sys.executable, "-c", ECHO), patience=patience)


def test_orders_wait_for_each_other_and_too_many_are_refused() -> None:
    async def run() -> None:
        choir = _rehearsal()
        slow = asyncio.create_task(choir.ask("sing", b"", "sleep"))
        waiting = [asyncio.create_task(choir.ask("sing", str(n).encode())) for n in range(4)]
        while not choir.pid:
            await asyncio.sleep(0)
        with pytest.raises(Busy, match="others wait already"):
            await choir.ask("sing", b"")
        slow.cancel()
        answers = await asyncio.gather(*waiting)
        assert [base64.b64decode(answer["said"]) for answer in answers] == [b"0", b"1", b"2", b"3"]
        await _dismissed(choir)

    asyncio.run(run())


def test_a_choir_that_dies_refuses_or_never_ends_is_told_and_the_next_order_is_carried_out() -> None:
    async def run() -> None:
        choir = _rehearsal()
        with pytest.raises(ValueError, match=r"\Ano\Z"):
            await choir.ask("sing", b"", "no")
        with pytest.raises(Gone, match="ended with exit code 3"):
            await choir.ask("sing", b"", "die")
        assert (await choir.ask("sing", b"!"))["t"] == "made"
        choir._patience = 0.05
        with pytest.raises(Gone, match=r"longer than 0\.05 s"):
            await choir.ask("sing", b"", "sleep")
        choir._patience = 20.0
        assert (await choir.ask("sing", b"!"))["t"] == "made"
        await _dismissed(choir)

    asyncio.run(run())


async def _dismissed(choir: Choir) -> None:
    choir.close()
    assert choir._process is not None
    await choir._process.wait()
