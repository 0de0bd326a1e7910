"""The pace at which those who ask may ask, so that a flood of messages drowns nobody else's."""

from __future__ import annotations

import time

__all__ = ["RATE", "Pace"]

RATE = 500.0
"""Messages a second that one face may send; a second's worth of them in one go."""


class Pace:
    """How many messages one who asks may still send: `RATE` a second, and as many in one go."""

    def __init__(self) -> None:
        self._left, self._at = RATE, time.monotonic()
        self._said_at = self._at - 1.0

    def allows(self) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        self._left = min(RATE, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def complains(self) -> bool:
        """Whether it is to be said that messages are dropped: once a second."""
        now = time.monotonic()
        if now < self._said_at + 1.0:
            return False
        self._said_at = now
        return True
