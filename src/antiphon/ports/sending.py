"""Sending: events to MIDI messages by the strips of an ensemble, and the ensemble as routes for the player's thru."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.jam.ensemble import CHANNELS, Ensemble, Strip
from antiphon.music.event import Event
from antiphon.music.ledger import Key
from antiphon.ports.passage import SILENT, Post, Route
from antiphon.ports.wire import CONTROL, NOTE_OFF, NOTE_ON, PROGRAM

__all__ = ["Sending", "output_named", "routes_of"]

MACHINE = 1 << 20
"""Owners (see `WireLedger`) from here on are instruments' notes; those below are the player's keys."""


def output_named(port: str | None, outputs: Sequence[str]) -> int | None:
    """Where the output that a strip calls `port` is among `outputs`: the first without a name, None when not there."""
    if port is None:
        return 0
    holding = (place for place, name in enumerate(outputs) if port.lower() in name.lower())
    return next(holding, None)


def routes_of(ensemble: Ensemble, outputs: Sequence[str]) -> list[Route]:
    """How the player's messages are passed on: a route for each strip that listens and is not muted."""
    routes = []
    for heard in CHANNELS:
        for own in ensemble.listens(heard):
            strip = ensemble.strips[own]
            if strip.mute:
                continue
            output, channel = output_named(strip.port, outputs) or 0, ensemble.out_channel(own, heard) - 1
            pitches = (strip.sounding_pitch(pitch) for pitch in range(128))
            mapped = bytes(SILENT if pitch is None else pitch for pitch in pitches)
            routes.append(Route(heard - 1, output, channel, mapped, strip.fixed_velocity or 0))
    return routes


class Sending:
    """Events to messages. A release goes where its onset went, whatever the ensemble has become since.

    `outputs` are the outputs' names: a strip whose port none of them has sounds on the first.
    """

    def __init__(self, ensemble: Ensemble, outputs: Sequence[str]) -> None:
        self._ensemble = ensemble
        self._outputs = list(outputs)
        self._sounding: dict[Key, Post] = {}  # how it is released

    def opening(self) -> list[Post]:
        """What sets the receivers up: programs of the machine's voices, and whatever else a strip asks for.

        A player's strip with program 0 and nothing else to say leaves the receiver as the player has set it up.
        """
        return [post for channel in CHANNELS for post in self._setting_up(channel, self._ensemble.strips[channel])]

    def arrange(self, ensemble: Ensemble) -> list[Post]:
        """Take other strips from now on. Returns what sets up those that changed."""
        before, self._ensemble = self._ensemble, ensemble
        changed = [c for c in CHANNELS if _settings(before.strips[c]) != _settings(ensemble.strips[c])]
        return [post for c in changed for post in self._setting_up(c, ensemble.strips[c], asked=True)]

    def posts(self, event: Event) -> list[Post]:
        """The messages for `event`; none for a voice that is muted, or that the ensemble does not have."""
        key = (event.instrument, event.pitch)
        held = self._sounding.pop(key, None)
        before = [] if held is None else [held]
        if not event.is_onset:
            return before
        own = self._ensemble.channel_of(event.instrument)
        strip = None if own is None else self._ensemble.strips[own]
        pitch = None if strip is None or strip.mute else strip.sounding_pitch(event.pitch)
        if own is None or strip is None or pitch is None:
            return before
        output, channel = self._place(own, strip)
        owner = MACHINE | event.instrument << 7 | event.pitch
        self._sounding[key] = Post(output, bytes((NOTE_OFF | channel, pitch, 0)), owner)
        return [*before, Post(output, bytes((NOTE_ON | channel, pitch, event.velocity)), owner)]

    def clear(self) -> None:
        """Everything was closed."""
        self._sounding.clear()

    def _setting_up(self, own: int, strip: Strip, *, asked: bool = False) -> list[Post]:
        output, channel = self._place(own, strip)
        sends_program = strip.mode in ("auto", "follow") or (strip.mode == "input" and (strip.program or asked))
        program = [Post(output, bytes((PROGRAM | channel, strip.program)))] if sends_program else []
        if strip.mode == "off":
            return []
        return program + [Post(output, bytes((CONTROL | channel, *setting))) for setting in sorted(strip.cc.items())]

    def _place(self, own: int, strip: Strip) -> tuple[int, int]:
        """Where a strip sounds: the output counted from 0, and the channel 0..15."""
        return output_named(strip.port, self._outputs) or 0, self._ensemble.out_channel(own) - 1


def _settings(strip: Strip) -> tuple[object, ...]:
    return strip.mode == "off", strip.program, strip.port, strip.channel, dict(strip.cc)
