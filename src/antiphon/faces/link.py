"""The link between a jam and a face in a process of its own: lines of JSON over a socket of this machine.

A face that is slow, stuck or dead keeps nobody waiting: what it is told waits in a queue, and when that is full it is
let go. `Link` is the jam's end; `connect` gives a face the other one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from hmac import compare_digest
from pathlib import Path
from typing import BinaryIO

import antiphon
from antiphon.faces.news import News, packed, unpacked

__all__ = ["TOKEN", "FaceError", "Jam", "Link", "connect"]

WHERE = "ANTIPHON_JAM"
"""The variable that tells a face the port of the jam, and the word that lets it in."""
TOKEN = "ANTIPHON_TOKEN"
"""The variable that holds the token which other machines must know, if any may come: arguments can be read by all."""
FIRST_WORD = 20.0
"""Seconds within which a face must say that it is ready."""
FAREWELL = 3.0
"""Seconds that a face is given to leave."""
MOST = 50_000
"""Messages that may wait for a face."""
CHUNK = 1 << 16


class FaceError(OSError):
    """A face that cannot be shown: one line that says why."""


class Link:
    """A face: `python -m MODULE ARGUMENTS`, which inherits the terminal."""

    def __init__(
        self, module: str, *arguments: str, vital: bool = False, variables: Mapping[str, str] | None = None
    ) -> None:
        """Start it, with `variables` in its environment; the jam ends with a `vital` one. Raises `FaceError`."""
        self.vital = vital
        word = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0), backlog=1) as door:
            environment = {**os.environ, **(variables or {}), WHERE: f"{door.getsockname()[1]}:{word}"}
            environment["PYTHONPATH"] = _path()
            self._process = subprocess.Popen([sys.executable, "-P", "-m", module, *arguments], env=environment)
            self._door = door.dup()
        self._word = word
        self._told: queue.Queue[News | None] = queue.Queue(MOST)
        self._peer: socket.socket | None = None
        self._lines: BinaryIO | None = None
        self._closed = False
        self._hears: Callable[[News], None] | None = None
        self._gone: Callable[[str], None] | None = None
        self._threads: list[threading.Thread] = []

    @property
    def was_killed(self) -> bool:
        """Whether its process was ended by a signal, and could not clear up."""
        return (self._process.returncode or 0) < 0

    def wait(self) -> News:
        """Wait for its first message, `ready`, and return it. Raises `FaceError` where it cannot be shown."""
        try:
            self._peer = self._met(time.monotonic() + FIRST_WORD)
            self._lines = self._peer.makefile("rb")
            first = unpacked(self._lines.readline(CHUNK))
        except (OSError, ValueError):
            self.close()
            raise FaceError("it has ended before it was ready") from None
        self._peer.settimeout(None)
        if first["t"] != "ready":
            self.close()
            raise FaceError(str(first.get("why", "it does not say why it cannot be shown")))
        return first

    def start(self, hears: Callable[[News], None], gone: Callable[[str], None]) -> None:
        """Begin to tell and to hear it: `hears` is given each message, and `gone` is told when it ends before `close`.

        Both are called from a thread of the link's.
        """
        self._hears, self._gone = hears, gone
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for run, name in ((self._read, "face"), (self._write, "news"))
        ]
        for thread in self._threads:
            thread.start()

    def tell(self, news: News) -> None:
        """Tell it something. Returns at once; a face that has not listened for too long is ended."""
        try:
            self._told.put_nowait(news)
        except queue.Full:
            self._process.kill()

    def close(self) -> None:
        """Tell it what waits and let it leave, or end it. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._door.close()
        with contextlib.suppress(queue.Full):
            self._told.put_nowait(None)
        if self._threads:
            self._threads[1].join(timeout=FAREWELL)  # the writer
        if self._peer is not None:
            with contextlib.suppress(OSError):
                self._peer.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(timeout=FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for file in (self._lines, self._peer):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()

    def _met(self, until: float) -> socket.socket:
        """The connection of the face, which knows the word."""
        while True:
            self._door.settimeout(0.1)
            try:
                peer, _ = self._door.accept()
            except TimeoutError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise
                continue
            peer.settimeout(FIRST_WORD)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if compare_digest(_exactly(peer, len(self._word)), self._word.encode()):
                self._door.close()
                return peer
            peer.close()

    def _read(self) -> None:
        assert self._hears is not None
        assert self._gone is not None
        assert self._lines is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines:
                self._hears(unpacked(line))
        if not self._closed:
            self._gone("it has ended")

    def _write(self) -> None:
        assert self._peer is not None
        with contextlib.suppress(OSError):
            while (news := self._told.get()) is not None:
                data = packed(news)
                with contextlib.suppress(queue.Empty):
                    while len(data) < CHUNK:
                        if (news := self._told.get_nowait()) is None:
                            self._peer.sendall(data)
                            return
                        data += packed(news)
                self._peer.sendall(data)


class Jam:
    """The jam, to a face."""

    def __init__(self, peer: socket.socket) -> None:
        self.socket = peer
        self._turn = threading.Lock()

    def send(self, message: News) -> None:
        """Ask something of the jam; from any thread. One that has ended is asked in vain."""
        with self._turn, contextlib.suppress(OSError):
            self.socket.sendall(packed(message))

    def messages(self) -> Iterator[News]:
        """What the jam tells, until it ends."""
        with contextlib.suppress(OSError), self.socket.makefile("rb") as lines:
            for line in lines:
                yield unpacked(line)


def connect(*, deaf: bool = False) -> Jam:
    """The jam that started this process; `deaf` leaves Ctrl-C to it. Raises `FaceError` where there is none."""
    for name in ("SIGINT", "SIGHUP") if deaf else ():
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    port, _, word = os.environ.pop(WHERE, "").partition(":")
    try:
        peer = socket.create_connection(("127.0.0.1", int(port)))
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(word.encode())
    except (ValueError, OSError):
        if word:
            raise SystemExit(1) from None  # the jam has ended already, and has said why
        raise FaceError("a face is started by antiphon jam, and by nobody else") from None
    return Jam(peer)


def _exactly(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := peer.recv(count - len(data))):
        data += more
    return data


def _path() -> str:
    """Where the face finds this package, wherever we found it."""
    ours = str(Path(antiphon.__file__).parents[1])
    return os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
