"""`model.bin` of a net of words: which tensors `engine.tensor_file` keeps of it, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.codec import token
from antiphon.codec.token import BOS, VOCABULARY
from antiphon.engine.bundle_file import BundleError
from antiphon.engine.embedded_file import Plan, gru_plan
from antiphon.engine.tensor_file import DEEPEST, WIDEST, Array, Layout, Matrix, Stored, read_tensors, write_tensors

__all__ = ["MAGIC", "WordShape", "read_words", "word_plan", "write_words"]

MAGIC = b"ANTIWNET"
"""How its file begins."""
_LARGEST_CACHE = 1 << 26  # numbers
_SPELLING = (
    *(VOCABULARY, BOS, token.NOTE_ON, token.NOTE_OFF, token.TIME_SHIFT, token.LONGEST_SHIFT),
    *(token.VELOCITY, token.VELOCITIES, token.LONGEST),
)


@dataclass(frozen=True)
class WordShape:
    """Sizes of a net of words. Heads, window and the units of a feed-forward net are a transformer's, 0 for a GRU."""

    width: int
    layers: int
    heads: int = 0
    window: int = 0
    hidden: int = 0

    def __post_init__(self) -> None:
        D, L = self.width, self.layers
        if not (1 <= D <= WIDEST and 1 <= L <= DEEPEST):
            raise ValueError("its sizes are no model's")
        if self.transformer == (0 in (self.heads, self.window, self.hidden)):
            raise ValueError("its sizes are no model's")
        if self.transformer and (D % (2 * self.heads) or self.hidden > 4 * WIDEST):
            raise ValueError("its sizes are no model's")
        if 2 * L * self.window * D > _LARGEST_CACHE:
            raise ValueError("its window is no model's that plays live")

    @property
    def transformer(self) -> bool:
        """Whether its body is one."""
        return (self.heads, self.window, self.hidden) != (0, 0, 0)

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """As the header has them."""
        return self.width, self.layers, self.heads, self.window, self.hidden


def word_plan(shape: WordShape) -> Plan:
    """Every tensor of a model, in order: name, rows, columns, and whether eight bits apply to it."""
    D, H = shape.width, shape.hidden
    tensors: Plan = [("embed", VOCABULARY, D, True)]
    if shape.transformer:
        tensors += [("rates", 1, D // shape.heads // 2, False)]
        for i in range(shape.layers):
            tensors += [(f"norm1.{i}", 1, D, False), (f"qkv.{i}", 3 * D, D, True), (f"mix.{i}", D, D, True)]
            tensors += [(f"norm2.{i}", 1, D, False), (f"gate_up.{i}", 2 * H, D, True), (f"down.{i}", D, H, True)]
    else:
        tensors += gru_plan(D, shape.layers)
    tensors += [("norm.w", 1, D, False), ("norm.b", 1, D, False)]
    return [*tensors, ("out", VOCABULARY, D, True), ("out.b", 1, VOCABULARY, False)]


def _layout(sizes: tuple[int, ...]) -> Layout:
    tables = {"codec.tick": np.array([[token.TICK]], "<f8"), "codec.words": np.array([_SPELLING], "<i4")}
    return Layout(MAGIC, sizes, tables, word_plan(WordShape(*sizes)))


def write_words(
    path: Path, weights: Mapping[str, Array | Matrix], shape: WordShape, precision: str, about: Mapping[str, Any]
) -> None:
    """Write `model.bin`. `weights`: by the names of `word_plan(shape)`.

    Raises BundleError when a weight is missing or is not numbers, OSError when the file cannot be written.
    """
    write_tensors(path, _layout(shape.sizes), weights, precision, about)


def read_words(path: Path) -> Stored:
    """Read `model.bin` after checking every byte. Raises BundleError in one line, OSError when there is no file."""
    stored = read_tensors(path, MAGIC, _layout)
    rates = stored.tensors.get("rates", np.ones(1))
    if not np.all((rates > 0) & (rates <= 1)):
        raise BundleError(f"{path}: not a readable model (its rates are none)")
    return stored
