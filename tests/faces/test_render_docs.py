"""docs/vary.md and docs/render.md: what stands there runs as it is written, and draws what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from antiphon.faces.cli import main
from antiphon.music.tuning import SCALES

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.system("csound", "fluidsynth", "ffmpeg")
@pytest.mark.parametrize("page", ["vary.md", "render.md"])
def test_a_page_runs_as_it_is_written(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text()
    ran = 0
    for python, command in re.findall(r"```python\n(.*?)```|^    antiphon ([^\n]*)$", text, re.DOTALL | re.MULTILINE):
        if python:
            exec(python, {})
        else:
            assert main(shlex.split(command)) == 0, command
            (made,) = re.findall(r"-o (\S+)", command)
            assert Path(made).stat().st_size > 100
        ran += 1
    assert ran >= 6
    for picture in re.findall(r"!\[.*?\]\((\S+)\)", text):
        assert (tmp_path / picture).read_bytes()[:4] == b"\x89PNG"
        assert (DOCS / picture).exists()


def test_every_temperament_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\S+)` \| (.*) \|$", (DOCS / "render.md").read_text(), re.MULTILINE)
    assert [row for row in rows if row[0] in SCALES] == [(scale.name, scale.about) for scale in SCALES.values()]
