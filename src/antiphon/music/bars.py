"""Bars: where they begin and how musicians number them, by the meters of a piece."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Bar", "Bars", "whole_bars"]

COMMON = (4, 4)
_UNITS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Bar:
    """A bar by its number, where it begins and how long it lasts, which may be less than its meter says."""

    number: int
    start: int
    length: int
    meter: tuple[int, int]

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True)
class _Stretch:
    """Bars of one meter: the first one's place among all bars, where it begins, and how long each is."""

    place: int
    start: int
    length: int
    meter: tuple[int, int]


class Bars:
    """The bars of a piece whose `meters` are rows of time, numerator and denominator, as in `Score.meters`.

    Times are whole numbers, of which a `quarter` has so many. Before the first row, and where there is none, it is 4/4.
    Each row begins a bar, also in the midst of one, which it cuts short. A first bar that is shorter than the one at
    the row that ends it is an upbeat, and has the number 0; the next one has 1.
    """

    def __init__(self, meters: Iterable[Sequence[int]], quarter: int) -> None:
        rows = [(int(time), (int(over), int(under))) for time, over, under in meters]
        if not rows or rows[0][0] > 0:
            rows.insert(0, (0, COMMON))
        self._quarter = quarter
        self._stretches: list[_Stretch] = []
        for start, meter in rows:
            length = max(4 * quarter * meter[0] // meter[1], 1)
            self._stretches.append(_Stretch(self._place(start), start, length, meter))
        self._starts = [stretch.start for stretch in self._stretches]
        first, second = self._stretches[0], self._stretches[min(1, len(rows) - 1)]
        self._first_number = 0 if second.place == 1 and second.start - first.start < second.length else 1

    def at(self, time: int) -> Bar:
        """The bar in which a time lies."""
        which = max(bisect_right(self._starts, time) - 1, 0)
        stretch = self._stretches[which]
        bars = (time - stretch.start) // stretch.length
        start = stretch.start + bars * stretch.length
        until = self._starts[which + 1] if which + 1 < len(self._starts) else start + stretch.length
        length = min(stretch.length, until - start)
        return Bar(self._first_number + stretch.place + bars, start, length, stretch.meter)

    def between(self, begin: int, end: int) -> Iterator[Bar]:
        """The bars from the one in which `begin` lies to the last one that begins before `end`."""
        bar = self.at(begin)
        while bar.start < end:
            yield bar
            bar = self.at(bar.end)

    def since_quarter(self, time: int) -> int:
        """How long before a time a quarter began, counted from the bar's beginning, in an upbeat from its end."""
        bar = self.at(time)
        return (time - (bar.start if bar.number else bar.end)) % self._quarter

    def _place(self, start: int) -> int:
        """How many bars begin before a row's time, given the rows before it."""
        if not self._stretches:
            return 0
        last = self._stretches[-1]
        return last.place - (last.start - start) // last.length


def whole_bars(meters: Iterable[Sequence[int]], quarter: int) -> list[tuple[int, int, int]]:
    """Rows that make the same bars, none of which is cut short: an upbeat has a meter of its own, as in MIDI files.

    A bar that no meter up to sixty-fourths fits stays as it is.
    """
    rows = [(int(time), int(over), int(under)) for time, over, under in meters]
    whole: list[tuple[int, int, int]] = []
    for (start, over, under), until in zip(rows, [row[0] for row in rows[1:]], strict=False):
        length = max(4 * quarter * over // under, 1)
        rest = (until - start) % length
        units = [unit for unit in _UNITS if unit >= under and rest * unit % (4 * quarter) == 0]
        if not rest or not units:
            whole.append((start, over, under))
            continue
        if until - start > length:
            whole.append((start, over, under))
        whole.append((until - rest, rest * units[0] // (4 * quarter), units[0]))
    return whole + rows[-1:]
