"""Listening: what the player is doing just now: how much, how loud, how high, in which key and on which chord."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from antiphon.jam.controls import Settings
from antiphon.jam.tonality import Tonality
from antiphon.music.chords import Chord
from antiphon.music.event import Event, is_drum
from antiphon.music.key import Key, parse_key

__all__ = ["Listening"]

WINDOW = 4.0
"""Seconds over which the player's notes are counted and their loudness is heard."""
NEAR = 1.5
"""Seconds for which a note that was let go still takes up its place in the register."""
USUAL = 2.5
"""Onsets a second that are neither busy nor sparse."""
MOST = 512
"""Onsets kept, so that a storm of notes stays bounded."""


class Listening:
    """What the player's notes amount to. Every question is about `now`, in seconds, which never runs backwards."""

    def __init__(self) -> None:
        self._onsets: deque[Event] = deque(maxlen=MOST)
        self._held: dict[tuple[int, int], float] = {}
        self._tonality = Tonality()

    def heard(self, event: Event) -> None:
        """The player did `event`."""
        key = (event.instrument, event.pitch)
        if event.is_onset:
            self._onsets.append(event)
            self._held[key] = event.at
        else:
            self._held.pop(key, None)
        self._tonality.heard(event)

    def rest(self) -> None:
        """Forget what was played."""
        self.__init__()  # type: ignore[misc]  # nothing that was heard may be left over

    def busyness(self, now: float) -> float:
        """How much busier than usual the player is, in doublings of the number of notes: -2 to 2."""
        rate = sum(event.at > now - WINDOW for event in self._onsets) / WINDOW
        return min(max(math.log2((rate + 0.5) / (USUAL + 0.5)), -2.0), 2.0)

    def loudness(self, now: float) -> float | None:
        """The mean velocity 1..127 of the player's last notes; None when there were none."""
        velocities = [event.velocity for event in self._onsets if event.at > now - WINDOW]
        if not velocities and self._onsets:
            velocities = [self._onsets[-1].velocity]
        return sum(velocities) / len(velocities) if velocities else None

    def crowded(self, now: float, semitones: int) -> npt.NDArray[np.bool_]:
        """Pitches no further than `semitones` from those that the player plays, shape (128,); drums do not count."""
        pitches = [pitch for instrument, pitch in self._held if not is_drum(instrument)]
        pitches += [e.pitch for e in self._onsets if e.at > now - NEAR and not is_drum(e.instrument)]
        mask = np.zeros(128, np.bool_)
        for pitch in pitches:
            mask[max(0, pitch - semitones) : pitch + semitones + 1] = True
        return mask

    def key(self, now: float, settings: Settings) -> Key | None:
        """The key that was set by hand, or else the one that the player plays in; None while that is not clear."""
        named = settings.choice("key")
        return self._tonality.key(now) if named == "auto" else parse_key(named)

    def chord(self, now: float) -> Chord | None:
        """The chord that the player holds or has just broken, if it is one."""
        return self._tonality.chord(now)

    def scale(self, now: float, settings: Settings) -> npt.NDArray[np.bool_] | None:
        """The pitches that `snap` allows or moves to, shape (128,); None where there is nothing to snap to yet."""
        snap = settings.choice("snap")
        if snap == "chord" and (chord := self.chord(now)) is not None:
            return _pitches(chord.pitch_classes)
        key = self.key(now, settings)
        return None if key is None or snap == "off" else _pitches(key.scale)


def _pitches(classes: frozenset[int]) -> npt.NDArray[np.bool_]:
    return np.isin(np.arange(128) % 12, list(classes))
