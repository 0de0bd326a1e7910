"""The grid: where beats, bars and their divisions fall in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

__all__ = ["FASTEST", "SLOWEST", "Grid"]

SLOWEST, FASTEST = 20.0, 999.0
"""Quarter notes a minute: the tempos that a grid can have, which are those of Ableton Link."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Beats at an even tempo: beat 0, which begins bar 0, falls at `origin` seconds.

    `tempo` is in quarter notes a minute, `meter` in beats a bar; beats and bars before the origin are negative.
    Raises `ValueError` for a tempo outside 20..999, a meter below 1 or an origin that is no time.

    The lines of a grid divide each beat evenly: `division` is their number a beat, 2 for eighths, 3 for triplets,
    4 for sixteenths. `swing` 0..1 makes every second line late, as far as 1/3 of the way to the next: at 1, two lines
    are as long and short as the 2 and 1 of a triplet. Lines on a beat stay where they are, so that only even
    divisions swing.
    """

    origin: float
    tempo: float
    meter: int = 4

    def __post_init__(self) -> None:
        if not SLOWEST <= self.tempo <= FASTEST:
            raise ValueError(f"a tempo of {self.tempo:g} is not between {SLOWEST:g} and {FASTEST:g} beats a minute")
        if self.meter < 1:
            raise ValueError(f"a bar of {self.meter} beats is none: a meter is 1 or more")
        if not math.isfinite(self.origin):
            raise ValueError(f"beat 0 cannot fall at {self.origin:g} seconds")

    @property
    def period(self) -> float:
        """Seconds a beat."""
        return 60.0 / self.tempo

    def beat(self, at: float) -> float:
        """Beats since the origin at `at` seconds, with their fraction."""
        return (at - self.origin) / self.period

    def at(self, beat: float) -> float:
        """When `beat` falls, in seconds."""
        return self.origin + beat * self.period

    def bar(self, at: float) -> int:
        """The bar that sounds at `at` seconds; a bar begins exactly at its `bar_at`."""
        bar = math.floor(self.beat(at) / self.meter)
        # Division and multiplication round differently: let the bar line itself decide.
        if self.bar_at(bar) > at:
            return bar - 1
        return bar + 1 if self.bar_at(bar + 1) <= at else bar

    def bar_at(self, bar: float) -> float:
        """When `bar` begins, in seconds."""
        return self.at(bar * self.meter)

    def line_after(self, at: float, division: float, swing: float = 0.0) -> float:
        """The first line at or after `at`, in seconds."""
        return self._line(self._first_line(at, division, swing), division, swing)

    def nearest(self, at: float, division: float, swing: float = 0.0) -> float:
        """The line nearest to `at`, in seconds; the earlier of two that are equally near."""
        after = self._first_line(at, division, swing)
        lines = (self._line(after - 1, division, swing), self._line(after, division, swing))
        return min(lines, key=lambda line: abs(line - at))

    def with_tempo(self, tempo: float, at: float) -> Grid:
        """The grid with another tempo from `at` seconds on: what beat it is then does not change.

        Raises `ValueError` for a tempo outside 20..999.
        """
        return replace(self, origin=at - self.beat(at) * 60.0 / tempo if tempo else self.origin, tempo=tempo)

    def _first_line(self, at: float, division: float, swing: float) -> int:
        """The number of the first line at or after `at`, counted from the origin."""
        if not division > 0:
            raise ValueError(f"a beat cannot be divided into {division:g}")
        line = math.floor(self.beat(at) * division) - 1  # swing delays lines, rounding may do either
        while self._line(line, division, swing) < at:
            line += 1
        return line

    def _line(self, line: int, division: float, swing: float) -> float:
        late = min(max(swing, 0.0), 1.0) / 3.0 if line % 2 and division % 2 == 0 else 0.0
        return self.at((line + late) / division)
