"""The page that leads from a folder of MIDI to playing with the model that knows it: its commands, as written."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from antiphon.engine import shipped_models
from antiphon.music.event import EVENT
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.tunes import MENUET

PAGE = Path(__file__).parent.parent.parent / "docs" / "train-your-own.md"

pytestmark = [
    pytest.mark.timeout(280),
    pytest.mark.skipif("antiphon" not in shipped_models(), reason="the model in the box is not in this build"),
]


def pieces(folder: Path) -> None:
    """Six pieces of a kind: a line over a bass, in six keys and of different lengths."""
    folder.mkdir()
    for number in range(6):
        rng = np.random.default_rng(number)
        rows, at = [], 0.0
        for step in range(120 + 10 * number):
            pitch = 60 + number + int(rng.choice([0, 2, 3, 5, 7, 10]))
            rows += [(at, 0, pitch, 80), (at + 0.2, 0, pitch, 0)]
            if step % 4 == 0:
                rows += [(at, 32, pitch - 24, 90), (at + 0.7, 32, pitch - 24, 0)]
            at += 0.25
        write_midi(
            score_from_events(np.sort(np.array(rows, EVENT), order="at", kind="stable")), folder / f"{number}.mid"
        )


def test_the_four_commands_lead_from_a_folder_to_a_partner(tmp_path: Path) -> None:
    commands = re.findall(r"^    (antiphon .*)$", PAGE.read_text(), re.MULTILINE)[:4]
    assert [shlex.split(command)[1] for command in commands] == ["train", "export", "continue", "jam"]
    pieces(tmp_path / "my-jazz")
    (tmp_path / "tune.mid").write_bytes(MENUET.read_bytes())
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    for command in commands[:3]:
        words = [sys.executable, "-m", *shlex.split(command)]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
    samples = sorted((tmp_path / "jazz-run" / "samples").iterdir())
    assert {path.suffix for path in samples} == {".mid", ".png"}
    assert read_midi(tmp_path / "more.mid").n_notes > read_midi(MENUET).n_notes

    with (tmp_path / "jam.log").open("w") as log:
        words = [sys.executable, "-m", *shlex.split(commands[3])]
        jam = subprocess.Popen(words, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while "jazz listens" not in (tmp_path / "jam.log").read_text():
            assert jam.poll() is None, (tmp_path / "jam.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        jam.send_signal(signal.SIGINT)
        assert jam.wait(timeout=20) == 0
