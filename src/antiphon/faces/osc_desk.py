"""The desk of the OSC server: finds out what a message wants, has the session do it, and answers, whatever it was."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hmac import compare_digest
from pathlib import Path
from typing import Any, Protocol

from antiphon import __version__
from antiphon.engine import NothingPossible, OpenedModel, open_model
from antiphon.faces.osc_addresses import ADDRESSES, Address, address_table, read_arguments
from antiphon.faces.osc_query import Heard, Said, Wish, heard, query_wish, sample_wish, velocity_of
from antiphon.faces.osc_session import Drawn, Prepared, Session, prepared
from antiphon.music.midi_read import read_midi
from antiphon.ports.osc import Peer, is_loopback
from antiphon.ports.osc_packets import Message

__all__ = ["ERROR", "Desk", "prompted"]

ERROR = "/return/antiphon/error"
ENTER = "/antiphon/enter"
_RETURN = "/return/"


class Wire(Protocol):
    """What the desk needs of an OSC port."""

    def send(self, peer: Peer, address: str, *args: Any) -> None:
        """Send a message."""

    def call(self, what: Callable[[], None]) -> None:
        """Have something called between two messages; from any thread."""

    @property
    def waiting(self) -> int:
        """Messages whose time has not come."""


@dataclass(frozen=True, slots=True)
class Call:
    """A message that has been understood: what was said at which address, by whom, and when it was due."""

    address: Address
    said: Said
    peer: Peer
    at: float


class Desk:
    """Answers messages one at a time. A message that cannot be obeyed changes nothing and is answered on `ERROR`.

    Replies go to whoever asked, on `send_port` if there is one. Other machines are only heard, and answered, once they
    have said `token`; without a token they never are.
    """

    def __init__(self, session: Session, wire: Wire, *, send_port: int | None = None, token: str | None = None) -> None:
        self._session = session
        self._wire = wire
        self._send_port = send_port
        self._token = token
        self._let_in: set[str] = set()
        self._began = time.monotonic()
        self._busy = ""
        self._last_of_tidal: float | None = None
        self.answered = self.refused = 0

    def receive(self, message: Message, peer: Peer, at: float) -> None:
        """Do what a message says; `at`, seconds since 1970, is when it was due or came."""
        if message.address.startswith(_RETURN):
            return  # an answer that lost its way: answering it could go on for ever
        if not self._is_let_in(message, peer):
            return
        try:
            address = _found(message.address)
            said = read_arguments(address, message.args)
            getattr(self, f"_{address.deed}")(Call(address, said, peer, at))
            self.answered += 1
        except Exception as error:  # whatever was wrong, the sender is told and the next message is heard
            self.refuse(message, peer, " ".join(str(error).split()) or type(error).__name__)

    def refuse(self, message: Message | None, peer: Peer, why: str) -> None:
        """Tell the sender why something was not done."""
        if not self._is_let_in(message, peer):
            return
        self.refused += 1
        where = "" if message is None else message.address
        self._answer(peer, ERROR, "address", where[:200], *_handle_in(message), "error", why[:500])

    def _is_let_in(self, message: Message | None, peer: Peer) -> bool:
        host = peer[0]
        if is_loopback(host) or host in self._let_in:
            return True
        if message is None or self._token is None or message.address != ENTER or len(message.args) != 1:
            return False
        if not compare_digest(str(message.args[0]).encode(), self._token.encode()):
            return False
        self._let_in.add(host)
        return True

    def _enter(self, call: Call) -> None:
        self._answer(call.peer, call.address.reply)

    def _answer(self, peer: Peer, address: str, *args: Any) -> None:
        host, port = peer
        self._wire.send((host, self._send_port or port), address, *args)

    def _stream(self, call: Call) -> None:
        """Feed, query, sample, and all that is put together of them."""
        events = [heard(call.said)] if "feed" in call.address.steps else []
        if "query" in call.address.steps:
            wish = query_wish(call.said)
        elif "sample" in call.address.steps:
            wish = sample_wish(call.said)
        else:
            self._session.feed(*events)
            return
        drawn = self._drawn(wish, events, call.said)
        self._answer(call.peer, call.address.reply, *_reply(drawn, call.said))
        if call.address.keeps:  # only now: nobody need wait for that
            self._session.feed(drawn.heard)

    def _drawn(self, wish: Wish, events: Sequence[Heard], said: Said) -> Drawn:
        try:
            return self._session.draw(wish, *events)
        except NothingPossible as error:
            asked = " ".join(f"{name} {_shown(value)}" for name, value in said.items() if name != "handle")
            if wish.fixed:
                raise ValueError(f"nothing is possible now with {asked}") from error
            raise ValueError(f"nothing is possible now: {error}") from error

    def _tidal(self, call: Call) -> None:
        """One event of a Tidal pattern: what it leaves open is asked of the model; what came before it ends."""
        given = {name: value for name, value in call.said.items() if value != -1}
        if given.pop("ncreset", 0):
            self._session.reset()
            self._last_of_tidal = None
            if not given:
                return
        since = 0.0 if self._last_of_tidal is None else max(0.0, call.at - self._last_of_tidal)
        names = {"ncinst": "next_inst", "ncpitch": "next_pitch", "ncvel": "next_vel"}
        asked: dict[str, Any] = {names[name]: value for name, value in given.items()}
        releases: list[Heard] = []
        if asked.get("next_vel") != 0:
            instrument = asked["next_inst"] - 1 if "next_inst" in asked else None
            releases = self._session.overtaken(instrument, since)
        rest = 0.0 if releases else since
        if len(asked) == len(names):
            velocity = velocity_of(asked["next_vel"])
            event = Heard(asked["next_inst"] - 1, asked["next_pitch"], rest, velocity)
            drawn = Drawn(event.instrument, event.pitch, since, velocity, self._session.step)
            self._session.feed(*releases, event)
        else:
            asked.setdefault("min_vel", 1.0)
            drawn = self._drawn(query_wish({**asked, "next_time": rest}), releases, asked)
            self._session.feed(drawn.heard)
        self._last_of_tidal = call.at
        self._answer(call.peer, call.address.reply, *_reply(replace(drawn, since=since), {}))

    def _reset(self, call: Call) -> None:
        self._session.reset(start=call.said.get("start", False))
        self._last_of_tidal = None

    def _prompt(self, call: Call) -> None:
        path, model = Path(call.said["path"]), self._session.model.fresh()
        self._prepare(call, lambda: prompted(model, path))

    def _load(self, call: Call) -> None:
        path = call.said["path"]
        self._prepare(call, lambda: prepared(open_model(path), None))

    def _prepare(self, call: Call, make: Callable[[], Prepared]) -> None:
        """Prepare another beginning beside the session, and let it take over when it is ready."""
        if self._busy:
            raise ValueError(f"{self._busy} is still being prepared")
        self._busy = call.said["path"]
        self._session.prepare()

        def work() -> None:
            try:
                beginning = make()
            except Exception as error:
                why = " ".join(str(error).split())
                self._wire.call(lambda: self._came_to_nothing(call, why))
            else:
                self._wire.call(lambda: self._came(beginning, call))

        threading.Thread(target=work, name="preparing", daemon=True).start()

    def _came(self, beginning: Prepared, call: Call) -> None:
        self._busy = ""
        self._session.take_over(beginning)
        self._answer(call.peer, call.address.reply, "path", call.said["path"], *_handle(call.said))

    def _came_to_nothing(self, call: Call, why: str) -> None:
        self._busy = ""
        self._session.abandon()
        self.refuse(Message(call.address.address, _handle(call.said)), call.peer, why)

    def _describe(self, call: Call) -> None:
        self._answer(call.peer, call.address.reply, json.dumps(address_table(), separators=(",", ":")))

    def _ping(self, call: Call) -> None:
        self._answer(call.peer, call.address.reply, *_handle(call.said))

    def _status(self, call: Call) -> None:
        session = self._session
        figures = {
            "version": __version__,
            "model": session.model.name,
            "step": session.step,
            "time": session.at,
            "sounding": session.sounding,
            "answered": self.answered,
            "refused": self.refused,
            "waiting": self._wire.waiting,
            "preparing": self._busy,
            "up": time.monotonic() - self._began,
        }
        self._answer(
            call.peer, call.address.reply, *(part for pair in figures.items() for part in pair), *_handle(call.said)
        )


def _found(address: str) -> Address:
    if address not in ADDRESSES:
        near = get_close_matches(address[:40], ADDRESSES, 1)
        hint = f"; did you mean {near[0]}?" if near else "; /antiphon/describe tells which there are"
        raise ValueError(f"no such address: {address[:100]}{hint}")
    return ADDRESSES[address]


def prompted(model: OpenedModel, path: Path) -> Prepared:
    """Let a fresh model hear a MIDI file. Raises ValueError or OSError, one line, for one that holds no music."""
    events = read_midi(path, pedal=True).events()
    if not len(events):
        raise ValueError(f"{path}: has no notes to begin with")
    return prepared(model, events)


def _reply(drawn: Drawn, said: Said) -> list[Any]:
    """An event as Notochord's server replies it, in its order and types."""
    return [
        *("inst", drawn.instrument + 1),
        *("pitch", drawn.pitch),
        *("time", drawn.since),
        *("vel", float(drawn.velocity)),
        *("end", 0 if said.get("allow_end") else 0.0),
        *("step", drawn.step),
        *_handle(said),
    ]


def _handle(said: Said) -> list[Any]:
    return ["handle", said["handle"]] if "handle" in said else []


def _handle_in(message: Message | None) -> list[Any]:
    """The handle of a message whose arguments may be anything."""
    args = [] if message is None else message.args
    if "handle" in args[:-1]:
        return ["handle", args[args.index("handle") + 1]]
    return []


def _shown(value: Any) -> str:
    if isinstance(value, frozenset):
        listed = sorted(value)
        return f"[{' '.join(map(str, listed[:8]))}{' ...' if len(listed) > 8 else ''}]"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)[:60]
