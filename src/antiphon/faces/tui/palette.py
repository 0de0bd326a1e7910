"""Everything by its name: actions, controls and their choices, presets, panes; for Textual's command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.keys import PANES

__all__ = ["Everything"]

FEW = 8
"""Choices up to which each is a command of its own."""


class _Face(Protocol):
    """What a command needs of the app."""

    hand: Hand

    def action_ask(self, name: str) -> None: ...
    def action_pane(self, name: str) -> None: ...
    def action_play(self) -> None: ...
    def action_shade(self) -> None: ...
    def action_help(self) -> None: ...
    def action_leave(self) -> None: ...
    def show_control(self, name: str) -> None: ...


Command = tuple[str, str, Callable[[], Any]]
"""A name, what it does, and how."""


class Everything(Provider):
    """The commands of a jam, as it is at the moment."""

    async def search(self, query: str) -> Hits:
        """Those that match what was typed, the better the higher."""
        matcher = self.matcher(query)
        for name, about, command in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), command, help=about)

    async def discover(self) -> Hits:
        """Before anything is typed: all of them."""
        for name, about, command in self._commands():
            yield DiscoveryHit(name, command, help=about)

    def _commands(self) -> Iterator[Command]:
        face = cast(_Face, self.app)
        mirror, hand = face.hand.mirror, face.hand
        for action in mirror.actions.values():
            yield action.name, action.help, partial(face.action_ask, action.name)
        for control in mirror.controls.values():
            now = control.shown(mirror.value(control.name))
            yield control.title, f"{control.help} ({now})", partial(face.show_control, control.name)
            if control.kind == "choice" and len(control.choices) <= FEW:
                for choice in control.choices:
                    yield f"{control.title} {choice}", control.help, partial(hand.turn, control.name, choice)
        for preset in mirror.presets:
            yield f"preset {preset.name}", preset.about, partial(hand.act, "preset", preset.name)
        for pane in PANES:
            yield f"show {pane}", "a pane", partial(face.action_pane, pane)
        yield "play on these keys", "the computer's keyboard as a piano", face.action_play
        yield "dark or light", "the other colours", face.action_shade
        yield "help", "all keys", face.action_help
        yield "quit", "end the jam", face.action_leave
