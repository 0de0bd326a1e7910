"""What a corpus holds, in figures: its files and what became of them, and what the pieces in it are like."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import nlargest
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import ON_GRID
from antiphon.music.chord_track import TRACK_QUALITIES
from antiphon.music.event import INSTRUMENTS
from antiphon.music.key import MODES, PITCH_CLASSES
from antiphon.music.notes import drums
from antiphon.music.programs import instrument_name
from antiphon.train.corpus import SPLITS, Corpus, CorpusError, Split

__all__ = ["HISTOGRAMS", "survey"]

HISTOGRAMS: Mapping[str, npt.NDArray[np.floating]] = {
    "tempo": np.arange(20.0, 301.0, 10.0),
    "seconds": 2.0 ** np.arange(1, 14),
    "density": 2.0 ** np.arange(-2, 8),
    "polyphony": np.arange(0.0, 21.0),
    "low": np.arange(0.0, 133.0, 4.0),
    "high": np.arange(0.0, 133.0, 4.0),
    "phrase_events": 2.0 ** np.arange(0, 12),
}
"""What is counted, and the edges of the bins. What lies outside counts in the first or the last."""

LONGEST = 10
EVENTS = 100_000_000
"""Events of a split up to which its pitches and velocities are counted; of a larger one some pieces stand for all."""

Figures = dict[str, Any]


def survey(corpus: Corpus) -> Figures:
    """The figures of a corpus, as plain numbers, lists and mappings.

    `files` by status and by `reasons`, `sets` by split, the `longest` pieces, and for each split with pieces what its
    facts tell; None for a corpus that an older version made without them. Raises CorpusError for a damaged corpus.
    """
    files: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    rows = []
    for row in _manifest(corpus):
        files[row["status"]] += 1
        if row["status"] != "ok":
            reasons[_reason(row)] += 1
        else:
            rows.append((row["seconds"], row["notes"], row["path"], row["split"]))
    return {
        "sources": corpus.info["sources"],
        "key": corpus.info["settings"].get("key", "as-is"),
        "files": dict(files.most_common()),
        "reasons": dict(reasons.most_common()),
        "sets": {name: _of_set(corpus, name) for name in corpus.sets},
        "splits": {side: {k: v for k, v in corpus.info["splits"][side].items() if k != "of_set"} for side in SPLITS},
        "longest": [
            {"path": path, "seconds": seconds, "notes": notes, "split": split}
            for seconds, notes, path, split in nlargest(LONGEST, rows)
        ],
        "music": _music(corpus),
    }


def _manifest(corpus: Corpus) -> Iterator[Mapping[str, Any]]:
    path = corpus.folder / "manifest.jsonl"
    try:
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{corpus.folder}: manifest.jsonl cannot be read: {error}") from error


def _reason(row: Mapping[str, Any]) -> str:
    """A reason without what is different for each file."""
    status, reason = str(row["status"]), str(row["reason"])
    if status == "duplicate":
        return "another version is in valid" if reason.startswith("another") else "duplicate"
    if status in ("too-short", "filtered"):
        return reason.partition(":")[0] if status == "filtered" else status
    return f"{status}: {reason}"


def _of_set(corpus: Corpus, name: str) -> Mapping[str, Any]:
    return {side: corpus.info["splits"][side]["of_set"].get(name) for side in SPLITS}


def _music(corpus: Corpus) -> Figures | None:
    try:
        return {side: _of_split(split) for side in SPLITS if len(split := corpus.split(side)) and len(split.facts)}
    except CorpusError:
        if not (corpus.folder / f"{SPLITS[0]}-facts.npy").exists():
            return None
        raise


def _of_split(split: Split) -> Figures:
    facts = split.facts
    pitches, drum_pitches, velocities, counted = _counted_events(split)
    meters = Counter(
        f"{n}/{d}" if n else "" for n, d in zip(facts["numerator"].tolist(), facts["denominator"].tolist(), strict=True)
    )
    phrase_events = split.index["length"] / np.maximum(facts["phrases"], 1)
    values = {"phrase_events": phrase_events, **{name: facts[name] for name in HISTOGRAMS if name != "phrase_events"}}
    melodic = facts["low"] <= facts["high"]
    values["low"], values["high"] = facts["low"][melodic], facts["high"][melodic]
    return {
        "pieces": len(facts),
        "keys": _keys(facts),
        "no_key": int((facts["tonic"] < 0).sum()),
        "key_confidence": _mean(facts["clear"][facts["tonic"] >= 0]),
        "meters": {name: count for name, count in meters.most_common() if name},
        "no_meter": meters[""],
        "score_like": float((facts["grid"] >= ON_GRID).mean()),
        "velocity_flat": float((facts["dynamics"] < 1).mean()),
        "with_drums": float((facts["drums"] > 0).mean()),
        "empty": _mean(facts["empty"]),
        "phrases": int(facts["phrases"].sum()),
        "chords": _chords(split),
        "instruments": _instruments(facts),
        "histograms": {name: _histogram(values[name], edges) for name, edges in HISTOGRAMS.items()},
        "events_counted": counted,
        "pitches": pitches.tolist(),
        "drum_pitches": drum_pitches.tolist(),
        "velocities": velocities.tolist(),
    }


def _mean(values: npt.NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _keys(facts: npt.NDArray[np.void]) -> Mapping[str, Mapping[str, int]]:
    """Pieces by mode and tonic."""
    code = facts["mode"].astype(np.int64) * 12 + facts["tonic"]
    count = np.bincount(code[facts["tonic"] >= 0], minlength=12 * len(MODES)).reshape(-1, 12)
    return {
        mode: dict(zip(PITCH_CLASSES, row.tolist(), strict=True))
        for mode, row in zip(MODES, count, strict=True)
        if row.any()
    }


def _instruments(facts: npt.NDArray[np.void]) -> Mapping[str, int]:
    """In how many pieces each instrument plays, by name, the commonest first."""
    plays = np.zeros(INSTRUMENTS, np.int64)
    for begin in range(0, len(facts), 4096):
        plays += np.unpackbits(facts["instruments"][begin : begin + 4096], axis=1).sum(0, dtype=np.int64)
    order = np.argsort(-plays, kind="stable")
    return {instrument_name(int(i)): int(plays[i]) for i in order if plays[i]}


def _chords(split: Split) -> Mapping[str, Any]:
    """How many chords there are, and of which quality."""
    chords = split.all_of("chords")
    count = np.bincount(chords["quality"], minlength=len(TRACK_QUALITIES))[: len(TRACK_QUALITIES)]
    names = [name or "major" for name in TRACK_QUALITIES]
    return {"count": len(chords), "qualities": dict(zip(names, count.tolist(), strict=True))}


def _histogram(values: npt.NDArray[np.floating], edges: npt.NDArray[np.floating]) -> Mapping[str, Any]:
    known = values[np.isfinite(values)]
    counts, _ = np.histogram(np.clip(known, edges[0], np.nextafter(edges[-1], 0)), edges)
    median = float(np.median(known)) if len(known) else math.nan
    return {"edges": edges.tolist(), "counts": counts.tolist(), "median": median, "unknown": len(values) - len(known)}


def _counted_events(split: Split) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Onsets by pitch, by drum and by velocity, (128,) each, and of how many that was counted (it is then scaled)."""
    every = max(1, math.ceil(split.n_events / EVENTS))
    pitches, struck, velocities = np.zeros((3, 128), np.int64)
    for i in range(0, len(split), every):
        piece = split.piece(i)
        onsets = piece[piece["velocity"] > 0]
        is_drum = drums(onsets["instrument"])
        struck += np.bincount(onsets["pitch"][is_drum], minlength=128)
        pitches += np.bincount(onsets["pitch"][~is_drum], minlength=128)
        velocities += np.bincount(onsets["velocity"], minlength=128)
    return pitches * every, struck * every, velocities * every, int(velocities.sum())
