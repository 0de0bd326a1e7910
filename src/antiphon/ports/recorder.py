"""The recorder: everything that came in and went out, as a duet to be kept."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from antiphon.music.event import EVENT, Event, Events
from antiphon.music.ledger import Ledger
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.music.score import Score

__all__ = ["MACHINE", "PLAYER", "Recorder"]

PLAYER, MACHINE = "player", "antiphon"
"""Who plays: the groups, which also name the parts of a recording."""

_ROW = struct.Struct("<dHBB4x")
"""Seconds, instrument, pitch, velocity, and nothing."""


class Recorder:
    """Events by who played them, on the clock of whoever hands them in. Appending is safe from several threads.

    An event takes 16 bytes: an evening of storms fits into memory.
    """

    def __init__(self) -> None:
        self._groups: dict[str, array[int]] = {PLAYER: array("B"), MACHINE: array("B")}

    def add(self, group: str, event: Event) -> None:
        """Keep one event of `group`."""
        self._groups[group].frombytes(_ROW.pack(event.at, event.instrument, event.pitch, event.velocity))

    def extend(self, group: str, events: Iterable[Event]) -> None:
        """Keep several events of `group`."""
        for event in events:
            self.add(group, event)

    def as_it_came(self, group: str) -> tuple[Event, ...]:
        """What `group` did, in the order in which it was handed in, with nothing mended."""
        return tuple(Event(*row) for row in _ROW.iter_unpack(self._groups[group].tobytes()))

    def events(self, *groups: str, origin: float = 0.0) -> Events:
        """The events of `groups` (all when none is named), dtype `EVENT`, in order of time from `origin` seconds on.

        Notes that nobody released end with the recording. Events of one time stay in the order in which they came.
        """
        chosen = groups or tuple(self._groups)
        played = {group: list(self.as_it_came(group)) for group in self._groups}
        end = max((event.at for events in played.values() for event in events), default=0.0)
        rows = [
            (event.at - origin, event.instrument, event.pitch, event.velocity)
            for group in chosen
            for event in _closed(played[group], end)
        ]
        array = np.array(rows, EVENT)
        return array[np.argsort(array["at"], kind="stable")]

    def score(self, programs: Mapping[int, int] | None = None, origin: float = 0.0) -> Score:
        """The recording as a score: a part for each instrument, named by who played it, the player's first.

        `programs`: the General MIDI program to write for an instrument, where it is not the instrument's own.
        """
        names = {event.instrument: group for group in self._groups for event in self.as_it_came(group)}
        events = self.events(origin=origin)
        score = score_from_events(events, names)
        instruments = np.unique(events["instrument"]).tolist()  # the order of the score's parts
        parts = [
            replace(part, program=(programs or {}).get(instrument, part.program))
            for instrument, part in zip(instruments, score.parts, strict=True)
        ]
        places = list(self._groups)
        return replace(score, parts=tuple(sorted(parts, key=lambda part: places.index(part.name))))

    def write(self, path: Path, programs: Mapping[int, int] | None = None, origin: float = 0.0) -> None:
        """Write the recording as a MIDI file, beside and then renamed. Raises `OSError`."""
        write_midi(self.score(programs, origin), path)


def _closed(events: list[Event], end: float) -> list[Event]:
    ledger = Ledger()
    for event in sorted(events, key=lambda event: event.at):
        ledger.apply(event)
    return events + ledger.closing(end)
