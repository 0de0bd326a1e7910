"""The ear: what comes in at all inputs, told as notes, turned controls, chosen programs and beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from antiphon.jam.ensemble import Ensemble
from antiphon.jam.mapping import Acted, Mapping, Turned
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.ports.base import Listener
from antiphon.ports.hearing import Hearing

__all__ = ["Clock", "Ear"]

TIMING = frozenset((0xF2, 0xF8, 0xFA, 0xFB, 0xFC))
"""Song position, clock, start, continue, stop."""


class Clock(Protocol):
    """Who hears a MIDI clock, such as `ClockIn`."""

    @property
    def grid(self) -> Grid | None:
        """Where its beats fall; None while that is not known."""

    def take(self, message: Sequence[int], at: float) -> bool:
        """Hear a timing message that came at `at`, monotonic seconds. Returns whether the grid is a new one."""

    def check(self, now: float) -> bool:
        """Notice that no more come. Returns whether the grid is a new one."""


class Ear:
    """Messages to a `Listener`, while there is one: `listener` may be set at any time."""

    def __init__(self, ensemble: Ensemble, mapping: Mapping, clock: Clock | None, *, mpe: bool) -> None:
        self.listener: Listener | None = None
        self._mapping = mapping
        self._clock = clock
        self._hearing = Hearing(ensemble, mpe=mpe)

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips from now on."""
        self._hearing.arrange(ensemble)

    def hear(self, source: int, message: bytes, at: float) -> None:
        """A message came in at the input counted `source` from 0, at `at` seconds."""
        if message[0] in TIMING:
            if self._clock is not None and self._clock.take(message, at):
                self._tell_beat()
            return
        if not self._mapping.swallows(message):
            heard = self._hearing.hear(source, message, at)
            self._tell(heard.events)
            if self.listener is not None:
                for channel, program in heard.programs:
                    self.listener.program(channel, program)
        self._tell_turn(message)

    def lost(self, source: int, at: float) -> None:
        """An input is gone: whatever was held there is let go."""
        self._tell(self._hearing.lost(source, at))

    def check(self, now: float) -> None:
        """To be called now and then, so that a clock that has stopped is noticed."""
        if self._clock is not None and self._clock.check(now):
            self._tell_beat()

    def _tell(self, events: Iterable[Event]) -> None:
        if self.listener is not None:
            for event in events:
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

    def _tell_beat(self) -> None:
        if self.listener is not None and self._clock is not None:
            self.listener.beat(self._clock.grid)
