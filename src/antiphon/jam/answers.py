"""The machine's last answer: what it was, so that it can be taken back, played again or go round and round."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from antiphon.music.event import Event

__all__ = ["LastAnswer", "Script"]

MOST = 2048
"""Events of an answer that are kept."""


class LastAnswer:
    """What the machine played since it last began: a turn, or, where both play, since its last silence."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=MOST)
        self.onsets = 0
        """Notes that it struck in it."""
        self._over = True

    @property
    def events(self) -> tuple[Event, ...]:
        """The machine's events in the order in which they were played."""
        return tuple(self._events)

    def played(self, event: Event, silence: float) -> None:
        """The machine played `event`. An onset after `silence` seconds of nothing begins an answer of its own."""
        if event.is_onset:
            if self._over or (self._events and event.at > self._events[-1].at + silence):
                self._events.clear()
                self.onsets, self._over = 0, False
            self.onsets += 1
        self._events.append(event)

    def over(self) -> None:
        """The turn is over: what comes next belongs to another answer."""
        self._over = True

    def forget(self) -> None:
        """Nothing was played."""
        self._events.clear()
        self.onsets, self._over = 0, True


class Script:
    """Events to be played as they are: `events` from their first onset on, begun at `begin` seconds.

    With `period` seconds they go round and round; else they are played once.
    """

    def __init__(self, events: Sequence[Event], begin: float, period: float | None = None) -> None:
        first = next((event.at for event in events if event.is_onset), 0.0)
        last = math.inf if period is None else first + period
        self._events = [event for event in events if first <= event.at < last]
        self._shift = begin - first
        self._period = period
        self._place = 0

    def peek(self) -> Event | None:
        """The next event, at the time at which it sounds; None when all was played."""
        if self._place >= len(self._events):
            return None
        event = self._events[self._place]
        return Event(event.at + self._shift, event.instrument, event.pitch, event.velocity)

    def advance(self) -> None:
        """The next event was played, or could not be."""
        self._place += 1
        if self._place >= len(self._events) and self._period and self._events:
            self._place, self._shift = 0, self._shift + self._period

    def catch_up(self, now: float) -> None:
        """Leave out the rounds that are over at `now` seconds; nobody heard them."""
        event = self.peek()
        if self._period and event is not None and event.at < now - self._period:
            self._shift += self._period * math.floor((now - event.at) / self._period)
