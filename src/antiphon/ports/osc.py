"""OSC over UDP: one socket, whose messages are carried out in order, those of bundles at their time."""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from antiphon.ports.base import PortError
from antiphon.ports.osc_packets import Message, OscError, read_packet, write_message

__all__ = ["OscPort", "Peer", "is_loopback"]

WAITING = 10_000
"""Messages of bundles that may wait for their time; what comes beyond is refused."""
FURTHEST = 600.0
"""Seconds ahead that a bundle may be due."""
_BURST = 64
_LARGEST = 65_507  # bytes of a UDP datagram's contents
_BUFFER = 1 << 20

Peer = tuple[str, int]
"""Who sent a message: host and port."""


class OscPort:
    """A UDP port that OSC messages come in and go out by. Raises `PortError` when it is taken.

    `run` carries messages to `receive(message, peer, at)`, one after another; `at` is when the message was due or came,
    in seconds since 1970. `refuse(message or None, peer, why)` is told of what cannot be read or cannot wait.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, OverflowError) as error:
            raise PortError(f"{host}:{port}: no such address ({error})") from error
        try:
            self._socket.bind(address)
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise PortError(f"{host}:{port}: cannot be listened on ({error})") from error
        self._socket.setblocking(False)
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self.address: Peer = self._socket.getsockname()[:2]
        self._family = family
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._calls: deque[Callable[[], None]] = deque()
        self._due: list[tuple[float, int, Message, Peer]] = []
        self._count = itertools.count()
        self._stopped = ""

    @property
    def waiting(self) -> int:
        """Messages of bundles whose time has not come."""
        return len(self._due)

    def run(
        self,
        receive: Callable[[Message, Peer, float], None],
        refuse: Callable[[Message | None, Peer, str], None],
    ) -> str:
        """Carry messages until `stop` or a signal; returns why it ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not self._stopped:
                selector.select(self._until_next())
                self._carry_out_due(receive)
                self._hear(receive, refuse)
                self._answer_calls()
        return self._stopped

    def call(self, what: Callable[[], None]) -> None:
        """Have `what` called by `run` between two messages; from any thread."""
        self._calls.append(what)
        with suppress(BlockingIOError):  # a bell that has not been answered yet is heard all the same
            self._bell.send(b"!")

    def stop(self, why: str) -> None:
        """End `run` after the message in hand; from any thread or a signal."""
        self.call(lambda: setattr(self, "_stopped", self._stopped or why))

    def send(self, peer: Peer, address: str, *args: Any) -> None:
        """Send a message from this port. One that nobody takes is lost, as datagrams are. Raises `OscError`."""
        packet = write_message(address, *args)
        if len(packet) > _LARGEST:
            raise OscError(f"{address}: a message of {len(packet)} bytes is too long for one datagram")
        with suppress(OSError):
            self._socket.sendto(packet, peer)

    def close(self) -> None:
        for end in (self._socket, self._bell, self._ear):
            end.close()

    def _until_next(self) -> float | None:
        return max(0.0, self._due[0][0] - time.time()) if self._due else None

    def _hear(
        self,
        receive: Callable[[Message, Peer, float], None],
        refuse: Callable[[Message | None, Peer, str], None],
    ) -> None:
        """Take what has come in, not more than a burst at once, so that bundles are not kept waiting by a flood."""
        for _ in range(_BURST):
            try:
                data, peer = self._socket.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:  # the answer to someone who has gone; it says nothing about who comes next
                continue
            now = time.time()
            peer = peer[:2]
            try:
                messages = read_packet(data)
            except OscError as error:
                refuse(None, peer, str(error))
                continue
            for message in messages:
                self._take(message, peer, now, receive, refuse)
            self._carry_out_due(receive)

    def _take(
        self,
        message: Message,
        peer: Peer,
        now: float,
        receive: Callable[[Message, Peer, float], None],
        refuse: Callable[[Message | None, Peer, str], None],
    ) -> None:
        if message.due is None or message.due <= now:
            receive(message, peer, now if message.due is None else message.due)
        elif message.due - now > FURTHEST:
            refuse(message, peer, f"due {message.due - now:.0f} s from now, which is more than {FURTHEST:.0f} s ahead")
        elif len(self._due) >= WAITING:
            refuse(message, peer, f"{WAITING} messages are waiting for their time already")
        else:
            heapq.heappush(self._due, (message.due, next(self._count), message, peer))

    def _carry_out_due(self, receive: Callable[[Message, Peer, float], None]) -> None:
        while self._due and self._due[0][0] <= time.time():
            due, _, message, peer = heapq.heappop(self._due)
            receive(message, peer, due)

    def _answer_calls(self) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(4096)
        while self._calls:
            self._calls.popleft()()


@lru_cache(1024)
def is_loopback(host: str) -> bool:
    """True when `host` names this machine and nothing beyond it can reach it."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
