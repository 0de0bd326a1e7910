"""Choices: every event that the constraints allow, narrowed field by field until one is left.

The set is kept as rows. A row is an instrument, a mask of pitches, a range of velocities (0..0 for a release) and a
span of time, and stands for every combination of them. Every row is possible as a whole, so whichever order the fields
are drawn in, what has been drawn can always be completed: no search, no rejection, no dead end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.stream import SIZES, TICK, TIME, TIME_FIRST, TIME_LAST, VELOCITY, tick_of, time_bin
from antiphon.engine.model import FIELDS, Constraints, NothingPossible, Voice
from antiphon.music.event import Event
from antiphon.music.ledger import Ledger

__all__ = ["Choices", "Row"]

_INSTRUMENT, _PITCH = FIELDS.index("instrument"), FIELDS.index("pitch")
_ALL_PITCHES = np.ones(128, np.bool_)


@dataclass(frozen=True, slots=True)
class Row:
    """One block of possible events; times in seconds, both ends possible."""

    instrument: int
    pitches: npt.NDArray[np.bool_]
    softest: int
    loudest: int
    begin: float
    end: float


class Choices:
    """What can come next, given what sounds, when the last event was, and the constraints.

    Raises NothingPossible, saying why, when that is nothing.
    """

    def __init__(self, constraints: Constraints, ledger: Ledger, last_at: float, last_tick: int | None) -> None:
        earliest = max(constraints.earliest, last_at)
        if constraints.latest < earliest:
            raise NothingPossible(f"latest {constraints.latest:.3f} s is before earliest {earliest:.3f} s")
        if last_tick is not None:
            self.tick = last_tick
        else:
            self.tick = tick_of(earliest) if math.isfinite(earliest) else 0
        self.rows = self._rows(constraints, ledger, earliest)
        if not self.rows:
            raise NothingPossible("no voice may strike a note, and none may release one in time")
        for name, value in constraints.fixed.items():
            self._fix(name, value)

    def _rows(self, constraints: Constraints, ledger: Ledger, earliest: float) -> list[Row]:
        held: dict[int, list[tuple[int, float]]] = {}
        due = math.inf
        for (instrument, pitch), since in ledger.sounding.items():
            voice = constraints.voices.get(instrument)
            if voice is not None:
                held.setdefault(instrument, []).append((pitch, since))
                due = min(due, since + voice.max_length)
        if due <= earliest:  # overdue: nothing else may happen first
            return [
                Row(instrument, _one(pitch), 0, 0, earliest, earliest)
                for instrument, notes in held.items()
                for pitch, since in notes
                if since + constraints.voices[instrument].max_length <= earliest
            ]
        end = min(constraints.latest, due)
        rows: list[Row] = []
        for instrument, voice in constraints.voices.items():
            notes = held.get(instrument, [])
            rows += _onsets(instrument, voice, notes, earliest, end)
            rows += _releases(instrument, voice, notes, earliest, end)
        return rows

    def _fix(self, name: str, value: float) -> None:
        """Keep only what has this value; of a fixed time exactly that time is kept."""
        if name not in FIELDS:
            raise ValueError(f"no field {name!r}; the fields are {', '.join(FIELDS)}")
        if name == "time":
            self.rows = [
                Row(r.instrument, r.pitches, r.softest, r.loudest, value, value)
                for r in self.rows
                if r.begin <= value <= r.end
            ]
        else:
            self.keep(FIELDS.index(name), int(value))
        if not self.rows:
            raise NothingPossible(f"{name} {value:g} is not possible now")

    def mask(self, field: int) -> npt.NDArray[np.bool_]:
        """The values that a field may still take, shape (K,)."""
        mask = np.zeros(SIZES[field], np.bool_)
        for row in self.rows:
            if field == _INSTRUMENT:
                mask[row.instrument] = True
            elif field == _PITCH:
                mask |= row.pitches
            elif field == TIME:
                first, last = self._bins(row)
                mask[first : last + 1] = True
            else:
                mask[row.softest : row.loudest + 1] = True
        return mask

    def keep(self, field: int, value: int) -> None:
        """Narrow to what has `value` in `field` (for time: a bin)."""
        if field == _INSTRUMENT:
            self.rows = [r for r in self.rows if r.instrument == value]
        elif field == _PITCH:
            self.rows = [
                Row(r.instrument, _one(value), r.softest, r.loudest, r.begin, r.end)
                for r in self.rows
                if 0 <= value < 128 and r.pitches[value]
            ]
        elif field == TIME:
            kept = []
            for r in self.rows:
                first, last = self._bins(r)
                if first <= value <= last:
                    kept.append(r)
            self.rows = kept
        else:
            self.rows = [
                Row(r.instrument, r.pitches, value, value, r.begin, r.end)
                for r in self.rows
                if r.softest <= value <= r.loudest
            ]

    def event(self, code: list[int], rng: np.random.Generator) -> Event:
        """The one event left once all fields are drawn, its time drawn evenly from what its bin and row allow."""
        (row,) = self.rows
        begin = max(row.begin, (self.tick + int(TIME_FIRST[code[TIME]]) - 0.5) * TICK)
        end = min(row.end, (self.tick + int(TIME_LAST[code[TIME]]) + 0.5) * TICK)
        at = rng.uniform(begin, end) if end > begin else min(max(begin, row.begin), row.end)
        return Event(at, code[_INSTRUMENT], code[_PITCH], code[VELOCITY])

    def _bins(self, row: Row) -> tuple[int, int]:
        first = time_bin(tick_of(row.begin) - self.tick) if math.isfinite(row.begin) else 0
        last = time_bin(tick_of(row.end) - self.tick) if math.isfinite(row.end) else SIZES[TIME] - 1
        return first, last


def _one(pitch: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(128, np.bool_)
    mask[pitch] = True
    return mask


def _onsets(instrument: int, voice: Voice, notes: list[tuple[int, float]], begin: float, end: float) -> list[Row]:
    if not voice.may_start or len(notes) >= voice.max_polyphony:
        return []
    softest, loudest = max(voice.min_velocity, 1), min(voice.max_velocity, 127)
    if softest > loudest:
        return []
    # Hundreds of silent voices share one mask; only what is held needs one of its own.
    pitches = _ALL_PITCHES if voice.pitches is None else voice.pitches
    if notes:
        pitches = pitches.copy()
        pitches[[pitch for pitch, _ in notes]] = False
    if pitches is not _ALL_PITCHES and not pitches.any():
        return []
    return [Row(instrument, pitches, softest, loudest, begin, end)]


def _releases(instrument: int, voice: Voice, notes: list[tuple[int, float]], begin: float, end: float) -> list[Row]:
    if voice.may_start and len(notes) <= voice.min_polyphony:
        return []
    rows = []
    for pitch, since in notes:
        # A note that must end before it may goes by its longest length.
        ripe = max(begin, min(since + voice.min_length, since + voice.max_length))
        if ripe <= end:
            rows.append(Row(instrument, _one(pitch), 0, 0, ripe, end))
    return rows
