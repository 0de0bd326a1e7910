"""A corpus: prepared music on disk, opened without reading it into memory.

A folder holds `corpus.json` (what it is made of), `manifest.jsonl` (one line for each source file and what became of
it), and for each split an index, one row a piece, and shards of events, the pieces one after the other. Beside them lie
the facts of the pieces, one row each, and the phrases, the chords and the beats of all pieces, one after the other: how
many each piece has, its facts say. All arrays are plain `.npy` files. `prep` makes such folders.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import BEAT, NO_BEATS, Beats, beats_moved
from antiphon.music.chord_track import CHORD
from antiphon.music.event import EVENT, Events
from antiphon.train.facts import FACTS

__all__ = [
    "BESIDE",
    "CORPUS_FORMAT",
    "INDEX",
    "SPLITS",
    "STORED",
    "Corpus",
    "CorpusError",
    "Split",
    "Window",
    "unpacked",
]

CORPUS_FORMAT = 1

SPLITS = ("train", "valid")

STORED = np.dtype([("delta", "<u2"), ("instrument", "<u2"), ("pitch", "u1"), ("velocity", "u1")])
"""One event: milliseconds since the piece's previous event (65535 for that and all longer silences), instrument, pitch,
velocity (0 = release). The deltas are differences of rounded times, so that rounding does not add up."""

INDEX = np.dtype([("shard", "<i4"), ("start", "<i8"), ("length", "<i8"), ("set", "<i4"), ("seconds", "<f4")])
"""One piece: its shard, where its events begin in it and how many there are, its set, and its length."""


BESIDE: dict[str, np.dtype[Any]] = {"phrases": np.dtype("<u4"), "chords": CHORD, "beats": BEAT}
"""What is stored of each piece beside its events: the events with which phrases begin, the chords, and where beats fall
in it, in seconds from its first event."""


class CorpusError(ValueError):
    """A folder that is no usable corpus, or sources that make none; the message is one line."""


@dataclass(frozen=True)
class Window:
    """Some events of a piece, from 0 seconds on, and where beats fall among them, as far as that is known."""

    events: Events
    beats: Beats = field(default_factory=lambda: NO_BEATS)


@dataclass(frozen=True)
class Split:
    """One side of a corpus, of dtype `INDEX` and shape (pieces,) in `index`; `sets` names the sets by number."""

    name: str
    index: npt.NDArray[np.void]
    sets: tuple[str, ...]
    folder: Path
    _shards: dict[int, npt.NDArray[np.void]] = field(default_factory=dict, repr=False, compare=False)
    _beside: dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.int64]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __len__(self) -> int:
        """The number of pieces."""
        return len(self.index)

    def __getstate__(self) -> dict[str, Any]:
        # A mapped array would travel to another process as a copy of the whole shard: it opens its own instead.
        return {**self.__dict__, "_shards": {}, "_beside": {}}

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

    def window(self, i: int, start: int, length: int, *, beats: bool) -> Window:
        """At most `length` events of piece `i` from the one numbered `start` on, with where `beats` fall if asked for.

        Raises CorpusError as `piece`, and for beats as `facts`.
        """
        piece = self.piece(i)
        events = unpacked(piece[start : start + length])
        if not beats:
            return Window(events)
        began = int(piece["delta"][1 : start + 1].sum(dtype=np.int64)) * 1e-3
        return Window(events, beats_moved(self.beats(i), -began))

    @property
    def facts(self) -> npt.NDArray[np.void]:
        """What the pieces are like, dtype `FACTS`, shape (pieces,): a read-only view of the file on disk.

        Raises CorpusError for a corpus that was made before facts were kept.
        """
        return self._side("facts", FACTS)

    def phrases(self, i: int) -> npt.NDArray[np.uint32]:
        """The events of piece `i` with which its phrases begin, shape (phrases,). Raises CorpusError as `facts`."""
        return self._of_piece("phrases", i)

    def chords(self, i: int) -> npt.NDArray[np.void]:
        """The chords of piece `i`, dtype `CHORD`, shape (chords,), in order. Raises CorpusError as `facts`."""
        return self._of_piece("chords", i)

    @property
    def has_beats(self) -> bool:
        """Whether the corpus knows where beats fall; one that an older version made does not."""
        return (self.folder / f"{self.name}-beats.npy").exists()

    def beats(self, i: int) -> Beats:
        """Where beats fall in piece `i`, in seconds from its first event; none where it was played freely.

        Raises CorpusError as `facts`.
        """
        return self._of_piece("beats", i)

    def all_of(self, name: str) -> npt.NDArray[Any]:
        """What is kept `BESIDE` the events under this name, of all pieces. Raises CorpusError as `facts`."""
        return self._side(name, BESIDE[name])

    def _of_piece(self, name: str, i: int) -> npt.NDArray[Any]:
        if name not in self._beside:
            ends = np.cumsum(self.facts[name], dtype=np.int64)
            self._beside[name] = self._side(name, BESIDE[name]), ends
        values, ends = self._beside[name]
        if len(ends) and ends[-1] != len(values):
            raise CorpusError(f"{self.folder}: {self.name}-{name}.npy is not as long as the facts say")
        return values[ends[i] - int(self.facts[name][i]) : ends[i]]

    def _side(self, name: str, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        path = self.folder / f"{self.name}-{name}.npy"
        if not path.exists():
            raise CorpusError(f"{self.folder}: holds no {name}: it was made by an older version; prepare it again")
        return _load(path, dtype)

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


def _load(path: Path, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path.parent}: {path.name} cannot be read: {error}") from error
    if array.dtype != dtype or array.ndim != 1:
        raise CorpusError(f"{path.parent}: {path.name} holds something else than this corpus format: prepare it again")
    return np.asarray(array) if not isinstance(array, np.ndarray) else array
