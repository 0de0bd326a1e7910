"""The doors of the page: who may come in."""

from __future__ import annotations

import ipaddress
from hmac import compare_digest
from urllib.parse import parse_qs, quote, unquote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COOKIE", "Doors", "is_loopback"]

COOKIE = "antiphon"

_HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine and nobody else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Doors:
    """Asks everybody at the door, before `app`.

    Without a token only this machine is let in, by its own names: a page of somebody else's, opened in a browser here,
    knows another name for it (DNS rebinding) or says that it comes from elsewhere (`Origin`). With a token whoever
    knows it is let in: it is in the address, and in a cookie from then on.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or turn away with 403 and one line."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        knows = self._knows_token(scope, headers)
        why = self._why_not(headers, knows=knows)
        if why:
            if scope["type"] == "websocket":
                await receive()
            return await PlainTextResponse(f"{why}\n", 403)(scope, receive, send)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = dict(_HEADERS)
                if knows and self._token is not None:
                    extra["set-cookie"] = f"{COOKIE}={quote(self._token)}; HttpOnly; SameSite=Strict; Path=/"
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in extra.items())]
            await send(message)

        return await self._app(scope, receive, answer)

    def _why_not(self, headers: Headers, *, knows: bool) -> str:
        host = headers.get("host", "")
        if self._token is None:
            if not is_loopback(_name(host)):
                return f"this page is not called {host[:100]!r}"
        elif not knows:
            return "the address of this page ends in ?token=..., as the jam has said"
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host:
            return f"a page of {origin[:100]!r} may not play here"
        return ""

    def _knows_token(self, scope: Scope, headers: Headers) -> bool:
        if self._token is None:
            return False
        said = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        words = said if cookie is None else [*said, unquote(cookie)]
        return any(compare_digest(word.encode(), self._token.encode()) for word in words)


def _place(origin: str) -> str:
    """The host and port of an origin; nothing for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name(host: str) -> str:
    """The host of `host:port`."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
