"""The chorale bundle: a model of counterpoint on disk, opened on ONNX Runtime. None of it is code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import CLASSES, HIGHEST, LOWEST, REST, STEPS_PER_BEAT, VOICES, Cells
from antiphon.engine.bundle_file import BundleError, described, distance, find_bundle, session, unusable

__all__ = ["ChoraleModel", "bundle_kind", "open_chorale_model"]

_FORMAT = 2
_CODEC = {"name": "grid", "lowest": LOWEST, "highest": HIGHEST, "voices": VOICES, "steps_per_beat": STEPS_PER_BEAT}
_FILES = ("net.onnx", "vectors.npz")
_AT_ONCE = 256  # steps that go through the net together: what the processor keeps close by
_TOLERANCE = 1e-3  # logits

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def open_chorale_model(name: str | Path = "chorale", *, threads: int = 2) -> ChoraleModel:
    """Open a chorale bundle, given its folder or the name of a shipped one. Raises BundleError in one line."""
    return ChoraleModel(find_bundle(name), threads=threads)


def bundle_kind(name: str | Path) -> str:
    """What a bundle's codec is called, "stream" or "grid". Raises BundleError when there is no bundle."""
    folder = find_bundle(name)
    try:
        return str(json.loads((folder / "bundle.json").read_text())["codec"]["name"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder}: not a readable bundle ({error})") from error


class ChoraleModel:
    """What every cell of a four-part score may be, given those that are known. Holds no state."""

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        self.folder = folder
        if (kind := bundle_kind(folder)) != _CODEC["name"]:
            raise BundleError(f"{folder}: a model of kind {kind!r}, where a model of chorales is needed")
        self.about = described(folder, _CODEC, _FILES, version=_FORMAT, state=False)
        try:
            self._net = session(folder / "net.onnx", threads)
            self.verify()
        except BundleError:
            raise
        except Exception as error:
            raise unusable(folder, error) from error

    @property
    def name(self) -> str:
        return str(self.about["name"])

    def log_probabilities(
        self, cells: Cells, known: Mask, *, start: int = 0, edges: tuple[bool, bool] = (True, True)
    ) -> Floats:
        """Log-probabilities (B, V, T, classes) of every cell of `cells` (B, V, T), of which `known` are given.

        Any B and T. `start`: how many sixteenths after a beat the first step comes, 0..3. `edges`: whether the music
        begins with these scores, and whether it ends. What stands in unknown cells makes no difference.
        """
        B, V, T = cells.shape
        if not T:
            raise ValueError("a score without any step has nothing to predict")
        if V != VOICES:
            raise ValueError(f"the model knows {VOICES} voices, not {V}")
        after = -(start + T) % STEPS_PER_BEAT
        room = ((0, 0), (0, 0), (start, after))
        # The beats are filled up with steps that nobody knows.
        inputs: dict[str, npt.NDArray[Any]] = {
            "cells": np.pad(np.where(known, cells, REST), room).astype(np.int64),
            "known": np.pad(known, room).astype(np.float32),
            "edges": np.zeros((B, (start + T + after) // STEPS_PER_BEAT, 2), np.float32),
        }
        inputs["edges"][:, 0, 0], inputs["edges"][:, -1, 1] = edges
        size = max(_AT_ONCE // (start + T + after), 1)
        parts = [self._run({k: v[i : i + size] for k, v in inputs.items()}) for i in range(0, B, size)]
        logits = np.concatenate(parts)[:, :, start : start + T]
        return np.asarray(logits - _log_sum_exp(logits))

    def _run(self, inputs: dict[str, npt.NDArray[Any]]) -> Floats:
        return np.asarray(self._net.run(["logits"], inputs)[0], np.float32)

    def verify(self) -> float:
        """Replay the reference vectors; the largest difference of a logit. Raises BundleError when it is not small."""
        with np.load(self.folder / "vectors.npz", allow_pickle=False) as arrays:
            inputs = {name: arrays[name].astype(np.float32) for name in ("known", "edges")}
            inputs["cells"] = arrays["cells"].astype(np.int64)
            wanted = arrays["logits"]
        got = self._run(inputs)
        if got.shape != wanted.shape or got.shape[-1] != CLASSES or not got.size:
            raise BundleError(f"{self.folder}: its reference vectors have another shape")
        worst = distance(got, wanted)
        if worst > _TOLERANCE:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst


def _log_sum_exp(logits: Floats) -> Floats:
    top = logits.max(-1, keepdims=True)
    return np.asarray(top + np.log(np.exp(logits - top).sum(-1, keepdims=True)))
