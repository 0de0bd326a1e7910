"""The notes that a jam tells of: who played what when, what sounds, and how active each channel is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Note", "Sounding"]

KEPT = 60.0
"""Seconds after which a note that ended is forgotten."""
MOST = 4000
FADE = 0.45
"""Seconds in which a channel's activity falls to a third when nothing new is struck."""
LASTING = 0.35
"""What is left of a note's activity for as long as it is held."""


@dataclass(slots=True)
class Note:
    """`who` is `you` or `it`; times in seconds on the jam's clock, `end` is None while it sounds."""

    who: str
    channel: int
    pitch: int
    velocity: int
    at: float
    end: float | None = None


class Sounding:
    """What was played lately, and what was decided to be played soon."""

    def __init__(self) -> None:
        self._notes: deque[Note] = deque(maxlen=MOST)
        self._open: dict[tuple[str, int, int], Note] = {}
        self.version = 0
        """Counts what changed."""

    def struck(self, who: str, channel: int, pitch: int, velocity: int, at: float) -> None:
        """A note begins at `at`, or with velocity 0 ends."""
        self.version += 1
        held = self._open.pop((who, channel, pitch), None)
        if held is not None:
            held.end = max(at, held.at)
        if velocity:
            note = Note(who, channel, pitch, velocity, at)
            self._open[who, channel, pitch] = note
            self._notes.append(note)
        while self._notes and (end := self._notes[0].end) is not None and end < at - KEPT:
            self._notes.popleft()

    def silence(self, now: float) -> None:
        """Everything ends; what was still to come does not."""
        self.version += 1
        kept = [note for note in self._notes if note.at <= now]
        for note in kept:
            note.end = now if note.end is None else min(note.end, now)
        self._notes = deque(kept, maxlen=MOST)
        self._open.clear()

    def between(self, start: float, stop: float) -> Iterator[Note]:
        """The notes that show in a window of time, in the order in which they were told."""
        return (note for note in self._notes if note.at < stop and (note.end is None or note.end > start))

    def holds(self, channel: int, now: float) -> int:
        """How many notes of `channel` sound."""
        return sum(
            note.channel == channel and note.at <= now and (note.end is None or note.end > now)
            for note in self._near(now)
        )

    def activity(self, now: float) -> dict[int, tuple[str, float]]:
        """Of each channel that is heard: by whom, and how strongly, 0..1: it jumps with a note and fades."""
        found: dict[int, tuple[str, float]] = {}
        for note in self._near(now):
            if note.at > now:
                continue
            level = note.velocity / 127 * math.exp(-(now - note.at) / FADE)
            if note.end is None or note.end > now:
                level = max(level, note.velocity / 127 * LASTING)
            if level > found.get(note.channel, ("", 0.02))[1]:
                found[note.channel] = (note.who, level)
        return found

    def _near(self, now: float) -> Iterator[Note]:
        """Notes that may still be felt, without a walk through the whole past."""
        yield from (note for note in self._open.values() if note.at < now - 4.0)
        for note in reversed(self._notes):
            if note.at < now - 4.0:
                return
            yield note
