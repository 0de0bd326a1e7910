"""Writing a corpus folder: shards, indices, manifest and `corpus.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.train.corpus import CORPUS_FORMAT, INDEX, SPLITS, STORED
from antiphon.train.sides import Row

__all__ = ["SHARD_EVENTS", "split_hash", "write_corpus"]

SHARD_EVENTS = 1 << 24
"""Events a shard, about 100 MB: what a filesystem or a network still moves at a time without complaint."""


@dataclass
class _SplitWriter:
    """One side as it is written: pieces gather in memory until they fill a shard."""

    folder: Path
    name: str
    waiting: list[npt.NDArray[np.void]] = field(default_factory=list)
    filled: int = 0
    shard: int = 0
    rows: list[tuple[int, int, int, int, float]] = field(default_factory=list)

    def add(self, events: npt.NDArray[np.void], set_: int, seconds: float) -> None:
        if self.waiting and self.filled + len(events) > SHARD_EVENTS:
            self.flush()
        self.rows.append((self.shard, self.filled, len(events), set_, seconds))
        self.waiting.append(events)
        self.filled += len(events)

    def flush(self) -> None:
        if self.waiting:
            np.save(self.folder / f"{self.name}-{self.shard:03d}.npy", np.concatenate(self.waiting).astype(STORED))
            self.shard, self.filled, self.waiting = self.shard + 1, 0, []

    def close(self) -> None:
        self.flush()
        np.save(self.folder / f"{self.name}-index.npy", np.array(self.rows, INDEX))


def write_corpus(
    folder: Path,
    rows: Sequence[Row],
    excluded: Sequence[Row],
    pieces: Iterable[tuple[Row, npt.NDArray[np.void]]],
    sources: Sequence[str],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Write `pieces` (rows with events of dtype `STORED`) and the manifest of all rows to `folder`, which is made.

    Returns what `corpus.json` then holds. Raises OSError when it cannot be written.
    """
    folder.mkdir(parents=True)
    sets = sorted({row.set for row in rows if row.status == "ok"})
    number = {name: i for i, name in enumerate(sets)}
    writers = {side: _SplitWriter(folder, side) for side in SPLITS}
    for row, events in pieces:
        writers[row.split].add(events, number[row.set], row.seconds)
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
    }
    (folder / "corpus.json").write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return info


def split_hash(rows: Iterable[Row]) -> str:
    """SHA-256 over the sorted (content, side) of all rows that are used."""
    lines = sorted(f"{row.sha1} {row.split}\n" for row in rows if row.status == "ok")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _line(row: Row) -> dict[str, Any]:
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
    }


def _counts(rows: Sequence[Row], sets: Sequence[str]) -> dict[str, Any]:
    def total(chosen: Sequence[Row]) -> dict[str, Any]:
        notes = sum(row.notes for row in chosen)
        seconds = round(sum(row.seconds for row in chosen), 1)
        return {"pieces": len(chosen), "events": 2 * notes, "seconds": seconds}

    of_set = {name: total([row for row in rows if row.set == name]) for name in sets}
    return {**total(rows), "of_set": {name: counts for name, counts in of_set.items() if counts["pieces"]}}
