"""Fingerprints of pieces that survive transposition and change of tempo, and clusters of pieces that share them.

A piece's top line and bass are cut into runs of steps: an interval in semitones and whether the note is about as long
as the one before, or half, or twice. The runs are hashed, and the smallest hashes make a sketch from which the share of
runs that two pieces have in common can be estimated (A. Broder, "On the resemblance and containment of documents",
Compression and Complexity of Sequences 1997). Pieces for drums alone are compared by what is struck instead of by
interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from antiphon.music.event import DRUM_KITS, Events
from antiphon.music.notes import drums
from antiphon.music.records import starts_of

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
    struck = (events["velocity"] > 0).nonzero()[0]
    instrument, at, pitch = events["instrument"][struck], events["at"][struck], events["pitch"][struck]
    if len(struck) and instrument.max() >= DRUM_KITS:
        melodic = (~drums(instrument)).nonzero()[0]
    else:
        melodic = np.arange(len(struck))
    if len(melodic) > RUN:
        if len(melodic) < len(struck):
            at, pitch = at[melodic], pitch[melodic]
        at, starts = _chords(at)
        edges = np.array([np.maximum.reduceat(pitch, starts), np.minimum.reduceat(pitch, starts)], np.int64)
        return _smallest(_runs(edges[:, 1:] - edges[:, :-1], at, RUN), SKETCH_SIZE)
    if len(struck) > RUN:
        at, starts = _chords(at)
        # The order in which a chord's drums are struck is chance, so they are summed.
        sums = np.add.reduceat(_mixed(pitch.astype(np.uint64)), starts)[1:] >> np.uint64(40)
        return _smallest(_runs(sums.astype(np.int64)[None], at, DRUM_RUN), SKETCH_SIZE)
    return np.empty(0, np.uint64)


def _smallest(hashes: Hashes, n: int) -> Hashes:
    """The `n` smallest different hashes, or all of them, sorted."""
    few = 2 * n  # enough where less than half of them are repeated; to sort all takes longer
    if len(hashes) > 2 * few:
        found = _different(np.sort(np.partition(hashes, few)[:few]))
        if len(found) >= n:
            return found[:n]
    return _different(np.sort(hashes))[:n]


def _different(ordered: Hashes) -> Hashes:
    """`ordered`, each once. (`np.unique` of NumPy 2.4 puts them into a table first, which takes ten times as long.)"""
    return ordered[starts_of(ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _chords(at: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    starts = starts_of(at[1:] - at[:-1] > CHORD_SECONDS)
    return at[starts], starts


def _runs(steps: npt.NDArray[np.int64], at: npt.NDArray[np.float64], length: int) -> Hashes:
    """Hashes of all runs of `length` steps: `steps` (voices, n) lead to chords at `at` (n + 1,) from those before."""
    n = len(at) - 1 - length
    if n <= 0:
        return np.empty(0, np.uint64)
    waits = at[1:] - at[:-1]
    ratio = np.rint(np.log2(waits[1:] / waits[:-1]))
    ratio = np.minimum(np.maximum(ratio, -LONGEST_RATIO), LONGEST_RATIO).astype(np.int64) + LONGEST_RATIO
    symbol = ((steps[:, 1:] + (1 << 30)) * (2 * LONGEST_RATIO + 1) + ratio).astype(np.uint64)
    symbol = _mixed(symbol)
    hashed = np.arange(1, len(steps) + 1, dtype=np.uint64)[:, None]
    for step in range(length):
        hashed = hashed * np.uint64(0x100000001B3) + symbol[:, step : step + n]
    return _mixed(hashed.ravel())


def _mixed(values: Hashes) -> Hashes:
    """Spread integers over all 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def resembling_pairs(sketches: Sequence[Hashes], least: float) -> list[tuple[int, int, float]]:
    """Pairs (i, j, resemblance), i < j, of sketches with a resemblance (Jaccard, 0..1) of at least `least`.

    Beside the sketches it takes some twelve bytes a hash that is found more than once.
    """
    lengths = np.array([len(one) if len(one) >= FEWEST_RUNS else 0 for one in sketches], np.int64)
    bands = [_Shared.of(sketches, lengths, band) for band in _bands(lengths)]
    pairs = []
    for first, last in _blocks(lengths):
        codes, shared = np.unique(np.concatenate([band.pairs(first, last) for band in bands]), return_counts=True)
        i, j = codes >> 32, codes & 0xFFFFFFFF
        enough = shared >= 0.25 * least * np.minimum(lengths[i], lengths[j])
        for one, other in zip(i[enough].tolist(), j[enough].tolist(), strict=True):
            alike = _resemblance(sketches[one], sketches[other])
            if alike >= least:
                pairs.append((one, other, alike))
    return pairs


BAND_HASHES = 1 << 22
"""Hashes sorted at a time."""

BLOCK_HASHES = 1 << 18
"""Hashes whose pairs are counted at a time: each may bring up to `COMMONPLACE` of them."""

Band = tuple[int, int]
"""Hashes that leave the second number when divided by the first."""


def _bands(lengths: npt.NDArray[np.int64]) -> list[Band]:
    n = int(lengths.sum()) // BAND_HASHES + 1
    return [(n, rest) for rest in range(n)]


def _blocks(lengths: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs of pieces, each from a first to before a last one, that have about `BLOCK_HASHES` together."""
    block = np.cumsum(lengths) // BLOCK_HASHES
    starts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(lengths)]
    return pairwise(starts)


@dataclass(frozen=True)
class _Shared:
    """The hashes of a band that tell pieces alike: those found in a few of them.

    `hash` numbers them and `piece` says who has them, both (n,), sorted by the one and then by the other; `of_piece`
    are the places in these of one piece after the other, of which piece i's begin at `starts[i]`.
    """

    hash: npt.NDArray[np.int32]
    piece: npt.NDArray[np.int32]
    of_piece: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sketches: Sequence[Hashes], lengths: npt.NDArray[np.int64], band: Band) -> _Shared:
        hashes, piece = _in_band(sketches, lengths, band)
        order = np.lexsort((piece, hashes))
        hashes, piece = hashes[order], piece[order]
        is_first = np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]
        sizes = np.diff(np.append(np.flatnonzero(is_first), len(hashes)))
        telling = np.repeat((sizes > 1) & (sizes <= COMMONPLACE), sizes)
        number, piece = np.cumsum(is_first, dtype=np.int32)[telling], piece[telling]
        starts = np.concatenate([[0], np.cumsum(np.bincount(piece, minlength=len(lengths)))])
        return cls(number, piece, np.argsort(piece, kind="stable").astype(np.int32), starts)

    def pairs(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """For each hash that a piece from `first` to before `last` shares with a later one: both, in 32 bits each."""
        places = self.of_piece[self.starts[first] : self.starts[last]]
        found = [np.empty(0, np.int64)]
        for distance in range(1, COMMONPLACE):
            places = places[places < len(self.hash) - distance]
            places = places[self.hash[places] == self.hash[places + distance]]
            if not len(places):
                break
            found.append((self.piece[places].astype(np.int64) << 32) | self.piece[places + distance])
        return np.concatenate(found)


def _in_band(
    sketches: Sequence[Hashes], lengths: npt.NDArray[np.int64], band: Band
) -> tuple[Hashes, npt.NDArray[np.int32]]:
    """The hashes of a band, and whose they are; of the sketches with a length only, and of a few at a time."""
    n, rest = band
    found, owners = [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
    for first, last in _blocks(lengths):
        some = [i for i in range(first, last) if lengths[i]]
        if some:
            hashes = np.concatenate([sketches[i] for i in some])
            chosen = hashes % np.uint64(n) == rest
            found.append(hashes[chosen])
            owners.append(np.repeat(np.array(some, np.int32), lengths[some])[chosen])
    return np.concatenate(found), np.concatenate(owners)


def _resemblance(one: Hashes, other: Hashes) -> float:
    """Broder's estimate: of the smallest hashes of both together, the share that is in each."""
    together = np.sort(np.concatenate([one, other]))
    again = np.append(together[1:] == together[:-1], False)  # what both have stands twice
    is_first = np.append(True, ~again[:-1])
    return float(again[is_first][: min(SKETCH_SIZE, max(len(one), len(other)))].mean())


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
