"""What a port is: a source that tells of the player, and a sink that sounds what it is sent."""

from __future__ import annotations

from typing import Protocol

from antiphon.jam.controls import Value
from antiphon.music.event import Event
from antiphon.music.grid import Grid

__all__ = ["Listener", "Nowhere", "PortError", "Sink", "Source"]


class PortError(OSError):
    """A port that cannot be opened or was lost: one line that says which, and what to do."""


class Listener(Protocol):
    """Whom a source tells. Every method may be called from any thread and returns at once."""

    def hear(self, event: Event) -> None:
        """The player did `event`; its `at` is a stamp of the monotonic clock, in seconds."""

    def turn(self, control: str, value: Value) -> None:
        """The player turned a control."""

    def act(self, action: str, argument: str = "") -> None:
        """The player asked for an action of the controls table, such as `panic`."""

    def beat(self, grid: Grid | None) -> None:
        """Where beats fall from now on; None when nobody gives the time any more."""

    def notice(self, text: str) -> None:
        """Something the musician should know, in one line: a port that is gone, or back."""

    def ended(self) -> None:
        """The source has nothing more to tell."""

    def lost(self, reason: str) -> None:
        """The jam cannot go on: `reason` is one line."""


class Source(Protocol):
    """Where the player is heard."""

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`. Raises `PortError`."""

    def missing(self) -> str | None:
        """Why nothing can come from it any more, in one line; None while all is well."""

    def close(self) -> None:
        """Tell nothing more. May be called twice."""


class Sink(Protocol):
    """Where the machine, and the player's thru, sound. Its methods may be called from any thread."""

    def send(self, event: Event) -> None:
        """Sound `event` now, whatever its `at`. Raises `PortError` when the port is gone."""

    def missing(self) -> str | None:
        """Why nothing can be heard of it any more, in one line; None while all is well."""

    def silence(self) -> None:
        """End everything that this sink made sound. Never raises: it is called when things have gone wrong."""

    def close(self) -> None:
        """Silence, then let go of the port. May be called twice."""


class Nowhere:
    """A sink without sound, for a jam that is only recorded."""

    def send(self, event: Event) -> None:
        """Do nothing with `event`."""

    def missing(self) -> None:
        """Nowhere is always there."""

    def silence(self) -> None:
        """Nothing sounds."""

    def close(self) -> None:
        """Nothing is open."""
