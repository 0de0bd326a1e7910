"""The company: the faces that a live jam was asked for, each in a process of its own."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import secrets
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from antiphon.faces.link import TOKEN, FaceError, Link
from antiphon.faces.news import News
from antiphon.ports.osc import is_loopback

if TYPE_CHECKING:  # faces are started before anything heavy is imported
    from antiphon.faces.duet import Duet
    from antiphon.faces.guests import Guests
    from antiphon.faces.scene import Scene
    from antiphon.music.event import Event

__all__ = ["PAGE_PORT", "Company"]

PAGE_PORT = 8844
"""Where the page is served unless another port is asked for, or this one is taken."""


class Company:
    """Started at once, so that faces get ready while the model is opened; `close` ends them, whatever came of it."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Start what `args` ask for. Raises `FaceError` for what is not installed."""
        self._links: dict[str, Link] = {}
        self._terminal = _terminal() if args.tui else None
        self._troubles: dict[str, FaceError] = {}
        self._browser = bool(args.page and args.browser)
        self._address = ""
        self._token = os.environ.get(TOKEN) or secrets.token_urlsafe(12)
        self._osc: tuple[str, int] | None = None
        self.scene: Scene | None = None
        alone = not (args.outputs or args.virtual or args.player or args.tui)  # it is heard at the page or nowhere
        if args.page:
            self._links["page"] = Link(
                "antiphon.faces.web", *_page(args), vital=alone, variables=self._token_for(args.page_host)
            )
        if args.tui:
            if importlib.util.find_spec("textual") is None:
                self.close()
                raise FaceError("--tui needs textual, which is not installed: pip install 'antiphon[tui]'")
            self._links["tui"] = Link("antiphon.faces.tui", vital=True)
        if args.osc is not None:
            where = (f"--host={args.osc_host}", f"--port={args.osc}")
            self._links["osc"] = Link("antiphon.faces.wire", *where, variables=self._token_for(args.osc_host))
        self._greetings = [threading.Thread(target=self._greet, args=pair, daemon=True) for pair in self._links.items()]
        for greeting in self._greetings:
            greeting.start()

    @property
    def has_terminal(self) -> bool:
        """Whether the terminal belongs to a face, so that nothing else may be written there."""
        return "tui" in self._links

    @property
    def watcher(self) -> Scene | None:
        """Who is to watch the jam, if anybody looks."""
        return self.scene if self._links else None

    def guests(self, duet: Duet, *, thru: Callable[[Event], None] | None) -> Guests:
        """Let the faces watch `duet` and play in it; `thru` as in `Guests`. Raises `FaceError`."""
        from antiphon.faces.guests import Guests
        from antiphon.faces.scene import Scene

        self.scene = Scene(duet.improviser, duet.name, sounds=thru is None)
        guests = Guests(list(self._links.values()), self.scene, duet.improviser.ensemble, duet.knobs, thru=thru)
        for greeting in self._greetings:
            greeting.join()
        for name, trouble in self._troubles.items():
            raise FaceError(f"--{name}: {trouble}")
        self.scene.presets(None if duet.watch is None else duet.watch.path.stem)
        self.scene.look(time.monotonic())
        return guests

    def begun(self, take: Path | None) -> None:
        """The faces have joined a jam that has begun; its take is kept at `take`."""
        if self.scene is None:
            return
        self.scene.take(None if take is None else take.name)
        self.scene.say({"t": "files", "take": None if take is None else str(take.absolute())})
        if self._osc is not None:
            self.scene.say({"t": "osc", "host": self._osc[0], "port": self._osc[1]})
        if self.has_terminal and self._address:
            self.notice(f"the page: {self._address}")

    def notice(self, text: str) -> None:
        """Tell the musician something at every face."""
        self._say({"t": "notice", "text": text})

    def figures(self, figures: Mapping[str, Mapping[str, float]]) -> None:
        """Tell the figures of the last seconds."""
        if self.scene is not None:
            self.scene.figures(figures)

    def ended(self, why: str) -> None:
        """Tell that the jam is over."""
        self._say({"t": "ended", "why": why})

    def close(self) -> None:
        """Let every face leave. May be called twice."""
        for link in self._links.values():
            link.close()
        if self._terminal is not None and "tui" in self._links and self._links["tui"].was_killed:
            _restore(self._terminal)
            self._terminal = None

    def _say(self, news: News) -> None:
        if self.scene is not None:
            self.scene.say(news)

    def _token_for(self, host: str) -> dict[str, str]:
        """What a face that listens at `host` must know: the token, where other machines can reach it."""
        return {TOKEN: "" if is_loopback(host) else self._token}

    def _greet(self, name: str, link: Link) -> None:
        """Wait until a face is ready, and say at once where the page is: the model is still being opened."""
        try:
            ready = link.wait()
        except FaceError as error:
            self._troubles[name] = error
            return
        if name == "osc":
            self._osc = (str(ready["host"]), int(ready["port"]))
            if not self.has_terminal:
                enter = "" if is_loopback(self._osc[0]) else f"; other machines first say /antiphon/enter {self._token}"
                print(f"OSC: {self._osc[0]}:{self._osc[1]}{enter}", file=sys.stderr, flush=True)
        if name == "page":
            self._address = f"{ready['url']}?token={quote(self._token)}" if ready["wide"] else str(ready["url"])
            if not self.has_terminal:
                print(f"the page: {self._address}", file=sys.stderr, flush=True)
                if ready["wide"] and (here := _own_address()):
                    print(f"  from elsewhere: {_elsewhere(self._address, here)}", file=sys.stderr, flush=True)
            if self._browser and _has_screen():
                webbrowser.open(self._address)


def _page(args: argparse.Namespace) -> list[str]:
    """What the process of the page is told."""
    port = PAGE_PORT if args.page_port is None else args.page_port
    arguments = [f"--host={args.page_host}", f"--port={port}"]
    if args.page_port is None:
        arguments.append("--any-port")
    if args.soundfont is not None:
        arguments.append(f"--soundfont={args.soundfont.absolute()}")
    return arguments


def _own_address() -> str | None:
    """The address by which other machines of the network know this one, if there is any."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address of documentation: nothing is sent
        return str(probe.getsockname()[0])
    return None


def _elsewhere(address: str, here: str) -> str:
    return address.replace("127.0.0.1", here, 1)


def _terminal() -> list[Any] | None:
    """How the terminal is set; None where there is none."""
    if sys.platform == "win32":
        return None
    import termios

    with contextlib.suppress(termios.error, OSError, ValueError):
        return termios.tcgetattr(sys.stdin.fileno())
    return None


def _restore(terminal: list[Any]) -> None:
    """Give back a terminal whose face was killed: as it was set, the ordinary screen, a cursor, no mouse."""
    if sys.platform == "win32":
        return
    import termios

    with contextlib.suppress(termios.error, OSError, ValueError):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, terminal)
    modes = ("1049", "1000", "1002", "1003", "1006", "2004")
    print("".join(f"\x1b[?{mode}l" for mode in modes) + "\x1b[?25h", end="", file=sys.stderr, flush=True)


def _has_screen() -> bool:
    """Whether a browser would be seen, and not take over the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
