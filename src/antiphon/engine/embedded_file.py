"""`model.bin` of a stream's GRU model: which tensors `engine.tensor_file` keeps of it, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.codec.sounding import CHANNELS, DECAYS, FEATURES
from antiphon.codec.stream import SIZES, TICK, TIME_LAST
from antiphon.engine.tensor_file import DEEPEST, WIDEST, Array, Layout, Matrix, read_tensors, write_tensors

__all__ = ["Embedded", "gru_plan", "plan", "read_embedded", "write_embedded"]

MAGIC = b"ANTIPHON"
Plan = list[tuple[str, int, int, bool]]


@dataclass(frozen=True)
class Embedded:
    """What a `model.bin` holds: its sizes, its text and its tensors by name."""

    width: int
    layers: int
    head_width: int
    precision: str
    about: dict[str, Any]
    tensors: dict[str, Array]


def gru_plan(width: int, layers: int) -> Plan:
    """The tensors of a body of residual GRU layers."""
    D, tensors = width, []
    for i in range(layers):
        tensors += [(f"norm.{i}.w", 1, D, False), (f"norm.{i}.b", 1, D, False)]
        for name in ("in", "rec"):
            tensors += [(f"gru.{i}.{name}", 3 * D, D, True), (f"gru.{i}.{name}.b", 1, 3 * D, False)]
    return tensors


def plan(width: int, layers: int, head_width: int) -> Plan:
    """Every tensor of a model, in order: name, rows, columns, and whether eight bits apply to it.

    The gates of what sounds are the last rows of `out.0` (instruments) and `out.1` (pitches).
    """
    D, C = width, head_width
    tensors = [(f"embed.{f}", K, D, True) for f, K in enumerate(SIZES)]
    tensors += [("hear", FEATURES, D, True), ("start", 1, D, False), *gru_plan(width, layers)]
    tensors += [("norm.w", 1, D, False), ("norm.b", 1, D, False), ("base", C, D, True), ("base.b", 1, C, False)]
    tensors += [(f"known.{f}", K, C, True) for f, K in enumerate(SIZES)]
    tensors += [("touch", CHANNELS, C, False), ("field", len(SIZES), C, False)]
    tensors += [("heads.w", 1, C, False), ("heads.b", 1, C, False)]
    for f, K in enumerate(SIZES):
        rows = K + (1, CHANNELS, 0, 0)[f]
        tensors += [(f"up.{f}", 2 * C, C, True), (f"up.{f}.b", 1, 2 * C, False)]
        tensors += [(f"out.{f}", rows, 2 * C, True), (f"out.{f}.b", 1, rows, False)]
    return tensors


def _layout(sizes: tuple[int, ...]) -> Layout:
    """For a width, layers, a head width, and the codec's numbers of instruments and bins of time."""
    D, L, C, *codec = sizes
    if codec != [SIZES[0], len(TIME_LAST)]:
        raise ValueError("made for another codec")
    if not (1 <= D <= WIDEST and 1 <= C <= WIDEST and 1 <= L <= DEEPEST):
        raise ValueError("its sizes are no model's")
    tables = {
        "codec.tick": np.array([[TICK]], "<f8"),
        "codec.decays": np.array([DECAYS], "<f8"),
        "codec.time_last": TIME_LAST.astype("<i4")[None],
    }
    return Layout(MAGIC, sizes, tables, plan(D, L, C))


def write_embedded(
    path: Path,
    weights: Mapping[str, Array | Matrix],
    shape: tuple[int, int, int],
    precision: str,
    about: Mapping[str, Any],
) -> None:
    """Write `model.bin`. `weights`: by the names of `plan(*shape)`; `shape`: width, layers, head width.

    Raises BundleError when a weight is missing or is not numbers, OSError when the file cannot be written.
    """
    write_tensors(path, _layout((*shape, SIZES[0], len(TIME_LAST))), weights, precision, about)


def read_embedded(path: Path) -> Embedded:
    """Read `model.bin` after checking every byte. Raises BundleError in one line, OSError when there is no file."""
    stored = read_tensors(path, MAGIC, _layout)
    D, L, C, *_ = stored.sizes
    return Embedded(D, L, C, stored.precision, stored.about, stored.tensors)
