"""Mapping: which knobs, wheels and pads of the player's gear turn which controls, by table or by MIDI learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from antiphon.jam.controls import ACTIONS, CONTROLS, Control, Value, control_named

__all__ = ["Acted", "Knob", "Mapping", "Turned", "default_knobs"]

NOTE_ON, CONTROL, BEND = 0x90, 0xB0, 0xE0

Kind = Literal["cc", "note", "bend"]


@dataclass(frozen=True, slots=True)
class Turned:
    """A control was turned to a value that it allows."""

    control: str
    value: Value


@dataclass(frozen=True, slots=True)
class Acted:
    """An action was asked for."""

    action: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing on the player's gear and what it does.

    `kind` is what it sends: a control change or a note by `number` 0..127, or the pitch bend (number is then 0);
    `channel` 1..16, or None for any. `name` is a control's or an action's. A control change and the bend move a
    control over `range` (None: all of it); a note sets it to the upper end of it, or asks for the action.
    """

    name: str
    kind: Kind
    number: int = 0
    channel: int | None = None
    range: tuple[float, float] | None = None
    argument: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("cc", "note", "bend"):
            raise ValueError(f"kind cannot be {self.kind!r}: it must be cc, note or bend")
        if not 0 <= self.number <= 127:
            raise ValueError(f"number cannot be {self.number!r}: it must be from 0 to 127")
        if self.channel is not None and not 1 <= self.channel <= 16:
            raise ValueError(f"channel cannot be {self.channel!r}: it must be from 1 to 16")
        if self.name in _ACTION_NAMES:
            return
        control = control_named(self.name)
        for end in self.range or ():
            if control.kind == "choice" or not control.low <= end <= control.high:
                raise ValueError(f"range of {self.name} cannot reach {end!r}: it must lie within {control.range}")

    def turned(self, position: float) -> Turned | Acted | None:
        """What moving it to `position` 0..1 does. An action is asked for in the upper half."""
        if self.name in _ACTION_NAMES:
            return Acted(self.name, self.argument) if position >= 0.5 else None
        return Turned(self.name, _value(control_named(self.name), position, self.range))


_ACTION_NAMES = frozenset(action.name for action in ACTIONS)


def _value(control: Control, position: float, span: tuple[float, float] | None) -> Value:
    low, high = span or (control.low, control.high)
    value = low + (high - low) * min(max(position, 0.0), 1.0)
    if control.kind == "choice":
        return control.choices[round(value)]
    return round(value) if control.kind == "int" else value


def default_knobs() -> tuple[Knob, ...]:
    """What the table of controls says: numbers that MIDI leaves undefined, on any channel."""
    knobs = [Knob(control.name, "cc", control.cc) for control in CONTROLS if control.cc is not None]
    knobs += [Knob(action.name, "cc", action.cc) for action in ACTIONS if action.cc is not None]
    return tuple(knobs)


class Mapping:
    """Messages to turns. Where two knobs answer to one message, the one that names its channel comes first."""

    def __init__(self, knobs: Iterable[Knob] | None = None) -> None:
        self.knobs = default_knobs() if knobs is None else tuple(knobs)
        self.learning: str | None = None
        """The control or action that takes the next knob that moves."""

    def learn(self, name: str) -> None:
        """Give the next control change, bend or note to `name`. Raises `ValueError` when there is no such control."""
        Knob(name, "cc")
        self.learning = name

    def swallows(self, message: Sequence[int]) -> bool:
        """Whether `message` is a note, struck or released, that plays a knob instead of music."""
        if len(message) < 3 or message[0] & 0xF0 not in (NOTE_ON, NOTE_ON - 0x10):
            return False
        return any(k.kind == "note" and k.number == message[1] and _on(k, message) for k in self.knobs)

    def turned(self, message: Sequence[int]) -> Turned | Acted | None:
        """What `message` (bytes, no running status) does, if it is a knob's."""
        moved = _moved(message)
        if moved is None:
            return None
        kind, number, position = moved
        if self.learning is not None and kind != "note":
            self._taught(kind, number, message)
        fitting = [k for k in self.knobs if k.kind == kind and k.number == number and _on(k, message)]
        if not fitting:
            return None
        return min(fitting, key=lambda knob: knob.channel is None).turned(position)

    def _taught(self, kind: Kind, number: int, message: Sequence[int]) -> None:
        assert self.learning is not None
        taught = Knob(self.learning, kind, number, (message[0] & 0x0F) + 1)
        others = (k for k in self.knobs if k.name != taught.name and not _same_place(k, taught))
        self.knobs, self.learning = (*others, taught), None


def _same_place(knob: Knob, other: Knob) -> bool:
    return replace(knob, name=other.name, range=None, argument="") == other


def _on(knob: Knob, message: Sequence[int]) -> bool:
    return knob.channel is None or knob.channel == (message[0] & 0x0F) + 1


def _moved(message: Sequence[int]) -> tuple[Kind, int, float] | None:
    """What was moved (kind, number), and how far, 0..1."""
    if len(message) < 3 or not 0x80 <= message[0] < 0xF0:
        return None
    status, first, second = message[0] & 0xF0, message[1] & 0x7F, message[2] & 0x7F
    if status == CONTROL:
        return "cc", first, second / 127
    if status == BEND:
        return "bend", 0, (first | second << 7) / 16383
    if status == NOTE_ON and second:
        return "note", first, 1.0  # however softly it was struck
    return None
