"""A face on a terminal that is not there, before a rehearsal: press keys, click, and see what it shows and asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget

from antiphon.faces.news import News
from antiphon.faces.tui.app import Face
from tests.faces.tui.rehearsal import Rehearsal
from tests.jam.scripted import RandomModel

__all__ = ["NARROW", "WIDE", "Seen", "seen", "watched"]

NARROW, WIDE = (80, 24), (200, 60)


class Seen:
    """The face with what drives it."""

    def __init__(self, jam: Rehearsal, face: Face, pilot: Pilot[str]) -> None:
        self.jam, self.face, self.pilot = jam, face, pilot

    async def look(self) -> None:
        """Let it take what was told, and draw."""
        self.face.look()
        await self.pilot.pause()

    async def press(self, *keys: str) -> list[News]:
        """Press keys; what the face asked for because of them."""
        self.jam.asked.clear()
        for key in keys:
            await self.type([key])
            await self.pilot.pause()
        await self.look()
        return list(self.jam.asked)

    async def click(self, what: str | Widget, at: tuple[int, int], button: int = 1) -> list[News]:
        """Click a widget at a place of its own; what the face asked for because of it."""
        self.jam.asked.clear()
        await self.pilot.click(what, offset=at, button=button)
        await self.look()
        return list(self.jam.asked)

    async def type(self, keys: Iterable[str]) -> None:
        """Type into the line that is open. The pilot's own way of pressing keys waits five times as long."""
        for key in keys:
            self.face.post_message(Key(key, key if len(key) == 1 else None))
            await self.pilot.pause(0)  # until the app has passed it on
            await self.pilot.pause(0)  # until it has been taken

    @property
    def text(self) -> str:
        """The characters on the screen; nothing public of Textual's gives them without their colours."""
        strips = self.face.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    def place(self, words: str) -> tuple[int, int]:
        """Column and line where `words` stand on the screen."""
        for line, text in enumerate(self.text.split("\n")):
            if words in text:
                return text.index(words), line
        raise AssertionError(f"{words!r} is not in\n{self.text}")


@asynccontextmanager
async def watched(size: tuple[int, int] = NARROW, preset: str = "strings") -> AsyncIterator[Seen]:
    """A face that has joined a jam."""
    jam = Rehearsal(RandomModel(0.3), preset)
    face = Face(jam.ask, jam.clock)
    async with face.run_test(size=size) as pilot:
        jam.join(face.tell)
        seen = Seen(jam, face, pilot)
        await seen.look()
        await seen.look()
        yield seen


def seen(size: tuple[int, int] = NARROW, preset: str = "strings") -> Callable[..., Callable[[], None]]:
    """A test that is given a face which has joined a jam."""

    def decorated(test: Callable[[Seen], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        async def run() -> None:
            async with watched(size, preset) as stage:
                await test(stage)

        def plain() -> None:
            asyncio.run(run())

        plain.__name__, plain.__doc__ = test.__name__, test.__doc__
        return plain

    return decorated
