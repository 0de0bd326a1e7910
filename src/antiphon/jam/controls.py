"""The one table of everything that a musician can turn; every face, flag and MIDI mapping is drawn from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["CONTROLS", "Control", "Settings", "Value", "by_cc"]

Value = float | int | str


@dataclass(frozen=True, slots=True)
class Control:
    """One thing to turn.

    `low` and `high` are both allowed; for a choice they index `choices`. `cc` is the MIDI control change that turns it
    unless a mapping says otherwise; the defaults are numbers that MIDI leaves undefined, so no pedal or fader that
    already means something is taken away.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    default: Value
    low: float
    high: float
    unit: str
    help: str
    cc: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """What is allowed, for people: `0.2 to 10 s`, `together or answer`."""
        if self.kind == "choice":
            return " or ".join(self.choices)
        whole = "whole, " if self.kind == "int" else ""
        return f"{whole}{self.low:g} to {self.high:g} {self.unit}".rstrip()

    def check(self, value: object) -> Value:
        """`value` (or its text) as this control's kind. Raises `ValueError`, one line with the allowed range."""
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
        else:
            number = _number(value)
            whole = self.kind == "int"
            if self.low <= number <= self.high and not (whole and number % 1):
                return int(number) if whole else number
        raise ValueError(f"{self.name} cannot be {value!r}: it must be {self.range}")

    def from_cc(self, position: int) -> Value:
        """The value at a control change's `position` 0..127, evenly spread over the range."""
        value = self.low + (self.high - self.low) * min(max(position, 0), 127) / 127
        if self.kind == "choice":
            return self.choices[round(value)]
        return round(value) if self.kind == "int" else value


def _number(value: object) -> float:
    """`value` as a float; NaN, which no range holds, when it is not one."""
    try:
        return float(value)  # type: ignore[arg-type]  # whatever float refuses is refused here
    except (TypeError, ValueError):
        return math.nan


def _seconds(name: str, default: float, low: float, high: float, help: str, cc: int | None = None) -> Control:
    return Control(name, "float", default, low, high, "s", help, cc)


def _whole(name: str, default: int, low: int, high: int, unit: str, help: str, cc: int | None = None) -> Control:
    return Control(name, "int", default, low, high, unit, help, cc)


def _plain(name: str, default: float, low: float, high: float, help: str, cc: int | None = None) -> Control:
    return Control(name, "float", default, low, high, "", help, cc)


POLICIES = ("together", "answer")

CONTROLS: tuple[Control, ...] = (
    Control("policy", "choice", "together", 0, 1, "", "who plays when: with you, or after you", 20, POLICIES),
    _seconds("memory", 20.0, 1.0, 600.0, "how much of the past it goes by"),
    _seconds("answer", 8.0, 0.5, 120.0, "how long it answers, or plays on after you stop", 21),
    _seconds("silence", 0.8, 0.1, 10.0, "silence that ends your phrase", 22),
    _seconds("rest", 3.0, 0.1, 30.0, "longest wait for its next note when it is its turn", 23),
    _seconds("ring", 0.5, 0.0, 10.0, "longest that its notes ring on when its turn ends"),
    _plain("share", 0.45, 0.0, 1.0, "its share of the notes when both play: 0 none, 1 nearly all", 31),
    _plain("density", 0.0, -4.0, 4.0, "more notes or fewer: doublings of the odds of a new note", 24),
    _whole("polyphony", 4, 1, 32, "notes", "most notes that it holds at once", 25),
    _seconds("length_min", 0.05, 0.02, 2.0, "shortest note"),
    _seconds("length_max", 2.5, 0.1, 60.0, "longest note", 26),
    _whole("pitch_low", 36, 0, 127, "MIDI pitch", "lowest note (drums play any)", 27),
    _whole("pitch_high", 96, 0, 127, "MIDI pitch", "highest note (drums play any)", 28),
    _whole("velocity_low", 20, 1, 127, "velocity", "softest note", 29),
    _whole("velocity_high", 112, 1, 127, "velocity", "loudest note", 30),
    _plain("pitch_temperature", 0.9, 0.0, 2.0, "adventure in pitch: 0 always the likeliest", 102),
    _plain("time_temperature", 0.9, 0.0, 2.0, "adventure in time: 0 always the likeliest", 103),
    _plain("velocity_temperature", 0.9, 0.0, 2.0, "adventure in velocity: 0 always the likeliest", 104),
    _plain("pitch_nucleus", 0.95, 0.05, 1.0, "share of likely pitches to draw from; 1 all", 105),
    _plain("time_nucleus", 0.98, 0.05, 1.0, "share of likely times to draw from; 1 all", 106),
    _seconds("lookahead", 0.01, 0.0, 1.0, "how long before it sounds a note is decided"),
    _seconds("lateness", 0.1, 0.01, 2.0, "a note later than this is dropped, not played"),
)
"""Every control, in the order in which faces show them."""

_BY_NAME: Mapping[str, Control] = {control.name: control for control in CONTROLS}


def by_cc(number: int) -> Control | None:
    """The control that MIDI control change `number` turns by default, or None."""
    return _BY_CC.get(number)


_BY_CC = {control.cc: control for control in CONTROLS if control.cc is not None}


class Settings(Mapping[str, Value]):
    """A value for each control, always within its range. Never changes: `turned` gives the next one."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        """The defaults, with `values` over them. Raises `ValueError`, one line, for a name or a value not allowed."""
        self._values: dict[str, Value] = {control.name: control.default for control in CONTROLS}
        for name, value in (values or {}).items():
            self._values[name] = _control(name).check(value)

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def number(self, name: str) -> float:
        """A float control's value, in its unit."""
        return float(self._values[name])

    def whole(self, name: str) -> int:
        """An int control's value, in its unit."""
        return int(self._values[name])

    def choice(self, name: str) -> str:
        """A choice control's value."""
        return str(self._values[name])

    def turned(self, name: str, value: object) -> Settings:
        """These settings with one control at another value. Raises `ValueError` as `Settings` does."""
        return Settings({**self._values, name: value})


def _control(name: str) -> Control:
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ValueError(f"no control is named {name!r}: there are {', '.join(_BY_NAME)}") from None
