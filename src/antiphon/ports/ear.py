"""The ear: what comes in at all inputs, told as notes, turned controls, chosen programs and clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from antiphon.jam.ensemble import Ensemble
from antiphon.jam.mapping import Acted, Mapping, Turned
from antiphon.music.event import Event
from antiphon.ports.base import Listener
from antiphon.ports.hearing import Hearing

__all__ = ["Clock", "Ear"]

TIMING = frozenset((0xF2, 0xF8, 0xFA, 0xFB, 0xFC))
"""Song position, clock, start, continue, stop."""


Clock = Callable[[bytes, float], None]
"""Told each timing message and when it came, monotonic seconds."""


class Ear:
    """Messages to a `Listener`, while there is one: `listener` may be set at any time."""

    def __init__(self, ensemble: Ensemble, mapping: Mapping, clock: Clock | None, *, mpe: bool) -> None:
        self.listener: Listener | None = None
        self.thru: Callable[[Event], None] | None = None
        """Told each event before the listener is: where nothing else passes the player on."""
        self._mapping = mapping
        self._clock = clock
        self._hearing = Hearing(ensemble, mpe=mpe)

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips from now on."""
        self._hearing.arrange(ensemble)

    def hear(self, source: int, message: bytes, at: float) -> None:
        """A message came in at the input counted `source` from 0, at `at` seconds."""
        if message[0] in TIMING:
            if self._clock is not None:
                self._clock(message, at)
            return
        if not self._mapping.swallows(message):
            heard = self._hearing.hear(source, message, at)
            self._tell(heard.events)
            if self.listener is not None:
                for channel, program in heard.programs:
                    self.listener.arrange(channel, {"program": program})
        self._tell_turn(message)

    def lost(self, source: int, at: float) -> None:
        """An input is gone: whatever was held there is let go."""
        self._tell(self._hearing.lost(source, at))

    def _tell(self, events: Iterable[Event]) -> None:
        if self.listener is not None:
            for event in events:
                if self.thru is not None:
                    self.thru(event)
                self.listener.hear(event)

    def _tell_turn(self, message: bytes) -> None:
        turned = self._mapping.turned(message)
        match turned:
            case Turned(control, value) if self.listener is not None:
                self.listener.turn(control, value)
            case Acted(action, argument) if self.listener is not None:
                self.listener.act(action, argument)
            case _:
                pass
