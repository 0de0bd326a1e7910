"""The picture of a piano roll in half-block characters: two pitches a line, a tenth of a second a column."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from antiphon.faces.tui.mirror import Mirror
from antiphon.faces.tui.sounding import Note

__all__ = ["COLUMN", "DRUMS", "Mark", "Picture", "Window", "draw_roll"]

COLUMN = 0.1
"""Seconds of a column of characters."""
PAST = 0.74
"""The share of the width that is past; right of it lies what was decided and what is meant."""
DRUMS = 2
"""Half lines at the bottom for drums: the kick below, all others above."""
MIDDLE = 66
"""The pitch in the middle while there is nothing to see."""
KICKS = frozenset({35, 36})
SHORTEST, MEANT = 1, 3
"""Columns of the shortest note, and of a note that is only meant."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is in one half of a character: whose note, how loud 0..1, and whether it begins there.

    `who` is `you`, `it`, or `plan` for what the machine means to play and may yet change.
    """

    who: str
    loudness: float
    onset: bool


@dataclass(frozen=True, slots=True)
class Window:
    """What is to be seen: `columns` from time `start` on, `present` the column of now, `halves` half lines of pitches
    of `step` semitones, the lowest `low`."""

    start: float
    columns: int
    present: int
    halves: int
    low: int
    step: int

    def column(self, at: float) -> int:
        """The column of a time, which may lie outside."""
        return math.floor((at - self.start) / COLUMN + 1e-6)

    def half(self, pitch: int) -> int:
        """The half line of a pitch, from the top, which may lie outside."""
        return self.halves - 1 - (pitch - self.low) // self.step

    def pitches(self, half: int) -> range:
        """The pitches of a half line."""
        lowest = self.low + (self.halves - 1 - half) * self.step
        return range(lowest, lowest + self.step)


@dataclass(frozen=True, slots=True)
class Picture:
    """Half lines from the top, and below them the drums', of `Mark`s by column; `bars`: columns in which bars begin."""

    window: Window
    halves: Sequence[dict[int, Mark]]
    drums: Sequence[dict[int, Mark]]
    bars: Collection[int]

    @property
    def empty(self) -> bool:
        """Whether there is no note in it."""
        return not any(self.halves) and not any(self.drums)


def draw_roll(mirror: Mirror, now: float, columns: int, halves: int, low: int | None) -> Picture:
    """What is to be seen `now` in so many columns and half lines.

    `low` is the lowest pitch of the picture before; without one, what there is comes to lie in the middle.
    """
    present = int(columns * PAST)
    start = (math.floor(now / COLUMN) - present) * COLUMN
    drums = {strip.channel for strip in mirror.strips.values() if strip.drums}
    notes = list(mirror.sounding.between(start, start + columns * COLUMN))
    pitches = [note.pitch for note in notes if note.channel not in drums]
    if mirror.plan is not None and mirror.plan[0] not in drums:
        pitches.append(mirror.plan[1])
    window = Window(start, columns, present, halves, *_framed(pitches, halves, low))
    rows: list[dict[int, Mark]] = [{} for _ in range(halves)]
    lanes: list[dict[int, Mark]] = [{} for _ in range(DRUMS)]
    if mirror.plan is not None:
        channel, pitch, at, velocity = mirror.plan
        first = max(window.column(at), present + 1)
        row = lanes[pitch in KICKS] if channel in drums else rows[window.half(pitch)]
        _put(row, range(first, first + MEANT), "plan", velocity, columns)
    for note in notes:
        row = lanes[note.pitch in KICKS] if note.channel in drums else rows[window.half(note.pitch)]
        _put(row, _columns_of(note, now, window), note.who, note.velocity, columns)
    return Picture(window, rows, lanes, _bars(mirror, window))


def _framed(pitches: Sequence[int], halves: int, low: int | None) -> tuple[int, int]:
    """The lowest pitch and the semitones of a half line with which all is to be seen; it moves only as it must."""
    lowest, highest = min(pitches, default=MIDDLE), max(pitches, default=MIDDLE)
    step = max(1, math.ceil((highest - lowest + 1) / max(1, halves)))
    if step > 1:
        low = lowest - (halves * step - (highest - lowest + 1)) // 2
        return max(0, min(low, 128 - halves * step)), step
    if low is None:
        low = (lowest + highest - halves + 1) // 2
    elif pitches:
        low = max(min(low, lowest), highest - halves + 1)
    return max(0, min(low, 128 - halves)), 1


def _columns_of(note: Note, now: float, window: Window) -> range:
    first = window.column(note.at)
    end = note.end if note.end is not None else max(now, note.at)
    return range(first, max(first + SHORTEST, window.column(end - 1e-6) + 1))


def _put(row: dict[int, Mark], places: range, who: str, velocity: int, columns: int) -> None:
    for column in range(max(places.start, 0), min(places.stop, columns)):
        row[column] = Mark(who, velocity / 127, column == places.start)


def _bars(mirror: Mirror, window: Window) -> set[int]:
    sense = mirror.sense
    if not sense.tempo or sense.origin is None:
        return set()
    seconds = 60 / sense.tempo * max(1, sense.meter or 4)
    first = math.ceil((window.start - sense.origin) / seconds)
    count = int(window.columns * COLUMN / seconds) + 1
    columns = (window.column(sense.origin + (first + n) * seconds) for n in range(count))
    return {column for column in columns if column < window.columns}
