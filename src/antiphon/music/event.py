"""The event: the one thing that players send, models predict and ports carry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "ANONYMOUS",
    "ANONYMOUS_DRUMS",
    "ANONYMOUS_PARTS",
    "DRUM_KITS",
    "EVENT",
    "INSTRUMENTS",
    "PROGRAMS",
    "Event",
    "Events",
    "check_event",
    "instrument_of",
    "is_drum",
    "program_of",
]

PROGRAMS = 128
"""General MIDI programs: instruments 0..127."""
DRUM_KITS = PROGRAMS
"""First drum kit: instruments 128..255 are the kits selected by programs 0..127 on the drum channel."""
ANONYMOUS = 256
"""First anonymous melodic part: 256..287 play some melodic instrument that is not named."""
ANONYMOUS_DRUMS = 288
"""First anonymous drum part: 288..319."""
ANONYMOUS_PARTS = 32
INSTRUMENTS = 320

EVENT = np.dtype([("at", "f8"), ("instrument", "u2"), ("pitch", "u1"), ("velocity", "u1")])
"""Many events as one array: seconds, instrument, MIDI pitch, velocity (0 = release), in order of time."""

Events = npt.NDArray[np.void]
"""An array of dtype `EVENT`, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One onset or release.

    `at` is in seconds on the clock of whoever carries the event (a piece's start, a session's monotonic clock);
    `instrument` 0..319 names the part that plays; `pitch` 0..127; `velocity` 1..127, or 0 for a release.
    """

    at: float
    instrument: int
    pitch: int
    velocity: int

    @property
    def is_onset(self) -> bool:
        return self.velocity > 0


def is_drum(instrument: int) -> bool:
    """True for drum kits and anonymous drum parts."""
    return DRUM_KITS <= instrument < ANONYMOUS or instrument >= ANONYMOUS_DRUMS


def instrument_of(program: int, *, drum: bool) -> int:
    """The instrument that `program` (0..127) selects on a melodic or on the drum channel."""
    return program + DRUM_KITS if drum else program


def program_of(instrument: int) -> int:
    """The General MIDI program (0..127) to select for `instrument`; anonymous parts play program 0."""
    return instrument % PROGRAMS if instrument < ANONYMOUS else 0


def check_event(event: Event) -> None:
    """Raise `ValueError`, one line, for a time that is not a number or a field out of range."""
    if not math.isfinite(event.at):
        raise ValueError(f"an event's time must be a number, not {event.at}")
    if not (0 <= event.instrument < INSTRUMENTS and 0 <= event.pitch < 128 and 0 <= event.velocity < 128):
        raise ValueError(f"no such event: {event}")
