"""The addresses of the chorale: music is asked for by POST, and whoever hangs up no longer wants it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from antiphon.faces.web.choir import Busy, Choir, Gone
from antiphon.faces.web.chorale_orders import read_order, read_paper
from antiphon.music.tuning import SCALES

__all__ = ["chorale_routes"]

LARGEST_ORDER = 1 << 18
"""Bytes of the largest order."""
LARGEST_FILE = 1 << 20
"""Bytes of the largest file of music."""
OVERHEARD = 1 << 24
"""Bytes of what is too large that are still listened to, so that the refusal is heard."""
KINDS = {"midi": "audio/midi", "musicxml": "application/vnd.recordare.musicxml+xml"}
"""What scores are written as."""
TWELVE, OCTAVE = 12, 1200.0
NAME = 80
"""Letters of a file's name that are shown."""

BAD, TOO_LARGE, BUSY, FAILED = 400, 413, 503, 502


def chorale_routes(choir: Choir) -> list[BaseRoute]:
    """POST /chorale: an order (`read_order`), answered by lines of JSON: `step` of `steps`, then `made` or `refused`.

    POST /chorale/read?name=: a file of music, answered by the score of the page. POST /chorale/midi and
    /chorale/musicxml: the reverse (`read_paper`). GET /chorale/tunings: by name, the cents by which each of the twelve
    keys from the tonic up is higher than in equal temperament. What is wrong is answered by one line of text and 400,
    413 (too large), 503 (busy) or 502 (the choir's process ended).
    """

    async def sing(request: Request) -> Response:
        body = await _body(request, LARGEST_ORDER)
        read_order(body)
        return _Song(choir, body)

    async def read(request: Request) -> Response:
        body = await _body(request, LARGEST_FILE)
        if not body:
            raise ValueError("the file is empty")
        name = "".join(c for c in request.query_params.get("name", "") if c.isprintable())
        shown = name if len(name) <= NAME else f"{name[: NAME // 2]}…{name[-NAME // 2 :]}"  # with how it ends
        answer = await _unless_left(request, choir.ask("read", body, shown or "the file"))
        return JSONResponse(answer)

    async def write(request: Request) -> Response:
        body = await _body(request, LARGEST_ORDER)
        read_paper(body)
        kind = request.url.path.rpartition("/")[2]
        answer = await _unless_left(request, choir.ask(kind, body))
        return Response(base64.b64decode(answer["file"]), media_type=KINDS[kind])

    async def tunings(request: Request) -> Response:
        del request
        return JSONResponse(_tunings())

    return [
        Route("/chorale/tunings", tunings),
        Route("/chorale", _answered(sing), methods=["POST"]),
        Route("/chorale/read", _answered(read), methods=["POST"]),
        *(Route(f"/chorale/{kind}", _answered(write), methods=["POST"]) for kind in KINDS),
    ]


def _tunings() -> dict[str, list[float]]:
    """Scales of twelve keys an octave, as `Tuning.on` has them about a tonic."""
    twelve = {name: scale for name, scale in SCALES.items() if len(scale.cents) == TWELVE and scale.cents[-1] == OCTAVE}
    return {name: [round(scale.at(key) - 100 * key, 3) for key in range(TWELVE)] for name, scale in twelve.items()}


class _TooLarge(ValueError):
    """More than is read."""


def _answered(deed: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """The same with what goes wrong as one line."""

    async def answer(request: Request) -> Response:
        try:
            return await deed(request)  # type: ignore[no-any-return]
        except Exception as error:
            if (status := _status(error)) is None:
                raise
            return PlainTextResponse(f"{error}\n", status)

    return answer


def _status(error: Exception) -> int | None:
    kinds = [(_TooLarge, TOO_LARGE), (ValueError, BAD), (Busy, BUSY), (Gone, FAILED)]
    return next((status for kind, status in kinds if isinstance(error, kind)), None)


async def _body(request: Request, most: int) -> bytes:
    body, heard = bytearray(), 0
    async for chunk in request.stream():
        heard += len(chunk)
        if heard <= most:
            body += chunk
        elif heard > OVERHEARD:
            break
    if heard > most:
        raise _TooLarge(f"that is larger than {most >> 10} KiB, which is as much as is read")
    return bytes(body)


async def _unless_left(request: Request, deed: Any) -> Any:
    """What `deed` gives; it is cancelled when nobody waits for it any more."""
    task = asyncio.ensure_future(deed)
    leaving = asyncio.create_task(_left(request.receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone("nobody waits for it any more")
        return task.result()
    finally:
        for each in (task, leaving):
            each.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Song(Response):
    """An order that is carried out while its answer is sent."""

    def __init__(self, choir: Choir, order: bytes) -> None:
        super().__init__(media_type="application/x-ndjson", headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._choir = choir
        self._order = order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sing; stop as soon as nobody listens."""
        request = Request(scope, receive)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def sing() -> None:
            while True:
                line = await lines.get()
                await send({"type": "http.response.body", "body": _packed(line), "more_body": True})

        sending = asyncio.create_task(sing())
        try:
            last = await _unless_left(request, self._choir.ask("sing", self._order, tell=lines.put_nowait))
        except (ValueError, Busy, Gone) as error:
            last = {"t": "refused", "why": str(error)}
        finally:
            sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await send({"type": "http.response.body", "body": _packed(last)})


def _packed(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
