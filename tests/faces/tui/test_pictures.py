"""What the whole screen shows, character by character, and that it keeps its sense when the terminal changes its size.

With `ANTIPHON_REDRAW=1` in the environment the pictures are made anew: look at them before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from antiphon.music.event import EVENT
from tests.faces.tui.seen import NARROW, WIDE, Seen, seen

PICTURES = Path(__file__).parent / "pictures"
FIGURES = {
    "end_to_end": {"p50_ms": 13.2, "p90_ms": 18.0, "p99_ms": 24.4, "max_ms": 31.0, "count": 90},
    "wake": {"p50_ms": 1.2, "p90_ms": 1.5, "p99_ms": 2.1, "max_ms": 4.0, "count": 900},
    "a_new_one": {"p50_ms": 0.1, "p90_ms": 0.2, "p99_ms": 0.3, "max_ms": 0.4, "count": 9},
}
TUNE = np.array(
    [(at / 2, 0, pitch, velocity) for at, pitch in enumerate((60, 64, 67, 72)) for velocity in (80, 0)], EVENT
)
TUNE["at"][1::2] += 0.45


async def played(stage: Seen) -> None:
    """Two seconds of music, figures and a notice."""
    stage.jam.play(2.2, TUNE)
    stage.face.tell({"t": "figures", "figures": FIGURES})
    stage.face.tell({"t": "notice", "text": "the input Keystation is back"})
    await stage.look()


def compare(stage: Seen, name: str) -> None:
    """The screen is as it was when somebody looked at it."""
    path, text = PICTURES / f"{name}.txt", stage.text + "\n"
    if os.environ.get("ANTIPHON_REDRAW"):
        PICTURES.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@seen(NARROW)
async def test_narrow(stage: Seen) -> None:
    await played(stage)
    for key, name in (("f2", "strips"), ("f3", "controls"), ("f4", "roll"), ("f5", "log")):
        await stage.press(key)
        compare(stage, f"narrow-{name}")
    await stage.press("f2", "i")
    compare(stage, "narrow-instruments")
    await stage.press("escape", "k")
    compare(stage, "narrow-piano")


@seen(WIDE)
async def test_wide(stage: Seen) -> None:
    await played(stage)
    compare(stage, "wide")
    await stage.press("question_mark")
    compare(stage, "wide-help")


@seen((80, 50))
async def test_tall(stage: Seen) -> None:
    await played(stage)
    compare(stage, "tall")


@seen((130, 40))
async def test_middling(stage: Seen) -> None:
    await played(stage)
    compare(stage, "middling")


@seen(NARROW)
async def test_a_terminal_that_grows_and_shrinks_shows_what_fits(stage: Seen) -> None:
    await played(stage)
    await stage.press("f3", "down", "down", "right")
    assert " piano roll " not in stage.text
    chosen = "answer notes"
    for size in (WIDE, (130, 40), (80, 50), (60, 20), (200, 24), NARROW, WIDE):
        await stage.pilot.resize_terminal(*size)
        await stage.look()
        await stage.look()
        lines = stage.text.split("\n")
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0]
        assert f" {chosen} " in stage.text  # what was chosen stays in sight
        assert ("F3 controls" in stage.text) == (size not in (WIDE, (130, 40)))
        assert (" piano roll " in stage.text and "violin" in stage.text) == (size in (WIDE, (130, 40)))
        asked = await stage.press("right")
        assert [message["name"] for message in asked] == ["answer_notes"]


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (40, 10)])
def test_a_terminal_that_is_too_small_is_no_accident(size: tuple[int, int]) -> None:
    @seen(size)
    async def test(stage: Seen) -> None:
        await played(stage)
        for key in ("f3", "f4", "f5", "k", "escape", "f2", "question_mark", "escape"):
            await stage.press(key)

    test()
