"""The stream codec: one event is four integers (instrument, pitch, time since the last event, velocity).

Time lives on a lattice of 10 ms ticks that is anchored to the clock, not to the previous event, so rounding never adds
up: an event at `at` seconds falls on tick `round(at / TICK)`, and its time is the number of ticks since the last
event's. That number is exact up to one second and falls into wider bins from there to ten seconds.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.music.event import EVENT, INSTRUMENTS, Event, Events

__all__ = [
    "INSTRUMENT",
    "PITCH",
    "SIZES",
    "TICK",
    "TIME",
    "TIME_FIRST",
    "TIME_LAST",
    "VELOCITY",
    "Codes",
    "StreamEncoder",
    "decode",
    "encode",
    "tick_of",
    "time_bin",
]

TICK = 0.01
"""Seconds a tick."""

_WIDTHS = [(101, 1), (20, 5), (20, 10), (24, 25)]  # (bins, ticks a bin): 0..1 s, ..2 s, ..4 s, ..10 s
_WIDTH = np.repeat([w for _, w in _WIDTHS], [n for n, _ in _WIDTHS])
TIME_LAST: npt.NDArray[np.int64] = np.cumsum(_WIDTH) - 1
"""Last tick of each time bin, shape (165,); the last bin also takes everything longer."""
TIME_FIRST: npt.NDArray[np.int64] = TIME_LAST - _WIDTH + 1
"""First tick of each time bin, shape (165,)."""

_LONGEST = int(TIME_LAST[-1])
_BIN = np.searchsorted(TIME_LAST, np.arange(_LONGEST + 1)).astype(np.int16)

INSTRUMENT, PITCH, TIME, VELOCITY = range(4)
"""Columns of a code."""
SIZES = (INSTRUMENTS, 128, len(TIME_LAST), 128)
"""Number of values of each column."""

Codes = npt.NDArray[np.int16]
"""Shape (n, 4): instrument, pitch, time bin, velocity."""


def tick_of(at: float) -> int:
    """The tick on which a time in seconds falls."""
    return math.floor(at / TICK + 0.5)


def time_bin(ticks: int) -> int:
    """The bin of a number of ticks since the last event (negative counts as none)."""
    return int(_BIN[min(max(ticks, 0), _LONGEST)])


def encode(events: Events) -> Codes:
    """Codes of `events` (dtype `EVENT`, in order), shape (n, 4); the first event's time is 0."""
    ticks = np.floor(events["at"] / TICK + 0.5).astype(np.int64)
    since = np.zeros(len(events), np.int64)
    np.subtract(ticks[1:], ticks[:-1], out=since[1:])
    codes = np.empty((len(events), 4), np.int16)
    codes[:, INSTRUMENT] = events["instrument"]
    codes[:, PITCH] = events["pitch"]
    codes[:, TIME] = _BIN[np.clip(since, 0, _LONGEST)]
    codes[:, VELOCITY] = events["velocity"]
    return codes


def decode(codes: Codes, *, start: float = 0.0, rng: np.random.Generator | None = None) -> Events:
    """Events of `codes`, the first at `start` seconds plus its own time.

    Times are the middles of their bins; with `rng` they are drawn evenly from their bins, never out of order.
    """
    first, last = TIME_FIRST[codes[:, TIME]], TIME_LAST[codes[:, TIME]]
    ticks = (first + last) // 2 if rng is None else rng.integers(first, last, endpoint=True)
    events = np.empty(len(codes), EVENT)
    at = start + np.cumsum(ticks) * TICK
    if rng is not None:
        at = np.maximum.accumulate(at + rng.uniform(-0.5, 0.5, len(at)) * TICK)
    events["at"] = at
    events["instrument"] = codes[:, INSTRUMENT]
    events["pitch"] = codes[:, PITCH]
    events["velocity"] = codes[:, VELOCITY]
    return events


class StreamEncoder:
    """`encode`, one event at a time: the same codes, in constant time and memory.

    `last_tick` is None until the first event.
    """

    __slots__ = ("last_tick",)

    def __init__(self, last_tick: int | None = None) -> None:
        self.last_tick = last_tick

    def encode(self, event: Event) -> tuple[int, int, int, int]:
        """The code of the next event; an event from before the last one counts as simultaneous with it."""
        tick = tick_of(event.at)
        since = 0 if self.last_tick is None else tick - self.last_tick
        self.last_tick = tick
        return event.instrument, event.pitch, time_bin(since), event.velocity
