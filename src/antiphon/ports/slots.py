"""Slots: the inputs and outputs that a jam wants, open or waiting for their port to come back."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from antiphon.ports.base import PortError
from antiphon.ports.midi import Direction, Opened, device, open_input, open_output, reopen
from antiphon.ports.wire import DOUBT, NOTE_OFF, NOTE_ON, WireLedger, is_release

__all__ = ["ECHO", "Input", "Output", "Slot"]

ECHO = 0.03
"""Seconds within which a note that comes back from the device that it was sent to is our own."""
ECHOES = 256
"""Notes that are remembered at most in order to know them again."""


class Slot:
    """A place for one port: `wanted` is what the musician called it, None for a virtual port of our own."""

    direction: Direction

    def __init__(self, wanted: str | None) -> None:
        self.wanted = wanted
        self.opened: Opened | None = None
        self.is_open = False

    @property
    def name(self) -> str:
        """The port's full name, or what it is called while it was never there."""
        if self.opened is not None and self.opened.name is not None:
            return self.opened.name
        return self.wanted or f"antiphon {self.direction}"

    @property
    def device(self) -> str:
        """The device whose port it is; our own virtual ports are two devices."""
        return device(self.name)

    def open(self) -> None:
        """Open the port. Raises `PortError`."""
        self.opened = open_input(self.wanted) if self.direction == "input" else open_output(self.wanted)
        self.is_open = True
        self._begin()

    def look(self) -> str | None:
        """Close a port that is gone and open one that is back. Returns what happened, in one line, if anything did."""
        if self.is_open:
            assert self.opened is not None
            return self.lose() if self.opened.is_gone else None
        try:
            if self.opened is None:
                self.open()
            elif reopen(self.opened, self.wanted or ""):
                self.is_open = True
                self._begin()
            else:
                return None
        except PortError:
            return None
        return f"the MIDI {self.direction} {self.name!r} is there"

    def lose(self) -> str:
        """Take the port for gone. Returns what to say of it."""
        assert self.opened is not None
        self.is_open = False
        self.opened.close()
        return f"the MIDI {self.direction} {self.name!r} is gone: waiting for it"

    def close(self) -> None:
        """Let go of the port."""
        if self.is_open and self.opened is not None:
            self.is_open = False
            self.opened.close()

    def _begin(self) -> None:
        """The port has just been opened."""


class Input(Slot):
    """An input, told of by `arrived(message)`."""

    direction: Direction = "input"

    def __init__(self, wanted: str | None, arrived: Callable[[bytes], None]) -> None:
        super().__init__(wanted)
        self._arrived = arrived

    def _begin(self) -> None:
        assert self.opened is not None
        if self.opened.client.is_port_open():
            self.opened.client.cancel_callback()
        self.opened.listen(lambda message: self._arrived(bytes(message)))


class Output(Slot):
    """An output that knows what sounds on its wire, and which notes it has just sent.

    While the port is gone nothing is sent, and what sounded there is remembered, to be closed when it is back.
    """

    direction: Direction = "output"

    def __init__(self, wanted: str | None) -> None:
        super().__init__(wanted)
        self.ledger = WireLedger()
        self.owed: list[bytes] = []
        """What is to be sent before anything else: the ends of notes that another process left sounding here."""
        self._sent: OrderedDict[bytes, float] = OrderedDict()

    def send(self, message: bytes, owner: int, now: float) -> None:
        """Send `message` on account of `owner` (see `WireLedger`). Raises `PortError`."""
        if not self.is_open:
            return
        assert self.opened is not None
        for passed in self.ledger.enter(message, owner):
            self.opened.send(passed)
            if passed[0] & 0xF0 in (NOTE_ON, NOTE_OFF):
                self._sent[passed] = now
                self._sent.move_to_end(passed)
                if len(self._sent) > ECHOES:
                    self._sent.popitem(last=False)

    def lose(self) -> str:
        """Take the port for gone; what was released while nobody had noticed is released once more when it is back."""
        now = time.monotonic()
        self.owed += [message for message, at in self._sent.items() if is_release(message) and now - at < DOUBT]
        return super().lose()

    def is_echo(self, message: bytes, now: float) -> bool:
        """Whether `message` was sent here so lately that it is our own, come back."""
        sent = self._sent.get(message)
        if sent is None or now - sent > ECHO:
            return False
        del self._sent[message]
        return True

    def silence(self, *, everywhere: bool = False) -> None:
        """Close what sounds, if the port is there. Never raises."""
        if not self.is_open or self.opened is None:
            return
        try:
            for message in self.ledger.closing(everywhere=everywhere):
                self.opened.send(message)
        except PortError:
            return
        self.ledger.clear()

    def _begin(self) -> None:
        assert self.opened is not None
        for message in self.owed:
            self.opened.send(message)
        self.owed = []
        self.silence()


DRAIN = 0.1
"""Seconds that outputs are given to send what they hold before they are closed: a JACK period is up to some 40 ms."""


def drain() -> None:
    """Wait until what was sent has left."""
    time.sleep(DRAIN)
