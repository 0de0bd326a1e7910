"""docs/corpus.md: its commands run as written, and `antiphon corpus` tells what a corpus holds."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from antiphon.faces.cli import main
from antiphon.faces.report_plots import columns
from antiphon.music.chord_track import CHORD
from antiphon.music.midi_write import write_midi
from antiphon.music.score import METER, NOTE, Part, Score
from antiphon.train.corpus import BESIDE, Corpus
from antiphon.train.facts import FACTS
from antiphon.train.survey import survey
from antiphon.train.wanted import QUALITIES
from tests.train.small import write_tunes

PAGE = Path(__file__).parent.parent.parent / "docs" / "corpus.md"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_tunes(folder / "tunes")
    (folder / "tunes" / "broken.mid").write_bytes(b"no music")
    beat = np.array([(i * 240, 60, (36, 42, 38, 42)[i % 4], 90) for i in range(64)], NOTE)
    write_midi(Score(480, (Part(0, True, beat),)), folder / "tunes" / "beat.mid")
    assert main(["prep", str(folder / "tunes"), "-o", str(folder / "corpus"), "-j", "1", "--valid", "0.2"]) == 0
    return folder / "corpus"


def test_the_page_runs_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tunes(tmp_path / "midi")
    chance = np.random.default_rng(1)
    for name, free in (("waltz", 0), ("played", 80)):
        line = np.zeros(60, NOTE)
        line["onset"], line["duration"] = np.arange(60) * 240 + chance.integers(0, 1 + free, 60), 150
        line["pitch"], line["velocity"] = 60 + chance.integers(0, 12, 60), 80
        meters = np.array([(0, 3, 4)], METER)
        write_midi(Score(480, (Part(0, False, line),), meters=meters), tmp_path / "midi" / f"{name}.mid")
    text = PAGE.read_text()
    ran = 0
    for python, command in re.findall(r"```python\n(.*?)```|^    antiphon ([^\n]*)$", text, re.DOTALL | re.MULTILINE):
        if python:
            exec(python, {})
        else:
            words = shlex.split(command)
            assert main(words) == 0, command
            for written in re.findall(r"-o (\S+)|--(?:html|json) (\S+)", command):
                assert Path("".join(written)).exists()
        ran += 1
    assert ran >= 8


def test_the_page_names_every_filter_and_every_field() -> None:
    text = PAGE.read_text()
    for quality in QUALITIES:
        assert f"| `{quality.name}` | {quality.limit:g} |" in text
    for name in [*FACTS.names, *CHORD.names, *BESIDE]:
        assert f"`{name}`" in text, name


def test_the_figures_are_those_of_the_corpus(corpus: Path) -> None:
    opened = Corpus.open(corpus)
    figures = survey(opened)
    assert figures["files"] == {"ok": 13, "refused": 1}
    assert list(figures["reasons"].values()) == [1]
    for side, music in figures["music"].items():
        split = opened.split(side)
        onsets = np.concatenate([split.piece(i) for i in range(len(split))])
        onsets = onsets[onsets["velocity"] > 0]
        is_drum = onsets["instrument"] == 128
        assert music["pitches"] == np.bincount(onsets["pitch"][~is_drum], minlength=128).tolist()
        assert music["drum_pitches"] == np.bincount(onsets["pitch"][is_drum], minlength=128).tolist()
        assert music["pieces"] == len(split) == sum(music["histograms"]["seconds"]["counts"])
        assert music["chords"]["count"] == sum(music["chords"]["qualities"].values())
        assert sum(sum(of.values()) for of in music["keys"].values()) + music["no_key"] == len(split)
    plays = [music["instruments"] for music in figures["music"].values()]
    assert sum(of.get("drums", 0) for of in plays) == 1
    assert sum(of.get("acoustic bass", 0) for of in plays) == 12


def test_the_terminal_the_page_and_the_figures_tell_the_same(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpus", str(corpus), "--html", str(tmp_path / "c.html"), "--json", str(tmp_path / "c.json")]) == 0
    told = capsys.readouterr().out
    figures = json.loads((tmp_path / "c.json").read_text())
    page = (tmp_path / "c.html").read_text()
    for word in ("Sets", "What was left out", "Keys", "Instruments", "The longest pieces", "acoustic bass"):
        assert word in told
        assert word in page
    assert figures["files"] == {"ok": 13, "refused": 1}
    assert "nan" not in page.lower().replace("nanoseconds", "")
    assert "<script" not in page
    for plot in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(plot)  # each is well-formed


def test_a_folder_that_is_no_corpus_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", str(tmp_path)]) == 1
    assert "no corpus here" in capsys.readouterr().err


def rectangles(svg: str) -> list[dict[str, str]]:
    return [r.attrib for r in ElementTree.fromstring(svg).iter("rect") if float(r.attrib["height"]) != 12]


@pytest.mark.parametrize("edges", [[0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 4.0, 8.0]])
def test_columns_stand_side_by_side_and_upon_each_other(edges: list[float]) -> None:
    drawn: list[dict[str, Any]] = rectangles(columns("it", edges, {"a": [1, 2, 0], "b": [1, 0, 3]}, "x", "y"))
    heights = [float(one["height"]) for one in drawn]
    assert heights == pytest.approx([heights[0] * k for k in (1, 2, 1, 3)], abs=0.2)
    assert len({round(float(one["width"]), 1) for one in drawn}) == 1
    first, _, above, _ = drawn
    assert float(above["y"]) + float(above["height"]) == pytest.approx(float(first["y"]), abs=0.2)
