"""A picture of each step's scores: how much of it is in the key, and how consonant it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from antiphon.compose.variations import runs

__all__ = ["draw_scores"]

WIDTH, MARGIN, GUTTER, HEADER, LANE = 1600, 32, 118, 56, 110
INK, QUIET, PAPER, BLUE, ORANGE, SHADE = (
    (31, 35, 40), (110, 118, 129), (255, 255, 255), (0, 98, 178), (222, 96, 0), (252, 236, 220),
)  # fmt: skip
SUPERSAMPLING = 2


def draw_scores(
    in_key: npt.NDArray[np.float64],
    consonance: npt.NDArray[np.float64],
    tense: npt.NDArray[np.bool_],
    path: Path,
    *,
    title: str,
) -> None:
    """Draw two lanes of shares (steps,), 0 below and 1 above, over the steps; `tense` steps are shaded. A PNG."""
    steps, scale = len(in_key), SUPERSAMPLING
    height = HEADER + 2 * (LANE + 24) + MARGIN
    picture = Image.new("RGB", (WIDTH * scale, height * scale), PAPER)
    draw = ImageDraw.Draw(picture)
    left, width = MARGIN + GUTTER, WIDTH - 2 * MARGIN - GUTTER

    def x(step: float) -> float:
        return scale * (left + width * step / steps)

    draw.text((MARGIN * scale, HEADER / 2 * scale), title, INK, ImageFont.load_default(20 * scale), "lm")
    small = ImageFont.load_default(14 * scale)
    for lane, (name, share, colour) in enumerate((("in the key", in_key, BLUE), ("consonant", consonance, ORANGE))):
        top = (HEADER + lane * (LANE + 24)) * scale
        bottom = top + LANE * scale
        for begin, end in runs(tense):
            draw.rectangle((x(begin), top, x(end), bottom), SHADE)
        for n, value in enumerate(share.tolist()):
            draw.rectangle((x(n), bottom - value * LANE * scale, max(x(n), x(n + 1) - 1), bottom), colour)
        draw.text((MARGIN * scale, (top + bottom) / 2), name, QUIET, small, "lm")
    step = next(size for size in (4, 8, 16, 32, 64, 128, 512, 4096, 1 << 20) if steps / size <= 24 or size == 1 << 20)
    for n in range(0, steps + 1, step):
        draw.text((x(n), (height - MARGIN) * scale), f"{n // 4}", QUIET, small, "mm")
    draw.text((MARGIN * scale, (height - MARGIN) * scale), "beat", QUIET, small, "lm")
    picture.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path, "PNG", optimize=True)
