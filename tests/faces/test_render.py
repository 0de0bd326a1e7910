"""`antiphon render` and `antiphon vary` as commands: what they leave on disk, and what they refuse by a line."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from antiphon.faces.cli import main
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import write_midi
from antiphon.music.score import NOTE, Part, Score
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.recording import mastered, trimmed

RATE = 44_100


@pytest.fixture(scope="session")
def own_font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return general_midi_soundfont(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def tune(tmp_path: Path, own_font: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two organ voices in C, with a C# in the second beat, after two beats of rest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTIPHON_SOUNDFONT", str(own_font))
    upper = np.array([(960, 480, 64, 80), (1440, 480, 61, 80), (1920, 960, 60, 80)], NOTE)
    lower = np.array([(960, 1920, 48, 80)], NOTE)
    write_midi(Score(480, (Part(19, False, upper, "upper"), Part(19, False, lower, "lower"))), tmp_path / "tune.mid")
    return tmp_path / "tune.mid"


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_a_recording_is_trimmed_normalised_and_drawn(tune: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "tune.mid", "-o", "out.wav", "--tuning", "vrwt", "--picture", "out.png"]) == 0
    assert capsys.readouterr().out.startswith("out.wav: ")
    heard = samples(Path("out.wav"))
    assert 2.0 < len(heard) / RATE < 5.0
    assert np.abs(heard[: RATE // 10].astype(int)).max() > 1000
    assert 29_000 < np.abs(heard.astype(int)).max() < 29_400
    with Image.open("out.png") as picture:
        assert picture.width == 1600
    assert not list(Path().glob("*.part*"))


def test_silence_is_kept_where_it_is_asked_for(tune: Path) -> None:
    assert main(["render", "tune.mid", "-o", "out.wav", "--untrimmed", "--reverb", "0"]) == 0
    heard = samples(Path("out.wav"))
    assert np.abs(heard[: int(0.95 * RATE)]).max() == 0
    assert np.abs(heard[RATE : int(1.2 * RATE)].astype(int)).max() > 1000


@pytest.mark.system("ffmpeg", "csound", "fluidsynth")
@pytest.mark.parametrize(("renderer", "name"), [("soundfont", "o.flac"), ("csound", "o.mp3"), ("fluidsynth", "o.flac")])
def test_flac_and_mp3_by_ffmpeg(renderer: str, name: str, tune: Path) -> None:
    assert main(["render", "tune.mid", "-o", name, "--with", renderer]) == 0
    head = Path(name).read_bytes()[:4]
    assert head == b"fLaC" if name.endswith("flac") else head[:3] == b"ID3" or head[0] == 0xFF


@pytest.mark.system("csound")
def test_csounds_score_is_left_where_it_is_asked_for(tune: Path) -> None:
    assert main(["render", "tune.mid", "-o", "o.wav", "--with", "csound", "--csd", "kept", "--program", "0"]) == 0
    score = Path("kept/piece.csd").read_text()
    assert len([row for row in score.splitlines() if row.startswith("i 1 ")]) == 4
    assert {path.suffix for path in Path("kept").iterdir()} == {".csd", ".wav"}


@pytest.mark.system("fluidsynth")
def test_the_hall_rings_on_behind_fluidsynth(tune: Path) -> None:
    lengths = []
    for reverb in ("0", "0.8"):
        assert main(["render", "tune.mid", "-o", "o.wav", "--with", "fluidsynth", "--reverb", reverb]) == 0
        lengths.append(len(samples(Path("o.wav"))))
    assert lengths[1] > lengths[0] + RATE // 2


def test_an_array_of_voices_is_rendered(tune: Path) -> None:
    np.save("voices.npy", np.array([[60, 60, 62, -1], [48, 48, 48, 48]]))
    assert main(["render", "voices.npy", "-o", "out.wav", "--tempo", "120", "--program", "19"]) == 0
    assert len(samples(Path("out.wav"))) > RATE // 2


def test_notes_on_silent_keys_are_counted(tune: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("white.kbm").write_text("12\n0\n127\n60\n69\n440\n12\n0\nx\n2\nx\n4\n5\nx\n7\nx\n9\nx\n11\n")
    assert main(["render", "tune.mid", "-o", "out.wav", "--keymap", "white.kbm"]) == 0
    assert "1 notes on keys that the tuning leaves silent" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-o", "out.ogg"], "out.ogg: a recording ends in .wav, .flac, .mp3"),
        (["-o", "o.wav", "--tuning", "pythagoras"], "'pythagoras' is no tuning: write equal"),
        (["-o", "o.wav", "--tuning", "none.scl"], "none.scl"),
        (["-o", "o.wav", "--tuning", "bad.scl"], "bad.scl: line 3: a note is a ratio"),
        (["-o", "o.wav", "--tonic", "H"], "'H' is no key"),
        (["-o", "o.wav", "--reverb", "2"], "--reverb must be 0 to 1"),
        (["-o", "o.wav", "--program", "128"], "--program must be 0 to 127"),
        (["-o", "o.wav", "--rate", "1"], "--rate must be 8000 to 192000"),
        (["-o", "o.wav", "--a4", "0"], "A cannot sound at 0 Hz"),
        (["-o", "o.wav", "--keymap", "k.kbm", "--tonic", "D"], "leave out --tonic"),
        (["-o", "o.wav", "--soundfont", "no.sf2"], "no.sf2: no such soundfont"),
        (["-o", "o.wav", "--with", "csound", "--soundfont", "no.sf2"], "is not for csound"),
        (["-o", "o.wav", "--csd", "kept"], "--csd is for --with csound"),
        (["-o", "nowhere/o.wav"], "nowhere"),
    ],
)
def test_what_cannot_be_rendered_is_said_in_one_line(
    words: list[str], says: str, tune: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.scl").write_text("bad\n1\nhigh\n")
    assert main(["render", "tune.mid", *words]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert says in told[-1]
    assert not list(Path().glob("*.wav"))


@pytest.mark.parametrize(
    ("words", "program"),
    [(["--with", "csound"], "csound"), (["--with", "fluidsynth"], "fluidsynth"), ([], "ffmpeg")],
)
def test_a_program_that_is_missing_is_named(
    words: list[str], program: str, tune: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert main(["render", "tune.mid", "-o", "o.flac" if program == "ffmpeg" else "o.wav", *words]) == 1
    assert f"apt install {program}" in capsys.readouterr().err


def test_a_soundfont_that_is_none_is_said(tune: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.sf2").write_bytes(b"no")
    assert main(["render", "tune.mid", "-o", "o.wav", "--soundfont", "x.sf2"]) == 1
    assert "x.sf2: not a SoundFont 2 file" in capsys.readouterr().err


def test_silence_stays_silence() -> None:
    silence = np.zeros((2, 100), np.float32)
    assert trimmed(silence, RATE)[0].shape == (2, 0)
    np.testing.assert_array_equal(mastered(silence), silence)


def test_operations_are_done_in_the_order_in_which_they_are_written(tune: Path) -> None:
    """The voice is doubled and then moved, or moved and then doubled as it was not."""
    assert main(["vary", "tune.mid", "-o", "a.mid", "--pick", "2", "--double", "1", "--hold", "5-6:3"]) == 0
    made = read_midi(Path("a.mid"))
    assert [part.notes["pitch"].tolist() for part in made.parts] == [[48], [48]]
    assert made.parts[0].notes["duration"][0] == 20 * 120
    assert main(["vary", "tune.mid", "-o", "b.mid", "--double", "1", "--pick", "3", "--transpose", "1"]) == 0
    assert [part.notes["pitch"].tolist() for part in read_midi(Path("b.mid")).parts] == [[65, 62, 61]]


def test_the_same_seed_gives_the_same_variation(tune: Path) -> None:
    words = ["--stretch", "2..8", "--arpeggiate", "random:6", "--octaves", "0.9", "--dropout", "0.2", "--key", "C"]
    for out, seed in (("a.mid", "1"), ("b.mid", "1"), ("c.mid", "5")):
        assert main(["vary", "tune.mid", "-o", out, *words, "--seed", seed]) == 0
    assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes()
    assert Path("a.mid").read_bytes() != Path("c.mid").read_bytes()


def test_scores_are_written_as_a_table_and_drawn(tune: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vary", "tune.mid", "-o", "a.npy", "--key", "C", "--scores", "s.tsv"]) == 0
    rows = [row.split("\t") for row in Path("s.tsv").read_text().splitlines()]
    assert rows[0] == ["step", "in_key", "consonance"]
    assert [row[1:] for row in rows[1:]] == [["1.000", "1.000"]] * 4 + [["0.500", "0.000"]] * 4 + [
        ["1.000", "1.000"]
    ] * 8
    assert "75% of its steps in C major, 75% of its intervals consonant" in capsys.readouterr().out
    assert np.load("a.npy").shape == (2, 16)
    assert main(["vary", "a.npy", "-o", "b.mid", "--key", "C", "--scores", "s.png", "--roll", "r.png"]) == 0
    for picture in ("s.png", "r.png"):
        with Image.open(picture) as drawn:
            assert drawn.width == 1600


MINOR_THEN_MAJOR = [
    [72, 74, 75, 74, 72, 71, 72, 76],
    [67, 67, 67, 67, 63, 62, 67, 67],
    [48, 47, 48, 43, 44, 43, 48, 48],
]


@pytest.mark.parametrize(("transpose", "key"), [([], "C minor"), (["--transpose", "2"], "D minor")])
def test_the_key_that_was_stretched_by_is_the_one_that_is_told(
    transpose: list[str], key: str, tune: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A last chord in major, held nine times as long, would be heard as the key."""
    np.save("minor.npy", np.array(MINOR_THEN_MAJOR).repeat(4, axis=1))
    assert main(["vary", "minor.npy", "-o", "a.mid", "--scores", "s.tsv"]) == 0
    assert "in C minor" in capsys.readouterr().out
    assert main(["vary", "minor.npy", "-o", "a.npy", "--stretch", "9", *transpose, "--scores", "s.tsv"]) == 0
    assert f"in {key}" in capsys.readouterr().out
    assert main(["vary", "a.npy", "-o", "b.mid", "--scores", "s.tsv"]) == 0
    assert f"in {key}" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--dropout", "2"], 1, "--dropout: a share is 0 to 1, not 2"),
        (["--pick", "9"], 1, "--pick: there are voices 1 to 2, no 9"),
        (["--transpose", "100"], 1, "--transpose: moved by 100 semitones"),
        (["--join", "none.mid"], 1, "none.mid"),
        (["--stretch", "2", "--key", "H"], 1, "'H' is no key"),
        (["--stretch", "x"], 2, "write how many times as long"),
        (["--arpeggiate", "11,0"], 2, "the rows of a mask must be of one length"),
        (["--range", "9-3"], 2, "write the lowest and the highest MIDI pitch"),
    ],
)
def test_what_cannot_be_varied_is_said(
    words: list[str], code: int, says: str, tune: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if code == 2:
        with pytest.raises(SystemExit, match="2"):
            main(["vary", "tune.mid", "-o", "o.mid", *words])
    else:
        assert main(["vary", "tune.mid", "-o", "o.mid", *words]) == code
    assert says in capsys.readouterr().err
    assert not Path("o.mid").exists()
