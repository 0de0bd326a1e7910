"""`antiphon evaluate` and `antiphon compare` of stream models, as they are typed."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.engine import FIELDS, open_model
from antiphon.faces.cli import main
from antiphon.faces.evaluate_pieces import Music, drawn
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.train.piece import lengthened
from antiphon.tunes import MENUET
from tests.train.small import write_tunes

QUICK = ["--events", "60", "--length", "30", "--order-events", "20", "--pieces", "2", "--prompt", "6", "--seconds", "3"]


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Different tunes in two sets, with sides."""
    folder = tmp_path_factory.mktemp("tunes")
    write_tunes(folder / "train" / "walks", 6)
    write_tunes(folder / "valid" / "walks", 2)
    events = read_midi(MENUET).events()
    (folder / "valid" / "dances").mkdir()
    write_midi(score_from_events(events[events["at"] < 20]), folder / "valid" / "dances" / "menuet.mid")
    (folder / "valid" / "dances" / "broken.mid").write_bytes(b"MThd no more")
    return folder


@pytest.fixture(scope="module")
def judged(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with figures.json and page.html."""
    out = tmp_path_factory.mktemp("judged")
    files = ["--json", str(out / "figures.json"), "--html", str(out / "page.html")]
    assert main(["evaluate", "antiphon", str(tunes), *QUICK, *files]) == 0
    return out


@pytest.fixture(scope="module")
def figures(judged: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((judged / "figures.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    return found


def test_nats_are_those_of_the_model_on_the_same_pieces(figures: dict[str, Any], tunes: Path) -> None:
    model, nats = open_model("antiphon"), []
    for piece in drawn(Music.open(tunes).valid, np.random.default_rng([0, 1])):
        model.reset()
        nats.append(model.likelihood(piece.events[: min(30, 60 - sum(map(len, nats)))]))
    together = np.concatenate(nats)
    assert figures["nats_per_event"] == pytest.approx(together.sum(1).mean(), abs=1e-9)
    assert figures["nats"] == pytest.approx(dict(zip(FIELDS, together.mean(0), strict=True)), abs=1e-9)


def test_every_table_has_its_baselines(figures: dict[str, Any]) -> None:
    assert set(figures["likelihood"]) == {"antiphon", "markov", "uniform"} == set(figures["orders"]["nats_per_event"])
    assert all(len(orders) == 24 for orders in figures["orders"]["nats_per_event"].values())
    systems = {"antiphon", "data", "learner", "copy", "uniform"}
    assert set(figures["generated"]["systems"]) == systems == set(figures["generated"]["copies"])
    for row in figures["likelihood"].values():
        assert row["nats_per_event"]["low"] <= row["nats_per_event"]["mean"] <= row["nats_per_event"]["high"]
        assert sum(one["events"] for one in row["by_set"].values()) == figures["events"] == 60
    assert figures["likelihood"]["uniform"]["nats_per_event"]["mean"] > figures["nats_per_event"]


def test_sets_are_told_apart(figures: dict[str, Any]) -> None:
    assert set(figures["likelihood"]["antiphon"]["by_set"]) <= {"walks", "dances"}
    assert set(figures["likelihood"]["antiphon"]["by_family"]) <= {"piano", "bass"}


def test_the_data_is_not_apart_from_itself(figures: dict[str, Any]) -> None:
    for found in figures["generated"]["systems"]["data"]["distances"].values():
        assert found["kl"] == pytest.approx(0, abs=1e-9)
        assert found["overlap"] > 0.5
    distances = figures["generated"]["frechet"]
    assert distances["data"] == pytest.approx(0, abs=1e-6)
    assert set(distances) == set(figures["generated"]["systems"])
    assert distances["copy"] > 0.01


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_else_and_knows_the_dark(judged: Path) -> None:
    text = (judged / "page.html").read_text()
    page = Elements()
    page.feed(text)
    tags = [tag for tag, _ in page.found]
    assert tags.count("svg") >= 5
    assert tags.count("table") >= 8
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert not any(name in attributes for _, attributes in page.found for name in ("src", "href"))
    assert "prefers-color-scheme: dark" in text
    assert "nan" not in text.split("</style>")[1].lower().replace("dominant", "")


def test_a_corpus_is_judged_as_its_files_are(tunes: Path, tmp_path: Path) -> None:
    assert main(["prep", str(tunes), "-o", str(tmp_path / "corpus"), "--jobs", "1"]) == 0
    corpus, files = Music.open(tmp_path / "corpus"), Music.open(tunes)
    own = {piece.events["pitch"].tobytes(): piece for piece in drawn(corpus.valid, np.random.default_rng(0))}
    for piece in drawn(files.valid, np.random.default_rng(0)):
        if (twin := own.get(piece.events["pitch"].tobytes())) is not None:
            np.testing.assert_allclose(twin.events["at"], lengthened(piece.events)["at"], atol=1e-3)
            assert twin.set == piece.set
    assert own


def scale(number: int, notes: str) -> str:
    """A tune of a book of ABC, of eight crotchets many times over."""
    return f"X:{number}\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\n{notes * 8}\n\n"


@pytest.mark.parametrize("verb", [["evaluate", "antiphon"], ["compare", "antiphon", "--on"]])
def test_notation_is_judged_as_midi_is_and_what_cannot_be_read_costs_a_line(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    (folder / "book.abc").write_text(scale(1, "CDEF|GABc|") + scale(2, "cBAG|FEDC|"))
    (folder / "broken.krn").write_bytes(b"no music")
    (folder / "broken.mid").write_bytes(b"no music")
    drew = list(drawn(Music.open(folder).valid, np.random.default_rng(0)))
    assert {(piece.name, piece.set, int(piece.events["pitch"][0])) for piece in drew} == {
        ("book.abc#1", "songs", 60),
        ("book.abc#2", "songs", 72),
    }
    assert all(len(piece.events) == 128 for piece in drew)
    figures = tmp_path / "figures.json"
    assert main([*verb, str(folder), *QUICK, "--events", "500", "--no-generate", "--json", str(figures)]) == 0
    judged = json.loads(figures.read_text())
    assert (judged["pieces"], judged["events"]) == (2, 60)
    said = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert len(said) == 2 == len(judged["refused"])
    assert all(f"{verb[0]}: left out: {folder}/broken." in line for line in said)


def test_identical_models_compare_equal(tunes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--json", str(tmp_path / "c.json"), "--html", str(tmp_path / "c.html")]
    assert main(["compare", "antiphon", "antiphon", "--on", str(tunes), *QUICK, *files]) == 0
    found = json.loads((tmp_path / "c.json").read_text())
    one, other = (found["likelihood"][name] for name in ("antiphon", "antiphon (2)"))
    assert one == other
    made = found["generated"]["systems"]
    assert made["antiphon"] == made["antiphon (2)"]
    assert set(found["more_than_the_first"]["antiphon (2)"].values()) == {0}
    costs = found["models"]["antiphon"]
    assert 0 < costs["latency_p50_ms"] <= costs["latency_p99_ms"]
    assert costs["state_bytes"] == 2 * 640 * 4
    assert costs["bytes"] > 1e6
    assert "Likelihood against latency" in (tmp_path / "c.html").read_text()
    assert "MB on disk" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "antiphon", "missing"], "missing: does not exist"),
        (["evaluate", "antiphon", "empty"], "empty: holds neither a corpus nor any file of music"),
        (["evaluate", "antiphon", "broken"], "broken: none of its 1 pieces can be read: broken/a.mid"),
        (["evaluate", "antiphon", "old"], "not of format"),
        (["evaluate", "nowhere", "empty"], "nowhere: no model"),
        (["evaluate", "antiphon", "empty", "--events", "0"], "--events must be 1 or more"),
        (["evaluate", "antiphon", "empty", "--seconds", "0"], "--seconds must be 1 to 600"),
        (["compare", "antiphon", "chorale"], "chorale: a model of kind 'grid'"),
        (["compare", "antiphon", "--on", "empty"], "empty: holds neither"),
        (["compare", "antiphon", "--train", "missing"], "missing: does not exist"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_line(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("empty", "broken", "old"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "a.mid").write_bytes(b"MThd")
    (tmp_path / "old" / "corpus.json").write_text('{"format": 0}')
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_judging_needs_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, antiphon.faces.evaluate_stream, antiphon.faces.report, antiphon.faces.compare\n"
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], timeout=60, check=True)
