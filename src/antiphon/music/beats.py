"""Where the beats of a whole piece fall: an even grid from each change of tempo or meter to the next."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.music.grid import FASTEST, SLOWEST, Grid
from antiphon.music.records import starts_of
from antiphon.music.score import Score

__all__ = [
    "BEAT",
    "NO_BEATS",
    "ON_GRID",
    "Beats",
    "beats_moved",
    "grid_at",
    "grid_fit",
    "known_beats",
    "row_at",
    "score_beats",
    "steady",
    "stretched",
]

BEAT = np.dtype([("at", "<f8"), ("origin", "<f8"), ("tempo", "<f8"), ("meter", "u1")])
"""From `at` seconds on a `Grid` of this origin in seconds, beats a minute and beats a bar; meter 0: none is known."""

Beats = npt.NDArray[np.void]
"""An array of dtype `BEAT`, shape (n,), in order of time. The first row holds for what is before it, too."""

NO_BEATS: Beats = np.empty(0, BEAT)
"""No beat is known anywhere."""

_LINES = 24
"""Lines of the grid a quarter: sixteenths, thirty-seconds, triplets of eighths, sixteenths and thirty-seconds."""
_NEAR = 1 / 384
"""Quarters within which an onset lies on a line: a sixteenth of the way to the next one."""
ON_GRID = 0.5
"""The share of onsets on the grid from which music is a score."""

_SAME = 1e-6
"""Beats by which a grid may be off from the one before and still be the same."""


def grid_fit(score: Score) -> float:
    """The share of onsets of a score that lie on its grid beyond those that do by chance, 0 to 1.

    1 where every tick is on it, and of a score without notes.
    """
    quarter = score.ticks_per_quarter
    near = int(_NEAR * quarter)
    chance = (2 * near + 1) * _LINES / quarter
    onset = score.notes["onset"]
    if chance >= 1 or not len(onset):
        return 1.0
    # How far an onset lies behind its line, in parts of a tick, so that lines may fall between ticks.
    off = (onset * _LINES + near * _LINES + _LINES // 2) % quarter
    share = np.count_nonzero(off <= 2 * near * _LINES + _LINES) / len(onset)
    return max(0.0, (share - chance) / (1 - chance))


def known_beats(score: Score) -> Beats:
    """`score_beats` of a score whose notes keep to them; none of one that was played without a click."""
    return score_beats(score) if grid_fit(score) >= ON_GRID else NO_BEATS


def score_beats(score: Score) -> Beats:
    """The beats of a score in seconds from its start, by its maps of tempo and meter.

    A beat is a quarter, or where a bar is no whole number of quarters, as in 3/8, the unit of the meter. Without a
    meter it is 4/4, as the standard of MIDI files has it. Tempos that no `Grid` can have give no beat.
    """
    tempos, meters = score.tempos, score.meters
    tick = np.array(sorted({0, *tempos["tick"].tolist(), *meters["tick"].tolist()}))
    of_tempo, of_meter = (rows["tick"].searchsorted(tick, side="right") for rows in (tempos, meters))
    speed = np.append(500_000, tempos["microseconds"])[of_tempo]
    upper, lower = np.append(4, meters["numerator"])[of_meter], np.append(4, meters["denominator"])[of_meter]
    lower, began = np.maximum(lower, 1), np.append(0, meters["tick"])[of_meter]
    in_quarters = 4 * upper % lower == 0
    meter = np.where(in_quarters, 4 * upper // lower, upper)
    quarters = np.where(in_quarters, 1.0, 4 / lower)
    at, tempo = score.seconds(tick), 60e6 / np.maximum(speed, 1) / quarters
    possible = (tempo >= SLOWEST) & (tempo <= FASTEST) & (meter >= 1) & (meter <= 255)
    into_bar = (tick - began) / (score.ticks_per_quarter * quarters) % np.maximum(meter, 1)
    beats = np.empty(len(tick), BEAT)
    beats["at"], beats["tempo"], beats["meter"] = at, tempo, np.where(possible, meter, 0)
    beats["origin"] = at - into_bar * 60 / tempo
    return _without_repeats(beats)


def _without_repeats(beats: Beats) -> Beats:
    """`beats` without rows that say what the row before them says."""
    if len(beats) == 1:
        return beats
    before, after = beats[:-1], beats[1:]
    apart = (after["origin"] - before["origin"]) * before["tempo"] / 60 / np.maximum(before["meter"], 1)
    same = (before["tempo"] == after["tempo"]) & (np.abs(apart - np.rint(apart)) < _SAME)
    same &= before["meter"] == after["meter"]
    return beats.take(starts_of(~same))


def steady(grid: Grid | None) -> Beats:
    """The beats of one grid that holds all the time; none for None."""
    return NO_BEATS if grid is None else np.array([(0.0, grid.origin, grid.tempo, grid.meter)], BEAT)


def row_at(beats: Beats, at: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The number of the row that holds at each of the times `at` in seconds; there must be one."""
    return np.maximum(np.searchsorted(beats["at"], at, side="right") - 1, 0)


def grid_at(beats: Beats, at: float) -> Grid | None:
    """The grid that holds at `at` seconds; None where none is known."""
    if not len(beats):
        return None
    _, origin, tempo, meter = beats[row_at(beats, at)].item()
    return Grid(origin, tempo, meter) if meter else None


def beats_moved(beats: Beats, by: float) -> Beats:
    """The same `by` seconds later."""
    moved = beats.copy()
    moved["at"] += by
    moved["origin"] += by
    return moved


def stretched(beats: Beats, factor: float) -> Beats:
    """The same with all times from 0 on multiplied by `factor`."""
    longer = beats.copy()
    longer["at"] *= factor
    longer["origin"] *= factor
    longer["tempo"] /= factor
    return longer
