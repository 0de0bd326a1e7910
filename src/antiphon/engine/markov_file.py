"""What was learned, as one file: arrays in a zip, and nothing in it that is ever run."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from antiphon.engine.markov_repertoire import Repertoire

__all__ = ["read_repertoires", "write_repertoires"]

FORMAT = "antiphon-markov-1"


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
    """Fill repertoires that know nothing yet. Raises OSError or a ValueError of one line; they are not to be used."""
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                if not isinstance(arrays, np.lib.npyio.NpzFile) or str(arrays["format"]) != FORMAT:
                    raise ValueError("it is of another kind")
                for kind, repertoire in blank.items():
                    repertoire.filled({name: arrays[f"{kind}_{name}"] for name in ("onsets", "durations")})
        except (
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
        ) as error:
            why = " ".join(str(error).split()) or "it is incomplete"
            raise ValueError(f"{path} is no file of what was learned: {why}") from None
