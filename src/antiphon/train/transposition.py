"""Pieces in a common key, or in every key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiphon.music.chord_track import NO_CHORD
from antiphon.music.key import MODES
from antiphon.music.notes import drums

__all__ = ["KEYS", "shifts", "transposed", "transposed_chords", "transposed_facts"]

KEYS = ("as-is", "common", "all")
"""As the files have them; all in C major or A minor (and the modes on the white keys); each in all twelve."""

_ON_WHITE_KEYS = {"major": 0, "minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7}
"""The pitch class on which a mode that can be found has no accidentals."""

Facts = npt.NDArray[np.void]


def shifts(facts: Facts, how: str, side: str) -> Sequence[int]:
    """By how many semitones a piece of these facts is transposed for the split `side`: once, or once for each key.

    "common" leaves music in which no key stands out as it is. "all" leaves the valid side alone, and the piece itself
    comes first. A piece that would leave the keyboard is moved by octaves; what does not fit it anywhere is left out
    of "all", and as it is by "common".
    """
    melodic = bool(facts["low"] <= facts["high"])
    if how == "common" and facts["tonic"] >= 0:
        up = (_ON_WHITE_KEYS[MODES[int(facts["mode"])]] - int(facts["tonic"]) + 6) % 12 - 6
        fitting = _fitting(up, facts)
        return [0 if fitting is None else fitting]
    if how == "all" and side == "train" and melodic:
        others = (_fitting(up, facts) for up in range(-6, 6) if up)
        return [0, *(up for up in others if up is not None)]
    return [0]


def _fitting(up: int, facts: Facts) -> int | None:
    low, high = int(facts["low"]), int(facts["high"])
    return next((by for by in (up, up + 12, up - 12) if low + by >= 0 and high + by <= 127), None)


def transposed(events: npt.NDArray[np.void], up: int) -> npt.NDArray[np.void]:
    """Events with fields `instrument` and `pitch`, `up` semitones higher but for the drums."""
    if not up:
        return events
    moved = events.copy()
    melodic = ~drums(events["instrument"])
    moved["pitch"][melodic] = (events["pitch"][melodic].astype(np.int64) + up).astype(np.uint8)
    return moved


def transposed_chords(chords: npt.NDArray[np.void], up: int) -> npt.NDArray[np.void]:
    """Chords, dtype `CHORD`, `up` semitones higher."""
    if not up:
        return chords
    moved = chords.copy()
    for name in ("root", "bass"):
        known = chords[name] != NO_CHORD
        moved[name][known] = (chords[name][known].astype(np.int64) + up) % 12
    return moved


def transposed_facts(facts: Facts, up: int) -> Facts:
    """The facts of a piece that is `up` semitones higher."""
    if not up:
        return facts
    moved = facts.copy()
    if facts["tonic"] >= 0:
        moved["tonic"] = (int(facts["tonic"]) + up) % 12
    moved["low"], moved["high"] = int(facts["low"]) + up, int(facts["high"]) + up
    return moved
