"""Writing a corpus folder: shards, indices, manifest and `corpus.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import Beats
from antiphon.music.chord_track import TRACK_QUALITIES
from antiphon.music.records import joined
from antiphon.train.corpus import BESIDE, CORPUS_FORMAT, INDEX, SPLITS
from antiphon.train.facts import FACTS, told
from antiphon.train.sides import Row
from antiphon.train.transposition import transposed, transposed_chords, transposed_facts

__all__ = ["SHARD_EVENTS", "Stored", "split_hash", "write_corpus"]

SHARD_EVENTS = 1 << 24
"""Events a shard, about 100 MB: what a filesystem or a network still moves at a time without complaint."""


@dataclass(frozen=True)
class Stored:
    """The music of a piece: `events` of dtype `STORED`, its `facts` (dtype `FACTS`, shape ()), the events with which
    its `phrases` begin, its `chords` (dtype `CHORD`), and its `beats` (dtype `BEAT`)."""

    events: npt.NDArray[np.void]
    facts: npt.NDArray[np.void]
    phrases: npt.NDArray[np.uint32]
    chords: npt.NDArray[np.void]
    beats: Beats

    def in_keys(self, shifts: Sequence[int]) -> Iterator[Stored]:
        """The piece transposed by each of `shifts`, in semitones."""
        for up in shifts:
            yield Stored(
                transposed(self.events, up),
                transposed_facts(self.facts, up),
                self.phrases,
                transposed_chords(self.chords, up),
                self.beats,
            )


@dataclass
class _SplitWriter:
    """One side as it is written: pieces gather in memory until they fill a shard."""

    folder: Path
    name: str
    waiting: list[npt.NDArray[np.void]] = field(default_factory=list)
    filled: int = 0
    shard: int = 0
    rows: list[tuple[int, int, int, int, float]] = field(default_factory=list)
    facts: list[npt.NDArray[np.void]] = field(default_factory=list)
    beside: dict[str, list[npt.NDArray[Any]]] = field(default_factory=lambda: {name: [] for name in BESIDE})

    def add(self, piece: Stored, set_: int, seconds: float) -> None:
        events = piece.events
        if self.waiting and self.filled + len(events) > SHARD_EVENTS:
            self.flush()
        self.rows.append((self.shard, self.filled, len(events), set_, seconds))
        self.waiting.append(events)
        self.filled += len(events)
        self.facts.append(piece.facts)
        for name, values in self.beside.items():
            values.append(getattr(piece, name))

    def flush(self) -> None:
        if self.waiting:
            np.save(self.folder / f"{self.name}-{self.shard:03d}.npy", joined(self.waiting))
            self.shard, self.filled, self.waiting = self.shard + 1, 0, []
        for name, values in self.beside.items():
            with self._raw(name).open("ab") as raw:
                raw.writelines(one.tobytes() for one in values)
            values.clear()

    def close(self) -> None:
        self.flush()
        np.save(self.folder / f"{self.name}-index.npy", np.array(self.rows, INDEX))
        np.save(self.folder / f"{self.name}-facts.npy", np.array(self.facts, FACTS))
        for name, dtype in BESIDE.items():
            self._close_beside(name, dtype)

    def _raw(self, name: str) -> Path:
        return self.folder / f"{self.name}-{name}.raw"

    def _close_beside(self, name: str, dtype: np.dtype[Any]) -> None:
        """What was written shard by shard, as an array file."""
        raw = self._raw(name)
        np.save(self.folder / f"{self.name}-{name}.npy", np.fromfile(raw, dtype))
        raw.unlink()


def write_corpus(
    folder: Path,
    rows: Sequence[Row],
    excluded: Sequence[Row],
    pieces: Iterable[tuple[Row, Stored]],
    sources: Sequence[str],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Write `pieces`, each by all its row's shifts, and the manifest of all rows to `folder`, which is made.

    Returns what `corpus.json` then holds. Raises OSError when it cannot be written.
    """
    folder.mkdir(parents=True)
    sets = sorted({row.set for row in rows if row.status == "ok"})
    number = {name: i for i, name in enumerate(sets)}
    writers = {side: _SplitWriter(folder, side) for side in SPLITS}
    for row, piece in pieces:
        for moved in piece.in_keys(row.shifts):
            writers[row.split].add(moved, number[row.set], row.seconds)
    for writer in writers.values():
        writer.close()
    with (folder / "manifest.jsonl").open("w", encoding="utf-8") as manifest:
        for row in sorted([*rows, *excluded], key=lambda row: row.path):
            manifest.write(json.dumps(_line(row), ensure_ascii=False) + "\n")
    info = {
        "format": CORPUS_FORMAT,
        "sources": list(sources),
        "settings": settings,
        "sets": sets,
        "splits": {side: _counts([row for row in rows if row.split == side], sets) for side in SPLITS},
        "split_hash": split_hash(rows),
        "chord_qualities": list(TRACK_QUALITIES),
    }
    (folder / "corpus.json").write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return info


def split_hash(rows: Iterable[Row]) -> str:
    """SHA-256 over the sorted (content, side) of all rows that are used, and their keys where they are transposed."""
    lines = sorted(f"{row.sha1} {row.split}{_keys(row)}\n" for row in rows if row.status == "ok")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _keys(row: Row) -> str:
    return "" if list(row.shifts) == [0] else f" {list(row.shifts)}"


def _line(row: Row) -> dict[str, Any]:
    used = {"transposed": list(row.shifts)} if row.status == "ok" and _keys(row) else {}
    return {
        "path": row.path,
        "status": row.status,
        "reason": row.reason,
        "repairs": list(row.repairs),
        "notes": row.notes,
        "seconds": round(row.seconds, 3),
        "sha1": row.sha1,
        "set": row.set,
        "split": row.split,
        "piece": row.piece,
        **used,
        **({"facts": told(row.facts)} if row.notes else {}),
    }


def _counts(rows: Sequence[Row], sets: Sequence[str]) -> dict[str, Any]:
    def total(chosen: Sequence[Row]) -> dict[str, Any]:
        times = [len(row.shifts) for row in chosen]
        notes = sum(row.notes * n for row, n in zip(chosen, times, strict=True))
        seconds = round(sum(row.seconds * n for row, n in zip(chosen, times, strict=True)), 1)
        return {"pieces": sum(times), "events": 2 * notes, "seconds": seconds}

    of_set = {name: total([row for row in rows if row.set == name]) for name in sets}
    return {**total(rows), "of_set": {name: counts for name, counts in of_set.items() if counts["pieces"]}}
