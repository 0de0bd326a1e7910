"""The passage: the player's messages on their way to the outputs, mapped by strips, untouched otherwise.

Imports nothing heavy: it runs in the process of the ports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from antiphon.ports.wire import CONTROL, KEY_PRESSURE, NOTE_OFF, NOTE_ON, SOFT, SOSTENUTO, SUSTAIN, SYSEX, Zones
from antiphon.ports.wire import is_channel_message as is_whole

__all__ = ["SILENT", "Passage", "Post", "Route"]

SILENT = 255
"""In a route's pitches: not passed on."""
PEDALS = frozenset((SUSTAIN, SOSTENUTO, SOFT))


class Route(NamedTuple):
    """What is heard on channel `hears` (0..15) goes to channel `channel` of the output counted `output` from 0.

    `pitches` (128 bytes) says what each pitch becomes; `velocity` replaces the player's unless it is 0.
    """

    hears: int
    output: int
    channel: int
    pitches: bytes
    velocity: int


class Post(NamedTuple):
    """A message for an output, and on whose account (see `WireLedger`)."""

    output: int
    message: bytes
    owner: int = 0


class Passage:
    """Thru. A release goes where its onset went, and a pedal is let up where it was pressed, whatever the routes."""

    def __init__(self, routes: Iterable[Route] = (), *, mpe: bool = False) -> None:
        self._zones = defaultdict[int, Zones](lambda: Zones(mpe=mpe))
        self._struck: dict[tuple[int, int, int], list[Post]] = {}  # (input, channel, pitch) -> how it is released
        self._pressed: dict[tuple[int, int, int], list[Post]] = {}  # (input, channel, pedal) -> how it is let up
        self.arrange(routes)

    def arrange(self, routes: Iterable[Route], swallowed: Collection[tuple[int | None, int]] = ()) -> None:
        """Take other routes from now on. `swallowed`: (channel 0..15 or None for any, pitch) that play no music."""
        self._routes: dict[int, list[Route]] = defaultdict(list)
        for route in routes:
            self._routes[route.hears].append(route)
        self._outputs = sorted({route.output for on_channel in self._routes.values() for route in on_channel})
        self._swallowed = frozenset(swallowed)

    def through(self, source: int, message: Sequence[int]) -> list[Post]:
        """What becomes of a message (no running status) that came from the input counted `source` from 0.

        What is no message, clocks and active sensing go nowhere.
        """
        if not is_whole(message):
            whole = len(message) > 1 and message[0] == SYSEX and message[-1] == 0xF7
            return [Post(output, bytes(message)) for output in self._outputs] if whole else []
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind in (NOTE_ON, NOTE_OFF):
            return self._note(source, channel, message)
        if kind == CONTROL:
            self._zones[source].take(message)
            if message[1] in PEDALS:
                return self._pedal(source, channel, message)
        if kind == KEY_PRESSURE:
            held = self._struck.get((source, channel, message[1]), ())
            return [
                Post(p.output, bytes((kind | p.message[0] & 0x0F, p.message[1], message[2])), p.owner) for p in held
            ]
        return self._as_it_is(source, channel, message)

    def lost(self, source: int) -> list[Post]:
        """An input is gone: what was struck and pressed on it is let go."""
        posts = []
        for kept in (self._struck, self._pressed):
            for key in [key for key in kept if key[0] == source]:
                posts += kept.pop(key)
        return posts

    def _note(self, source: int, channel: int, message: Sequence[int]) -> list[Post]:
        pitch, velocity = message[1], message[2]
        if (channel, pitch) in self._swallowed or (None, pitch) in self._swallowed:
            return []
        key = (source, channel, pitch)
        before = self._struck.pop(key, [])
        if message[0] & 0xF0 == NOTE_OFF or not velocity:
            return [Post(p.output, bytes((message[0] & 0xF0 | p.message[0] & 0x0F, p.message[1], velocity)), p.owner)
                    for p in before]  # fmt: skip
        owner = 1 + (source << 11 | channel << 7 | pitch)
        onsets, releases = [], []
        for route in self._routes_for(source, channel):
            to = route.pitches[pitch]
            if to != SILENT:
                on = self._to(source, channel, route)
                onsets.append(Post(route.output, bytes((NOTE_ON | on, to, route.velocity or velocity)), owner))
                releases.append(Post(route.output, bytes((NOTE_OFF | on, to, 0)), owner))
        if releases:
            self._struck[key] = releases
        return [post for post in before if post not in releases] + onsets

    def _pedal(self, source: int, channel: int, message: Sequence[int]) -> list[Post]:
        key = (source, channel, message[1])
        now = self._as_it_is(source, channel, message)
        if message[2] >= 64:
            ups = [Post(p.output, bytes((p.message[0], message[1], 0))) for p in now]
            self._pressed[key] = list(dict.fromkeys((*self._pressed.get(key, ()), *ups)))
            return now
        places = {(post.output, post.message[0]) for post in now}
        return now + [p for p in self._pressed.pop(key, []) if (p.output, p.message[0]) not in places]

    def _as_it_is(self, source: int, channel: int, message: Sequence[int]) -> list[Post]:
        kind, data = message[0] & 0xF0, bytes(message[1:])
        return [
            Post(route.output, bytes((kind | self._to(source, channel, route),)) + data)
            for route in self._routes_for(source, channel)
        ]

    def _routes_for(self, source: int, channel: int) -> list[Route]:
        return self._routes.get(self._zones[source].manager(channel), [])

    def _to(self, source: int, channel: int, route: Route) -> int:
        """A member channel of an MPE zone stays what it is: its bends and pressures are its own."""
        return route.channel if self._zones[source].manager(channel) == channel else channel
