"""A baseline for likelihoods: an any-order Markov model of events with Witten-Bell smoothing.

I. H. Witten and T. C. Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37 (1991), method C:
a context seen n times with d different followers leaves d / (n + d) to the next shorter context; the shortest leaves
it to chance. Contexts grow from the same field of the last event, by what is known of the event itself, the oldest note
that sounds, the last event, and the one before it. All counting is sorting: a million events take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.stream import INSTRUMENT, PITCH, SIZES, TIME, VELOCITY, encode
from antiphon.engine.judge import Floats, Question
from antiphon.music.beats import NO_BEATS, Beats
from antiphon.music.event import Events

__all__ = ["MarkovPredictor"]

_NOTHING = 0xFFFF
_LAST = range(4)
_OLDEST, _BEFORE = 4, 5
"""Columns of a past: the fields of the last event, the oldest note that sounds, the event before the last."""
_MIX = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class _Counts:
    """How often each value followed each context: `values` and `counts` from `starts[i]` to `starts[i + 1]`."""

    contexts: Hashes
    starts: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]
    counts: Floats


class MarkovPredictor:
    """Learns from pieces; see `engine.judge.Predictor`. Counts are made for a question when it is first asked."""

    name = "markov"

    def __init__(self, pieces: Sequence[Events]) -> None:
        """Learn from `pieces`, each of dtype `EVENT` and from its beginning."""
        empty = np.zeros((0, 4), np.int64)
        codes = [encode(piece).astype(np.int64) for piece in pieces]
        self._codes = np.concatenate([empty, *codes])
        self._pasts = np.concatenate([np.zeros((0, _BEFORE + 1), np.int64), *(_past(code) for code in codes)])
        self._tables: dict[Question, list[_Counts]] = {}

    def predictions(
        self,
        events: Events,
        asked: Sequence[Question],
        beats: Beats = NO_BEATS,  # noqa: ARG002 - it counts what follows what
    ) -> Iterator[Sequence[Floats]]:
        """See `engine.judge.Predictor`. While it is judged it goes on learning, and forgets that with the piece."""
        codes = encode(events).astype(np.int64)
        past = _past(codes)
        lines = {question: self._line(question, codes, past) for question in set(asked)}
        for t in range(len(events)):
            yield [lines[question].predicted(t) for question in asked]
            for line in lines.values():
                line.hear(t)

    def _line(self, question: Question, codes: npt.NDArray[np.int64], past: npt.NDArray[np.int64]) -> _Line:
        field = question[0]
        if question not in self._tables:
            own = _contexts(question, self._codes, self._pasts)
            self._tables[question] = [_counted(hashes, self._codes[:, field]) for hashes in own]
        levels = [
            _Level(table, _rows(table, hashes).tolist(), hashes.tolist(), {})
            for table, hashes in zip(self._tables[question], _contexts(question, codes, past), strict=True)
        ]
        return _Line(SIZES[field], codes[:, field].tolist(), levels)


@dataclass(frozen=True)
class _Level:
    """The contexts of one length of a piece: their rows in the table and their hashes, and what the piece added."""

    table: _Counts
    rows: list[int]
    hashes: list[int]
    heard: dict[int, dict[int, int]]


@dataclass(frozen=True)
class _Line:
    """The answers to one question along a piece: how many values the field has, those that come, and the contexts."""

    size: int
    values: list[int]
    levels: list[_Level]

    def predicted(self, t: int) -> Floats:
        """The distribution (K,) of event number `t`."""
        p = np.full(self.size, 1 / self.size)
        for level in self.levels:
            row, heard = level.rows[t], level.heard.get(level.hashes[t])
            if row < 0 and heard is None:
                break  # a context that was never seen has no longer one that was
            counts = np.zeros(self.size)
            if row >= 0:
                span = slice(level.table.starts[row], level.table.starts[row + 1])
                counts[level.table.values[span]] = level.table.counts[span]
            for value, count in (heard or {}).items():
                counts[value] += count
            kinds = np.count_nonzero(counts)
            p = (counts + kinds * p) / (counts.sum() + kinds)
        return p

    def hear(self, t: int) -> None:
        """Learn event number `t`."""
        for level in self.levels:
            followers = level.heard.setdefault(level.hashes[t], {})
            followers[self.values[t]] = followers.get(self.values[t], 0) + 1


def _past(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What each event of a piece (n, 4) comes after, (n, 6): pitches as struck or not, and the loudness of onsets."""
    n = len(codes)
    past = np.full((n + 2, _BEFORE + 1), _NOTHING)
    struck = codes[:, VELOCITY] > 0
    last = np.maximum.accumulate(np.where(struck, np.arange(n), 0))
    stroke = codes[:, PITCH] + 128 * struck
    past[1 : n + 1, INSTRUMENT] = codes[:, INSTRUMENT]
    past[1 : n + 1, PITCH] = stroke
    past[1 : n + 1, TIME] = codes[:, TIME]
    past[1 : n + 1, VELOCITY] = codes[last, VELOCITY]
    past[:n, _OLDEST] = _oldest(codes)
    past[2 : n + 2, _BEFORE] = stroke
    return past[:n]


def _oldest(codes: npt.NDArray[np.int64]) -> list[int]:
    """The key (instrument and pitch) of the note that has sounded longest before each event."""
    sounding: dict[int, None] = {}
    oldest = []
    for instrument, pitch, _, velocity in codes.tolist():
        oldest.append(next(iter(sounding), _NOTHING))
        key = instrument * 128 + pitch
        sounding.pop(key, None)
        if velocity:
            sounding[key] = None
    return oldest


def _contexts(question: Question, codes: npt.NDArray[np.int64], past: npt.NDArray[np.int64]) -> list[Hashes]:
    """A hash (n,) of each context that answers a question, the shortest first."""
    field, known = question
    levels = [
        [],
        [past[:, field]],
        [codes[:, other] for other in known],
        [past[:, _OLDEST]],
        [past[:, other] for other in _LAST if other not in (field, TIME)],
        [past[:, TIME], past[:, _BEFORE]],
    ]
    mixed, hashes = np.zeros(len(codes), np.uint64), []
    for level in levels:
        for column in level:
            mixed = _mixed(mixed, column)
        hashes.append(mixed)
    return hashes


def _mixed(hashes: Hashes, column: npt.NDArray[np.int64]) -> Hashes:
    """Hashes of what was hashed together with one value more, after SplitMix64 (Steele, Lea and Flood 2014)."""
    z = (hashes ^ column.astype(np.uint64)) + _MIX
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def _counted(hashes: Hashes, values: npt.NDArray[np.int64]) -> _Counts:
    order = np.lexsort((values, hashes))
    hashes, values = hashes[order], values[order]
    fresh = np.append(True, (hashes[1:] != hashes[:-1]) | (values[1:] != values[:-1]))[: len(hashes)]
    first = np.flatnonzero(fresh)
    counts = np.diff(np.append(first, len(hashes))).astype(np.float64)
    contexts, starts = np.unique(hashes[first], return_index=True)
    return _Counts(contexts, np.append(starts, len(first)), values[first], counts)


def _rows(table: _Counts, hashes: Hashes) -> npt.NDArray[np.int64]:
    """Where each context stands in the table, -1 for one that is not there."""
    if not len(table.contexts):
        return np.full(len(hashes), -1)
    row = np.minimum(np.searchsorted(table.contexts, hashes), len(table.contexts) - 1)
    return np.where(table.contexts[row] == hashes, row, -1)
