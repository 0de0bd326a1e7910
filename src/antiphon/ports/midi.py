"""MIDI ports, through whichever of ALSA, CoreMIDI, WinMM and JACK this system has."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import rtmidi

from antiphon.ports import jack
from antiphon.ports.base import PortError

__all__ = [
    "Direction",
    "Opened",
    "Port",
    "device",
    "interfaces",
    "list_ports",
    "open_input",
    "open_output",
    "reopen",
    "unnumbered",
]

Direction = Literal["input", "output"]

ORDER = ("API_LINUX_ALSA", "API_MACOSX_CORE", "API_WINDOWS_MM", "API_UNIX_JACK")
"""A system's own interface first. Tried one by one: rtmidi's own choice stops at the first that was compiled in."""
NO_VIRTUAL = ("API_WINDOWS_MM",)
ATTEMPTS, PAUSE = 5, 0.2
"""How often a port that exists is tried to be opened, and the seconds in between."""
JACK_LONGEST = 8_000
"""Bytes: a longer message never fits into what rtmidi gives to JACK, and to send it would be to wait for ever."""


@dataclass(frozen=True, slots=True)
class Port:
    """A MIDI port that exists on this system, and the interface (`ALSA`, `JACK`, ...) that offers it."""

    name: str
    interface: str


@dataclass(slots=True)
class Opened:
    """rtmidi's client, open on the port `name`, or on a virtual port of our own when that is None."""

    client: Any
    name: str | None
    interface: str

    @property
    def is_gone(self) -> bool:
        """Whether the port exists no more."""
        return self.name is not None and self.name not in self.client.get_ports()

    def send(self, message: bytes) -> None:
        """Send one message. Raises `PortError` when it cannot be sent."""
        if self.interface.upper().startswith("JACK") and len(message) > JACK_LONGEST:
            return
        try:
            self.client.send_message(message)
        except (OSError, ValueError) as error:
            raise PortError(f"the MIDI output {self.name!r} is gone: {error}") from None

    def listen(self, arrived: Callable[[Sequence[int]], None]) -> None:
        """Tell `arrived` each message that comes in, from rtmidi's own thread."""
        self.client.set_callback(lambda stamped, _: arrived(stamped[0]))

    def close(self) -> None:
        """Let go of the port; the client stays."""
        with contextlib.suppress(OSError):
            self.client.close_port()


def device(name: str) -> str:
    """What the names of one device's ports have in common."""
    return name.split(":")[0]


def interfaces() -> list[tuple[str, str | None]]:
    """The interfaces that were compiled in, and why each does not answer, in one line; None where it does."""
    answers: list[tuple[str, str | None]] = []
    for api in _apis():
        try:
            _client("input", api).delete()
            answers.append((_name(api), None))
        except PortError as error:
            answers.append((_name(api), str(error)))
    return answers


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
    """Open the input that `name` means (a part of it will do), or a virtual one for None. Raises `PortError`."""
    return _open("input", name)


def open_output(name: str | None) -> Opened:
    """Open the output that `name` means (a part of it will do), or a virtual one for None. Raises `PortError`."""
    return _open("output", name)


def reopen(opened: Opened, wanted: str) -> bool:
    """Open a closed port again if it is back: the one that `wanted` means, or one of the same name but for numbers.

    ALSA counts its clients, so that what is unplugged comes back under another number.
    """
    ports = opened.client.get_ports()
    place = _place(wanted, ports)
    if place is None and opened.name is not None:
        alike = [i for i, port in enumerate(ports) if unnumbered(port) == unnumbered(opened.name)]
        place = alike[0] if alike else None
    if place is None:
        return False
    try:
        opened.client.open_port(place, "notes")
    except OSError:
        return False
    opened.name = ports[place]
    return True


def unnumbered(port: str) -> str:
    """A port's name without ALSA's two numbers at its end, which are others each time that it is plugged in."""
    return re.sub(r"\s\d+:\d+$", "", port)


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
        if api == getattr(rtmidi, "API_UNIX_JACK", None) and jack.server_socket() is None:
            raise PortError("the JACK server is not running") from None
        raise PortError(f"{_name(api)} does not answer: {error}") from None
    if direction == "input":
        client.ignore_types(sysex=False, timing=False, active_sense=True)
    return client


def _open(direction: Direction, name: str | None) -> Opened:
    problems: list[str] = []
    for _ in range(ATTEMPTS):
        opened = _opened(direction, name, problems)
        if opened is not None:
            return opened
        there = [port.name for port in list_ports(direction)]
        if name is None or _place(name, there) is None:
            break
        time.sleep(PAUSE)  # it is there: a JACK server that is just burying a client refuses the next one
    reason = "; ".join(dict.fromkeys(problems))
    if name is None:
        reason = reason or "this system has none, so name a port of a loop-back driver"
        raise PortError(f"no virtual MIDI {direction} can be made: {reason}")
    if _place(name, there) is not None:
        raise PortError(f"the MIDI {direction} {name!r} cannot be opened: {reason}")
    raise PortError(f"no MIDI {direction} is named {name!r}: there are {', '.join(map(repr, there)) or 'none'}")


def _opened(direction: Direction, name: str | None, problems: list[str]) -> Opened | None:
    """The port through the first interface that offers it; why others did not is added to `problems`."""
    for api in _apis():
        try:
            client = _client(direction, api)
            if name is None:
                if _virtual(client, api):
                    return Opened(client, None, _name(api))
            elif (place := _place(name, ports := client.get_ports())) is not None:
                client.open_port(place, "notes")
                return Opened(client, ports[place], _name(api))
            client.delete()
        except (PortError, OSError) as error:
            problems.append(str(error))
    return None


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
