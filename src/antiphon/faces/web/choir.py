"""The choir as the page's server knows it: a process that makes music off-line, one order at a time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Any

__all__ = ["Busy", "Choir", "Gone"]

WAITING = 4
"""Orders that may wait for the one that is being carried out."""
PATIENCE = 300.0
"""Seconds that an order may take."""
LINE = 1 << 22
"""Bytes of the longest answer."""

Message = dict[str, Any]


class Busy(RuntimeError):
    """Too many orders wait already."""


class Gone(RuntimeError):
    """The process ended in the middle of an order, or had to be ended."""


class Choir:
    """Starts the process at first use; whoever gives up on an order ends it, and the next order starts another."""

    def __init__(self, command: tuple[str, ...] = (), *, patience: float = PATIENCE) -> None:
        self._command = command or (sys.executable, "-m", "antiphon.faces.web.choir_child")
        self._patience = patience
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._orders = 0

    @property
    def pid(self) -> int | None:
        """The process's number, if there is one."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def ask(
        self, kind: str, body: bytes, name: str = "", tell: Callable[[Message], None] | None = None
    ) -> Message:
        """What the process answers in the end; `tell` is given all that it says before.

        Raises ValueError for what it refuses, `Busy` at once where too many wait, and `Gone` when it ends or takes too
        long. When this is cancelled, the process is ended.
        """
        if self._orders > WAITING:
            raise Busy("the choir is busy, and others wait already: ask again in a while")
        self._orders += 1
        try:
            async with self._turn:
                return await self._asked([kind, base64.b64encode(body).decode(), name], tell or (lambda _: None))
        finally:
            self._orders -= 1

    def close(self) -> None:
        """End the process."""
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _asked(self, order: list[str], tell: Callable[[Message], None]) -> Message:
        process = await self._started()
        assert process.stdin is not None
        is_done = False
        try:
            async with asyncio.timeout(self._patience):
                with contextlib.suppress(ConnectionError):  # what it died of is told by how it ended
                    process.stdin.write(json.dumps(order).encode() + b"\n")
                    await process.stdin.drain()
                answer = await self._heard(process, tell)
            is_done = True
        except TimeoutError:
            raise Gone(f"it took longer than {self._patience:g} s and was given up: ask for less") from None
        finally:
            if not is_done:
                await self._ended(process)
        if answer["t"] == "refused":
            raise ValueError(answer["why"])
        return answer

    async def _heard(self, process: Process, tell: Callable[[Message], None]) -> Message:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            message: Message = json.loads(line)
            if message["t"] != "step":
                return message
            tell(message)
        code = await process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise Gone(f"the choir's process {how}; the next order starts another")

    async def _started(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, limit=LINE)
        return self._process

    async def _ended(self, process: Process) -> None:
        self.close()
        await process.wait()
        self._process = None
