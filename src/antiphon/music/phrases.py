"""Where phrases begin: after rests, long notes and leaps of the top line.

E. Cambouropoulos, "The local boundary detection model (LBDM) and its application in the study of expressive timing",
Proceedings of the International Computer Music Conference 2001: what lies between two notes is a boundary the more, the
larger it is and the more it differs from what lies before and after. His weights are a quarter for pitch, a half for
the time from onset to onset, a quarter for rests. A few long rests would hide all others in his scale, so that times
count no further than a few usual steps.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.music.records import starts_of

__all__ = ["boundary_strength", "phrase_starts"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PITCH, TIME, REST = 0.25, 0.5, 0.25
TOGETHER = 0.03
"""Seconds within which onsets are one chord."""
LONGEST = 8.0
"""Usual (median) steps from onset to onset that a long one counts for, at most."""
AROUND = 4
"""A boundary is the strongest of so many intervals on each side."""
CLEARLY = 1.0
"""Standard deviations by which a boundary is stronger than the mean interval."""


def boundary_strength(intervals: Floats) -> Floats:
    """How much of a boundary lies between each two notes of a melody, 0 to 1, shape (n - 1,).

    `intervals` (3, n - 1) are between each two notes: semitones without their sign, the time from onset to onset, and
    the rest from release to onset (0 where there is none).
    """
    x = intervals
    total = x[:, 1:] + x[:, :-1]
    change = np.abs(x[:, 1:] - x[:, :-1]) / np.maximum(total, 1e-9)
    strength = np.zeros_like(x)
    strength[:, 1:-1] = x[:, 1:-1] * (change[:, 1:] + change[:, :-1])
    weights = np.array([PITCH, TIME, REST]) / np.maximum(strength.max(1), 1e-9)
    return np.asarray((strength * weights[:, None]).sum(0))


def phrase_starts(onset: Floats, release: Floats, pitch: Ints) -> Ints:
    """The notes with which phrases begin, as indices into the notes given; the first note is always one.

    Takes n notes in order of onset: seconds, seconds, and MIDI pitch. Notes within 0.03 s are a chord, of which the top
    counts; a rest is where nothing sounds.
    """
    if len(onset) < 2:
        return np.arange(len(onset))
    starts = starts_of(onset[1:] - onset[:-1] > TOGETHER)
    if len(starts) < 2 * AROUND:
        return starts[:1]
    at, top = onset[starts], np.maximum.reduceat(pitch, starts)
    step = at[1:] - at[:-1]
    rest = np.maximum(at[1:] - np.maximum.accumulate(release)[starts[1:] - 1], 0.0)
    longest = LONGEST * float(np.partition(step, len(step) // 2)[len(step) // 2])
    intervals = np.empty((3, len(step)))
    intervals[0] = np.abs(top[1:] - top[:-1])
    intervals[1], intervals[2] = np.minimum(step, longest), np.minimum(rest, longest)
    return np.asarray(starts[starts_of(_peaks(boundary_strength(intervals)))], np.int64)


def _peaks(strength: Floats) -> npt.NDArray[np.bool_]:
    n, padded = len(strength), np.concatenate([np.zeros(AROUND), strength, np.zeros(AROUND)])
    of_two = np.maximum(padded[1:], padded[:-1])
    of_four = np.maximum(of_two[2:], of_two[:-2])  # the most of each `AROUND` in a row
    before, after = of_four[:n], of_four[AROUND + 1 :]
    mean = float(strength.sum()) / n
    spread = math.sqrt(max(float((strength * strength).sum()) / n - mean * mean, 0.0))
    enough = strength > mean + CLEARLY * spread
    return np.asarray(enough & (strength > before) & (strength >= after))
