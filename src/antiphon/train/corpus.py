"""A corpus: prepared music on disk, opened without reading it into memory.

A folder holds `corpus.json` (what it is made of), `manifest.jsonl` (one line for each source file and what became of
it), and for each split an index, one row a piece, and shards of events, the pieces one after the other. All arrays are
plain `.npy` files. `prep` makes such folders.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.event import EVENT, Events

__all__ = ["CORPUS_FORMAT", "INDEX", "SPLITS", "STORED", "Corpus", "CorpusError", "Split", "unpacked"]

CORPUS_FORMAT = 1

SPLITS = ("train", "valid")

STORED = np.dtype([("delta", "<u2"), ("instrument", "<u2"), ("pitch", "u1"), ("velocity", "u1")])
"""One event: milliseconds since the piece's previous event (65535 for that and all longer silences), instrument, pitch,
velocity (0 = release). The deltas are differences of rounded times, so that rounding does not add up."""

INDEX = np.dtype([("shard", "<i4"), ("start", "<i8"), ("length", "<i8"), ("set", "<i4"), ("seconds", "<f4")])
"""One piece: its shard, where its events begin in it and how many there are, its set, and its length."""


class CorpusError(ValueError):
    """A folder that is no usable corpus, or sources that make none; the message is one line."""


@dataclass(frozen=True)
class Split:
    """One side of a corpus, of dtype `INDEX` and shape (pieces,) in `index`; `sets` names the sets by number."""

    name: str
    index: npt.NDArray[np.void]
    sets: tuple[str, ...]
    folder: Path
    _shards: dict[int, npt.NDArray[np.void]] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        """The number of pieces."""
        return len(self.index)

    def __getstate__(self) -> dict[str, Any]:
        # A mapped array would travel to another process as a copy of the whole shard: it opens its own instead.
        return {**self.__dict__, "_shards": {}}

    @property
    def n_events(self) -> int:
        return int(self.index["length"].sum())

    def piece(self, i: int) -> npt.NDArray[np.void]:
        """The events of piece `i`, dtype `STORED`, shape (length,): a read-only view of the file on disk.

        Raises CorpusError where the shard is missing or cut short.
        """
        row = self.index[i]
        start, length = int(row["start"]), int(row["length"])
        events = self._shard(int(row["shard"]))[start : start + length]
        if len(events) != length:
            raise CorpusError(f"{self.folder}: {self.name}-{int(row['shard']):03d}.npy is shorter than its index says")
        return events

    def _shard(self, number: int) -> npt.NDArray[np.void]:
        if number not in self._shards:
            self._shards[number] = _load(self.folder / f"{self.name}-{number:03d}.npy", STORED)
        return self._shards[number]


@dataclass(frozen=True)
class Corpus:
    """A corpus folder. `info` is its `corpus.json`."""

    folder: Path
    info: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Corpus:
        """Open the corpus in folder `path`. Raises CorpusError when it is none, or of another format."""
        folder = Path(path)
        try:
            info = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise CorpusError(f"{folder}: no corpus here: corpus.json cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise CorpusError(f"{folder}: corpus.json is damaged: {error}") from error
        if not isinstance(info, dict) or info.get("format") != CORPUS_FORMAT:
            raise CorpusError(f"{folder}: corpus.json is not of format {CORPUS_FORMAT}: prepare the corpus again")
        return cls(folder, info)

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of the sets, in the order of their numbers in the index."""
        return tuple(self.info["sets"])

    @property
    def split_hash(self) -> str:
        """SHA-256 over every piece's content and side: equal for equal splits of equal music."""
        return str(self.info["split_hash"])

    def split(self, name: str) -> Split:
        """The side `name`, "train" or "valid". Raises CorpusError when there is none."""
        if name not in SPLITS:
            raise CorpusError(f"{self.folder}: no split {name!r}: there are {', '.join(SPLITS)}")
        index = _load(self.folder / f"{name}-index.npy", INDEX)
        return Split(name, np.array(index), self.sets, self.folder)


def unpacked(piece: npt.NDArray[np.void]) -> Events:
    """A stored window as events from 0 seconds."""
    events = np.empty(len(piece), EVENT)
    delta = piece["delta"].astype(np.int64)
    if len(delta):
        delta[0] = 0
    events["at"] = np.cumsum(delta) * 1e-3
    for name in ("instrument", "pitch", "velocity"):
        events[name] = piece[name]
    return events


def _load(path: Path, dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path.parent}: {path.name} cannot be read: {error}") from error
    if array.dtype != dtype or array.ndim != 1:
        raise CorpusError(f"{path.parent}: {path.name} holds something else than this corpus format")
    return np.asarray(array) if not isinstance(array, np.ndarray) else array
