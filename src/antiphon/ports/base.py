"""What a port is: a source that tells of the player, and a sink that sounds what it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the process of the ports imports this module, and should start at once
    from antiphon.jam.controls import Value
    from antiphon.jam.ensemble import Ensemble
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

    def arrange(self, channel: int, fields: Mapping[str, object]) -> None:
        """The strip of `channel` (1..16) is to have some of its fields at other values."""

    def beat(self, grid: Grid | None) -> None:
        """Where beats fall from now on; None when nobody gives the time any more."""

    def notice(self, text: str) -> None:
        """Something the musician should know, in one line: a port that is gone, or back."""

    def stop(self, reason: str) -> None:
        """The musician wants to end the jam; `reason` is a few words."""

    def ended(self) -> None:
        """The source has nothing more to tell."""

    def lost(self, reason: str) -> None:
        """The jam cannot go on: `reason` is one line."""


class Source(Protocol):
    """Where the player is heard."""

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`. Raises `PortError`."""

    def close(self) -> None:
        """Tell nothing more. May be called twice."""


class Sink(Protocol):
    """Where the machine, and the player's thru, sound. Its methods may be called from any thread and return at once."""

    def open(self, listener: Listener, left: Callable[[Event, float], None]) -> None:
        """Begin to sound. `left` is told each event that was posted and when it left, as the time at which it sounds.

        `listener` is told of ports that are gone or back, and of a sink that can sound nothing any more.
        """

    def post(self, events: Iterable[Event]) -> None:
        """Sound each of `events` at its `at`, monotonic seconds; at once when that has passed."""

    def pass_on(self, event: Event) -> None:
        """Sound an event of the player's at once."""

    def tick(self, messages: Iterable[tuple[float, bytes]]) -> None:
        """Send MIDI messages, each at its time: clocks to every output, notes to the first."""

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips from now on."""

    def silence(self) -> None:
        """Forget what waits and end everything that this sink made sound. Never raises."""

    def panic(self) -> None:
        """`silence`, and pedals up, sound off and notes off on every channel, whoever made it sound. Never raises."""

    def close(self) -> None:
        """Silence, then let go of the ports. May be called twice."""


class Nowhere:
    """A sink without sound, for a jam that is only recorded."""

    def __init__(self) -> None:
        self._left: Callable[[Event, float], None] | None = None

    def open(self, listener: Listener, left: Callable[[Event, float], None]) -> None:
        """Tell `left` of each event that is posted, as if it had left in time."""
        del listener
        self._left = left

    def post(self, events: Iterable[Event]) -> None:
        """Nothing sounds."""
        for event in events:
            if self._left is not None:
                self._left(event, event.at)

    def pass_on(self, event: Event) -> None:
        """Nothing sounds."""

    def tick(self, messages: Iterable[tuple[float, bytes]]) -> None:
        """Nobody is told the time."""

    def arrange(self, ensemble: Ensemble) -> None:
        """All strips sound alike here."""

    def silence(self) -> None:
        """Nothing sounds."""

    def panic(self) -> None:
        """Nothing sounds."""

    def close(self) -> None:
        """Nothing is open."""
