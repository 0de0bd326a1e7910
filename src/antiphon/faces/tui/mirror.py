"""What the terminal knows of the jam: everything that was told, the latest of each."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.faces.tui.sounding import Sounding
from antiphon.faces.tui.vocabulary import Action, Control, Message, Preset, Strip, Value

__all__ = ["Mirror", "Sense"]

NOTICES = 500
PATIENCE = 0.5
"""Seconds for which a control is shown where it was turned to before the jam has said so."""


@dataclass(frozen=True, slots=True)
class Sense:
    """What the jam hears in the music now, as `sense` says it."""

    key: str | None = None
    chord: str | None = None
    tempo: float | None = None
    meter: int | None = None
    origin: float | None = None
    playing: bool = False
    busyness: float = 0.0
    loudness: float | None = None

    def beat(self, now: float) -> int | None:
        """Which beat of the bar it is, from 0; None while there is no beat."""
        if not self.tempo or self.origin is None:
            return None
        return math.floor((now - self.origin) * self.tempo / 60) % max(1, self.meter or 4)


@dataclass
class Mirror:
    """The jam as it was told. `take` says which parts a message changed."""

    version: str = ""
    model: str = ""
    models: tuple[str, ...] = ()
    controls: dict[str, Control] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    modes: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    values: dict[str, Value] = field(default_factory=dict)
    asked: dict[str, tuple[Value, float]] = field(default_factory=dict)
    """Controls turned here, and when, of which the jam has not told yet: shown at once, so that keys can repeat."""
    strips: dict[int, Strip] = field(default_factory=dict)
    sense: Sense = field(default_factory=Sense)
    figures: dict[str, Mapping[str, float]] = field(default_factory=dict)
    presets: tuple[Preset, ...] = ()
    current: str | None = None
    recording: str | None = None
    sounding: Sounding = field(default_factory=Sounding)
    plan: tuple[int, int, float, int] | None = None
    """Channel, pitch, time and velocity of what it means to play next."""
    notices: deque[str] = field(default_factory=lambda: deque(maxlen=NOTICES))
    ended: str | None = None

    def value(self, name: str) -> Value:
        """What a control is at, or was just asked to be; its default before that is told."""
        if name in self.asked:
            return self.asked[name][0]
        control = self.controls.get(name)
        return self.values.get(name, control.default if control else 0.0)

    def asking(self, name: str, value: Value, now: float) -> None:
        """Show `value` until the jam has answered, or for half a second."""
        self.asked[name] = (value, now)

    def doubting(self, now: float) -> bool:
        """Show again what is told where the jam did not answer; whether anything changed by that."""
        unanswered = [name for name, (_, when) in self.asked.items() if now > when + PATIENCE]
        for name in unanswered:
            del self.asked[name]
        return bool(unanswered)

    def groups(self) -> dict[str, list[Control]]:
        """The controls by group, in the order in which they were told."""
        found: dict[str, list[Control]] = {}
        for control in self.controls.values():
            found.setdefault(control.group or "controls", []).append(control)
        return found

    def take(self, message: Message, now: float) -> str:
        """Keep what is told; the name of the part that changed, empty where there is none to this face."""
        taker = _TAKERS.get(str(message.get("t")))
        return "" if taker is None else taker(self, message, now)


def _hello(mirror: Mirror, told: Message, _: float) -> str:
    mirror.version, mirror.model = str(told.get("version", "")), str(told.get("model", ""))
    mirror.controls = {control["name"]: Control.told(control) for control in told.get("controls", [])}
    mirror.actions = {action["name"]: Action.told(action) for action in told.get("actions", [])}
    mirror.modes = tuple(told.get("modes", ()))
    mirror.programs, mirror.families = tuple(told.get("programs", ())), tuple(told.get("families", ()))
    return "hello"


def _controls(mirror: Mirror, told: Message, _: float) -> str:
    for name, value in told.get("values", {}).items():
        mirror.values[name] = value
        if name in mirror.asked and mirror.asked[name][0] == value:
            del mirror.asked[name]
    return "controls"


def _strips(mirror: Mirror, told: Message, _: float) -> str:
    mirror.strips = {strip["channel"]: Strip.told(strip) for strip in told.get("strips", [])}
    return "strips"


def _sense(mirror: Mirror, told: Message, _: float) -> str:
    mirror.sense = Sense(**{name: told[name] for name in Sense.__dataclass_fields__ if name in told})
    return "sense"


def _figures(mirror: Mirror, told: Message, _: float) -> str:
    mirror.figures = dict(told.get("figures", {}))
    return "figures"


def _presets(mirror: Mirror, told: Message, _: float) -> str:
    mirror.presets = tuple(Preset.told(preset) for preset in told.get("presets", []))
    mirror.current = told.get("current")
    return "sense"


def _model(mirror: Mirror, told: Message, _: float) -> str:
    mirror.model, mirror.models = str(told.get("name", "")), tuple(told.get("models", ()))
    return "sense"


def _take(mirror: Mirror, told: Message, _: float) -> str:
    mirror.recording = told.get("name")
    return "sense"


def _note(mirror: Mirror, told: Message, _: float) -> str:
    channel = told.get("channel")
    if channel is not None:
        mirror.sounding.struck(str(told["who"]), int(channel), told["pitch"], told["velocity"], told["at"])
    return "notes"


def _plan(mirror: Mirror, told: Message, _: float) -> str:
    note: Mapping[str, Any] | None = told.get("note")
    mirror.plan = None if note is None else (note["channel"], note["pitch"], note["at"], note["velocity"])
    mirror.sounding.version += 1
    return "notes"


def _silence(mirror: Mirror, _told: Message, now: float) -> str:
    mirror.sounding.silence(now)
    mirror.plan = None
    return "notes"


def _notice(mirror: Mirror, told: Message, _: float) -> str:
    mirror.notices.append(str(told.get("text", "")))
    return "notices"


def _refused(mirror: Mirror, told: Message, _: float) -> str:
    mirror.asked.clear()
    mirror.notices.append(str(told.get("why", "")))
    return "refused"


def _ended(mirror: Mirror, told: Message, _: float) -> str:
    if mirror.ended is None:  # what it says counts more than that it is not there any more
        mirror.ended = str(told.get("why", ""))
    return "ended"


_TAKERS: Mapping[str, Callable[[Mirror, Message, float], str]] = {
    "hello": _hello,
    "controls": _controls,
    "strips": _strips,
    "sense": _sense,
    "figures": _figures,
    "presets": _presets,
    "model": _model,
    "take": _take,
    "note": _note,
    "plan": _plan,
    "silence": _silence,
    "notice": _notice,
    "refused": _refused,
    "ended": _ended,
}
