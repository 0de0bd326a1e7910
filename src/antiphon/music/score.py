"""The score: a whole piece, as parts of notes on a tick grid with tempo, meter and key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from antiphon.music.event import EVENT, Events, instrument_of
from antiphon.music.records import joined, order_of, starts_of

__all__ = ["KEY", "METER", "NOTE", "TEMPO", "Part", "Score"]

Ints = npt.NDArray[np.int64]

NOTE = np.dtype([("onset", "i8"), ("duration", "i8"), ("pitch", "u1"), ("velocity", "u1")])
"""Ticks, ticks (> 0), MIDI pitch, velocity 1..127."""
TEMPO = np.dtype([("tick", "i8"), ("microseconds", "i8")])
"""From this tick on, microseconds a quarter note."""
METER = np.dtype([("tick", "i8"), ("numerator", "i2"), ("denominator", "i2")])
KEY = np.dtype([("tick", "i8"), ("sharps", "i1"), ("minor", "?")])
"""From this tick on, sharps (negative: flats) in the signature."""


@dataclass(frozen=True)
class Part:
    """One instrument's notes, shape (n,) of dtype `NOTE`, sorted by onset, then pitch.

    `program` 0..127 is the melodic program, or the kit when `is_drum`. No two notes of one pitch overlap.
    """

    program: int
    is_drum: bool
    notes: npt.NDArray[np.void]
    name: str = ""

    @property
    def instrument(self) -> int:
        return instrument_of(self.program, drum=self.is_drum)


@dataclass(frozen=True)
class Score:
    """A piece: its parts and its maps of tempo, meter and key, all on one grid of ticks.

    `repairs` says, one line each, what was mended while reading (empty for a clean file).
    """

    ticks_per_quarter: int
    parts: tuple[Part, ...]
    tempos: npt.NDArray[np.void] = field(default_factory=lambda: np.array([(0, 500_000)], TEMPO))
    meters: npt.NDArray[np.void] = field(default_factory=lambda: np.empty(0, METER))
    keys: npt.NDArray[np.void] = field(default_factory=lambda: np.empty(0, KEY))
    repairs: tuple[str, ...] = ()

    def seconds(self, ticks: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Seconds from the start for `ticks` (any shape), through the tempo map; 120 bpm before its first entry."""
        tick = np.asarray(ticks, np.float64)
        starts, elapsed, rates = self._tempo_map
        row = np.maximum(np.searchsorted(starts, tick, side="right") - 1, 0) if len(starts) > 1 else 0
        return np.asarray(elapsed[row] + (tick - starts[row]) * rates[row])

    def ticks(self, seconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The nearest ticks to `seconds` from the start (any shape): the inverse of `seconds`."""
        at = np.asarray(seconds, np.float64)
        starts, elapsed, rates = self._tempo_map
        row = np.clip(np.searchsorted(elapsed, at, side="right") - 1, 0, None)
        return np.rint(starts[row] + (at - elapsed[row]) / rates[row]).astype(np.int64)

    def finer(self, ticks_per_quarter: int) -> Score:
        """The same piece on whole fractions of its ticks, with at least so many of them a quarter."""
        k = -(-ticks_per_quarter // self.ticks_per_quarter)
        if k == 1:
            return self

        def scaled(rows: npt.NDArray[np.void], *fields: str) -> npt.NDArray[np.void]:
            rows = rows.copy()
            for name in fields:
                rows[name] *= k
            return rows

        return replace(
            self,
            ticks_per_quarter=self.ticks_per_quarter * k,
            parts=tuple(replace(p, notes=scaled(p.notes, "onset", "duration")) for p in self.parts),
            tempos=scaled(self.tempos, "tick"),
            meters=scaled(self.meters, "tick"),
            keys=scaled(self.keys, "tick"),
        )

    @cached_property
    def _tempo_map(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Where each tempo starts, in ticks and in seconds, and its seconds a tick."""
        starts, rates = self.tempos["tick"].astype(np.float64), self.tempos["microseconds"] * 1e-6
        if len(starts) == 0 or starts[0] > 0:
            starts, rates = np.append(0.0, starts), np.append(0.5, rates)
        rates = rates / self.ticks_per_quarter
        return starts, np.append(0.0, np.cumsum((starts[1:] - starts[:-1]) * rates[:-1])), rates

    @property
    def n_notes(self) -> int:
        return sum(len(part.notes) for part in self.parts)

    @cached_property
    def end(self) -> int:
        """The tick of the last release; 0 without notes."""
        notes = self.notes
        return int((notes["onset"] + notes["duration"]).max(initial=0))

    @cached_property
    def notes(self) -> npt.NDArray[np.void]:
        """The notes of all parts, dtype `NOTE`, shape (n_notes,), part by part."""
        return joined([part.notes for part in self.parts]) if self.parts else np.empty(0, NOTE)

    @property
    def duration(self) -> float:
        """Seconds until the last release."""
        return float(self.seconds(self.end))

    def events(self) -> Events:
        """Every onset and release in order, shape (2 * n_notes,) of dtype `EVENT`, in seconds.

        At one time releases come before onsets, then lower instruments, then lower pitches. Parts that share an
        instrument are merged: where they collide on a pitch, the later onset ends the earlier note.
        """
        if not self.n_notes:
            return np.empty(0, EVENT)
        notes = self.notes
        instrument = np.repeat([part.instrument for part in self.parts], [len(part.notes) for part in self.parts])
        onset, release = notes["onset"], notes["onset"] + notes["duration"]
        pitch, velocity = notes["pitch"].astype(np.int64), notes["velocity"].astype(np.int64)
        packed = _packed(onset, release, instrument * 128 + pitch, velocity)
        if packed is not None:
            tick = packed >> _TICK
            at = self.seconds(tick)
            if ((at[1:] > at[:-1]) | (tick[1:] == tick[:-1])).all():
                return _unpacked(packed, at)
        onset, release = self.seconds(np.stack([onset, release]))
        return merged_events(onset, release, instrument, pitch, notes["velocity"])


_TICK, _ONSET, _KEY, _VELOCITY = 24, 1 << 23, 7, 0x7F
"""An event in one number, which sorts as events do: tick, whether it is an onset, instrument and pitch, velocity."""
_MOST_TICKS = 1 << 39


def _packed(onset: Ints, release: Ints, key: Ints, velocity: Ints) -> Ints | None:
    """The events of notes (n,), packed and sorted; None where a number is too large for that.

    Where notes of one key overlap they are cut, as by `merged_events`.
    """
    if min(onset.min(), velocity.min()) < 0 or velocity.max() > _VELOCITY:
        return None
    ticks = int(release.max())
    if ticks >= _MOST_TICKS or (release <= onset).any():
        return None
    begins = key * ticks + onset
    order = order_of(begins)
    begins = begins[order]
    again = begins[1:] == begins[:-1]
    if again.any():
        order = _longest_first(order, again, ticks - release)[starts_of(~again)]
    key, onset, release, velocity = key[order], onset[order], release[order], velocity[order]
    np.minimum(release[:-1], onset[1:], out=release[:-1], where=key[1:] == key[:-1])
    key = key << _KEY
    packed = np.concatenate([release << _TICK | key, onset << _TICK | (key | velocity | _ONSET)])
    packed.sort()
    return packed


def _longest_first(order: Ints, again: npt.NDArray[np.bool_], remaining: Ints) -> Ints:
    """`order` (n,) with notes that begin together by the ticks that are `remaining` after them, the fewest first;
    `again` (n - 1,) tells which begin together with the note before."""
    doubled = (np.append(again, False) | np.append(False, again)).nonzero()[0]
    begin = np.append(0, (~again).cumsum())[doubled]
    notes, order = order[doubled], order.copy()
    order[doubled] = notes[order_of(begin * (int(remaining.max()) + 1) + remaining[notes])]
    return order


def _unpacked(packed: Ints, at: npt.NDArray[np.float64]) -> Events:
    events = np.empty(len(packed), EVENT)
    events["at"], events["velocity"] = at, packed & _VELOCITY
    events["instrument"], events["pitch"] = packed >> _KEY + 7 & 0x1FF, packed >> _KEY & 0x7F
    return events


def merged_events(
    onset: npt.NDArray[np.float64],
    release: npt.NDArray[np.float64],
    instrument: npt.NDArray[np.int64],
    pitch: npt.NDArray[np.int64],
    velocity: npt.NDArray[np.integer],
) -> Events:
    """Notes, shape (n,) each and in seconds, to one stream of `EVENT` with no overlap on any (instrument, pitch).

    A later onset ends the earlier note; of notes that start together on one key the longest is kept.
    """
    order = np.lexsort((-release, onset))
    key = instrument * 128 + pitch
    order = order[np.argsort(key[order].astype(np.uint16), kind="stable")]
    key = key[order]
    at = onset[order]
    repeated = np.append(False, (key[1:] == key[:-1]) & (at[1:] <= at[:-1]))
    order, key = order[~repeated], key[~repeated]
    onset, release = onset[order], release[order]
    following = np.append(key[1:] == key[:-1], False)
    release = np.where(following, np.minimum(release, np.append(onset[1:], np.inf)), release)
    n = len(onset)
    events = np.empty(2 * n, EVENT)
    events["at"] = np.concatenate([release, onset])
    events["instrument"] = np.tile(instrument[order], 2)
    events["pitch"] = np.tile(pitch[order], 2)
    events["velocity"] = np.concatenate([np.zeros_like(velocity, shape=n), velocity[order]])
    # Releases stand before onsets here, and each by instrument and pitch: a stable sort by time keeps that order.
    return events[np.argsort(events["at"], kind="stable")]
