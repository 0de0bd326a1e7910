"""Where in its beat and its bar an event falls, as numbers that a net is given beside what sounds.

A net that hears events alone must find beat and tempo by itself, from the few that it remembers. Who has a clock, or
a file with a tempo map, can tell it: `BEAT_FEATURES` numbers at the time of the last event, all of them 0 where no beat
is known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import Beats, row_at, steady
from antiphon.music.grid import Grid

__all__ = ["BEAT_FEATURES", "LINES", "PHASES", "beat_features", "grid_features"]

LINES = (1, 2, 3, 4, 6, 8)
"""Into how many parts the phases divide a beat: of quarters, down to thirty-seconds and triplets of sixteenths."""
PHASES = len(LINES) + 1
"""Phases that are told: those, and the one in the bar."""
BEAT_FEATURES = 1 + 2 * PHASES + 2
"""Length of the vector: 1 for a known beat; the sines of all phases, then their cosines; the tempo in doublings of 120
beats a minute; and the meter in fours of beats a bar."""

_LINES = np.array(LINES, np.float64)


def beat_features(beats: Beats, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The features at the times `at` (n,) in seconds, shape (n, BEAT_FEATURES)."""
    vectors = np.zeros((len(at), BEAT_FEATURES), np.float32)
    if not len(beats):
        return vectors
    rows = beats[row_at(beats, at)]
    meter = np.maximum(rows["meter"], 1.0)
    turns = np.empty((len(at), PHASES))
    turns[:, -1] = (at - rows["origin"]) * rows["tempo"] / 60
    turns[:, :-1] = turns[:, -1:] * _LINES
    turns[:, -1] /= meter
    angle = 2 * np.pi * (turns - np.floor(turns))
    vectors[:, 0] = 1
    vectors[:, 1 : PHASES + 1], vectors[:, PHASES + 1 : -2] = np.sin(angle), np.cos(angle)
    vectors[:, -2], vectors[:, -1] = np.log2(rows["tempo"] / 120), meter / 4
    vectors[rows["meter"] == 0] = 0
    return vectors


def grid_features(grid: Grid | None, at: float) -> npt.NDArray[np.float32]:
    """The features at `at` seconds where beats fall on `grid`, shape (BEAT_FEATURES,)."""
    return np.asarray(beat_features(steady(grid), np.array([at]))[0])
