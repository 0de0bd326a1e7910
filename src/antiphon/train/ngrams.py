"""Counting what follows what: n-grams of words by sorting, in bounded memory, and a Markov model fitted to them.

An n-gram is a number whose digits of nine bits are its words, the last in the lowest, so that a sort brings together
what is to be counted. Where more of them come than there is room for, the rarest are let go of (the idea of G. S. Manku
and R. Motwani, "Approximate frequency counts over data streams", VLDB 2002), which costs counts that hardly matter to a
model of some hundred kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.ngrams import DIGIT, LEAST_REST, MOST_REST
from antiphon.codec.token import PAD, VOCABULARY, Tokens

__all__ = ["ROOM", "Backoff", "Level", "backed", "chance", "count", "grams_of", "kept", "losses", "size_of"]

ROOM = 4_000_000
"""N-grams of one length that are kept while counting."""
_CHUNK = 2_000_000  # words sorted at once
_CONTEXT, _FOLLOWER = 16, 6  # bytes in the file

Grams = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """The n-grams of one order k: contexts of k words, and what followed them.

    `grams` (F,) ascending, of k + 1 words each, and their `counts`. `contexts` (C,) ascending, the place of each one's
    first n-gram in `starts` (C + 1,), and how often it gives way to the next shorter one, in `escapes` (C,).
    """

    grams: Grams
    counts: Counts
    contexts: Grams
    starts: Counts
    escapes: Counts

    @property
    def totals(self) -> Counts:
        """Counts and escapes of each context together, (C,)."""
        sums = np.append(0, np.cumsum(self.counts))
        return np.asarray(sums[self.starts[1:]] - sums[self.starts[:-1]] + self.escapes)


def grams_of(words: Tokens, order: int) -> Grams:
    """The n-gram that ends at each word of a piece (n,), of `order` + 1 words; before the first there is nothing."""
    padded = np.concatenate([np.full(order, PAD, np.uint64), words.astype(np.uint64)])
    n = len(words)
    grams = np.zeros(n, np.uint64)
    for back in range(order + 1):
        grams |= padded[order - back : order - back + n] << np.uint64(DIGIT * back)
    return grams


def count(pieces: Iterable[Tokens], order: int, *, room: int = ROOM) -> list[Level]:
    """The n-grams of `pieces`, of orders 0 to `order`; memory is bounded by `room`."""
    tables = [(np.zeros(0, np.uint64), np.zeros(0, np.int64)) for _ in range(order + 1)]
    let_go = [False] * (order + 1)
    waiting: list[Grams] = []

    def take_in() -> None:
        grams = np.concatenate(waiting) if waiting else np.zeros(0, np.uint64)
        waiting.clear()
        for k in range(order, -1, -1):
            grams = grams & _mask(k + 1)
            merged = _merged(tables[k], np.unique(grams, return_counts=True))
            tables[k] = _roomy(*merged, room)
            let_go[k] |= len(tables[k][0]) < len(merged[0])

    for words in pieces:
        waiting.append(grams_of(words, order))
        if sum(map(len, waiting)) >= _CHUNK:
            take_in()
    take_in()
    levels: list[Level] = []
    for (grams, counts), rare in zip(tables, let_go, strict=True):
        levels.append(_counted(grams, counts, levels[-1] if levels and rare else None))
    return levels


def _mask(words: int) -> np.uint64:
    return np.uint64((1 << DIGIT * words) - 1)


def _merged(a: tuple[Grams, Counts], b: tuple[Grams, Counts]) -> tuple[Grams, Counts]:
    """Two tables of n-grams as one; the sort knows that both are sorted."""
    grams, counts = np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
    order = np.argsort(grams, kind="stable")
    grams, counts = grams[order], counts[order]
    if not len(grams):
        return grams, counts
    first = np.flatnonzero(np.append(True, grams[1:] != grams[:-1]))
    return grams[first], np.add.reduceat(counts, first)


def _roomy(grams: Grams, counts: Counts, room: int) -> tuple[Grams, Counts]:
    """The table without its rarest, if it has more than `room`: then with three quarters of that at most."""
    if len(grams) <= room:
        return grams, counts
    least = int(np.partition(counts, len(counts) - room * 3 // 4)[len(counts) - room * 3 // 4])
    kept = counts > least if (counts >= least).sum() > room else counts >= least
    return grams[kept], counts[kept]


def _counted(grams: Grams, counts: Counts, shorter: Level | None) -> Level:
    """A level with Witten and Bell's escapes: as many as the context has different followers.

    Where n-grams were let go of while counting, how often a context came is known from the `shorter` ones.
    """
    contexts, starts, kinds = _contexts(grams)
    sums = np.append(0, np.cumsum(counts))
    own = sums[starts[1:]] - sums[starts[:-1]]
    came = own if shorter is None else np.maximum(own, _found(shorter.grams, shorter.counts, contexts))
    return Level(grams, counts, contexts, starts, came - own + kinds)


def _contexts(grams: Grams) -> tuple[Grams, Counts, Counts]:
    """The contexts of sorted n-grams, where each begins and the last ends, and how many followers each has."""
    contexts, first, kinds = np.unique(grams >> np.uint64(DIGIT), return_index=True, return_counts=True)
    return contexts, np.append(first, len(grams)).astype(np.int64), kinds.astype(np.int64)


def _found(keys: Grams, values: npt.NDArray[Any], wanted: Grams, missing: float = 0) -> npt.NDArray[Any]:
    """The value of each of `wanted` among sorted `keys`, `missing` for one that is not there."""
    if not len(keys):
        return np.full(len(wanted), missing, values.dtype)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], values.dtype.type(missing))


def chance(levels: list[Level], grams: Grams) -> Floats:
    """How likely the last word of each of `grams` is after the others, by all `levels`, shape (n,)."""
    p = np.full(len(grams), 1.0 / VOCABULARY)
    for k, level in enumerate(levels):
        if not len(level.contexts):
            continue
        own = grams & _mask(k + 1)
        total = _found(level.contexts, level.totals, own >> np.uint64(DIGIT))
        escape = _found(level.contexts, level.escapes, own >> np.uint64(DIGIT))
        known = total > 0
        came = _found(level.grams, level.counts, own)[known]
        p[known] = (came + escape[known] * p[known]) / total[known]
    return p


@dataclass(frozen=True)
class Backoff:
    """The n-grams of one order that a model keeps, and the probability `p` (F,) of each, with single precision.

    `contexts` and `starts` are as in `Level`. What did not follow a context (C,) in these has the probability that the
    shorter contexts give it, times the context's `rest` (C,).
    """

    grams: Grams
    p: npt.NDArray[np.float32]
    contexts: Grams
    starts: Counts
    rest: npt.NDArray[np.float32]


def losses(levels: list[Level]) -> list[Floats]:
    """Nats that the model would lose over all that was counted, did it not keep an n-gram, for each of each order.

    This is the relative entropy of A. Stolcke, "Entropy-based pruning of backoff language models", DARPA Broadcast News
    Transcription and Understanding Workshop 1998, each n-gram by itself. Those of order 0 cannot be done without.
    """
    lost = [np.full(len(level.grams), np.inf) for level in levels[:1]]
    for k, level in enumerate(levels[1:], 1):
        rows = np.repeat(np.arange(len(level.contexts)), np.diff(level.starts))
        shorter = chance(levels[:k], level.grams)
        own = (level.counts + level.escapes[rows] * shorter) / level.totals[rows]
        above, below = _left(own, level.starts), _left(shorter, level.starts)
        before = np.log(above / below)[rows]
        after = np.log((above[rows] + own) / (below[rows] + shorter))
        entropy = own * (np.log(own) - np.log(shorter) - after) + above[rows] * (before - after)
        lost.append(np.maximum(level.totals[rows] * entropy, 0.0))
    return lost


def _left(p: Floats, starts: Counts) -> Floats:
    """What the followers of each context leave of one, (C,)."""
    sums = np.append(0.0, np.cumsum(p))
    return np.asarray(np.maximum(1.0 - (sums[starts[1:]] - sums[starts[:-1]]), 1e-9))


def kept(levels: list[Level], lost: list[Floats], limit: int) -> list[Backoff]:
    """A model in `limit` bytes: the n-grams whose loss would be greatest, `losses` being `lost`."""
    values = np.sort(np.concatenate(lost))
    filled = [(level, value) for level, value in zip(levels, lost, strict=True) if len(value)]
    peaks = np.sort(np.concatenate([np.maximum.reduceat(value, level.starts[:-1]) for level, value in filled]))
    least = np.append(0.0, values[(values > 0) & np.isfinite(values)])
    sizes = _FOLLOWER * (len(values) - np.searchsorted(values, least, "right"))
    sizes = sizes + _CONTEXT * (len(peaks) - np.searchsorted(peaks, least, "right"))
    fits = np.flatnonzero(sizes <= limit)
    return _over(levels, lost, float(least[fits[0]] if len(fits) else least[-1]))


def _over(levels: list[Level], lost: list[Floats], least: float) -> list[Backoff]:
    """A model of the n-grams whose loss would be more than `least` nats."""
    model: list[Backoff] = []
    for k, (level, value) in enumerate(zip(levels, lost, strict=True)):
        grams = level.grams[value > least]
        contexts, starts, _ = _contexts(grams)
        p = chance(levels[: k + 1], grams).astype(np.float32)
        rest = _left(p.astype(np.float64), starts) / _left(backed(model, grams), starts)
        model.append(Backoff(grams, p, contexts, starts, np.clip(rest, LEAST_REST, MOST_REST).astype(np.float32)))
    return model


def backed(model: list[Backoff], grams: Grams) -> Floats:
    """How likely the last word of each of `grams` is after the others, by what a model keeps, shape (n,)."""
    p = np.full(len(grams), 1.0 / VOCABULARY)
    for k, level in enumerate(model):
        own = grams & _mask(k + 1)
        p *= _found(level.contexts, level.rest, own >> np.uint64(DIGIT), 1.0)
        here = _found(level.grams, level.p, own, 0.0)
        p = np.where(here > 0, here, p)
    return p


def size_of(model: list[Backoff]) -> int:
    """Bytes that the tables take in the file."""
    return sum(_CONTEXT * len(level.contexts) + _FOLLOWER * len(level.grams) for level in model)
