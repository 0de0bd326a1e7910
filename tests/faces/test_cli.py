"""The command line is quick to start, and tells what is wrong in one line."""

import subprocess
import sys

import pytest

from antiphon.faces.cli import COMMANDS, main
from tests.missing import antiphon_without


def run(*argv):
    return subprocess.run([sys.executable, "-m", "antiphon", *argv], capture_output=True, text=True, timeout=60)


def test_help_needs_no_library():
    code = "import sys; from antiphon.faces.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'numpy', 'onnxruntime', 'torch', 'rtmidi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("[]\n")


def test_playing_never_imports_torch(tmp_path):
    code = "import sys\nimport antiphon.engine, antiphon.jam.improviser, antiphon.faces.jam, antiphon.faces.duet\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


@pytest.mark.parametrize("command", [c.name for c in COMMANDS])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: antiphon " + command in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        ([], 2, "COMMAND"),
        (["nonsense"], 2, "invalid choice"),
        (["continue"], 2, "required"),
        (["continue", "missing.mid", "-o", "x.mid"], 1, "missing.mid"),
        (["continue", "empty.mid", "-o", "x.mid"], 1, "empty.mid"),
        (["continue", "broken.mid", "-o", "x.mid"], 1, "broken.mid"),
        (["continue", "tune.mid", "-o", "x.mid", "--seconds", "-1"], 1, "--seconds"),
        (["continue", "tune.mid", "-o", "x.mid", "--model", "nowhere"], 1, "nowhere"),
        (["prep", "nothing", "-o", "corpus"], 1, "nothing"),
        (["prep", "missing", "-o", "corpus"], 1, "missing"),
        (["train", "missing"], 1, "missing"),
        (["train", "nothing"], 1, "nothing"),
        (["export", "missing", "-o", "bundle"], 1, "missing"),
        (["bench", "--model", "nothing"], 1, "nothing"),
        (["bench", "--events", "0"], 1, "--events"),
        (["bench", "--threads", "-3"], 1, "--threads"),
        (["train", "nothing", "--steps", "0"], 1, "steps"),
        (["train", "nothing", "--layers", "0"], 1, "layers"),
        (["jam", "--in", "no such port", "--out", "none"], 1, "no MIDI output"),
        (["jam", "--player", "missing.mid"], 1, "missing.mid"),
        (["jam", "--policy", "sideways"], 2, "together or answer"),
    ],
)
def test_bad_input_gets_one_clear_line_and_leaves_nothing(tmp_path, argv, code, says):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1")
    (tmp_path / "tune.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x0c\0\x90<@\x60\x80<\0\0\xff/\0")
    before = sorted(p.name for p in tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "antiphon", *argv], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("usage:", " "))]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_command_without_its_extra_says_what_to_install():
    done = antiphon_without("torch", "train", "x")
    assert done.returncode == 1
    assert "antiphon[train]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
