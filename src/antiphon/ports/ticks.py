"""Even ticks through a port with jitter: which number each has, and the line through them."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from antiphon.music.grid import FASTEST, SLOWEST, Grid

__all__ = ["TICKS", "Ticks"]

TICKS = 24
"""Ticks a quarter note."""
FEWEST, SHORTEST = 6, 0.1
"""Ticks, and the seconds between the first and last of them, that a tempo takes."""
WINDOW_TICKS, WINDOW = 2 * TICKS, 1.0
"""Ticks, and seconds, that the tempo is drawn from: whichever is more."""
ROUGHLY = 0.02
"""How far beyond the slowest and the fastest tempo jitter may take one."""
SHARPEST = 0.0005
"""Seconds of jitter that are always reckoned with."""
STRAY = 2.5
"""A tick is astray when it is further from its place than so many times the usual jitter."""
STEP = 4
"""So many ticks astray in a row, on one side, are a change of tempo."""
SKIPPED, DOUBLED = 0.6, 0.6
"""How much more, or less, than a tick must have passed, in ticks, for one that is missing, or one too many."""
ODD = 3
"""So many missing or doubled ticks in a row are a change of tempo."""
LATEST, LATEST_SPAN = TICKS // 2, 0.15
"""Ticks, and seconds, that are the latest: whichever is more."""
UNLIKELY = 6.0
"""They are another tempo when their own differs from that of all by so many times what jitter explains."""


class Ticks:
    """Evenly spaced ticks with jitter: which number each has, and the line through them by least squares.

    A tick that was dropped is counted, one that was doubled is not; where either happens again and again, or ticks come
    early or late again and again, the tempo has changed, and the line begins anew.
    """

    def __init__(self) -> None:
        self.number = -1
        """The number of the last tick."""
        self.last: float | None = None
        """When the last tick came, in seconds, even if it was one too many."""
        self._line: deque[tuple[int, float]] = deque()  # (number, at)
        self._regular = 0  # the number of the last tick about which there was no doubt,
        self._since: deque[float] = deque(maxlen=WINDOW_TICKS)  # and when it and all after it came, doubled or not
        self._jitter = 0.0  # seconds, the mean of how far ticks are from the line
        self._astray = self._odd = 0  # in a row; astray is negative for early ticks
        self._period, self._here = 0.0, 0.0  # seconds a tick, and where the line puts the last one

    def hear(self, at: float) -> bool:
        """A tick came at `at` seconds. Returns False if it was one too many."""
        self.last = at = at if self.last is None else max(at, self.last)
        self._since.append(at)
        steps = self._steps(at)
        self._odd = _in_a_row(self._odd, steps - 1)
        if steps:
            self._enter(steps, at)
        if abs(self._odd) >= ODD or abs(self._astray) >= STEP:
            self._begin_anew()
            return True
        return steps > 0

    def grid(self, zero: int, meter: int) -> Grid | None:
        """The line as a grid whose beat 0 is tick `zero`; None while it is not known or can be no tempo."""
        if not self._known():
            return None
        tempo = 60.0 / (TICKS * self._period)
        if not SLOWEST * (1.0 - ROUGHLY) <= tempo <= FASTEST * (1.0 + ROUGHLY):
            return None
        tempo = min(max(tempo, SLOWEST), FASTEST)
        return Grid(self._here - (self.number - zero) * self._period, tempo, meter)

    def _known(self) -> bool:
        line = self._line
        return len(line) >= FEWEST and line[-1][1] - line[0][1] >= SHORTEST and self._period > 0.0

    def _steady(self) -> bool:
        """Whether a tick can be told from its neighbours."""
        return self._known() and len(self._line) >= LATEST and self._period > 4.0 * self._jitter

    def _steps(self, at: float) -> int:
        """By how many the number rises: 1, but 0 for a doubled tick and more after missing ones."""
        if not self._steady():
            return 1
        passed = at - self._line[-1][1]
        doubt = 4.0 * self._jitter
        if passed < (1.0 - DOUBLED) * self._period - doubt:
            return 0
        if passed > (1.0 + SKIPPED) * self._period + doubt:
            return round(passed / self._period)
        return 1

    def _enter(self, steps: int, at: float) -> None:
        self.number += steps
        error = at - (self._here + steps * self._period) if self._steady() else 0.0
        side = error if abs(error) > STRAY * self._jitter else 0.0
        self._astray = _in_a_row(self._astray, side)
        if steps == 1 and not side:
            self._regular = self.number
            self._since.clear()
            self._since.append(at)
        self._line.append((self.number, at))
        while len(self._line) > WINDOW_TICKS and at - self._line[0][1] > WINDOW:
            self._line.popleft()
        self._fit()
        if len(self._line) >= LATEST:
            self._straighten()

    def _begin_anew(self) -> None:
        """Count every tick since the last that was in no doubt, and draw the line through the latest of them."""
        line = [(self._regular + i, at) for i, at in enumerate(self._since)]
        self._line = deque(line[-STEP:])
        self.number = line[-1][0]
        self._astray = self._odd = 0
        self._fit()

    def _fit(self) -> None:
        if len(self._line) < 2:
            self._here = self._line[-1][1]
            return
        self._period, self._here = _least_squares(np.array(self._line))

    def _straighten(self) -> None:
        """Learn the jitter from the latest ticks; where their tempo is another, by more than it, keep only them."""
        line = np.array(self._line)
        latest = line[min(len(line) - LATEST, int(np.searchsorted(line[:, 1], line[-1, 1] - LATEST_SPAN))) :]
        period, here = _least_squares(latest)
        off = latest[:, 1] - (here + (latest[:, 0] - latest[-1, 0]) * period)
        usual = max(SHARPEST, float(np.abs(off).mean()))
        self._jitter = self._jitter + (usual - self._jitter) / LATEST if self._jitter else usual
        if abs(period - self._period) > UNLIKELY * self._jitter * math.sqrt(12.0 / len(latest) ** 3):
            self._line = deque(list(self._line)[-len(latest) :])
            self._period, self._here = period, here


def _least_squares(line: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Seconds a tick, and when the last one falls, of the line through `line`: rows of (number, at), two or more."""
    number, at = line[:, 0] - line[-1, 0], line[:, 1] - line[-1, 1]
    spread = number - number.mean()
    period = float(spread @ at / (spread @ spread))
    return period, float(line[-1, 1] + at.mean() - period * number.mean())


def _in_a_row(count: int, side: float) -> int:
    """How often in a row, the latest included, `side` was above 0, or below it, which counts negatively."""
    if side == 0:
        return 0
    sign = 1 if side > 0 else -1
    return count + sign if count * sign > 0 else sign
