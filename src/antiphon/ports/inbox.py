"""The inbox: what sources tell, and signals, in the order in which it came."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from dataclasses import dataclass

from antiphon.jam.controls import Value
from antiphon.music.event import Event
from antiphon.music.grid import Grid

__all__ = ["Act", "Arranged", "Beat", "Ended", "Inbox", "Message", "Notice", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A control was turned."""

    control: str
    value: Value


@dataclass(frozen=True, slots=True)
class Act:
    """An action was asked for."""

    action: str
    argument: str


@dataclass(frozen=True, slots=True)
class Arranged:
    """Some fields of a strip were changed."""

    channel: int
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Beat:
    """Somebody gives the time, or nobody does any more."""

    grid: Grid | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the musician."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The source is done (`reason` is empty), or the jam must end now and why."""

    reason: str = ""
    error: bool = False


Message = Event | Turn | Act | Arranged | Beat | Notice | Ended


class Inbox:
    """A `Listener` that keeps what it is told. It may be told from a signal's handler, where a lock could be held."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def hear(self, event: Event) -> None:
        self._messages.put(event)

    def turn(self, control: str, value: Value) -> None:
        self._messages.put(Turn(control, value))

    def act(self, action: str, argument: str = "") -> None:
        self._messages.put(Act(action, argument))

    def arrange(self, channel: int, fields: Mapping[str, object]) -> None:
        self._messages.put(Arranged(channel, fields))

    def beat(self, grid: Grid | None) -> None:
        self._messages.put(Beat(grid))

    def notice(self, text: str) -> None:
        self._messages.put(Notice(text))

    def ended(self) -> None:
        self._messages.put(Ended())

    def lost(self, reason: str) -> None:
        self._messages.put(Ended(reason, error=True))

    def stop(self, reason: str) -> None:
        self._messages.put(Ended(reason))

    def take(self, timeout: float | None) -> Message | None:
        """The next message; waits for it `timeout` seconds at most (None: for ever). None when there is none."""
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return None
