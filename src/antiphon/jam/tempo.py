"""Tempo: where the beats fall, by whoever says so."""

from __future__ import annotations

from dataclasses import replace

from antiphon.jam.controls import Settings
from antiphon.jam.pulse import Pulse
from antiphon.music.grid import Grid

__all__ = ["Tempo"]

USUAL = 80
"""The velocity of a note that counts as one."""
CLEAR = 0.2
"""How well the player's notes must fit a beat, 0 to 1; notes at random come to some 0.13, music to 0.3 to 0.6."""


class Tempo:
    """The beat by a clock, else as found in the player's notes, else by the control `tempo` from their first one on."""

    def __init__(self) -> None:
        self.clock: Grid | None = None
        """The beat that somebody gives; None while nobody does."""
        self.rest()

    def rest(self) -> None:
        """Forget what the player played."""
        self._pulse = Pulse()
        self._tapped: Grid | None = None
        self._first: float | None = None

    def struck(self, velocity: int, now: float) -> None:
        """The player struck a note with `velocity` at `now` seconds."""
        if self._first is None:
            self._first = now
        self._pulse.heard(now, velocity / USUAL)
        self._tapped = self._pulse.grid(now) if self._pulse.confidence >= CLEAR else None

    def known(self, settings: Settings) -> Grid | None:
        """Where the beats fall, if somebody gives them or they were found; None where they are only assumed."""
        if self.clock is not None:
            return self.clock
        return None if self._tapped is None else replace(self._tapped, meter=settings.whole("meter"))

    def grid(self, settings: Settings) -> Grid:
        """Where the beats fall."""
        known = self.known(settings)
        if known is not None:
            return known
        meter = settings.whole("meter")
        return Grid(0.0 if self._first is None else self._first, settings.number("tempo"), meter)
