"""The site: pages that are open, each told the news of the jam and asking for what its musician wants."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from antiphon.faces.news import Kept, News, unpacked
from antiphon.faces.pace import Pace
from antiphon.faces.web.choir import Choir
from antiphon.faces.web.chorale_routes import chorale_routes
from antiphon.faces.web.doors import Doors
from antiphon.faces.web.downloads import midi_of, wav_of
from antiphon.faces.wire.space import Node, host_info, nodes_of, tree

__all__ = ["LARGEST", "Site"]

STATIC = Path(__file__).parent / "static"
LARGEST = 4096
"""Bytes of the largest message that a page may send."""
WAITING = 4096
"""Messages that may wait for a page; one that is slower is let go, and comes back by itself."""
PAGES = 32
"""Pages that may be open at once."""
ASKS = frozenset(("midi", "set", "act", "strip", "ping"))

FULL, TOO_SLOW = 1013, 1008
CLOSE = 2.0
"""Seconds that saying farewell to a page may take."""


class Page:
    """One open page."""

    def __init__(self, number: int, socket: WebSocket) -> None:
        self.number = number
        self.socket = socket
        self.waiting: asyncio.Queue[str | None] = asyncio.Queue(WAITING)
        self.lost = asyncio.Event()

    def tell(self, text: str) -> None:
        """Have `text` sent; a page that does not listen is lost."""
        try:
            self.waiting.put_nowait(text)
        except asyncio.QueueFull:
            self.lost.set()

    async def send_all(self) -> None:
        """Send what waits, until `None`."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while (text := await self.waiting.get()) is not None:
                await self.socket.send_text(text)


class Site:
    """Everything that is served. `ask` hands a page's message to the jam; `tell` is given each line that it says."""

    def __init__(self, ask: Callable[[News], None], *, token: str | None = None, soundfont: Path | None = None) -> None:
        self._ask = ask
        self._soundfont = soundfont
        self._kept = Kept()
        self._pages: dict[int, Page] = {}
        self._numbers = itertools.count(1)
        self._take: Path | None = None
        self._osc: tuple[str, int] | None = None
        self._nodes: dict[str, Node] = {}
        self._choir = Choir()
        routes: list[BaseRoute] = [
            WebSocketRoute("/jam", self._meet),
            Route("/take.mid", self._download(midi_of, "audio/midi")),
            Route("/take.wav", self._download(wav_of, "audio/wav")),
            Route("/soundfont", self._sound),
            *chorale_routes(self._choir),
            Route("/antiphon/{rest:path}", self._query),
            Route("/antiphon", self._query),
            Route("/", self._front),
            Mount("/", _Static(directory=STATIC, html=True)),
        ]
        self.app = Starlette(routes=routes, middleware=[Middleware(Doors, token=token)])

    def tell(self, line: str) -> None:
        """The jam says `line`: to one page where it names a `face`, else to all."""
        news = unpacked(line)
        match news["t"]:
            case "files":
                self._take = None if news["take"] is None else Path(news["take"])
                return
            case "osc":
                self._osc = (news["host"], news["port"])
                return
            case "hello":
                self._nodes = nodes_of(news)
        self._kept.take(news)
        for page in self._pages.values():
            if news.get("face", page.number) == page.number:
                page.tell(line)

    def close(self) -> None:
        """Let every page go once it has been told what waits."""
        self._choir.close()
        for page in self._pages.values():
            with contextlib.suppress(asyncio.QueueFull):
                page.waiting.put_nowait(None)

    async def _meet(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self._pages) >= PAGES:
            await socket.close(FULL, "too many pages are open")
            return
        page = Page(next(self._numbers), socket)
        for news in self._kept.all():
            page.tell(json.dumps(news))
        self._pages[page.number] = page
        tasks = [asyncio.create_task(deed) for deed in (page.send_all(), self._hear(page), page.lost.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._pages[page.number]
            self._ask({"t": "gone", "face": page.number})
            for task in tasks:
                task.cancel()
            if socket.client_state is WebSocketState.CONNECTED:
                with contextlib.suppress(RuntimeError, TimeoutError):
                    await asyncio.wait_for(socket.close(TOO_SLOW if page.lost.is_set() else 1000), CLOSE)

    async def _hear(self, page: Page) -> None:
        pace = Pace()
        while True:
            message = await page.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if pace.allows():
                self._take_in(page, message.get("text") or message.get("bytes") or "")
            elif pace.complains():
                _refuse(page, "", "this page says too much at once: some of it was dropped")

    def _take_in(self, page: Page, line: str | bytes) -> None:
        try:
            asked = unpacked(line)
        except ValueError as error:
            _refuse(page, "", str(error))
            return
        if asked["t"] == "ping":
            page.tell(json.dumps({"t": "pong", "id": asked.get("id"), "now": time.monotonic()}))
        elif asked["t"] in ASKS:
            self._ask({"at": time.monotonic(), **asked, "face": page.number})
        else:
            _refuse(page, asked["t"][:40], "nobody understands that")

    def _download(self, make: Callable[[Path], bytes], kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def download(request: Request) -> Response:
            if self._take is None:
                return PlainTextResponse("no take is kept of this jam\n", 404)
            try:
                content = await run_in_threadpool(make, self._take)
            except (ValueError, OSError) as error:
                return PlainTextResponse(f"{error}\n", 404)
            name = self._take.with_suffix(Path(request.url.path).suffix).name
            return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})

        return download

    async def _front(self, request: Request) -> Response:
        """The page to browsers; to programs, and where it is asked for, what OSCQuery says."""
        if "HOST_INFO" in request.query_params:
            if self._osc is None:
                return PlainTextResponse("this jam listens to no OSC: begin it with --osc\n", 404)
            return JSONResponse(host_info("Antiphon", *self._osc))
        if "text/html" not in request.headers.get("accept", "text/html"):
            return await self._query(request)
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def _query(self, request: Request) -> Response:
        """OSCQuery: the namespace below an address, or one attribute of it."""
        path = request.url.path
        found = tree(self._nodes.values(), self._kept.by_kind, "/" if path == "/antiphon/describe" else path)
        if found is None:
            return PlainTextResponse("there is no such address\n", 404)
        asked = request.url.query
        if asked and asked.isupper():
            return JSONResponse({asked: found[asked]}) if asked in found else Response(status_code=204)
        return JSONResponse(found)

    async def _sound(self, request: Request) -> Response:
        del request
        from antiphon.ports.general_midi import general_midi_soundfont

        own = general_midi_soundfont
        path = await run_in_threadpool(own) if self._soundfont is None else self._soundfont
        return FileResponse(path, media_type="audio/x-soundfont", headers={"cache-control": "no-cache"})


class _Static(StaticFiles):
    """Files that a browser asks after each time, so that a newer Antiphon is never mixed with an older one's."""

    def file_response(self, *args: object, **more: object) -> Response:
        response = super().file_response(*args, **more)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


def _refuse(page: Page, what: str, why: str) -> None:
    page.tell(json.dumps({"t": "refused", "what": what, "why": why}))
