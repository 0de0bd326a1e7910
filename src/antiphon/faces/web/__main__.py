"""The process of the page: `python -m antiphon.faces.web`, started by a jam, ends with it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from antiphon.faces.link import TOKEN, Jam, connect
from antiphon.faces.news import News, packed
from antiphon.faces.web.doors import is_loopback
from antiphon.faces.web.site import LARGEST, Site

LONGEST = 1 << 24
"""Bytes of the longest line that the jam says."""
TRIES = 10
"""Ports that are tried, one after another, where nobody asked for one."""
PING, PONG = 2.0, 3.0
"""Seconds between two signs of life that are asked of a page, and until it is given up and its notes are let go."""
SHY = 10.0
"""Seconds within which who has knocked must have said what for: a door has room for so many only."""
CLOSING = 2
"""Seconds that pages are given to be told that the jam is over."""


class _Server(uvicorn.Server):
    """A server that leaves signals alone: it ends with the jam."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Guest(H11Protocol):
    """A connection, which is let go when it asks for nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(SHY, self._go_unless_asked)

    def _go_unless_asked(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self and not self.transport.is_closing():
            self.transport.close()


def main() -> int:
    """Serve until the jam ends. Returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--any-port", action="store_true")
    parser.add_argument("--soundfont", type=Path)
    args = parser.parse_args()
    jam = connect(deaf=True)
    try:
        door = _bound(args.host, args.port, TRIES if args.any_port else 1)
    except (OSError, OverflowError) as error:
        jam.send({"t": "failed", "why": f"the page cannot be served on {args.host}:{args.port}: {error}"})
        return 1
    asyncio.run(_serve(jam, door, args))
    return 0


def _bound(host: str, port: int, tries: int) -> socket.socket:
    for more in range(tries):
        try:
            door = socket.create_server((host, port + more), family=_family(host), backlog=64)
            # Of what this makes asyncio does not know that it is TCP, and leaves it to wait for more to send.
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return door
        except OSError:
            if more == tries - 1:
                raise
    raise OSError("no port was tried")


def _family(host: str) -> socket.AddressFamily:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]


async def _serve(jam: Jam, door: socket.socket, args: argparse.Namespace) -> None:
    jam.socket.setblocking(False)
    try:
        reader, writer = await asyncio.open_connection(sock=jam.socket, limit=LONGEST)
    except OSError:
        return  # the jam has ended already

    def ask(message: News) -> None:
        writer.write(packed(message))

    site = Site(ask, token=os.environ.get(TOKEN) or None, soundfont=args.soundfont)
    config = uvicorn.Config(
        site.app,
        http=Guest,
        ws="websockets-sansio",
        ws_max_size=LARGEST,
        ws_per_message_deflate=False,
        ws_ping_interval=PING,
        ws_ping_timeout=PONG,
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSING,
        limit_concurrency=256,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[door]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    host, port = door.getsockname()[:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    ask({"t": "ready", "url": f"http://{shown}:{port}/", "wide": not is_loopback(host)})
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while line := await reader.readline():
            site.tell(line.decode())
    site.close()
    server.should_exit = True
    await serving


if __name__ == "__main__":
    sys.exit(main())
