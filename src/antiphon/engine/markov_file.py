"""What was learned, as one file: arrays in a zip, and nothing in it that is ever run."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.engine.markov_repertoire import Repertoire

__all__ = ["read_repertoires", "write_repertoires"]

FORMAT = "antiphon-markov-1"
ARRAYS = ("onsets", "durations")


def write_repertoires(path: Path, repertoires: Mapping[str, Repertoire]) -> None:
    """Write them beside `path` first and rename, so that no half of it is ever there. Raises OSError."""
    arrays = {f"{kind}_{name}": array for kind, one in repertoires.items() for name, array in one.arrays().items()}
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            np.savez_compressed(file, format=np.array(FORMAT), **arrays)  # type: ignore[arg-type]  # names are free
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_repertoires(path: Path, blank: Mapping[str, Repertoire]) -> None:
    """Fill repertoires that know nothing yet. Raises OSError, or ValueError in one line; `blank` is of no use then."""
    try:
        for kind, arrays in _read(path, list(blank)).items():
            blank[kind].filled(arrays)
    except ValueError as error:
        raise ValueError(f"{path} is no file of what was learned: {error}") from None


def _read(path: Path, kinds: list[str]) -> dict[str, dict[str, npt.NDArray[Any]]]:
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                if str(arrays["format"]) == FORMAT:
                    return {kind: {name: arrays[f"{kind}_{name}"] for name in ARRAYS} for kind in kinds}
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError):
            pass  # these say what is wrong with its bytes, which helps nobody
    raise ValueError("it is damaged or of another kind")
