"""Fingerprints of pieces that survive transposition and change of tempo, and clusters of pieces that share them.

A piece's top line and bass are cut into runs of steps: an interval in semitones and whether the note is about as long
as the one before, or half, or twice. The runs are hashed, and the smallest hashes make a sketch from which the share of
runs that two pieces have in common can be estimated (A. Broder, "On the resemblance and containment of documents",
Compression and Complexity of Sequences 1997). Pieces for drums alone are compared by what is struck instead of by
interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from antiphon.music.event import ANONYMOUS, ANONYMOUS_DRUMS, DRUM_KITS, Events

__all__ = ["FEWEST_RUNS", "SKETCH_SIZE", "components", "resembling_pairs", "sketch"]

Hashes = npt.NDArray[np.uint64]

RUN = 6
"""Steps in a run: seven notes."""

DRUM_RUN = 12
"""A drummer says less with each stroke, and says it more often."""

SKETCH_SIZE = 256

FEWEST_RUNS = 24
"""Sketches with less in them say too little to call two pieces alike."""

CHORD_SECONDS = 0.03
"""Onsets closer than this are one chord: hands are not exact."""

COMMONPLACE = 64
"""A run found in more pieces than this (a scale, a repeated note) brings no pieces together by itself."""

LONGEST_RATIO = 2
"""Durations' ratios are taken in octaves (halves and doubles), and no further than this."""


def sketch(events: Events) -> Hashes:
    """The smallest hashes of a piece's runs, sorted, uint64 of shape (up to `SKETCH_SIZE`,).

    Takes a piece's events, dtype `EVENT`. Two keys or two tempos of one piece make one sketch.
    """
    onsets = events[events["velocity"] > 0]
    instrument = onsets["instrument"]
    drums = ((instrument >= DRUM_KITS) & (instrument < ANONYMOUS)) | (instrument >= ANONYMOUS_DRUMS)
    melodic = onsets[~drums]
    if len(melodic) > RUN:
        at, starts = _chords(melodic["at"])
        pitch = melodic["pitch"].astype(np.int64)
        length, lines = RUN, [np.diff(edge.reduceat(pitch, starts)) for edge in (np.maximum, np.minimum)]
    elif len(onsets) > RUN:
        at, starts = _chords(onsets["at"])
        struck = _mixed(onsets["pitch"].astype(np.uint64))
        # The order in which a chord's drums are struck is chance, so they are summed.
        length, lines = DRUM_RUN, [(np.add.reduceat(struck, starts)[1:] >> np.uint64(40)).astype(np.int64)]
    else:
        return np.empty(0, np.uint64)
    runs = [_runs(line, at, voice, length) for voice, line in enumerate(lines)]
    return np.unique(np.concatenate(runs))[:SKETCH_SIZE]


def _chords(at: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    starts = np.flatnonzero(np.append(True, np.diff(at) > CHORD_SECONDS))
    return at[starts], starts


def _runs(steps: npt.NDArray[np.int64], at: npt.NDArray[np.float64], voice: int, length: int) -> Hashes:
    """Hashes of all runs of `length` steps: `steps` (n,) lead to the chords at `at` (n + 1,) from those before."""
    if len(steps) <= length:
        return np.empty(0, np.uint64)
    waits = np.diff(at)
    ratio = np.clip(np.rint(np.log2(waits[1:] / waits[:-1])), -LONGEST_RATIO, LONGEST_RATIO).astype(np.int64)
    symbol = ((steps[1:] + (1 << 30)) * (2 * LONGEST_RATIO + 1) + ratio + LONGEST_RATIO).astype(np.uint64)
    symbol = _mixed(symbol)
    window = np.lib.stride_tricks.sliding_window_view(symbol, length)
    hashed = np.full(len(window), voice + 1, np.uint64)
    for column in range(length):
        hashed = hashed * np.uint64(0x100000001B3) + window[:, column]
    return _mixed(hashed)


def _mixed(values: Hashes) -> Hashes:
    """Spread integers over all 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def resembling_pairs(sketches: Sequence[Hashes], least: float) -> list[tuple[int, int, float]]:
    """Pairs (i, j, resemblance), i < j, of sketches with a resemblance (Jaccard, 0..1) of at least `least`."""
    eligible = [i for i, one in enumerate(sketches) if len(one) >= FEWEST_RUNS]
    if len(eligible) < 2:
        return []
    hashes = np.concatenate([sketches[i] for i in eligible])
    owner = np.repeat(np.array(eligible, np.int64), [len(sketches[i]) for i in eligible])
    order = np.lexsort((owner, hashes))
    hashes, owner = hashes[order], owner[order]
    starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
    sizes = np.diff(np.append(starts, len(hashes)))
    telling = np.repeat((sizes > 1) & (sizes <= COMMONPLACE), sizes)
    hashes, owner = hashes[telling], owner[telling]
    found: dict[int, int] = {}
    for distance in range(1, COMMONPLACE):
        together = np.flatnonzero(hashes[distance:] == hashes[:-distance])
        if not len(together):
            break
        pair = owner[together] * len(sketches) + owner[together + distance]
        for code, count in zip(*(a.tolist() for a in np.unique(pair, return_counts=True)), strict=True):
            found[code] = found.get(code, 0) + count
    pairs = []
    for code, shared in sorted(found.items()):
        i, j = divmod(code, len(sketches))
        if shared >= 0.25 * least * min(len(sketches[i]), len(sketches[j])):
            alike = _resemblance(sketches[i], sketches[j])
            if alike >= least:
                pairs.append((i, j, alike))
    return pairs


def _resemblance(one: Hashes, other: Hashes) -> float:
    """Broder's estimate: of the smallest hashes of both together, the share that is in each."""
    union = np.union1d(one, other)[: min(SKETCH_SIZE, max(len(one), len(other)))]
    common = np.isin(union, one, assume_unique=True) & np.isin(union, other, assume_unique=True)
    return float(common.mean())


def components(n: int, pairs: Iterable[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """For 0..n-1, joined by `pairs`, the least member of each one's component, shape (n,)."""
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        a, b = root(i), root(j)
        parent[max(a, b)] = min(a, b)
    return np.array([root(i) for i in range(n)], np.int64)
