"""Where onsets fall in the bar: the grid of a piece that has one, found in its onsets, and histograms over many pieces.

A piece that was written down lies on an even grid. Its tatum is the slowest pulse that its onsets all fit, found where
their Fourier coefficients are largest (G. Peeters, "Template-based estimation of time-varying tempo", EURASIP Journal
on Advances in Signal Processing 2007, does so for frames); its bar is the length after which its accents come again
best (J. C. Brown, "Determination of the meter of musical scores by autocorrelation", JASA 94, 1993), and begins where
accents are heaviest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.codec.ngrams import BINS, METERS
from antiphon.music.event import Events
from antiphon.music.grid import Grid
from antiphon.music.notes import drums

__all__ = ["Rhythms", "grid_of"]

Floats = npt.NDArray[np.float64]

_OPENING = 45.0  # seconds that are looked at
_FEWEST = 32  # onsets that make a grid
_TATUMS = np.arange(2.0, 12.0, 0.1 / _OPENING)  # pulses a second
_FITS = 0.93  # length of the mean of the onsets as vectors around the tatum: 1 is exact, 0.93 a spread of 6 % of it
_BEATS, _USUAL = (0.33, 1.0), 0.6  # seconds
_AGAIN = 0.25  # correlation of accents with those of a bar later
_SMOOTH = 50.0  # onsets in each place before any are counted


def grid_of(events: Events) -> Grid | None:
    """The beats and bars of `events` (dtype `EVENT`, in order), None where they are on no even grid."""
    onsets = events[(events["velocity"] > 0) & ~drums(events["instrument"])]
    onsets = onsets[onsets["at"] < onsets["at"][0] + _OPENING] if len(onsets) else onsets
    if len(onsets) < _FEWEST:
        return None
    at = onsets["at"].astype(np.float64)
    rate = _tatum(at - at[0])
    if rate is None:
        return None
    turn = np.exp(2j * np.pi * rate * (at - at[0])).mean()
    origin = at[0] + np.angle(turn) / (2 * np.pi * rate)
    places = np.rint((at - origin) * rate).astype(np.int64)
    return _barred(places - places[0], _accents(onsets, events), origin + places[0] / rate, rate)


def _tatum(at: Floats) -> float | None:
    """Pulses a second of the slowest pulse that the onsets fit, None where they fit none."""
    fit = np.zeros(len(_TATUMS))
    step = np.exp(2j * np.pi * (_TATUMS[1] - _TATUMS[0]) * at)
    turning = np.exp(2j * np.pi * _TATUMS[0] * at)
    for i in range(len(_TATUMS)):
        fit[i] = abs(turning.mean())
        turning = turning * step
    fitting = np.flatnonzero(fit > _FITS)
    if not len(fitting):
        return None
    peak = fitting[0] + int(fit[fitting[0] : fitting[0] + 20].argmax())
    return float(_TATUMS[peak])


def _accents(onsets: Events, events: Events) -> Floats:
    """How heavy each onset is: deep notes and loud ones are, (n,)."""
    depth = 1.0 + np.clip((60.0 - onsets["pitch"].astype(np.float64)) / 24.0, 0.0, 1.0)
    loudest = max(float(events["velocity"].max()), 1.0)
    return np.asarray(depth * onsets["velocity"] / loudest)


def _barred(places: npt.NDArray[np.int64], accents: Floats, origin: float, rate: float) -> Grid | None:
    weights = np.bincount(places, accents)
    level = weights - weights.mean()
    power = float(level @ level)

    def again(lag: int) -> float:
        """How much accents are like those `lag` tatums later."""
        return float(level[lag:] @ level[:-lag]) / power * len(level) / (len(level) - lag)

    best, found = -np.inf, None
    for meter in (2, 3, 4):
        for tatums in (1, 2, 3, 4, 6):
            bar, beat = meter * tatums, tatums / rate
            if not power or not _BEATS[0] <= beat <= _BEATS[1] or 2 * bar >= len(weights) or again(bar) < _AGAIN:
                continue
            # One bar divides in several ways: into beats that are alike, and neither slow nor fast.
            score = again(bar) + 0.5 * again(tatums) - 0.2 * abs(np.log(beat / _USUAL))
            if score > best:
                best, found = score, (meter, tatums)
    if found is None:
        return None
    meter, tatums = found
    profile = np.bincount(np.arange(len(weights)) % (meter * tatums), weights)
    first = int(profile.argmax())
    return Grid(origin + first / rate, 60.0 * rate / tatums, meter)


class Rhythms:
    """Onsets of pieces, counted by beats a bar and place in the bar."""

    def __init__(self) -> None:
        self.pieces = 0
        self.counts = np.zeros((METERS, BINS))

    def add(self, events: Events) -> None:
        """Count the onsets of a piece, if it has a grid."""
        grid = grid_of(events)
        if grid is None:
            return
        self.pieces += 1
        at = events["at"][(events["velocity"] > 0) & ~drums(events["instrument"])]
        bars = (at - grid.origin) / (grid.period * grid.meter)
        places = np.floor((bars - np.floor(bars)) * BINS + 0.5).astype(np.int64) % BINS
        self.counts[grid.meter - 1] += np.bincount(places, minlength=BINS)

    def weights(self) -> Floats:
        """How much likelier an onset is at a place than it would be anywhere, (METERS, BINS); 1 where unknown."""
        smooth = self.counts + _SMOOTH
        return np.asarray(smooth / smooth.mean(1, keepdims=True))
