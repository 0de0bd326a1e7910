"""Chords: their names, their notes, and which one a handful of pitches is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from antiphon.music.key import PITCH_CLASSES

__all__ = ["QUALITIES", "Chord", "recognise"]

QUALITIES: Mapping[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "mmaj7": (0, 3, 7, 11),
    "7sus4": (0, 5, 7, 10),
    "7b5": (0, 4, 6, 10),
    "7#5": (0, 4, 8, 10),
    "maj7#5": (0, 4, 8, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "add9": (0, 2, 4, 7),
    "madd9": (0, 2, 3, 7),
    "9": (0, 2, 4, 7, 10),
    "m9": (0, 2, 3, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "7b9": (0, 1, 4, 7, 10),
    "7#9": (0, 3, 4, 7, 10),
    "9sus4": (0, 2, 5, 7, 10),
    "69": (0, 2, 4, 7, 9),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "5": (0, 7),
}
"""Semitones of each chord above its root, by the ending of its name; of two with the same notes, the first is meant."""

FIFTH = 7


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: the pitch class 0..11 (C is 0) of its root, its quality (a key of `QUALITIES`) and its lowest note.

    Raises `ValueError` for what is no pitch class and for a quality that is not known.
    """

    root: int
    quality: str
    bass: int

    def __post_init__(self) -> None:
        if not (0 <= self.root < 12 and 0 <= self.bass < 12):
            raise ValueError(f"root {self.root} and bass {self.bass} of a chord must be pitch classes 0 to 11")
        if self.quality not in QUALITIES:
            raise ValueError(f"no chord is called {self.quality!r}: there are {', '.join(filter(None, QUALITIES))}")

    def __str__(self) -> str:
        over = "" if self.bass == self.root else f"/{PITCH_CLASSES[self.bass]}"
        return f"{PITCH_CLASSES[self.root]}{self.quality}{over}"

    @property
    def name(self) -> str:
        """As a musician writes it: `Am7/C` is an A minor seventh with C lowest."""
        return str(self)

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes 0..11 of the whole chord, with its bass, and with a fifth that was left out."""
        return frozenset((self.root + step) % 12 for step in QUALITIES[self.quality]) | {self.bass}


def recognise(pitches: Iterable[int]) -> Chord | None:
    """The chord that MIDI `pitches` are, in any octave and any order; None when they are none that has a name.

    Every pitch must belong to the chord, and every note of the chord be there but the fifth of one with a third and a
    seventh, where no complete chord has the same notes. Where they are several chords (C6 and Am7, every inversion of a
    diminished seventh), the one whose root is lowest is meant, and if there is none, the more common.
    """
    notes = set(pitches)
    if not notes:
        return None
    bass = min(notes) % 12
    found = _CHORDS.get(frozenset(note % 12 for note in notes), [])
    best = min(found, key=lambda chord: chord[0] != bass, default=None)
    return None if best is None else Chord(best[0], best[1], bass)


def _named_by_notes() -> dict[frozenset[int], list[tuple[int, str]]]:
    """The chords that pitch classes are, each as root and quality, in the order of the table."""
    open_fifth = [(quality, tuple(s for s in steps if s != FIFTH)) for quality, steps in QUALITIES.items()]
    chords = _by_notes([(quality, steps) for quality, steps in open_fifth if _can_lack_fifth(QUALITIES[quality])])
    return chords | _by_notes(list(QUALITIES.items()))


def _by_notes(qualities: Sequence[tuple[str, tuple[int, ...]]]) -> dict[frozenset[int], list[tuple[int, str]]]:
    chords: dict[frozenset[int], list[tuple[int, str]]] = {}
    for quality, steps in qualities:
        for root in range(12):
            chords.setdefault(frozenset((root + step) % 12 for step in steps), []).append((root, quality))
    return chords


def _can_lack_fifth(steps: tuple[int, ...]) -> bool:
    return FIFTH in steps and not {3, 4}.isdisjoint(steps) and not {10, 11}.isdisjoint(steps)


_CHORDS = _named_by_notes()
