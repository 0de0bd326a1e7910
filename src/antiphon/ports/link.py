"""Ableton Link: one tempo and beat, shared with every program on the network that speaks it.

The peer of the session is a process of its own (see `link_peer`); this side never imports the library that speaks Link.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO

from antiphon.music.grid import FASTEST, SLOWEST, Grid
from antiphon.ports.base import Listener, PortError

__all__ = ["Link", "LinkBeat"]

BEGIN = 20.0
"""Seconds that the peer may take to begin: a cold start of Python from a slow disk."""
END = 1.0
"""Seconds that it may take to end before it is ended."""
SAME = 0.0002
"""Seconds between two grids that are one."""


class Link:
    """A place in the session.

    `changed` is told where beats fall, at first and whenever that changes; `lost` is told once if the session is lost:
    why, in one line. Both are called from a thread of this port, and not after `close`.
    """

    def __init__(
        self, changed: Callable[[Grid], None], lost: Callable[[str], None], *, tempo: float = 120.0, meter: int = 4
    ) -> None:
        self._changed, self._lost = changed, lost
        self._tempo, self._meter = tempo, meter
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._begun, self._closed = threading.Event(), False
        self._error = ""
        self.grid: Grid | None = None
        """Where beats fall, with bars as all others have them; None before the session was joined."""
        self.peers = 0
        """How many others are in the session."""
        self.playing = False
        """Whether the session's transport runs, for those who share it."""

    def start(self) -> None:
        """Join the session: at its tempo, or at `tempo` where nobody else is in it. Raises `PortError`."""
        if importlib.util.find_spec("aalink") is None:
            raise PortError("Ableton Link needs an extra: pip install 'antiphon[link]'")
        command = [sys.executable, "-m", "antiphon.ports.link_peer", str(self._tempo), str(self._meter)]
        try:
            self._process = subprocess.Popen(
                command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise PortError(f"the Link peer does not start: {error}") from error
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name="link", daemon=True)
        self._reader.start()
        if not self._begun.wait(BEGIN) or self.grid is None:
            self.close()
            raise PortError(f"the Link peer does not start: {self._error or 'it says nothing'}")

    def set_tempo(self, tempo: float) -> None:
        """Set the tempo, in quarter notes a minute, for everyone. Raises `ValueError` outside 20..999."""
        if not SLOWEST <= tempo <= FASTEST:
            raise ValueError(f"a tempo of {tempo:g} is not between {SLOWEST:g} and {FASTEST:g} beats a minute")
        self._say({"tempo": tempo})

    def set_playing(self, playing: bool) -> None:
        """Start or stop the session's transport."""
        self._say({"playing": playing})

    def close(self) -> None:
        """Leave the session. May be called twice, and from any thread; takes a second or two at most."""
        self._closed = True
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # which ends the peer
        for end in (process.terminate, process.kill):
            try:
                process.wait(END)
                break
            except subprocess.TimeoutExpired:
                end()
        else:
            process.wait(END)
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(END)

    def _say(self, wish: dict[str, float | bool]) -> None:
        """Tell the peer; a peer that has gone is reported by the reader."""
        if self._process is None or self._process.stdin is None or self._closed:
            return
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(wish).encode() + b"\n")

    def _read(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                self._take(line)
                self._begun.set()
        if self.grid is not None and not self._closed:
            self._lost(self._error or "the Link peer has ended")
        self._begun.set()

    def _take(self, line: bytes) -> None:
        try:
            state = json.loads(line)
            if "error" in state:
                self._error = str(state["error"])
                return
            tempo = min(max(float(state["tempo"]), SLOWEST), FASTEST)
            grid = Grid(state["at"] - state["beat"] * 60.0 / tempo, tempo, self._meter)
            self.peers, self.playing = int(state["peers"]), bool(state["playing"])
        except (ValueError, KeyError, TypeError):
            return  # a line cut off by the end of the peer
        if not self._closed and self._differs(grid, state["at"]):
            self.grid = grid
            self._changed(grid)

    def _differs(self, grid: Grid, at: float) -> bool:
        """Whether `grid` is another than the one known: what is said again once a second only differs by rounding."""
        known = self.grid
        if known is None or known.tempo != grid.tempo:
            return True
        return abs(math.remainder(grid.beat(at) - known.beat(at), float(self._meter))) * grid.period > SAME


class LinkBeat:
    """A source that gives the jam the beat of the Link session; a session that is lost leaves the jam its ears."""

    def __init__(self, tempo: float, meter: int) -> None:
        self._tempo, self._meter = tempo, meter
        self._link: Link | None = None

    def start(self, listener: Listener) -> None:
        """Join the session, and tell `listener` its beat from now on. Raises `PortError`."""

        def lost(reason: str) -> None:
            listener.beat(None)
            listener.notice(f"{reason}: beats are found by ear again")

        self._link = Link(listener.beat, lost, tempo=self._tempo, meter=self._meter)
        self._link.start()

    def close(self) -> None:
        """Leave the session."""
        if self._link is not None:
            self._link.close()
