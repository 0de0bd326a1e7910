"""Tonality: the key that the player is in and the chord that they hold, from what they have just played.

The key is that of C. L. Krumhansl's method (see `music.key`) on pitch-class durations that fade, so that a modulation
is followed; the chord is the shortest run of the last notes that has a name.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from antiphon.music.chords import Chord, recognise
from antiphon.music.event import Event, is_drum
from antiphon.music.key import Key, key_of_time

__all__ = ["Tonality"]

FADING = 30.0
"""Seconds in which what was heard falls to 1/e of its weight in the key."""
STRUCK = 0.25
"""Seconds that the mere striking of a note counts for, so that staccato notes are heard too."""
ENOUGH = 3
"""Pitch classes below which no key is named."""
BROKEN = 2.0
"""Seconds after its striking in which a note that was let go can still be part of a broken chord."""
PASSING = 2
"""Held notes that may be strangers to a chord struck before them."""
NOTES = 12
"""Notes looked back on for a broken chord."""
LARGEST = 4
"""Pitch classes of the largest chord that is read out of single notes: with more, a melody would be one."""


class Tonality:
    """Hears the player's events one by one, in order of time; drums have no pitch and are not heard.

    Times are seconds on the clock of the events. An event costs the same whatever was heard before.
    """

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        """Forget everything."""
        self._at = -math.inf
        self._seconds = np.zeros(12)  # for how long each pitch class has sounded, faded
        self._sounding = np.zeros(12)  # how many notes of each sound now
        self._held: dict[tuple[int, int], float] = {}  # (instrument, pitch) -> struck at; the last struck comes last
        self._struck: deque[Event] = deque(maxlen=NOTES)

    def heard(self, event: Event) -> None:
        """The player did `event`."""
        if is_drum(event.instrument):
            return
        if event.at > self._at:
            self._seconds, self._at = self._faded(event.at), event.at
        note = (event.instrument, event.pitch)
        if self._held.pop(note, None) is not None:
            self._sounding[event.pitch % 12] -= 1
        if event.is_onset:
            self._held[note] = event.at
            self._sounding[event.pitch % 12] += 1
            self._seconds[event.pitch % 12] += STRUCK
            self._struck.append(event)

    def key(self, now: float) -> Key | None:
        """The key of what was heard, the later the more it counts; None before three pitch classes stand out."""
        seconds = self._faded(now)
        return key_of_time(seconds) if np.count_nonzero(seconds) >= ENOUGH else None

    def chord(self, now: float) -> Chord | None:
        """The chord that is held, or else that was broken into single notes within the last 2 s; None if there is none.

        A note or two struck while a chord is held need not belong to it. Of single notes the last that make a chord do,
        with those before them that make a seventh chord of it.
        """
        whole = self._whole()
        return whole if whole is not None and len(whole.pitch_classes) > 2 else self._broken(now) or whole

    def _whole(self) -> Chord | None:
        pitches = [pitch for _, pitch in self._held]
        fewest = max(2, len(pitches) - PASSING)
        chords = (recognise(pitches[:n]) for n in range(len(pitches), fewest - 1, -1))
        return next((chord for chord in chords if chord is not None), None)

    def _broken(self, now: float) -> Chord | None:
        pitches: list[int] = []  # from the last back
        found: Chord | None = None
        begun = False  # a note of the chord came again, so that another note before it may be of another chord
        for event in reversed(self._struck):
            known = event.pitch % 12 in {pitch % 12 for pitch in pitches}
            if found is not None:
                lowest = min(pitches)
                begun |= known or pitches[-1] == lowest  # chords are broken from their bass up
                if begun and not known and event.pitch > lowest:
                    break
            pitches.append(event.pitch)
            if self._is_over(event, now) or len({pitch % 12 for pitch in pitches}) > LARGEST:
                break
            chord = recognise(pitches)
            chord = None if chord is None or len(chord.pitch_classes) < 3 else chord
            if found is not None and (chord is None or not _goes_on(found, chord)):
                break
            found = chord
        return found

    def _is_over(self, event: Event, now: float) -> bool:
        return event.at < now - BROKEN and (event.instrument, event.pitch) not in self._held

    def _faded(self, now: float) -> npt.NDArray[np.float64]:
        """Seconds for which each pitch class has sounded until `now`, shape (12,), each faded since it sounded."""
        kept = math.exp((self._at - now) / FADING) if now > self._at > -math.inf else 1.0
        return self._seconds * kept + self._sounding * (FADING * (1.0 - kept))


def _goes_on(found: Chord, longer: Chord) -> bool:
    """Whether `longer`, of a note more than `found`, is the same chord, or makes a sixth or seventh of it."""
    return longer.pitch_classes == found.pitch_classes or not {"6", "7"}.isdisjoint(longer.quality)
