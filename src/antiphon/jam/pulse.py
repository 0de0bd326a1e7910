"""The pulse: tempo and beat found in what the player plays, when nobody gives the time.

A tempo is chosen, and chosen again when it turns out wrong, from a tempogram: how well all recent onsets fit beats of
each tempo and phase. From then on a Kalman filter tracks beat and tempo from onset to onset. Both as in A. T. Cemgil,
B. Kappen, P. Desain and H. Honing, "On tempo tracking: tempogram representation and Kalman filtering", Journal of New
Music Research 29 (2000); that onsets stand on different lines of the beat with different likelihoods, and some on none,
is weighed by Y. Bar-Shalom's probabilistic data association, "Tracking in a cluttered environment", Automatica 11
(1975); the preference for medium tempos is R. Parncutt's, Music Perception 11 (1994).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.music.grid import Grid

__all__ = ["Pulse"]

Floats = npt.NDArray[np.float64]

TEMPOS: Floats = np.geomspace(40.0, 240.0, 120)
"""Beats a minute that are told apart; the tracker finds those in between."""
USUAL, UNUSUAL = 80.0, 0.7
"""The tempo that is preferred, in beats a minute, and how far from it, as a natural log, a tempo is much less so."""
PHASES = 48
"""Places of the last beat that are told apart."""
HARMONICS: Floats = np.array([0.25, 0.27, 0.19, 0.29])
"""How an onset fits a beat, as cosines once, twice, three and four times a beat: best on it, well at its half, ..."""
FADING = 5.0
"""Seconds in which an onset falls to 1/e of its weight in the tempogram."""

FIRST = 2.0
"""How much more the first onset counts: one begins on a beat rather than off it."""
TOGETHER = 0.04
"""Seconds within which onsets are one chord, whose beat is not to be tracked twice."""
ONSETS, SPAN = 5, 1.5
"""Onsets, and the seconds from the first to the last of them, that a beat takes."""
CLEAR, UNCLEAR = 0.25, 0.15
"""How well the onsets must fit a beat before it is believed, and how badly before it is given up."""
BETTER, PATIENCE, STUBBORNNESS = 1.4, 1.0, 4.0
"""How much better another beat must fit, for how many seconds, before it is taken; seconds until one is given up."""
SILENCE = 30.0
"""Seconds without an onset after which there is no beat any more."""

LINES: Floats = np.array([0.0, 0.5, 0.25, 0.75, 1 / 3, 2 / 3])
"""Where in a beat onsets stand,"""
LIKELY: Floats = np.array([0.38, 0.22, 0.1, 0.1, 0.07, 0.07])
"""how likely they are to stand there,"""
ASTRAY = 0.06
"""how likely to stand nowhere in particular,"""
LOOSE = 0.025
"""and how many seconds, as a standard deviation, they are away from there."""
DRIFT = 0.01
"""How much tempo changes: the standard deviation of its natural log after a second."""


class Pulse:
    """Hears onsets in order of time, in seconds; memory and work an onset are bounded."""

    def __init__(self, meter: int = 4) -> None:
        self.meter = meter
        """Beats a bar of the grid; bars count from the beat nearest to the first onset."""
        self.rest()

    def rest(self) -> None:
        """Forget everything."""
        self._tempogram = _Tempogram()
        self._tracker: _Tracker | None = None
        self._onsets = 0
        self._first = self._last = -math.inf
        self._doubted: float | None = None  # since when another beat has been better
        self._unclear: float | None = None  # since when none has been clear
        self.confidence = 0.0
        """How well the latest onsets fit the beat, 0..1; where there is none, about 0.15."""

    def heard(self, at: float, weight: float = 1.0) -> None:
        """Something was struck at `at` seconds; `weight` says how much it counts, 1 for a note of usual loudness."""
        self._tempogram.heard(at, weight if self._onsets else FIRST * weight)
        if at - self._last < TOGETHER:
            return
        self._first = at if self._onsets == 0 else self._first
        self._onsets, self._last = self._onsets + 1, at
        if self._tracker is not None:
            self._tracker.heard(at)
        if self._onsets >= ONSETS and at - self._first >= SPAN:
            self._choose(at)

    def grid(self, now: float) -> Grid | None:
        """Where beats fall; None while none is clear and when nothing was heard for 30 s."""
        if self._tracker is None or now > self._last + SILENCE:
            return None
        tracker = self._tracker
        return Grid(tracker.at - tracker.beat / tracker.rate, 60.0 * tracker.rate, self.meter)

    def _choose(self, at: float) -> None:
        """Take the beat that the tempogram shows, if there is none yet or a much better one for some time."""
        fit = self._tempogram.fit()
        preferred = fit * _PREFERENCE[:, None]
        best = int(preferred.argmax())
        tempo, phase = divmod(best, PHASES)
        if self._tracker is None:
            if fit[tempo, phase] >= CLEAR:
                self._track(at, tempo, phase / PHASES)
            return
        near = _near(self._tracker)
        self.confidence = float(np.clip(fit[near].max(), 0.0, 1.0))
        self._unclear = None if self.confidence >= UNCLEAR else _since(self._unclear, at)
        better = preferred[tempo, phase] > BETTER * max(float(preferred[near].max()), 0.0)
        self._doubted = _since(self._doubted, at) if better else None
        if self._doubted is not None and at - self._doubted > PATIENCE:
            self._track(at, tempo, phase / PHASES)
        elif self._unclear is not None and at - self._unclear > STUBBORNNESS:
            self._tracker, self._unclear, self._doubted = None, None, None

    def _track(self, at: float, tempo: int, phase: float) -> None:
        """Begin to track a beat that is `phase` of a beat past at `at`; beats go on being counted."""
        rate = float(TEMPOS[tempo]) / 60.0
        before = rate * (at - self._first) if self._tracker is None else self._tracker.beat
        self._tracker = _Tracker(at, phase + round(before - phase), rate)
        self._doubted = self._unclear = None
        self.confidence = float(np.clip(self._tempogram.fit()[tempo, round(phase * PHASES) % PHASES], 0.0, 1.0))


class _Tempogram:
    """For each tempo and harmonic, the onsets as turns of a wheel that goes round so often a beat, and fades."""

    def __init__(self) -> None:
        self._wheels = np.zeros((len(HARMONICS), len(TEMPOS)), np.complex128)
        self._weight = 0.0
        self._at = -math.inf

    def heard(self, at: float, weight: float) -> None:
        if at > self._at > -math.inf:
            self._wheels *= np.exp(_TURNING * (at - self._at))
            self._weight *= math.exp((self._at - at) / FADING)
        self._at = max(at, self._at)
        self._wheels += weight
        self._weight += weight

    def fit(self) -> Floats:
        """How well the onsets fit, at most 1, shape (tempos, phases): by how much of a beat the last beat is past."""
        fit: Floats = (self._wheels.T @ _PHASE).real / max(self._weight, 1e-9)
        return fit


class _Tracker:
    """Follows `beat`, the beats counted by the time `at`, and `rate`, beats a second, with a Kalman filter."""

    def __init__(self, at: float, beat: float, rate: float) -> None:
        self.at, self.beat, self.rate = at, beat, rate
        # How uncertain they are: variances of the beat and of the rate, and their covariance.
        self._beat2, self._rate2, self._both = 0.003, (0.02 * rate) ** 2, 0.0

    def heard(self, at: float) -> None:
        """An onset at `at`: somewhere near one of the lines of a beat, or astray."""
        self._pass(max(at - self.at, 0.0))
        error = (LINES - self.beat + 0.5) % 1.0 - 0.5
        spread = self._beat2 + (LOOSE * self.rate) ** 2
        likely = LIKELY * np.exp(-0.5 * error**2 / spread) / math.sqrt(2.0 * math.pi * spread)
        likely = likely / (likely.sum() + ASTRAY)
        self._correct(float(likely @ error), float(likely @ error**2), float(likely.sum()), spread)

    def _pass(self, seconds: float) -> None:
        drift = (DRIFT * self.rate) ** 2
        self.at += seconds
        self.beat += self.rate * seconds
        self._beat2 += 2.0 * seconds * self._both + seconds**2 * self._rate2 + drift * seconds**3 / 3.0
        self._both += seconds * self._rate2 + drift * seconds**2 / 2.0
        self._rate2 += drift * seconds

    def _correct(self, error: float, square: float, surely: float, spread: float) -> None:
        """Correct by the mean `error`; `square` is its mean square, `surely` the odds that it is one at all."""
        gain, gain_rate = self._beat2 / spread, self._both / spread
        self.beat += gain * error
        self.rate = min(max(self.rate + gain_rate * error, SLOW), FAST)
        # What is certain of the correction shrinks the variances, what is doubtful in it widens them.
        doubt = square - error**2 - surely * spread
        self._beat2 += gain**2 * doubt
        self._rate2 += gain_rate**2 * doubt
        self._both += gain * gain_rate * doubt


def _near(tracker: _Tracker) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The cells of the tempogram that are about the tracker's tempo and phase."""
    tempo = int(np.abs(TEMPOS - 60.0 * tracker.rate).argmin())
    phase = round(tracker.beat % 1.0 * PHASES)
    rows = np.arange(max(0, tempo - 3), min(len(TEMPOS), tempo + 4))
    return np.ix_(rows, np.arange(phase - 3, phase + 4) % PHASES)  # type: ignore[return-value]  # two open meshes


def _since(begun: float | None, now: float) -> float:
    return now if begun is None else begun


SLOW, FAST = 20.0 / 60.0, 480.0 / 60.0
"""Beats a second beyond which no tempo drifts."""
_TURNING = -1.0 / FADING - 2j * np.pi * np.arange(1, len(HARMONICS) + 1)[:, None] * TEMPOS / 60.0
_PHASE = HARMONICS[:, None] * np.exp(
    2j * np.pi * np.arange(1, len(HARMONICS) + 1)[:, None] * np.arange(PHASES) / PHASES
)
_PREFERENCE: Floats = np.exp(-0.5 * (np.log(TEMPOS / USUAL) / UNUSUAL) ** 2)
