"""The desk of a jam's OSC port: messages to what the jam is asked, and its news to subscribers' messages."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Protocol

from antiphon.faces.news import Kept, News
from antiphon.faces.pace import Pace
from antiphon.faces.wire.space import PAIRS, STRIP, WRITE, Node, matching, nodes_of, tree
from antiphon.ports.osc import Peer, is_loopback
from antiphon.ports.osc_packets import Message

__all__ = ["ERROR", "JamDesk"]

ERROR = "/antiphon/error"
SUBSCRIBED = 60.0
"""Seconds for which one who subscribes is told."""
PEERS = 256
"""Who asked last: as many are remembered."""
HOMUNCULUS = "/notochord/homunculus/"
_FORMER = {"pitch_temp": "pitch_temperature", "timing_temp": "time_temperature", "steer_density": "density"}
"""What the homunculus calls some of the controls."""


class Sender(Protocol):
    """What the desk needs of an OSC port."""

    def send(self, peer: Peer, address: str, *args: Any) -> None:
        """Send a message."""


class JamDesk:
    """Answers messages one at a time; what cannot be done is answered on `ERROR`. Not for several threads.

    Other machines are only heard once they have said `token`; without a token they never are.
    """

    def __init__(self, ask: Callable[[News], None], wire: Sender, *, token: str | None = None) -> None:
        self._ask = ask
        self._wire = wire
        self._token = token
        self._kept = Kept()
        self._nodes: dict[str, Node] = {}
        self._pace = Pace()
        self._peers: OrderedDict[Peer, int] = OrderedDict()
        self._let_in: set[str] = set()
        self._subscribers: dict[Peer, float] = {}

    # What comes in

    def receive(self, message: Message, peer: Peer, at: float) -> None:
        """Do what a message says; `at` is when it was due."""
        del at
        if not self._is_let_in(message, peer):
            return
        if not self._pace.allows():
            if self._pace.complains():
                self._wire.send(peer, ERROR, message.address[:200], "too much at once: some of it was dropped")
            return
        try:
            self._do(message, peer)
        except Exception as error:  # whatever was wrong, the sender is told and the next message is heard
            self.refuse(message, peer, " ".join(str(error).split()) or type(error).__name__)

    def refuse(self, message: Message | None, peer: Peer, why: str) -> None:
        """Tell the sender why something was not done."""
        if self._is_let_in(message, peer) and (message is None or message.address != ERROR):
            self._wire.send(peer, ERROR, "" if message is None else message.address[:200], why[:500])

    def _is_let_in(self, message: Message | None, peer: Peer) -> bool:
        if is_loopback(peer[0]) or peer[0] in self._let_in:
            return True
        said = message is not None and message.address == "/antiphon/enter" and message.args[:1]
        if self._token is None or not said or not compare_digest(str(said[0]).encode(), self._token.encode()):
            return False
        self._let_in.add(peer[0])
        return True

    def _do(self, message: Message, peer: Peer) -> None:
        address, args = message.address, _plain(message.args)
        if address.startswith(HOMUNCULUS):
            name = address.removeprefix(HOMUNCULUS)
            name = _FORMER.get(name, name)
            known = f"/antiphon/control/{name}" in self._nodes
            address = f"/antiphon/{'control' if known else 'action'}/{name}"
        found = matching(address, self._nodes)
        if not found:
            raise ValueError("there is no such address: /antiphon/describe tells which there are")
        for node in found:
            self._do_at(node, args, peer)

    def _do_at(self, node: Node, args: list[Any], peer: Peer) -> None:
        parts = node.path.split("/")[2:]
        if not args and node.access != WRITE and parts[0] in ("control", "strip", "sense"):
            self._wire.send(peer, node.path, *(node.value(self._kept.by_kind) or []))
            return
        match parts:
            case ["control", name]:
                self._say(peer, t="set", name=name, value=_one(args))
            case ["action", name]:
                self._say(peer, t="act", name=name, argument=" ".join(map(str, args)) if node.types else "")
            case ["strip", channel, name]:
                self._say(peer, t="strip", channel=int(channel), fields={name: _field(name, args)})
            case ["note"]:
                on, pitch, velocity = _whole(args, 3)
                if not (1 <= on <= 16 and 0 <= pitch <= 127 and 0 <= velocity <= 127):
                    raise ValueError("a note is a channel from 1 to 16, a pitch and a velocity from 0 to 127")
                self._say(peer, t="midi", data=[0x90 | on - 1, pitch, velocity])
            case ["midi"]:
                data = _whole(args, len(args))
                if not 1 <= len(data) <= 3 or not all(0 <= byte <= 255 for byte in data):
                    raise ValueError("a MIDI message is one to three bytes, each from 0 to 255")
                self._say(peer, t="midi", data=data)
            case ["subscribe"]:
                self._subscribe(peer)
            case ["unsubscribe"]:
                self._subscribers.pop(peer, None)
            case ["ping"]:
                self._wire.send(peer, "/antiphon/pong", *args)
            case ["describe"]:
                page = tree(self._nodes.values(), self._kept.by_kind)
                self._wire.send(peer, node.path, json.dumps(page, separators=(",", ":")))
            case ["enter"]:
                self._wire.send(peer, node.path)
            case _:
                raise ValueError("this is told to subscribers, and not asked")

    def _say(self, peer: Peer, **message: Any) -> None:
        self._peers.setdefault(peer, max(self._peers.values(), default=0) + 1)
        self._peers.move_to_end(peer)
        if len(self._peers) > PEERS:
            self._peers.popitem(last=False)
        # Programs such as oscsend let go of a note by another port than they struck it: to the jam all are one player.
        face = 0 if message["t"] == "midi" else self._peers[peer]
        self._ask({**message, "face": face, "at": time.monotonic()})

    def _subscribe(self, peer: Peer) -> None:
        is_new = peer not in self._subscribers
        self._subscribers[peer] = time.monotonic() + SUBSCRIBED
        if is_new:
            for node in self._nodes.values():
                value = node.value(self._kept.by_kind)
                if value is not None and not node.path.startswith("/antiphon/strip/"):
                    self._wire.send(peer, node.path, *value)

    # What the jam tells

    def tell(self, news: News) -> None:
        """Pass news on to those who want to know."""
        before = dict(self._kept.by_kind)
        self._kept.take(news)
        match news["t"]:
            case "hello":
                self._nodes = nodes_of(news)
            case "refused":
                peer = next((peer for peer, number in self._peers.items() if number == news.get("face")), None)
                if peer is not None:
                    self._wire.send(peer, ERROR, str(news["what"]), str(news["why"])[:500])
            case "note":
                ahead = [] if news["who"] == "you" else [round(max(0.0, news["at"] - time.monotonic()), 4)]
                where = f"/antiphon/note/{news['who']}"
                self._publish(where, news["channel"] or 0, news["pitch"], news["velocity"], *ahead)
            case "notice":
                self._publish("/antiphon/notice", news["text"])
            case "controls" | "sense" | "strips":
                self._publish_changes(before)

    def _publish_changes(self, before: dict[str, News]) -> None:
        if self._alive():
            for node in self._nodes.values():
                value = node.value(self._kept.by_kind)
                if value is not None and value != node.value(before):
                    self._publish(node.path, *value)

    def _publish(self, address: str, *args: Any) -> None:
        for peer in self._alive():
            self._wire.send(peer, address, *args)

    def _alive(self) -> list[Peer]:
        now = time.monotonic()
        self._subscribers = {peer: until for peer, until in self._subscribers.items() if until > now}
        return list(self._subscribers)


def _plain(args: list[Any]) -> list[Any]:
    """OSC's values as JSON's: 0.7 in 32 bits is 0.7."""
    return [float(f"{arg:.7g}") if isinstance(arg, float) else arg for arg in args]


def _one(args: list[Any]) -> Any:
    if len(args) != 1:
        raise ValueError(f"one value is wanted, not {len(args)}")
    return args[0]


def _whole(args: list[Any], count: int) -> list[int]:
    if not count or len(args) != count or not all(isinstance(a, int | float) and a == int(a) for a in args):
        raise ValueError(f"{count or 'some'} whole numbers are wanted")
    return [int(arg) for arg in args]


def _field(name: str, args: list[Any]) -> Any:
    """A strip's value as JSON's: whole numbers may come as floats, and truth as 1 and 0."""
    if name in PAIRS:
        wanted = args if STRIP[name] == "ff" else _whole(args, 2)
        return [wanted[0], wanted[1]] if len(wanted) == 2 else wanted
    value = _one(args)
    if STRIP[name] == "T":
        if value not in (0, 1):
            raise ValueError(f"{name} is true or false")
        return bool(value)
    if STRIP[name] == "i" and isinstance(value, float):
        return _whole([value], 1)[0]
    return value
