"""Where phrases begin: after rests, long notes and leaps of the top line.

E. Cambouropoulos, "The local boundary detection model (LBDM) and its application in the study of expressive timing",
Proceedings of the International Computer Music Conference 2001: what lies between two notes is a boundary the more, the
larger it is and the more it differs from what lies before and after. His weights are a quarter for pitch, a half for
the time from onset to onset, a quarter for rests. A few long rests would hide all others in his scale, so that times
count no further than a few usual steps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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


def boundary_strength(pitch: Floats, step: Floats, rest: Floats) -> Floats:
    """How much of a boundary lies between each two notes of a melody, 0 to 1, shape (n - 1,).

    Between each two notes: the interval `pitch` in semitones without its sign, the time `step` from onset to onset, and
    the `rest` from release to onset (0 where there is none), all of shape (n - 1,).
    """
    return PITCH * _profile(pitch) + TIME * _profile(step) + REST * _profile(rest)


def phrase_starts(onset: Floats, release: Floats, pitch: Ints) -> Ints:
    """The notes with which phrases begin, as indices into the notes given; the first note is always one.

    Takes n notes in order of onset: seconds, seconds, and MIDI pitch. Notes within 0.03 s are a chord, of which the top
    counts; a rest is where nothing sounds.
    """
    if len(onset) < 2:
        return np.arange(len(onset))
    starts = np.flatnonzero(np.append(True, onset[1:] - onset[:-1] > TOGETHER))
    if len(starts) < 2 * AROUND:
        return starts[:1]
    at, top = onset[starts], np.maximum.reduceat(pitch, starts)
    step = at[1:] - at[:-1]
    rest = np.maximum(at[1:] - np.maximum.accumulate(release)[starts[1:] - 1], 0.0)
    longest = LONGEST * float(np.partition(step, len(step) // 2)[len(step) // 2])
    strength = boundary_strength(
        np.abs(top[1:] - top[:-1]).astype(np.float64), np.minimum(step, longest), np.minimum(rest, longest)
    )
    return np.append(starts[0], starts[1:][_peaks(strength)])


def _profile(x: Floats) -> Floats:
    """The strength of each interval by one measure, at most 1: its size times its change to both neighbours."""
    total = x[1:] + x[:-1]
    change = np.abs(x[1:] - x[:-1]) / np.where(total > 0, total, 1.0)
    strength = x.copy()
    strength[1:-1] *= change[1:] + change[:-1]
    strength[[0, -1]] = 0.0
    return strength / max(float(strength.max()), 1e-9)


def _peaks(strength: Floats) -> npt.NDArray[np.bool_]:
    n, padded = len(strength), np.concatenate([np.zeros(AROUND), strength, np.zeros(AROUND)])
    before, after = padded[:n], padded[2 * AROUND :]
    for i in range(1, AROUND):
        before, after = np.maximum(before, padded[i : n + i]), np.maximum(after, padded[2 * AROUND - i :][:n])
    enough = strength > strength.mean() + CLEARLY * strength.std()
    return np.asarray(enough & (strength > before) & (strength >= after))
