"""The door has room for so many: who knocks and says nothing is let go, who has said something stays."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from antiphon.faces.web import __main__ as process


async def _front(_request: object) -> PlainTextResponse:
    return PlainTextResponse("come in")


async def _meet(door: socket.socket) -> tuple[bytes, bytes, bytes]:
    """What a silent guest, one who never ends their question, and one who asks are answered until they are let go."""
    app = Starlette(routes=[Route("/", _front)])
    config = uvicorn.Config(app, http=process.Guest, ws="none", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[door]))
    while not server.started:
        await asyncio.sleep(0)
    answers = []
    for said in (b"", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"):
        reader, writer = await asyncio.open_connection(*door.getsockname())
        writer.write(said)
        if said.endswith(b"\r\n\r\n"):
            answers.append(await reader.readuntil(b"come in"))
        else:
            answers.append(await reader.read())
        writer.close()
    server.should_exit = True
    await serving
    return answers[0], answers[1], answers[2]


def test_who_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SHY", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as door:
        silent, unfinished, asking = asyncio.run(asyncio.wait_for(_meet(door), 20))
    assert silent == unfinished == b""
    assert asking.startswith(b"HTTP/1.1 200")
