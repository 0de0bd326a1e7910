"""The example plays a duet that our own reader reads, and the page of the documentation is true as it is written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.faces.cli import main
from antiphon.faces.embedding import SOURCES
from antiphon.music.event import Event
from antiphon.music.ledger import Ledger
from antiphon.music.midi_read import read_midi
from tests.embed.bridge import EMBED, compile_cpp
from tests.missing import antiphon_without, says_that_it_needs

ROOT = Path(__file__).parent.parent.parent
TUNE = EMBED.parent / "tunes" / "menuet.mid"
STRINGS = 48


def duet(program, model, out, *words, tune=TUNE):
    return subprocess.run([program, model, tune, out, *words], capture_output=True, text=True)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_cpp(EMBED / "duet.cpp", tmp_path_factory.mktemp("duet") / "duet")


def test_a_duet_is_written_and_every_note_is_closed(folders, program, tmp_path):
    done = duet(program, folders.box_int8 / "model.bin", tmp_path / "duet.mid", "1")
    assert done.returncode == 0, done.stderr
    score = read_midi(tmp_path / "duet.mid")
    assert not score.repairs
    events, ledger = score.events(), Ledger()
    ours = [Event(*row.item()) for row in events if row["instrument"] == STRINGS]
    theirs = [row for row in events if row["instrument"] != STRINGS and row["velocity"]]
    assert len(theirs) == sum(row["velocity"] > 0 for row in read_midi(TUNE).events())
    assert len([event for event in ours if event.velocity]) > 20
    for event in ours:
        assert 48 <= event.pitch <= 84
        ledger.apply(event)
        assert len(ledger) <= 2
    assert not len(ledger)


def test_the_same_seed_gives_the_same_duet(folders, program, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert duet(program, folders.box_int8 / "model.bin", tmp_path / name, seed).returncode == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.system("clang++")
def test_another_compiler_plays_the_same_duet(folders, program, tmp_path):
    other = compile_cpp(EMBED / "duet.cpp", tmp_path / "duet", compiler="clang++")
    for name, one in (("a", program), ("b", other)):
        assert duet(one, folders.box_int8 / "model.bin", tmp_path / name, "1").returncode == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("cut", [0, 3, 13, 20, 40, 100])
def test_a_damaged_tune_is_read_as_far_as_it_goes_or_refused(folders, program, tmp_path, cut):
    (tmp_path / "cut.mid").write_bytes(TUNE.read_bytes()[:cut])
    done = duet(program, folders.tiny_int8 / "model.bin", tmp_path / "out.mid", tune=tmp_path / "cut.mid")
    assert done.returncode in (0, 1)
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize(
    ("words", "says"),
    [(("no.bin", TUNE, "o.mid"), "cannot be read"), ((TUNE, TUNE, "o.mid"), "not a model"), (("a",), "usage")],
)
def test_mistakes_are_told_in_one_line(program, tmp_path, words, says):
    done = subprocess.run([program, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_has_all_that_is_needed(folders):
    wanted = {*SOURCES, "model.bin", "vectors.bin"}
    assert {path.name for path in folders.box_int8.iterdir()} == wanted


def test_a_bundle_is_verified_in_one_line(folders, capsys):
    for folder in (folders.tiny, folders.tiny_int8, folders.tiny_fp32, "antiphon", "chorale"):
        assert main(["verify", str(folder)]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("name", ["model.bin", "vectors.bin"])
def test_a_damaged_folder_is_not_verified(folders, tmp_path, capsys, name):
    copy = tmp_path / "copy"
    shutil.copytree(folders.tiny_int8, copy)
    raw = bytearray((copy / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / name).write_bytes(raw)
    assert main(["verify", str(copy)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("words", [["chorale"], ["no-such-run"]])
def test_what_cannot_run_in_cpp_is_told_and_nothing_is_left(tmp_path, capsys, words):
    assert main(["export", *words, "-o", str(tmp_path / "out"), "--target", "cpp"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_exporting_a_bundle_for_cpp_needs_no_torch(tmp_path):
    done = antiphon_without("torch", "export", "antiphon", "-o", tmp_path / "out", "--target", "cpp")
    assert done.returncode == 0, done.stderr
    assert "7.2 MB" in done.stdout


def test_exporting_a_run_without_torch_says_what_is_missing(tmp_path):
    says_that_it_needs("torch", antiphon_without("torch", "export", tmp_path, "-o", tmp_path / "out"))


def commands_of(page):
    return re.findall(r"^    \$ (.+)$", (ROOT / page).read_text(), re.MULTILINE)


@pytest.mark.system("cmake")
def test_the_page_is_true_as_it_is_written(tmp_path):
    """Every command of the page, one after another, in one shell and an empty folder."""
    commands = commands_of("docs/embed.md")
    assert len(commands) > 5
    shutil.copy(TUNE, tmp_path / "tune.mid")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_midi(next(tmp_path.rglob("duet.mid"))).events()["velocity"].any()
