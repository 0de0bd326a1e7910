"""The faces of a live jam as a port: what they play and ask goes to the host, and what sounds goes to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from antiphon.faces.link import Link
from antiphon.faces.news import News
from antiphon.faces.scene import Scene
from antiphon.jam.controls import ACTIONS, control_named
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.mapping import Mapping
from antiphon.jam.preset import strip_fields
from antiphon.music.event import Event
from antiphon.ports.base import Listener, Sink
from antiphon.ports.ear import Ear
from antiphon.ports.sending import Sending

__all__ = ["Guests", "Sinks"]

_ACTIONS = frozenset(action.name for action in ACTIONS)
OLDEST = 0.1
"""Seconds by which a face's stamp may lie back."""
LARGEST = 1024
"""Bytes of the longest MIDI message that a face may send."""


class Guests:
    """A source and a sink: the player at any number of faces, and the faces that make sound.

    `thru`, when given, sounds what the player does at a face, which then makes no sound itself.
    """

    def __init__(
        self,
        links: Sequence[Link],
        scene: Scene,
        ensemble: Ensemble,
        mapping: Mapping,
        *,
        thru: Callable[[Event], None] | None = None,
    ) -> None:
        self._links = links
        self._scene = scene
        self._ensemble = ensemble
        self._turn = threading.Lock()  # for the ear, which the faces' threads share with the host
        self._ear = Ear(ensemble, mapping, None, mpe=False)
        self._ear.thru = thru
        self._sounds = thru is None
        self._sending = Sending(ensemble, ["the faces"])
        self._left: Callable[[Event, float], None] | None = None
        self._playing: set[int] = set()  # who has sent MIDI
        self._listener: Listener | None = None

    # The player

    @property
    def source(self) -> GuestSource:
        """The player at all faces."""
        return GuestSource(self)

    def hear_for(self, listener: Listener | None) -> None:
        """Whom to tell what the player does and asks; nobody when it is None."""
        with self._turn:
            self._listener = self._ear.listener = listener

    def meet(self) -> None:
        """Begin to hear all faces, each from a thread of its own."""
        for number, link in enumerate(self._links):
            self._scene.join(link.tell)
            link.start(
                lambda message, number=number: self._asked(number, message),  # type: ignore[misc]
                lambda why, number=number: self._gone(number, why),  # type: ignore[misc]
            )

    def _asked(self, number: int, message: News) -> None:
        """Do what a face asks. `message["face"]` tells apart those that share a link, such as two pages."""
        listener = self._listener
        if listener is None:
            return
        guest = message.get("face", 0)
        try:
            self._do(listener, number << 32 | guest, message)
        except ValueError as error:
            self._refuse(number, guest, message, str(error))
        except Exception as error:  # whatever is wrong with it, the next one is heard
            self._refuse(number, guest, message, f"something is missing or of the wrong kind: {error}")

    def _do(self, listener: Listener, guest: int, message: News) -> None:
        match message["t"]:
            case "midi":
                if not isinstance(message["data"], list):
                    raise ValueError("data is a list of bytes")
                data = bytes(message["data"][:LARGEST])
                if data:
                    with self._turn:
                        self._playing.add(guest)
                        self._ear.hear(guest, data, _stamp(message))
            case "gone":
                self._lose([guest])
            case "set":
                listener.turn(str(message["name"]), control_named(str(message["name"])).check(message["value"]))
            case "act":
                if message["name"] not in _ACTIONS:
                    raise ValueError(f"there is no action {message['name']!r}: there are {', '.join(sorted(_ACTIONS))}")
                argument = str(message.get("argument", ""))
                if message["name"] in ("preset", "model") and not _is_name(argument):
                    raise ValueError(f"{argument[:100]!r} is no name: paths are for the command line")
                listener.act(message["name"], argument)
            case "strip":
                fields = strip_fields(message["fields"])
                self._ensemble.changed(message["channel"], **fields)
                listener.arrange(message["channel"], fields)
            case "quit":
                listener.stop("the musician has left")
            case "ping":
                self._answer(guest, {"t": "pong", "id": message["id"], "now": time.monotonic()})
            case other:
                raise ValueError(f"nobody understands {other!r}")

    def _refuse(self, number: int, guest: int, message: News, why: str) -> None:
        self._answer(number << 32 | guest, {"t": "refused", "what": message["t"], "why": " ".join(why.split())})

    def _answer(self, guest: int, news: News) -> None:
        self._links[guest >> 32].tell({**news, "face": guest & 0xFFFFFFFF})

    def _lose(self, guests: Iterable[int]) -> None:
        """Let go what is held at faces that are not there any more."""
        with self._turn:
            for guest in self._playing.intersection(guests):
                self._playing.discard(guest)
                self._ear.lost(guest, time.monotonic())

    def _gone(self, number: int, why: str) -> None:
        self._scene.leave(self._links[number].tell)
        with self._turn:
            lost = [guest for guest in self._playing if guest >> 32 == number]
        self._lose(lost)
        if self._listener is not None:
            self._listener.notice(f"a face is gone: {why}")
            if self._links[number].vital:
                self._listener.stop("its face is gone")

    # What sounds

    def open(self, listener: Listener, left: Callable[[Event, float], None]) -> None:
        """Begin to sound; what is posted counts as having left in time."""
        del listener
        self._left = left

    def post(self, events: Iterable[Event]) -> None:
        """Have the faces sound each of `events` at its `at`."""
        for event in events:
            self._sound(event)
            if self._left is not None:
                self._left(event, event.at)

    def pass_on(self, event: Event) -> None:
        """Have the faces sound an event of the player's."""
        self._sound(event)

    def tick(self, messages: Iterable[tuple[float, bytes]]) -> None:
        """Clicks are heard at the faces; clocks are not for them."""
        for at, message in messages:
            if message[0] < 0xF0:
                self._midi(at, message)

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips, for what is heard and what sounds."""
        self._ensemble = ensemble
        with self._turn:
            self._ear.arrange(ensemble)
        for post in self._sending.arrange(ensemble):
            self._midi(time.monotonic(), post.message)

    def silence(self) -> None:
        """End every note at the faces."""
        self._sending.clear()
        self._scene.say({"t": "silence"})

    def panic(self) -> None:
        """The same."""
        self.silence()

    def close(self) -> None:
        """Sound nothing more; the faces themselves belong to the company."""
        self._sounds = False

    def _sound(self, event: Event) -> None:
        for post in self._sending.posts(event):
            self._midi(event.at, post.message)

    def _midi(self, at: float, message: bytes) -> None:
        if not self._sounds:
            return
        self._scene.say({"t": "midi", "at": at, "data": list(message)})


class GuestSource:
    """The player at all faces of some guests."""

    def __init__(self, guests: Guests) -> None:
        self._guests = guests

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`."""
        self._guests.hear_for(listener)
        self._guests.meet()

    def close(self) -> None:
        """Tell nothing more."""
        self._guests.hear_for(None)


class Sinks:
    """Several sinks as one. What has left is told by the first."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)

    def open(self, listener: Listener, left: Callable[[Event, float], None]) -> None:
        """Open all of them. Raises `PortError`."""
        self._sinks[0].open(listener, left)
        for sink in self._sinks[1:]:
            sink.open(listener, _unheard)

    def post(self, events: Iterable[Event]) -> None:
        """Sound each of `events` everywhere."""
        kept = list(events)
        for sink in self._sinks:
            sink.post(kept)

    def pass_on(self, event: Event) -> None:
        """Sound an event of the player's everywhere."""
        for sink in self._sinks:
            sink.pass_on(event)

    def tick(self, messages: Iterable[tuple[float, bytes]]) -> None:
        """Send messages everywhere."""
        kept = list(messages)
        for sink in self._sinks:
            sink.tick(kept)

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips everywhere."""
        for sink in self._sinks:
            sink.arrange(ensemble)

    def silence(self) -> None:
        """End every note everywhere."""
        for sink in self._sinks:
            sink.silence()

    def panic(self) -> None:
        """The same, thoroughly."""
        for sink in self._sinks:
            sink.panic()

    def close(self) -> None:
        """Let go of all of them."""
        for sink in self._sinks:
            sink.close()


def _unheard(event: Event, at: float) -> None:
    """Another sink has told of it."""
    del event, at


def _is_name(text: str) -> bool:
    """Whether `text` can only be a name, not a path."""
    return not any(part in text for part in ("/", "\\", ".toml"))


def _stamp(message: News) -> float:
    """When a face says that it heard something, as far as that can be believed; in seconds."""
    now = time.monotonic()
    at = message.get("at", now)
    return min(now, max(now - OLDEST, float(at))) if isinstance(at, int | float) else now
