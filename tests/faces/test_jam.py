"""`antiphon jam` as someone types it, with a model that plays at random."""

from __future__ import annotations

import argparse
import json
import math
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from antiphon.faces import jam
from antiphon.jam.controls import CONTROLS
from antiphon.music.event import EVENT
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.sound import render_wav
from antiphon.ports.take import read_take
from antiphon.tunes import MENUET
from tests.jam.scripted import RandomModel


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    jam.add_arguments(parser)
    return parser.parse_args(words)


def play(*words: str) -> int:
    return jam.run(arguments(*words), open_model=lambda _: RandomModel(0.1))


@pytest.fixture(autouse=True)
def _empty_folder_without_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("antiphon.ports.midi.list_ports", lambda _: [])


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_fast_alone_leaves_a_duet_with_the_bundled_tune(capsys: pytest.CaptureFixture[str]) -> None:
    assert play("--fast") == 0
    assert files() == ["duet.mid", "duet.png", "duet.wav"]
    score = read_midi("duet.mid")
    assert [part.name for part in score.parts] == ["player", "antiphon"]
    assert len(score.parts[0].notes) == read_midi(MENUET).n_notes
    assert score.repairs == ()
    with wave.open("duet.wav") as sound:
        assert sound.getnframes() / sound.getframerate() > score.duration
    with Image.open("duet.png") as picture:
        assert picture.width == 1600
    assert capsys.readouterr().out.startswith("menuet played 192 notes and random ")


def test_the_same_seed_leaves_the_same_file() -> None:
    for name, seed in (("a.mid", "1"), ("b.mid", "1"), ("c.mid", "2")):
        assert play("--fast", "--seconds", "8", "--seed", seed, "--record", name) == 0
    assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes() != Path("c.mid").read_bytes()


def test_only_what_is_asked_for_is_left_and_the_machine_has_its_program() -> None:
    assert play("--fast", "--player", str(MENUET), "--seconds", "5", "--program", "48", "--record", "d.mid") == 0
    assert files() == ["d.mid"]
    assert [part.program for part in read_midi("d.mid").parts] == [6, 48]


def test_a_machine_of_the_players_program_is_still_told_apart() -> None:
    assert play("--fast", "--seconds", "5", "--program", "6", "--record", "d.mid") == 0
    assert [(part.name, part.program) for part in read_midi("d.mid").parts] == [("player", 6), ("antiphon", 6)]


def test_a_tune_can_be_played_in_real_time_without_any_port() -> None:
    words = ("--player", str(MENUET), "--seconds", "1.5", "--record", "d.mid", "--report", "report.json")
    assert play(*words) == 0
    assert {part.name for part in read_midi("d.mid").parts} == {"player", "antiphon"}
    report = json.loads(Path("report.json").read_text())
    assert report["ended"] == "its time is over"
    assert report["feed"]["count"] > 5
    assert report["wake"]["p50_ms"] < 50


def test_each_control_has_a_flag_that_keeps_its_range(capsys: pytest.CaptureFixture[str]) -> None:
    for control in CONTROLS:
        flag = f"--{control.name.replace('_', '-')}"
        assert getattr(arguments(flag, str(control.default)), control.name) == control.default
        with pytest.raises(SystemExit, match="2"):
            arguments(flag, "purple")
        assert f"{control.name} cannot be 'purple': it must be {control.range}" in capsys.readouterr().err


def test_controls_reach_the_music() -> None:
    assert play("--fast", "--seconds", "20", "--pitch-low", "60", "--pitch-high", "67", "--record", "d.mid") == 0
    pitches = read_midi("d.mid").parts[1].notes["pitch"]
    assert 60 <= pitches.min() <= pitches.max() <= 67


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--in", "a", "--player", "b.mid"), "either --in, --ear or --player"),
        (("--fast", "--virtual"), "--fast leaves real time"),
        (("--out", "a"), "whom to listen to?"),
        (("--in", "a", "--no-page"), "where to play?"),
        (("--fast", "--page"), "nobody can watch it"),
        (("--no-page", "--page-port", "8900"), "--no-page leaves out the page"),
        (("--fast", "--tui"), "nobody can watch it"),
        (("--fast", "--record", "no/such/duet.mid"), "cannot be written: there is no folder"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused_in_one_line(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(*words) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert files() == []


@pytest.mark.parametrize("words", [("--seconds", "0"), ("--seconds", "nan"), ("--program", "128"), ("--seed", "-1")])
def test_values_out_of_range_are_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit, match="2"):
        arguments(*words)


def test_what_cannot_be_read_is_said_before_anything_is_played() -> None:
    Path("broken.mid").write_bytes(b"MThd")
    Path("empty.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0")
    for words in (
        ("--fast", "--player", "missing.mid"),
        ("--fast", "--player", "broken.mid"),
        ("--fast", "--player", "empty.mid"),
        ("--fast", "--wav", "d.wav", "--soundfont", "missing.sf2"),
    ):
        with pytest.raises((ValueError, OSError), match=r"(missing|broken|empty)\.(mid|sf2)") as refusal:
            play(*words)
        assert "\n" not in str(refusal.value)
    assert files() == ["broken.mid", "empty.mid"]


def test_the_bundled_tune_is_a_clean_file_of_forty_seconds() -> None:
    score = read_midi(MENUET)
    assert score.repairs == ()
    assert math.isclose(score.duration, 40.0, abs_tol=0.01)


def test_it_goes_on_from_a_midi_file_whose_parts_are_the_strips(tmp_path: Path) -> None:
    rows = [(k * 0.25 + d, i, p, v) for k in range(40) for i, p in ((40, 72), (32, 40)) for d, v in ((0, 80), (0.2, 0))]
    rows += [(k * 0.125, 40, 76, v) for k in range(80) for v in (80, 0)]
    write_midi(score_from_events(np.array(sorted(rows), EVENT)), tmp_path / "song.mid")
    words = ("--fast", "--seconds", "12", "--from", "song.mid", "--cast", "--record", "on.mid", "--take", "on.take")
    assert play(*words) == 0
    programs = {part.name: part.program for part in read_midi("on.mid").parts}
    assert programs == {"player": 40, "antiphon": 32}
    (recalled,) = [line for line in read_take(tmp_path / "on.take").lines if line[0] == "recall"]
    assert {row[1] for row in recalled[2]} == {32, 40}


def test_of_a_folder_the_seed_chooses_a_piece(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    with pytest.raises(ValueError, match="there is no music in it"):
        play("--fast", "--from", "songs")
    (tmp_path / "songs" / "a.mid").write_bytes(MENUET.read_bytes())
    assert play("--fast", "--seconds", "3", "--from", "songs", "--record", "x.mid") == 0


def test_a_folder_may_hold_notation_and_what_cannot_be_read_costs_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "songs").mkdir()
    for name in ("broken.mid", "broken.krn"):
        (tmp_path / "songs" / name).write_bytes(b"no music")
    with pytest.raises(ValueError, match="none of its 2 pieces can be read"):
        play("--fast", "--from", "songs")
    assert sorted(line.split(":")[1] for line in capsys.readouterr().err.splitlines()) == [
        " songs/broken.krn",
        " songs/broken.mid",
    ]
    (tmp_path / "songs" / "tune.abc").write_text("X:1\nL:1/4\nK:C\nCDEF|GABc|\n")
    assert play("--fast", "--seconds", "1", "--from", "songs", "--take", "on.take") == 0
    (recalled,) = [line for line in read_take(tmp_path / "on.take").lines if line[0] == "recall"]
    assert {row[2] for row in recalled[2]} == {60, 62, 64, 65, 67, 69, 71, 72}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--cast",), "--cast makes strips of the parts of --from"),
        (("--take", "a.take", "--no-take"), "either --take or --no-take"),
        (("--fast", "--clock", "in"), "--fast leaves real time, so there is no clock"),
        (("--in", "a", "--player", "b.mid"), "either --in, --ear or --player"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(
    words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(*words) == 2
    assert why in capsys.readouterr().err


def test_a_take_is_never_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.take").write_text("mine")
    assert play("--fast", "--take", "old.take") == 2
    assert "never written over" in capsys.readouterr().err
    assert Path("old.take").read_text() == "mine"


def test_what_was_learned_is_kept_and_read_again() -> None:
    assert play("--fast", "--seconds", "10", "--learned", "mine.learned", "--record", "a.mid", "--take", "a.take") == 0
    first = Path("mine.learned").read_bytes()
    assert play("--fast", "--seconds", "10", "--learned", "mine.learned", "--record", "b.mid", "--take", "b.take") == 0
    assert len(Path("mine.learned").read_bytes()) >= len(first)
    assert "learned" not in read_take(Path("a.take")).header
    assert "learned" in read_take(Path("b.take")).header
    Path("mine.learned").write_bytes(first[: len(first) // 2])
    with pytest.raises(ValueError, match=r"mine\.learned"):
        play("--fast", "--learned", "mine.learned")


def test_the_learner_alone_plays_what_it_heard() -> None:
    assert play("--model", "markov", "--fast", "--seconds", "30", "--record", "m.mid", "--seed", "1") == 0
    assert len(read_midi("m.mid").parts[1].notes) > 5


def test_a_wav_file_of_one_voice_plays_the_human_part() -> None:
    notes = np.array([(k * 0.5 + d, 73, 72 + k % 5, v) for k in range(8) for d, v in ((0, 90), (0.45, 0))], EVENT)
    render_wav(notes, Path("flute.wav"), soundfont=general_midi_soundfont(Path()))
    words = ("--player", "flute.wav", "--player-program", "73", "--fast", "--seconds", "8", "--record", "d.mid")
    assert play(*words) == 0
    (player,) = [part for part in read_midi("d.mid").parts if part.name == "player"]
    assert player.program == 73
    assert [note["pitch"] for note in player.notes] == [72, 73, 74, 75, 76, 72, 73, 74]
    Path("broken.wav").write_bytes(b"RIFF....")
    with pytest.raises(ValueError, match=r"broken\.wav"):
        play("--player", "broken.wav", "--fast")


def test_a_jam_that_could_not_begin_leaves_no_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.faces.live.new_take_path", lambda: Path("live.take"))
    with pytest.raises(OSError, match="no MIDI"):
        play("--in", "nothing", "--out", "nowhere")
    assert files() == []
    assert play("--player", str(MENUET), "--seconds", "1") == 0
    assert files() == ["live.take"]
    assert read_take(Path("live.take")).whole
