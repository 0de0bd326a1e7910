"""Finding the key of music, and the pitch classes of its scale.

C. L. Krumhansl, "Cognitive Foundations of Musical Pitch" (Oxford 1990), chapter 4, finds the key whose profile
correlates best with the time that the music spends on each pitch class. The profiles are those that J. Albrecht and
D. Shanahan counted, "The use of large corpora to train a new type of key-finding algorithm", Music Perception 31
(2013): against key signatures they err half as often as the ratings by listeners of Krumhansl and Kessler (1982).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Events
from antiphon.music.notes import drums, notes_of

__all__ = ["MODES", "PITCH_CLASSES", "Key", "Mode", "find_key", "key_of_time", "parse_key", "pitch_class_time"]

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

Mode = Literal[
    "major",
    "minor",
    "dorian",
    "phrygian",
    "lydian",
    "mixolydian",
    "locrian",
    "harmonic minor",
    "melodic minor",
    "major pentatonic",
    "minor pentatonic",
    "blues",
]
MODES: tuple[Mode, ...] = get_args(Mode)

PROFILES: dict[Literal["major", "minor"], tuple[float, ...]] = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
"""Albrecht and Shanahan's shares of the time that music spends on the twelve pitch classes above its tonic."""

SCALES: dict[Mode, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
"""Semitones above the tonic. Minor is the natural scale and the leading note, which is no stranger to it."""

NEIGHBOURS: Mapping[Mode, tuple[Literal["major", "minor"], int, int]] = {
    "dorian": ("minor", 8, 9),
    "phrygian": ("minor", 1, 2),
    "lydian": ("major", 5, 6),
    "mixolydian": ("major", 10, 11),
}
"""Modes that can be found: like which mode they are, but for which two degrees that change places."""
CLEARLY = 0.05
"""How much better than that of any major or minor key the profile of a mode must correlate before it is believed."""


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


def parse_key(text: str) -> Key:
    """The key that a musician writes: `D dorian`, `F#m`, `Bb major`, `eb minor pentatonic`; a tonic alone is major.

    Sharps are # or ♯, flats b or ♭; maj, min and m stand for major and minor. Raises `ValueError` for anything else.
    """
    match = re.fullmatch(r"\s*([A-Ga-g])(##|bb|[#♯b♭]?)[\s_-]*(.*?)\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no key: write a note and a mode, such as C, F#m or D dorian")
    letter, accidental, rest = match.groups()
    mode = _mode_named(rest)
    if mode is None:
        raise ValueError(f"{text!r} is no key: there is no mode {rest!r}, but {', '.join(MODES)}")
    raised = sum({"#": 1, "♯": 1, "b": -1, "♭": -1}[sign] for sign in accidental)
    return Key((PITCH_CLASSES.index(letter.upper()) + raised) % 12, mode)


def _mode_named(words: str) -> Mode | None:
    if words in ("", "M"):
        return "major"
    written = re.sub(r"[\s_-]+", " ", words.lower())
    short = {"m": "minor", "min": "minor", "maj": "major", "ionian": "major", "aeolian": "minor"}
    return next((mode for mode in MODES if mode == short.get(written, written)), None)


def pitch_class_time(events: Events) -> npt.NDArray[np.float64]:
    """Seconds for which each pitch class sounds, shape (12,), C first; drums are left out."""
    notes = notes_of(events)
    notes = notes[~drums(notes["instrument"])]
    seconds = np.zeros(12)
    np.add.at(seconds, notes["pitch"] % 12, notes["duration"])
    return seconds


def find_key(events: Events) -> Key | None:
    """The key that explains `events` (dtype `EVENT`, in order of time) best; None where no pitch stands out."""
    return key_of_time(pitch_class_time(events))


def key_of_time(seconds: npt.NDArray[np.float64]) -> Key | None:
    """The key that explains best how long each pitch class sounds, shape (12,); None where none stands out.

    Major or minor, unless dorian, phrygian, lydian or mixolydian fits clearly better than either. A mode's profile is
    that of the scale it differs from by one degree, with the ratings of the two degrees exchanged.
    """
    most = seconds.max()
    if most - seconds.min() <= 1e-9 * most:
        return None
    heard = seconds - seconds.sum() / len(seconds)
    fits = _PROFILES @ (heard / np.sqrt(heard @ heard))
    plain, modal = fits[:PLAIN], fits[PLAIN:]
    best, (second, first) = int(plain.argmax()), np.sort(plain)[-2:]
    if modal.max() > first + CLEARLY:
        return _key(PLAIN + int(modal.argmax()), float(modal.max() - first))
    return _key(best, float(first - second))


def _key(row: int, confidence: float) -> Key:
    return Key(row % 12, _MODES[row // 12], confidence)


def _rating(mode: Mode) -> npt.NDArray[np.float64]:
    """Ratings of the twelve pitch classes above the tonic of `mode`, shape (12,)."""
    like, one, other = NEIGHBOURS.get(mode, (mode, 0, 0))
    rating = np.array(PROFILES[cast(Literal["major", "minor"], like)])
    rating[[one, other]] = rating[[other, one]]
    return rating


_MODES: tuple[Mode, ...] = ("major", "minor", *NEIGHBOURS)
PLAIN = 24
"""Major and minor keys, which are the first rows of the profiles."""
_PROFILES = np.array([np.roll(_rating(mode), tonic) for mode in _MODES for tonic in range(12)])
_PROFILES -= _PROFILES.mean(axis=1, keepdims=True)
_PROFILES /= np.sqrt((_PROFILES**2).sum(axis=1, keepdims=True))
