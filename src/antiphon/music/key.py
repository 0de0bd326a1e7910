"""Finding the key of music, and the pitch classes of its scale.

C. L. Krumhansl and E. J. Kessler, "Tracing the dynamic changes in perceived tonal organization in a spatial
representation of musical keys", Psychological Review 89 (1982), gives how well each pitch class is felt to fit a key;
C. L. Krumhansl, "Cognitive Foundations of Musical Pitch" (Oxford 1990), chapter 4, finds the key whose profile
correlates best with the time that the music spends on each pitch class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Events
from antiphon.music.notes import drums, notes_of

__all__ = ["PITCH_CLASSES", "Key", "find_key", "pitch_class_time"]

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

Mode = Literal["major", "minor"]

PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""Krumhansl and Kessler's ratings of the twelve pitch classes above the tonic."""

SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}
"""Semitones above the tonic. Minor is the natural scale and the leading note, which is no stranger to it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key: its tonic's pitch class 0..11 (C is 0), its mode, and how clear it is.

    `confidence` is how much better this key's profile correlates with the music than the next best key's: 0 for music
    that two keys explain equally well, above 0.1 for music plainly in one key.
    """

    tonic: int
    mode: Mode
    confidence: float = 1.0

    def __str__(self) -> str:
        return f"{PITCH_CLASSES[self.tonic]} {self.mode}"

    @property
    def scale(self) -> frozenset[int]:
        """The pitch classes 0..11 that belong to the key."""
        return frozenset((self.tonic + step) % 12 for step in SCALES[self.mode])


def pitch_class_time(events: Events) -> npt.NDArray[np.float64]:
    """Seconds for which each pitch class sounds, shape (12,), C first; drums are left out."""
    notes = notes_of(events)
    notes = notes[~drums(notes["instrument"])]
    seconds = np.zeros(12)
    np.add.at(seconds, notes["pitch"] % 12, notes["duration"])
    return seconds


def find_key(events: Events) -> Key | None:
    """The key that explains `events` (dtype `EVENT`, in order of time) best; None where no pitch stands out."""
    heard = pitch_class_time(events)
    if np.ptp(heard) == 0:
        return None
    keys: list[tuple[float, int, Mode]] = []
    for mode, profile in PROFILES.items():
        for tonic in range(12):
            fit = float(np.corrcoef(heard, np.roll(profile, tonic))[0, 1])
            keys.append((fit, tonic, mode))
    (best, tonic, mode), (second, _, _) = sorted(keys, key=lambda key: -key[0])[:2]
    return Key(tonic, mode, best - second)
