"""MIDI ports, through whichever of ALSA, CoreMIDI, WinMM and JACK this system has."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import rtmidi

from antiphon.music.event import Event
from antiphon.ports.base import Listener, PortError
from antiphon.ports.meter import Durations
from antiphon.ports.wire import Decoder, Encoder, WireLedger, control_turned

__all__ = ["MidiSink", "MidiSource", "Opened", "Port", "Thru", "list_ports", "open_input", "open_output"]

Direction = Literal["input", "output"]
Thru = Callable[[Sequence[int]], None]
"""Sends one message on as it is."""

ORDER = ("API_LINUX_ALSA", "API_MACOSX_CORE", "API_WINDOWS_MM", "API_UNIX_JACK")
"""A system's own interface first. Tried one by one: rtmidi's own choice stops at the first that was compiled in."""
NO_VIRTUAL = ("API_WINDOWS_MM",)


@dataclass(frozen=True, slots=True)
class Port:
    """A MIDI port that exists on this system, and the interface (`ALSA`, `JACK`, ...) that offers it."""

    name: str
    interface: str


@dataclass(frozen=True, slots=True)
class Opened:
    """rtmidi's client, open on the port `name`, or on a virtual port of our own when that is None."""

    client: Any
    name: str | None

    def missing(self) -> str | None:
        """Why the port is gone, in one line; None while it exists."""
        if self.name is None or self.name in self.client.get_ports():
            return None
        return f"the MIDI port {self.name!r} is gone: was it unplugged?"


def list_ports(direction: Direction) -> list[Port]:
    """The ports that exist now. Never raises: an interface that does not answer has none."""
    ports = []
    for api in _apis():
        with contextlib.suppress(PortError):
            client = _client(direction, api)
            ports += [Port(name, _name(api)) for name in client.get_ports()]
            client.delete()
    return ports


def open_input(name: str | None) -> Opened:
    """Open the input that `name` means (see `Port`; a part will do), or a virtual one for None. Raises `PortError`."""
    return _open("input", name)


def open_output(name: str | None) -> Opened:
    """Open the output that `name` means (see `Port`; a part will do), or a virtual one for None. Raises `PortError`."""
    return _open("output", name)


class MidiSource:
    """The player on a MIDI input. What arrives is first passed on untouched to `thru`, then told as events."""

    def __init__(self, port: Opened, decoder: Decoder, thru: Thru | None, passing: Durations) -> None:
        """`passing` keeps how long passing on took, in seconds."""
        self._port = port
        self._decoder = decoder
        self._thru = thru
        self._passing = passing

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`, from rtmidi's thread."""

        def arrived(stamped: tuple[list[int], float], _: object = None) -> None:
            at = time.monotonic()
            message = stamped[0]
            try:
                self._pass_on(message, at)
            except PortError as error:
                listener.lost(str(error))
            for event in self._decoder.decode(message, at):
                listener.hear(event)
            turned = control_turned(message)
            if turned is not None:
                listener.turn(*turned)

        self._port.client.set_callback(arrived)

    def missing(self) -> str | None:
        """Why nothing can be heard any more, in one line; None while the port exists."""
        return self._port.missing()

    def close(self) -> None:
        """Let go of the port."""
        self._port.client.cancel_callback()
        self._port.client.close_port()

    def _pass_on(self, message: Sequence[int], at: float) -> None:
        if self._thru is not None:
            self._thru(message)
            self._passing.add(time.monotonic() - at)


class MidiSink:
    """A MIDI output that knows what sounds on its wire, the player's thru included, and closes it."""

    def __init__(self, port: Opened, encoder: Encoder) -> None:
        """Sends the encoder's program changes at once. Raises `PortError`."""
        self._port = port
        self._encoder = encoder
        self._ledger = WireLedger()
        self._turn = threading.Lock()  # the player's thru and the machine's notes come from two threads
        for message in encoder.opening():
            self.send_message(message)

    def send(self, event: Event) -> None:
        """Sound `event` now. Raises `PortError` when the port is gone."""
        self.send_message(self._encoder.encode(event))

    def send_message(self, message: Sequence[int]) -> None:
        """Send one message as it is. Raises `PortError` when the port is gone."""
        with self._turn:
            try:
                self._port.client.send_message(message)
            except (OSError, ValueError) as error:
                raise PortError(f"the MIDI output is gone: {error}") from None
            self._ledger.sent(message)

    def missing(self) -> str | None:
        """Why nothing can be sent any more, in one line; None while the port exists."""
        with self._turn:
            return self._port.missing()

    def silence(self) -> None:
        """Close every note on the wire; then pedal up, sound off, notes off on every channel used."""
        with self._turn, contextlib.suppress(OSError, ValueError):
            for message in self._ledger.closing():
                self._port.client.send_message(message)
            self._ledger.clear()

    def close(self) -> None:
        """Silence, wait until that has left, and let go of the port."""
        if len(self._ledger):
            self.silence()
        time.sleep(DRAIN)
        self._port.client.close_port()


DRAIN = 0.1
"""Seconds that an output is given to send what it holds before it is closed: a JACK period is up to some 40 ms."""


def _apis() -> list[int]:
    compiled = set(rtmidi.get_compiled_api())
    known = [getattr(rtmidi, name) for name in ORDER if hasattr(rtmidi, name)]
    return [api for api in known if api in compiled]


def _name(api: int) -> str:
    return str(rtmidi.get_api_display_name(api))


def _client(direction: Direction, api: int) -> Any:
    kind = rtmidi.MidiIn if direction == "input" else rtmidi.MidiOut
    try:
        with _quiet():
            client = kind(api, f"antiphon {direction}")
    except OSError as error:
        raise PortError(f"{_name(api)} does not answer: {error}") from None
    if direction == "input":
        client.ignore_types(sysex=False, timing=False, active_sense=True)
    return client


def _open(direction: Direction, name: str | None) -> Opened:
    problems = []
    for api in _apis():
        try:
            client = _client(direction, api)
            if name is None:
                if _virtual(client, api):
                    return Opened(client, None)
            elif (place := _place(name, ports := client.get_ports())) is not None:
                client.open_port(place, "notes")
                return Opened(client, ports[place])
            client.delete()
        except (PortError, OSError) as error:
            problems.append(str(error))
    if name is None:
        reason = "; ".join(problems) or "this system has none, so name a port of a loop-back driver"
        raise PortError(f"no virtual MIDI {direction} can be made: {reason}")
    there = [port.name for port in list_ports(direction)]
    raise PortError(f"no MIDI {direction} is named {name!r}: there are {', '.join(map(repr, there)) or 'none'}")


def _virtual(client: Any, api: int) -> bool:
    if api in [getattr(rtmidi, name, None) for name in NO_VIRTUAL]:
        return False
    client.open_virtual_port("notes")
    return True


def _place(name: str, ports: Sequence[str]) -> int | None:
    """Where `name` is among `ports`: the port called so, else the only one that contains it in any case."""
    if name in ports:
        return ports.index(name)
    holding = [i for i, port in enumerate(ports) if name.lower() in port.lower()]
    return holding[0] if len(holding) == 1 else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the system libraries' own lines off standard error: what is wrong is said once, by us."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
