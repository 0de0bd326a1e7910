"""The outpost as the jam sees it: a process to be told frames, which answers with frames, and is ended for sure."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import antiphon
from antiphon.ports.base import PortError
from antiphon.ports.frames import Frame, Frames, Kind

__all__ = ["Child"]

FIRST_WORD = 15.0
"""Seconds within which it must have opened its ports."""
SILENCE = 5.0
"""Seconds without a sign of life after which it is taken for stuck. It gives two a second."""
FAREWELL = 4.0
"""Seconds that it is given to close every note and leave."""
CHUNK = 1 << 16
PIPE = 1 << 20
"""Bytes that the pipe from it should hold, so that a storm of messages finds room while the jam thinks."""


class Child:
    """One outpost. It hears no signal of the terminal's: it ends when it is closed, or when this process ends."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Start it; `wanted` as in `Outpost`. `names` are then what it opened. Raises `PortError`."""
        self._frames = Frames()
        self._early: list[Frame] = []  # what came with its first word
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "antiphon.ports.outpost"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what libraries say there, we say in one line
            bufsize=0,
            env={**os.environ, "PYTHONPATH": _path()},
            # No signal of the terminal's; but no session of its own either, since Linux shares the processor out by
            # sessions before it looks at priorities (`sched_autogroup`), and a small one may wait for a second.
            process_group=0 if os.name == "posix" else None,
        )
        self.heard_of = time.monotonic()
        self.tell(Frame.saying(Kind.OPEN, wanted))
        self.names = self._first_word()

    @property
    def number(self) -> int:
        """The system's number for it."""
        return self._process.pid

    @property
    def is_stuck(self) -> bool:
        """Whether it has given no sign of life for too long."""
        return time.monotonic() - self.heard_of > SILENCE

    def tell(self, frame: Frame) -> None:
        """Tell it a frame. One that has died is told nothing, which `frames` will show."""
        assert self._process.stdin is not None
        with self._turn, contextlib.suppress(OSError, ValueError):
            view = memoryview(frame.packed())
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]

    def frames(self) -> Iterator[Frame]:
        """What it says, until it ends."""
        assert self._process.stdout is not None
        early, self._early = self._early, []
        yield from early
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self._process.stdout.fileno(), CHUNK):
                self.heard_of = time.monotonic()
                yield from self._frames.read(data)

    def kill(self) -> None:
        """End it now, as it is."""
        self._process.kill()

    def close(self) -> None:
        """Let it close every note and leave; end it when it does not."""
        assert self._process.stdin is not None
        with self._turn:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Take what is left of it off the system; it has ended, or is ended now."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _first_word(self) -> dict[str, list[str]]:
        self._widen()
        guard = threading.Timer(FIRST_WORD, self._process.kill)
        guard.daemon = True
        guard.start()
        try:
            assert self._process.stdout is not None
            early: list[Frame] = []
            while data := os.read(self._process.stdout.fileno(), CHUNK):
                early += self._frames.read(data)
                first = next((frame for frame in early if frame.kind in (Kind.READY, Kind.FAILED)), None)
                if first is not None and first.kind is Kind.FAILED:
                    raise PortError(first.content)
                if first is not None:
                    early.remove(first)
                    self._early = early
                    names: dict[str, list[str]] = first.content
                    return names
            raise PortError("the process that holds the MIDI ports has died while it opened them")
        except PortError:
            self.forget()
            raise
        finally:
            guard.cancel()

    def _widen(self) -> None:
        if sys.platform == "linux":
            import fcntl

            assert self._process.stdout is not None
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, PIPE)


def _path() -> str:
    """Where the child finds this package, wherever we found it."""
    ours = str(Path(antiphon.__file__).parents[1])
    return os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
