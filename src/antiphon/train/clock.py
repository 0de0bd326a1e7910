"""A corpus's clock: seconds from a piece's first event, on which no silence is longer than what can be stored."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import Beats, row_at, score_beats
from antiphon.music.score import Score

__all__ = ["LONGEST_DELTA", "stored_beats"]

LONGEST_DELTA = 0xFFFF
"""Milliseconds between two events at most; a longer silence is cut to them."""
_ROUNDING = 2e-3
"""Seconds by which a row begins early, so that it holds for its first event as that is stored, to the millisecond."""


def stored_beats(score: Score, at: npt.NDArray[np.float64]) -> Beats:
    """Where the beats of `score` fall on the clock of a corpus; `at` (n,) are the times of its events in seconds.

    A row begins with the first event for which it holds; what holds for none is left out.
    """
    beats, wait = score_beats(score), at[1:] - at[:-1]
    cut = (wait > LONGEST_DELTA * 1e-3).nonzero()[0] + 1
    first = np.array(sorted({0, *at.searchsorted(beats["at"]).tolist(), *cut.tolist()} - {len(at)}))
    # How far a corpus's clock is behind the score's at each of these events.
    lost = np.append(0.0, np.cumsum(wait[cut - 1] - LONGEST_DELTA * 1e-3))
    late = at[0] + lost[cut.searchsorted(first, side="right")]
    rows = beats.take(row_at(beats, at[first]))
    rows["at"] = at[first] - late - _ROUNDING
    rows["origin"] -= late
    return rows
