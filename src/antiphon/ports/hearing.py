"""Hearing: the player's MIDI messages to events, with the pedals understood as the hands that they lengthen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.jam.ensemble import Ensemble
from antiphon.music.event import Event
from antiphon.music.ledger import Key
from antiphon.ports.wire import CONTROL, ENDS_NOTES, NOTE_OFF, NOTE_ON, PROGRAM, RESET, SOSTENUTO, SUSTAIN, Zones
from antiphon.ports.wire import is_channel_message as is_whole

__all__ = ["Heard", "Hearing"]

Place = tuple[int, int, int]
"""(input counted from 0, channel 0..15, pitch): where a finger is."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message said: events of the player's strips, and the channels (1..16) that change to a program."""

    events: tuple[Event, ...] = ()
    programs: tuple[tuple[int, int], ...] = ()


NOTHING = Heard()


@dataclass(slots=True)
class _Finger:
    """A note that was struck: the instruments that it sounds on, whether its key is down, and whether 66 holds it."""

    instruments: tuple[int, ...]
    down: bool = True
    caught: bool = False


class Hearing:
    """The player, on any number of inputs, as the strips of an ensemble that listen.

    While the sustain pedal (64) is down a release waits for it, and so does that of a note caught by the sostenuto
    pedal (66). One note that is held twice, on two keyboards or two channels of an MPE zone, ends when both let go.
    """

    def __init__(self, ensemble: Ensemble, *, mpe: bool = False) -> None:
        self._zones = defaultdict[int, Zones](lambda: Zones(mpe=mpe))
        self._fingers: dict[Place, _Finger] = {}
        self._holders: dict[Key, int] = {}  # (instrument, pitch) -> how many fingers hold it
        self._pedals: set[tuple[int, int, int]] = set()  # (input, channel, 64 or 66) that are down
        self.arrange(ensemble)

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips from now on; what sounds ends as the instrument as which it began."""
        self._ensemble = ensemble
        self._listening = [
            tuple((own, ensemble.instrument(own)) for own in ensemble.listens(channel)) for channel in range(1, 17)
        ]
        own = [pair for on_channel in self._listening for pair in on_channel]
        self._velocities = {instrument: ensemble.strips[channel].fixed_velocity for channel, instrument in own}

    def hear(self, source: int, message: Sequence[int], at: float) -> Heard:
        """What a message (no running status) from the input counted `source` says; events are `at` seconds."""
        if not is_whole(message):
            return NOTHING
        kind, channel = message[0] & 0xF0, self._zones[source].manager(message[0] & 0x0F)
        if kind in (NOTE_ON, NOTE_OFF):
            place = (source, message[0] & 0x0F, message[1])
            if kind == NOTE_ON and message[2]:
                return Heard(tuple(self._strike(place, channel, message[2], at)))
            return Heard(tuple(self._lift(place, channel, at)))
        if kind == CONTROL:
            self._zones[source].take(message)
            return Heard(tuple(self._turn(source, channel, message[1], message[2], at)))
        if kind == PROGRAM:
            return Heard(programs=tuple((own, message[1]) for own, _ in self._listening[channel]))
        return NOTHING

    def lost(self, source: int, at: float) -> list[Event]:
        """An input is gone: releases for all that it holds."""
        self._pedals = {pedal for pedal in self._pedals if pedal[0] != source}
        return self._let_go([place for place in self._fingers if place[0] == source], at)

    def panic(self, at: float) -> list[Event]:
        """Releases for everything; the pedals count as up."""
        self._pedals.clear()
        return self._let_go(list(self._fingers), at)

    def _strike(self, place: Place, channel: int, velocity: int, at: float) -> list[Event]:
        events = self._let_go([place], at) if place in self._fingers else []
        instruments = tuple(instrument for _, instrument in self._listening[channel])
        if not instruments:
            return events
        self._fingers[place] = _Finger(instruments)
        pitch = place[2]
        for instrument in instruments:
            holders = self._holders.get((instrument, pitch), 0)
            if holders:
                events.append(Event(at, instrument, pitch, 0))
            self._holders[instrument, pitch] = holders + 1
            events.append(Event(at, instrument, pitch, self._velocities.get(instrument) or velocity))
        return events

    def _lift(self, place: Place, channel: int, at: float) -> list[Event]:
        finger = self._fingers.get(place)
        if finger is None:
            return []
        finger.down = False
        return [] if self._is_held(place[0], channel, finger) else self._let_go([place], at)

    def _turn(self, source: int, channel: int, number: int, value: int, at: float) -> list[Event]:
        pedal = (source, channel, number)
        if number in (SUSTAIN, SOSTENUTO):
            if value >= 64:
                self._press(pedal)
                return []
            self._pedals.discard(pedal)
            return self._let_up(source, channel, at)
        if number == RESET:
            self._pedals -= {(source, channel, SUSTAIN), (source, channel, SOSTENUTO)}
            return self._let_up(source, channel, at)
        if number in ENDS_NOTES:
            return self._let_go(self._on(source, channel), at)
        return []

    def _press(self, pedal: tuple[int, int, int]) -> None:
        if pedal[2] == SOSTENUTO and pedal not in self._pedals:
            for place in self._on(*pedal[:2]):
                self._fingers[place].caught = self._fingers[place].down
        self._pedals.add(pedal)

    def _let_up(self, source: int, channel: int, at: float) -> list[Event]:
        lifted = [place for place in self._on(source, channel) if not self._fingers[place].down]
        return self._let_go([p for p in lifted if not self._is_held(source, channel, self._fingers[p])], at)

    def _is_held(self, source: int, channel: int, finger: _Finger) -> bool:
        sustained = (source, channel, SUSTAIN) in self._pedals
        return sustained or (finger.caught and (source, channel, SOSTENUTO) in self._pedals)

    def _on(self, source: int, channel: int) -> list[Place]:
        manager = self._zones[source].manager
        return [place for place in self._fingers if place[0] == source and manager(place[1]) == channel]

    def _let_go(self, places: Sequence[Place], at: float) -> list[Event]:
        events = []
        for place in places:
            for instrument in self._fingers.pop(place).instruments:
                key = (instrument, place[2])
                self._holders[key] -= 1
                if not self._holders[key]:
                    del self._holders[key]
                    events.append(Event(at, *key, 0))
        return events
