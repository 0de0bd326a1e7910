"""Punching in: voices of the machine's that are the player's while they play there."""

from __future__ import annotations

import math
from collections.abc import Collection

from antiphon.jam.ensemble import Ensemble

__all__ = ["Punched"]


class Punched:
    """The instruments that the player has taken over, and when they last played there."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def __contains__(self, instrument: object) -> bool:
        return instrument in self._since

    def played(self, instrument: int, now: float) -> None:
        """The player struck or released a note of `instrument`."""
        self._since[instrument] = now

    def clear(self) -> None:
        """All voices are the machine's."""
        self._since.clear()

    def keep(self, instruments: Collection[int]) -> None:
        """Only `instruments` can be taken over now."""
        self._since = {i: at for i, at in self._since.items() if i in instruments}

    def next_back(self, ensemble: Ensemble, held: Collection[int]) -> float:
        """When the first voice that the player does not hold is the machine's again, in seconds; inf for never."""
        return min((self._back(i, ensemble) for i in self._since if i not in held), default=math.inf)

    def take_back(self, ensemble: Ensemble, held: Collection[int], now: float) -> bool:
        """Give back what the player let go of for long enough. Returns whether there was anything."""
        back = [i for i in self._since if i not in held and self._back(i, ensemble) <= now]
        for instrument in back:
            del self._since[instrument]
        return bool(back)

    def _back(self, instrument: int, ensemble: Ensemble) -> float:
        channel = ensemble.channel_of(instrument)
        return self._since[instrument] + (0.0 if channel is None else ensemble.strips[channel].punch_out)
