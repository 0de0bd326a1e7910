"""The grid: voices on a raster of sixteenths, as the classes that a model of counterpoint sees.

A score is an array of MIDI pitches, shape (voices, steps), with -1 for a rest. A cell's class is its pitch's distance
from `LOWEST`, or `REST`. Held and repeated notes look alike here, as in the corpus of chorales itself.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "CLASSES",
    "HIGHEST",
    "LOWEST",
    "PITCHES",
    "REST",
    "SILENT",
    "STEPS_PER_BEAT",
    "VOICES",
    "VOICE_NAMES",
    "VOICE_RANGES",
    "Cells",
    "Pitches",
    "decode",
    "encode",
    "read_dataset",
]

Pitches = npt.NDArray[np.int16]
Cells = npt.NDArray[np.int64]

LOWEST, HIGHEST = 36, 81
PITCHES = HIGHEST - LOWEST + 1
REST = PITCHES
"""The class of a rest, after the pitches' own."""
CLASSES = PITCHES + 1
SILENT = -1
"""A rest among MIDI pitches."""
VOICE_NAMES = ("soprano", "alto", "tenor", "bass")
VOICES = len(VOICE_NAMES)
VOICE_RANGES = ((60, 81), (52, 74), (46, 69), (36, 66))
"""The lowest and the highest pitch of each voice in the JSB chorales."""
STEPS_PER_BEAT = 4
"""Sixteenths a quarter note."""


def encode(pitches: npt.ArrayLike) -> Cells:
    """Classes of MIDI pitches (any shape; `SILENT` for a rest). Raises ValueError for a pitch out of range."""
    pitches = np.asarray(pitches)
    sounding = pitches != SILENT
    wrong = sounding & ((pitches < LOWEST) | (pitches > HIGHEST))
    if wrong.any():
        raise ValueError(f"pitch {pitches[wrong].flat[0]} is out of the chorale's range, {LOWEST} to {HIGHEST}")
    return np.where(sounding, pitches - LOWEST, REST).astype(np.int64)


def decode(cells: npt.ArrayLike) -> Pitches:
    """MIDI pitches of classes (any shape), `SILENT` for a rest."""
    cells = np.asarray(cells)
    return np.where(cells == REST, SILENT, cells + LOWEST).astype(np.int16)


def read_dataset(path: str | Path, split: str) -> list[Pitches]:
    """The pieces of one split of a chorale dataset, each of shape (voices, steps), in MIDI pitches.

    Reads the two forms of the JSB chorales at sixteenths: `.npz`, an object array a split of float arrays (steps,
    voices) with NaN for a rest; and `.json`, the same as lists with -1. The `.npz` form holds pickled arrays, which
    can run code when they are read: only these two kinds of object are let through. Raises ValueError in one line.
    """
    path = Path(path)
    splits = _json_splits(path) if path.suffix == ".json" else _npz_splits(path)
    if split not in splits:
        raise ValueError(f"{path}: has no split {split!r}: there are {', '.join(splits) or 'none'}")
    pieces = [_piece(path, piece) for piece in splits[split]]
    if not pieces:
        raise ValueError(f"{path}: its split {split!r} is empty")
    return pieces


def _piece(path: Path, rows: Any) -> Pitches:
    try:
        values = np.array(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: a piece is no table of numbers ({error})") from error
    if values.ndim != 2 or values.shape[1] != VOICES or not len(values):
        shape = " x ".join(map(str, values.shape))
        raise ValueError(f"{path}: a piece of shape {shape}, where (steps, {VOICES} voices) is needed")
    values = np.where(np.isnan(values), SILENT, values)
    if (values != np.rint(values)).any() or values.min() < SILENT or values.max() > 127:
        raise ValueError(f"{path}: holds values that are no MIDI pitches")
    return np.ascontiguousarray(values.T).astype(np.int16)


def _json_splits(path: Path) -> dict[str, Any]:
    try:
        splits = json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    if not isinstance(splits, dict) or not all(isinstance(pieces, list) for pieces in splits.values()):
        raise ValueError(f"{path}: not a dataset: an object with a list of pieces for each split is needed")
    return splits


def _npz_splits(path: Path) -> dict[str, Any]:
    import pickle

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module.split(".")[0], name) in {("numpy", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}:
                return super().find_class(module.replace("numpy.core", "numpy._core"), name)
            if (module, name) == ("_codecs", "encode"):
                return super().find_class(module, name)
            raise pickle.UnpicklingError(f"holds a {module}.{name}")

    splits = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as file:
                    version = np.lib.format.read_magic(file)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(file)
                    if dtype.hasobject:
                        array = Unpickler(file, encoding="bytes").load()
                    else:
                        count = math.prod(shape) * dtype.itemsize
                        array = np.frombuffer(file.read(count), dtype).reshape(shape)
                splits[name.removesuffix(".npy")] = array
    except (zipfile.BadZipFile, pickle.UnpicklingError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a dataset of chorales ({error})") from error
    return splits
