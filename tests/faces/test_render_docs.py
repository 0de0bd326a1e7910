"""docs/chorales.md, vary.md and render.md: what stands there runs as it is written, and draws what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from antiphon.faces.cli import main
from antiphon.music.tuning import SCALES

DOCS = Path(__file__).parent.parent.parent / "docs"


def _small_dataset(path: Path) -> None:
    """Two chords, in the form of the dataset that a reader of the docs has."""
    piece = np.array([[67] * 8 + [69] * 8, [64] * 16, [60] * 8 + [57] * 8, [48] * 8 + [45] * 8]).T
    pieces = np.empty(1, object)
    pieces[0] = piece.astype(float)
    np.savez(path, train=pieces, valid=pieces, test=pieces)


@pytest.mark.system("csound", "fluidsynth", "ffmpeg")
@pytest.mark.parametrize("page", ["chorales.md", "vary.md", "render.md"])
def test_a_page_runs_as_it_is_written(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _small_dataset(tmp_path / "Jsb16thSeparated.npz")
    text = (DOCS / page).read_text()
    ran = 0
    for python, command in re.findall(r"```python\n(.*?)```|^    antiphon ([^\n]*)$", text, re.DOTALL | re.MULTILINE):
        if python:
            exec(python, {})
        else:
            assert main(shlex.split(command)) == 0, command
            (made,) = re.findall(r"(?:-o|--json) (\S+)", command)
            assert Path(made).stat().st_size > 100
        ran += 1
    assert ran >= 6
    for picture in re.findall(r"!\[.*?\]\((\S+)\)", text):
        assert (tmp_path / picture).read_bytes()[:4] == b"\x89PNG"
        assert (DOCS / picture).exists()


def test_every_temperament_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\S+)` \| (.*) \|$", (DOCS / "render.md").read_text(), re.MULTILINE)
    assert [row for row in rows if row[0] in SCALES] == [(scale.name, scale.about) for scale in SCALES.values()]
