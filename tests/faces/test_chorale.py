"""`antiphon chorale` and `antiphon evaluate`, as they are typed."""

import json

import numpy as np
import pytest

from antiphon.compose.chorale_score import score_of
from antiphon.faces.cli import main
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import write_midi
from antiphon.music.score_files import open_score

LINE = np.repeat([67, 69, 71, 72], 4).astype(np.int16)
CHORALE = np.stack([LINE, np.full(16, 64), np.full(16, 55), np.full(16, 48)]).astype(np.int16)


@pytest.fixture
def melody(tmp_path):
    write_midi(score_of(LINE[None]), tmp_path / "melody.mid")
    return tmp_path / "melody.mid"


@pytest.fixture
def chorale(tmp_path):
    write_midi(score_of(CHORALE), tmp_path / "chorale.mid")
    return tmp_path / "chorale.mid"


def _run(*words):
    return main(["chorale", *map(str, words), "--gibbs", "3"])


def _lines(path):
    return {part.name: part.notes for part in read_midi(path).parts}


def test_a_chorale_is_written_and_drawn(tmp_path, capsys):
    assert _run("write", "-o", tmp_path / "o.mid", "--steps", 12, "--roll", tmp_path / "o.png") == 0
    assert list(_lines(tmp_path / "o.mid")) == ["soprano", "alto", "tenor", "bass"]
    assert (tmp_path / "o.png").stat().st_size > 1000
    assert "4 voices, 3 beats" in capsys.readouterr().out


def test_a_seed_gives_the_same_file(tmp_path):
    for name in ("a.mid", "b.mid"):
        _run("write", "-o", tmp_path / name, "--steps", 8, "--seed", 7)
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_many_are_numbered_or_one_array(tmp_path):
    assert _run("write", "-o", tmp_path / "o.mid", "--steps", 8, "--count", 3) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o-1.mid", "o-2.mid", "o-3.mid"]
    assert _run("write", "-o", tmp_path / "o.npy", "--steps", 8, "--count", 3) == 0
    assert np.load(tmp_path / "o.npy").shape == (3, 4, 8)


@pytest.mark.parametrize("voice", ["soprano", "tenor"])
def test_a_melody_is_kept_note_for_note(tmp_path, melody, voice):
    assert _run("harmonize", melody, "-o", tmp_path / "o.mid", "--voice", voice) == 0
    (given,) = _lines(melody).values()
    kept = [notes for notes in _lines(tmp_path / "o.mid").values() if len(notes) == 4 and (notes == given).all()]
    assert kept


def test_a_melody_out_of_range_is_moved_with_a_note(tmp_path, melody, capsys):
    assert _run("harmonize", melody, "-o", tmp_path / "o.mid", "--voice", "bass") == 0
    assert "out of the bass's range: harmonised 12 semitones lower and moved back" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "voices"),
    [
        (["complete", "--bars", "1", "--voices", "alto,tenor"], 4),
        (["revoice", "--passes", "2"], 4),
        (["revoice", "--passes", "4", "--stacked"], 16),
        (["transition"], 4),
        (["stack"], 16),
        (["upsample", "--factor", "2"], 4),
    ],
)
def test_every_verb_makes_a_file(tmp_path, chorale, words, voices):
    assert _run(words[0], chorale, "-o", tmp_path / "o.mid", *words[1:]) == 0
    assert len(read_midi(tmp_path / "o.mid").parts) == voices


def test_notation_goes_in_and_out(tmp_path, capsys):
    tune = tmp_path / "tune.abc"
    tune.write_text("X:1\nT:Tune\nM:3/4\nL:1/4\nK:G\nG A B | c2 B | A G F | G3 |]\n")
    assert _run("harmonize", tune, "-o", tmp_path / "four.musicxml", "--seed", 1) == 0
    score = open_score(tmp_path / "four.musicxml")
    assert [part.name for part in score.parts] == ["soprano", "alto", "tenor", "bass"]
    assert score.parts[0].notes["pitch"].tolist() == [67, 69, 71, 72, 71, 69, 67, 66, 67]
    assert score.meters[["numerator", "denominator"]].tolist() == [(3, 4)]
    assert _run("revoice", tmp_path / "four.musicxml", "-o", tmp_path / "again.mid") == 0
    assert main(["vary", str(tmp_path / "four.musicxml"), "-o", str(tmp_path / "up.musicxml"), "--transpose", "2"]) == 0
    assert open_score(tmp_path / "up.musicxml").parts[0].notes["pitch"].tolist()[:3] == [69, 71, 73]
    (tmp_path / "bad.xml").write_text("<html></html>")
    capsys.readouterr()
    assert _run("revoice", tmp_path / "bad.xml", "-o", tmp_path / "o.mid") != 0
    assert f"antiphon: {tmp_path / 'bad.xml'}: holds no MusicXML score\n" in capsys.readouterr().err


def test_a_transition_leads_to_another_file(tmp_path, chorale):
    assert _run("transition", chorale, "--to", chorale, "-o", tmp_path / "o.npy", "--steps", 8) == 0
    made = np.load(tmp_path / "o.npy")
    assert made.shape == (4, 40)
    assert (made[:, :16] == CHORALE).all()
    assert (made[:, 24:] == CHORALE).all()


def test_segments_of_an_array_are_sung(tmp_path, capsys):
    np.save(tmp_path / "in.npy", np.stack([CHORALE - 30, CHORALE - 30]))
    assert _run("revoice", tmp_path / "in.npy", "-o", tmp_path / "o.npy", "--voices", "alto") == 0
    made = np.load(tmp_path / "o.npy")
    assert (made[[0, 2, 3]] == np.concatenate([CHORALE, CHORALE], axis=1)[[0, 2, 3]]).all()
    assert "kept by each pass" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["write", "-o", "o.mid", "--steps", "0"], "a score has 1 to"),
        (["write", "-o", "o.wav"], "o.wav: what is written ends in .mid, .musicxml or .npy"),
        (["harmonize", "-o", "o.mid"], "harmonize needs a file"),
        (["harmonize", "nowhere.mid", "-o", "o.mid"], "nowhere.mid"),
        (["write", "-o", "o.mid", "--temperature", "-1"], "the temperature must be"),
        (["write", "-o", "o.mid", "--model", "antiphon"], "where a model of chorales is needed"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["chorale", *words]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.split("antiphon: ")[-1].count("\n") == 0
    assert says in error


def test_a_melody_too_wide_is_refused_by_its_bar(tmp_path, capsys):
    line = np.repeat([40, 50, 60, 60, 60, 100], 4).astype(np.int16)
    write_midi(score_of(line[None]), tmp_path / "wide.mid")
    assert _run("harmonize", tmp_path / "wide.mid", "-o", tmp_path / "o.mid") == 1
    assert "wide.mid: bar 2: the soprano goes from 40 to 100" in capsys.readouterr().err


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "d.json").write_text(json.dumps({"valid": [CHORALE.T.tolist()]}))
    return tmp_path / "d.json"


def test_a_bundle_is_judged(tmp_path, dataset, capsys):
    assert main(["evaluate", "chorale", str(dataset), "--crop", "8", "--json", str(tmp_path / "f.json")]) == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    out = capsys.readouterr().out
    for unit, count in (("framewise", 8), ("notewise", 32)):
        for order in ("random", "chronological"):
            assert figures[unit][order]["units"] == count
            assert 0 < figures[unit][order]["nats"] < 20
            assert f"{unit}, {order}: {figures[unit][order]['nats']:.4f}" in out
    assert figures["counterpoint"]["out_of_range"] == 0


def test_some_of_it_can_be_judged(dataset, capsys):
    words = ["evaluate", "chorale", str(dataset), "--unit", "framewise", "--order", "random", "--sample", "2"]
    assert main(words) == 0
    assert "(2 of them)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["antiphon"], "a model of kind 'stream'; only models of chorales"),
        (["nowhere"], "nowhere: no model"),
        (["chorale", "--split", "test"], "has no split 'test': there are valid"),
        (["chorale", "--orderings", "0"], "must be 1 or more"),
    ],
)
def test_what_cannot_be_judged_is_said(words, says, dataset, capsys):
    assert main(["evaluate", words[0], str(dataset), *words[1:]]) == 1
    assert says in capsys.readouterr().err
