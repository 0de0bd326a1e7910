"""Pace: how long the machine thinks, and so how early it must decide."""

from __future__ import annotations

from collections import deque

__all__ = ["Pace"]

THOUGHTS, STUMBLES = 12, 2
"""So many of its last thoughts tell how long one takes; so many of them may have been slow by accident."""
CAUTION = 1.5
"""How much longer than lately a thought may take before what it decides comes late."""
LONGEST = 1.0
"""Seconds by which a slow machine decides ahead at most."""
QUICK = 0.01
"""Seconds: on a machine that needs less there is nothing to be done."""


class Pace:
    """The last thoughts, in seconds each."""

    def __init__(self) -> None:
        self._thoughts: deque[float] = deque(maxlen=THOUGHTS)

    def took(self, seconds: float) -> None:
        """A thought took `seconds`."""
        self._thoughts.append(min(seconds, LONGEST))

    def ahead(self) -> float:
        """Seconds by which to decide ahead, 0 where the machine is quick."""
        slow = sorted(self._thoughts)[-STUMBLES - 1 :]
        thought = slow[0] * CAUTION if len(slow) > STUMBLES else 0.0
        return thought if thought > QUICK else 0.0
