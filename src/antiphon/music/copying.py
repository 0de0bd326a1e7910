"""Copying: the longest passage of some music that stands, in whatever key and tempo, in other music.

Each instrument of a piece is a line of notes in order of onset (those of a chord upwards), and what is compared is the
steps of that line: the interval in semitones, and whether the two notes are struck together. So a copy is found when it
is transposed, stretched or played by another instrument. Drums are left out: their grooves are meant to be shared.

How much a model repeats of what it was trained on is asked by N. Carlini et al., "Quantifying Memorization Across
Neural Language Models", ICLR 2023; passages are found by rolling hashes (R. M. Karp and M. O. Rabin, IBM Journal of
Research and Development 31, 1987) and then held against the notes themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Events
from antiphon.music.notes import drums

__all__ = ["Copy", "longest_copies", "steps_of"]

TOGETHER = 0.03
"""Seconds within which notes are struck together."""
_SHORTEST = 6
"""Steps; everything shares shorter passages with everything."""
_AT_ONCE = 1 << 20
"""Steps of the other music that are searched together, which bounds the memory."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_BREAK = 1 << 16

Steps = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Copy:
    """A passage of `notes` notes, 0 where there is none to speak of, that stands in the piece of number `piece`."""

    notes: int
    piece: int


def steps_of(events: Events) -> Steps:
    """The steps of every line of `events` (dtype `EVENT`, in order of time), shape (m,), breaks between the lines."""
    struck = events[(events["velocity"] > 0) & ~drums(events["instrument"])]
    struck = struck[np.lexsort((struck["pitch"], struck["at"], struck["instrument"]))]
    if not len(struck):
        return np.zeros(0, np.int64)
    same = struck["instrument"][1:] == struck["instrument"][:-1]
    apart = np.diff(struck["at"]) >= TOGETHER
    # What is struck within one moment is one chord, however it was rolled: upwards again.
    chord = np.cumsum(np.append(True, apart | ~same))
    struck = struck[np.lexsort((struck["pitch"], chord))]
    interval = np.diff(struck["pitch"].astype(np.int64)) + 128
    return np.where(same, interval * 2 + apart, _BREAK)


def longest_copies(queries: Sequence[Events], others: Iterable[Events], shortest: int = _SHORTEST + 1) -> list[Copy]:
    """For each of `queries` the longest passage, of `shortest` notes at least, that stands in one of `others`.

    `others` are read one by one and need not fit in memory; a second or two for a million notes.
    """
    lines = [steps_of(query) for query in queries]
    owner = np.repeat(np.arange(len(lines)), [len(line) + 1 for line in lines])
    sought = _joined(lines)
    best = [Copy(0, -1)] * len(lines)
    for numbers, text in _batches(others):
        for query, length, at in _matches(sought, owner, text, max(shortest - 1, 1)):
            if length + 1 > best[query].notes:
                best[query] = Copy(length + 1, int(numbers[at]))
    return best


def _joined(lines: Sequence[Steps]) -> Steps:
    """Lines one after the other, each closed by a break."""
    return np.concatenate([np.zeros(0, np.int64), *(np.append(line, _BREAK) for line in lines)])


def _batches(others: Iterable[Events]) -> Iterator[tuple[npt.NDArray[np.int64], Steps]]:
    """Many pieces at a time: the number of the piece that each step belongs to, and the steps."""
    lines: list[Steps] = []
    first = size = 0
    for events in others:
        lines.append(steps_of(events))
        size += len(lines[-1]) + 1
        if size >= _AT_ONCE:
            yield np.repeat(np.arange(first, first + len(lines)), [len(line) + 1 for line in lines]), _joined(lines)
            first, size, lines = first + len(lines), 0, []
    if lines:
        yield np.repeat(np.arange(first, first + len(lines)), [len(line) + 1 for line in lines]), _joined(lines)


class _Text:
    """Steps whose windows are compared by a hash, whatever their length, in constant time."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        values = _SCATTER[np.minimum(steps, len(_SCATTER) - 1)]
        powers = np.cumprod(np.append(np.uint64(1), np.full(len(steps), _BASE)), dtype=np.uint64)
        self._inverse = np.cumprod(np.append(np.uint64(1), np.full(len(steps), _INVERSE)), dtype=np.uint64)
        self._sums = np.append(np.uint64(0), np.cumsum(values * powers[:-1], dtype=np.uint64))
        ends = np.append(np.flatnonzero(steps == _BREAK), len(steps))
        self._left = ends[np.searchsorted(ends, np.arange(len(steps)))] - np.arange(len(steps))

    def starts(self, length: int) -> npt.NDArray[np.int64]:
        """Where windows of `length` steps without a break begin."""
        return np.flatnonzero(self._left >= length)

    def fits(self, starts: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
        return starts[self._left[starts] >= length]

    def hashes(self, starts: npt.NDArray[np.int64], length: int) -> Hashes:
        return np.asarray((self._sums[starts + length] - self._sums[starts]) * self._inverse[starts])


def _matches(sought: Steps, owner: npt.NDArray[np.int64], text: Steps, length: int) -> Iterator[tuple[int, int, int]]:
    """Query, number of steps and place in the text of ever longer passages that both hold, the longest of each last."""
    query, other = _Text(sought), _Text(text)
    asked, found = query.starts(length), other.starts(length)
    while len(asked) and len(found):
        hashes = query.hashes(asked, length)
        known, first = np.unique(hashes, return_index=True)
        theirs = other.hashes(found, length)
        place = np.minimum(np.searchsorted(known, theirs), len(known) - 1)
        hit = known[place] == theirs
        found, place = found[hit], place[hit]
        # A hash may lie: what it found is held against the steps themselves.
        told, witness = np.unique(place, return_index=True)
        true = [
            np.array_equal(sought[a : a + length], text[b : b + length])
            for a, b in zip(asked[first[told]].tolist(), found[witness].tolist(), strict=True)
        ]
        at = np.full(len(known), -1)
        at[told[true]] = found[witness[true]]
        where = at[np.searchsorted(known, hashes)]
        asked, where = asked[where >= 0], where[where >= 0]
        for number, place_ in zip(*_firsts(owner[asked], where), strict=True):
            yield number, length, place_
        length += 1
        asked, found = query.fits(asked, length), other.fits(found, length)


def _firsts(owners: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> tuple[list[int], list[int]]:
    numbers, index = np.unique(owners, return_index=True)
    return numbers.tolist(), places[index].tolist()


_SCATTER: Hashes = np.random.default_rng(0).integers(1, 1 << 63, 515, dtype=np.uint64)
"""A number for each step there can be, and the last one for a break."""
