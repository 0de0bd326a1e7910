"""The hand: everything that the terminal can ask of the jam, and the jam's clock as the terminal sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from antiphon.faces.tui.mirror import Mirror
from antiphon.faces.tui.vocabulary import Message, Value

__all__ = ["Hand"]

NOTE_ON, NOTE_OFF = 0x90, 0x80


class Hand:
    """Asks by sending the messages of `docs/protocol.md`, and shows at once what it asked for."""

    def __init__(self, mirror: Mirror, send: Callable[[Message], None], clock: Callable[[], float]) -> None:
        """`clock`: seconds on this process' monotonic clock."""
        self.mirror = mirror
        self._send, self.clock = send, clock
        self._ahead: float | None = None
        self._pinged: dict[int, float] = {}
        self._pings = 0

    @property
    def now(self) -> float:
        """Seconds on the jam's clock, as far as is known."""
        return self.clock() + (self._ahead or 0.0)

    def turn(self, name: str, value: Value) -> None:
        """Turn a control."""
        self.mirror.asking(name, value, self.now)
        self._send({"t": "set", "name": name, "value": value})

    def act(self, name: str, argument: str = "") -> None:
        """Ask for an action."""
        self._send({"t": "act", "name": name, **({"argument": argument} if argument else {})})

    def change(self, channel: int, **fields: Any) -> None:
        """Change a strip."""
        self._send({"t": "strip", "channel": channel, "fields": fields})

    def strike(self, channel: int, pitch: int, velocity: int) -> None:
        """Play a note on a channel 1..16, or with velocity 0 let it go."""
        self._send({"t": "midi", "data": [(NOTE_ON if velocity else NOTE_OFF) | (channel - 1), pitch, velocity]})

    def quit(self) -> None:
        """Ask the jam to end."""
        self._send({"t": "quit"})

    def ping(self) -> None:
        """Ask what time it is there."""
        self._pings += 1
        self._pinged = {self._pings: self.clock()}
        self._send({"t": "ping", "id": self._pings})

    def hear(self, message: Message) -> str:
        """Keep what the jam tells; the name of the part that changed."""
        kind = message.get("t")
        if kind == "pong" and message.get("id") in self._pinged:
            middle = (self._pinged.pop(message["id"]) + self.clock()) / 2
            self._ahead = float(message["now"]) - middle
            return "clock"
        if kind == "note" and self._ahead is None and message.get("who") == "you":
            self._ahead = float(message["at"]) - self.clock()  # good enough until it is told
        return self.mirror.take(message, self.now)
