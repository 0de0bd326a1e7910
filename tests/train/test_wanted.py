"""What is left out of a corpus says why, and every filter can be changed or turned off."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.faces.cli import main
from antiphon.faces.prep import _wanted, add_arguments
from antiphon.music.midi_write import write_midi
from antiphon.music.musicxml import write_musicxml
from antiphon.music.score import KEY, METER, NOTE, TEMPO, Part, Score
from antiphon.train.corpus import STORED, Corpus, CorpusError
from antiphon.train.prep import prepare
from antiphon.train.transposition import transposed_facts
from antiphon.train.wanted import QUALITIES, Parts, Wanted

HERE: dict[str, Any] = {"jobs": 1, "valid_fraction": 0.0}


def tune(seed: int, *, notes: int = 64, shift: int = 0, tempo: int = 120, meter: tuple[int, int] = (4, 4),
         free: bool = False, parts: int = 1, drums: bool = False) -> Score:  # fmt: skip
    """A tune of its own in C major, or `shift` semitones higher; with the same seed it is the same tune."""
    chance = np.random.default_rng(seed)
    made = []
    for number in range(parts + drums):
        table = np.zeros(notes, NOTE)
        table["onset"] = np.cumsum(chance.choice([120, 240, 480], notes)) + (
            chance.integers(0, 99, notes) if free else 0
        )
        # Of the C major scale, its chord's notes more often, so that the key is plain.
        table["pitch"] = chance.choice([60, 60, 60, 62, 64, 64, 65, 67, 67, 69, 71, 72], notes) + shift
        table["duration"], table["velocity"] = 100, chance.integers(50, 90, notes)
        is_drum = number >= parts
        if is_drum:
            table["pitch"] = chance.choice([36, 38, 42], notes)
        table = np.sort(table, order=["onset", "pitch"])
        made.append(Part(0 if is_drum else 8 * number, is_drum, table))
    meters, tempos = np.array([(0, *meter)], METER), np.array([(0, 60_000_000 // tempo)], TEMPO)
    return Score(480, tuple(made), tempos, meters, np.array([(0, 0, False)], KEY))


def corpus_of(folder: Path, scores: dict[str, Score], **how: Any) -> tuple[Corpus, dict[str, dict[str, Any]]]:
    source = folder / "tunes"
    source.mkdir(exist_ok=True)
    for name, score in scores.items():
        write_midi(score, source / f"{name}.mid")
    out = folder / "corpus"
    prepare([source], out, **{**HERE, **how})
    lines = (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return Corpus.open(out), {Path(row["path"]).stem: row for row in map(json.loads, lines)}


def of(*rows: tuple[int, int, int]) -> Score:
    """One part of notes at ticks, so many ticks long, of a pitch."""
    return Score(480, (Part(0, False, np.array([(*row, 80) for row in rows], NOTE)),))


BAD = {
    "too-short": tune(1, notes=10),
    "one-pitch": of(*((i * 480, 300, 60) for i in range(40))),
    "machine-gun": of(*((i * 40, 30, 60 + i // 50) for i in range(200))),
    "stuck-notes": of(*((i, 960 * 40, 40 + i) for i in range(40))),
    "mostly-silence": of(*((i * 9600, 300, 60 + i % 7) for i in range(20))),
    "too-dense": of(*((i // 8 * 40, 30, 30 + i % 64) for i in range(800))),
}


def test_each_filter_leaves_out_what_it_is_for_and_says_so(tmp_path: Path) -> None:
    _, rows = corpus_of(tmp_path, {**BAD, "fine": tune(2)})
    assert {name: row["status"] for name, row in rows.items()} == {
        **dict.fromkeys(BAD, "filtered"),
        "too-short": "too-short",
        "fine": "ok",
    }
    for name in BAD:
        assert rows[name]["reason"].startswith(f"{name}: "), rows[name]
        assert rows[name]["facts"]["density"] > 0
    assert {quality.name for quality in QUALITIES} == {*BAD, "too-long"}


@pytest.mark.parametrize("name", BAD)
def test_each_filter_can_be_turned_off(tmp_path: Path, name: str) -> None:
    limits = {quality.name: quality.limit for quality in QUALITIES if quality.name != name}
    _, rows = corpus_of(tmp_path, {"it": BAD[name], "fine": tune(2)}, wanted=Wanted(limits))
    assert rows["it"]["status"] == "ok", rows["it"]["reason"]


def wishes(*flags: str) -> Wanted:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return _wanted(parser.parse_args(["x", "-o", "y", *flags]))


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        (["--tempo", "60-100"], {"slow"}),
        (["--meter", "3/4,6/8"], {"waltz"}),
        (["--performed"], {"free"}),
        (["--score-like", "--meter", "4/4"], {"plain", "slow"}),
        (["--min-notes", "65"], {"free"}),
        (["--filter", "too-short=65"], {"free"}),
    ],
)
def test_wishes_keep_what_is_wished_for(tmp_path: Path, flags: list[str], kept: set[str]) -> None:
    scores = {"plain": tune(1), "slow": tune(2, tempo=80), "waltz": tune(3, meter=(3, 4)),
              "free": tune(4, free=True, notes=80)}  # fmt: skip
    _, rows = corpus_of(tmp_path, scores, wanted=wishes(*flags))
    assert {name for name, row in rows.items() if row["status"] == "ok"} == kept
    assert all(row["reason"] for row in rows.values() if row["status"] != "ok")


@pytest.mark.parametrize(
    ("parts", "instruments"),
    [
        (Parts(), {0, 8, 16, 128}),
        (Parts(drums="no"), {0, 8, 16}),
        (Parts(drums="only"), {128}),
        (Parts(programs=(8, 9)), {8, 128}),
        (Parts(channels=(0, 9)), {0, 128}),
    ],
)
def test_of_a_piece_only_the_parts_that_are_asked_for_are_read(
    tmp_path: Path, parts: Parts, instruments: set[int]
) -> None:
    corpus, _ = corpus_of(tmp_path, {"band": tune(1, parts=3, drums=True)}, parts=parts)
    assert set(corpus.split("train").piece(0)["instrument"].tolist()) == instruments


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--filter", "too-loud=3"], "no filter is called 'too-loud'"),
        (["--filter", "too-dense"], "a name and a limit"),
        (["--no-filter", "nonsense"], "no filter is called 'nonsense'"),
        (["--tempo", "fast"], "60-180"),
        (["--program", "0-200"], "programs are 0 to 127"),
        (["--channel", "0"], "channels are 1 to 16"),
    ],
)
def test_a_wish_that_makes_no_sense_is_said_in_one_line(
    tmp_path: Path, flags: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prep", str(tmp_path), "-o", str(tmp_path / "c"), *flags]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_in_a_common_key_all_pieces_are_in_c_or_a_minor(tmp_path: Path) -> None:
    scores = {f"t{shift}": tune(10 + shift, shift=shift, drums=True) for shift in (0, 3, 6, 11)}
    corpus, rows = corpus_of(tmp_path, scores, key="common")
    split = corpus.split("train")
    assert {(row["tonic"], row["mode"]) for row in split.facts} <= {(0, 0), (9, 1)}
    for i in range(4):
        events = split.piece(i)
        onsets = events[events["velocity"] > 0]
        assert set((onsets["pitch"][onsets["instrument"] == 0] % 12).tolist()) <= {0, 2, 4, 5, 7, 9, 11}  # white keys
        assert set(onsets["pitch"][onsets["instrument"] == 128].tolist()) == {36, 38, 42}
    assert {name: row.get("transposed", [0]) for name, row in rows.items()} == {
        "t0": [0], "t3": [-3], "t6": [-6], "t11": [1],
    }  # fmt: skip
    assert rows["t3"]["facts"]["key"] == "Eb major"


def test_in_all_keys_each_piece_to_train_on_comes_twelve_times_and_copies_are_still_found(tmp_path: Path) -> None:
    scores = {"a": tune(1, notes=200), "b": tune(2, notes=200), "c": tune(3), "a-in-f": tune(1, notes=200, shift=5)}
    corpus, rows = corpus_of(tmp_path, scores, key="all", valid_fraction=0.34)
    assert sorted(row["status"] for row in rows.values()) == ["duplicate", "ok", "ok", "ok"]
    train, valid = corpus.split("train"), corpus.split("valid")
    assert (len(train), len(valid)) == (24, 1)
    assert sorted(train.facts["tonic"].tolist()) == sorted(2 * list(range(12)))
    assert corpus.info["splits"]["train"]["pieces"] == 24
    assert corpus.info["splits"]["train"]["events"] == train.n_events
    for i in range(24):
        pitch, first = train.piece(i)["pitch"].astype(int), train.piece(i // 12 * 12)["pitch"].astype(int)
        assert set((pitch - first).tolist()) == {int(train.facts["low"][i]) - int(train.facts["low"][i // 12 * 12])}
        assert train.chords(i)["event"].tolist() == train.chords(i // 12 * 12)["event"].tolist()
        assert train.phrases(i).tolist() == train.phrases(i // 12 * 12).tolist()


def test_what_is_stored_beside_a_piece_is_its_own(tmp_path: Path) -> None:
    scores = {f"t{i}": tune(i, notes=40 + 20 * i) for i in range(6)}
    corpus, rows = corpus_of(tmp_path, scores, valid_fraction=0.4)
    split = corpus.split("train")
    assert len(split.facts) == len(split)
    used = [row for row in rows.values() if row["split"] == "train"]
    for i, row in enumerate(used):
        assert split.facts["notes"][i] * 2 == len(split.piece(i)) == 2 * row["notes"]
        phrases, chords = split.phrases(i), split.chords(i)
        assert (len(phrases), len(chords)) == (row["facts"]["phrases"], row["facts"]["chords"])
        assert (split.piece(i)["velocity"][phrases] > 0).all()
        assert (chords["event"] < len(split.piece(i))).all()
    assert not split.chords(0).flags.writeable


def test_a_corpus_of_an_older_version_opens_and_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, _ = corpus_of(tmp_path, {f"t{i}": tune(i) for i in range(3)})
    for path in [*corpus.folder.glob("*-facts.npy"), *corpus.folder.glob("*-chords.npy")]:
        path.unlink()
    split = Corpus.open(corpus.folder).split("train")
    assert split.piece(0).dtype == STORED
    with pytest.raises(CorpusError, match="older version; prepare it again"):
        _ = split.facts
    assert main(["corpus", str(corpus.folder)]) == 0
    assert "prepare it again" in capsys.readouterr().out


def test_side_arrays_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    corpus, _ = corpus_of(tmp_path, {f"t{i}": tune(i) for i in range(3)})
    np.save(corpus.folder / "train-phrases.npy", np.zeros(1, np.uint32))
    with pytest.raises(CorpusError, match="not as long as the facts say"):
        corpus.split("train").phrases(0)


def test_notation_becomes_pieces_beside_midi_and_what_cannot_be_read_one_line(tmp_path: Path) -> None:
    source = tmp_path / "tunes"
    source.mkdir()
    line = [(i * 480, 480, 60 + 2 * (i * i % 5), 80) for i in range(40)]
    write_musicxml(Score(480, (Part(0, False, np.array(line, NOTE)),)), source / "hymn.musicxml", title="Hymn")
    (source / "picture.xml").write_text("<svg/>")
    book = "".join(
        f"X:{n}\nT:{n}\nM:4/4\nL:1/4\nK:C\n" + f"{a}{b}{a}g|" * 10 + "\n\n" for n, (a, b) in enumerate(("ce", "df"))
    )
    (source / "book.abc").write_text(book)
    _, rows = corpus_of(tmp_path, {"midi": tune(1)})
    assert {name: row["status"] for name, row in rows.items()} == {
        "hymn": "ok", "midi": "ok", "picture": "refused", "book": "ok",
    }  # fmt: skip
    assert rows["picture"]["reason"] == "holds no MusicXML score"
    paths = [json.loads(line)["path"] for line in (tmp_path / "corpus" / "manifest.jsonl").read_text().splitlines()]
    assert [path for path in paths if "abc" in path] == ["tunes/book.abc#1", "tunes/book.abc#2"]


def test_transposed_facts_are_those_of_the_transposed_piece(tmp_path: Path) -> None:
    one, _ = corpus_of(tmp_path, {"t": tune(1)})
    (tmp_path / "other").mkdir()
    other, _ = corpus_of(tmp_path / "other", {"t": tune(1, shift=4)})
    moved = transposed_facts(one.split("train").facts[0], 4)
    assert moved.tobytes() == other.split("train").facts[0].tobytes()
