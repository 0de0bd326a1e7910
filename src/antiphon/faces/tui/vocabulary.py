"""What a jam says that it has: its controls, actions and strips, as the terminal keeps them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

__all__ = ["Action", "Control", "Message", "Preset", "Strip", "Value", "note_name", "pitch_called"]

Message = dict[str, Any]
Value = float | int | str

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Of the twelve pitch classes, as in `antiphon.music.key`, which takes NumPy with it."""

GEOMETRIC = 40
"""A range whose ends are further apart than this is walked by factors: as far from 1 to 10 as from 10 to 100."""
WALK = 50
"""Steps in which the keys walk through a range, about."""


def note_name(pitch: int) -> str:
    """`C4` for 60."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_called(name: str) -> int:
    """60 for `C4` or `60`; the black keys by sharps or flats. Raises `ValueError` for what is no pitch 0..127."""
    text = name.strip()
    if text.lstrip("-").isdecimal():
        pitch = int(text)
    else:
        letters = text.rstrip("-0123456789")
        octave = text[len(letters) :]
        if not letters or "CDEFGAB".find(letters[0].upper()) < 0 or letters[1:].strip("#b") or not octave:
            raise ValueError(f"{name!r} is no pitch: write C4 or 60")
        natural = NAMES.index(letters[0].upper())
        try:
            pitch = natural + letters.count("#") - letters[1:].count("b") + 12 * (int(octave) + 1)
        except ValueError:
            raise ValueError(f"{name!r} is no pitch: write C4 or 60") from None
    if not 0 <= pitch <= 127:
        raise ValueError(f"{name!r} is no pitch: they go from 0, {note_name(0)}, to 127, {note_name(127)}")
    return pitch


class _Told:
    """Made of a message; what the message has besides is passed over."""

    __slots__ = ()

    @classmethod
    def told(cls, message: Mapping[str, Any]) -> Self:
        """What `message` describes; its lists become tuples."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # all of them are dataclasses
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in message.items() if n in known})


@dataclass(frozen=True, slots=True)
class Action(_Told):
    """One thing to ask for; `argument` says in a word what it takes."""

    name: str
    help: str = ""
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Preset(_Told):
    """A preset's name and what it is."""

    name: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Control(_Told):
    """One thing to turn, as `hello` describes it, and how a row of characters and a few keys turn it."""

    name: str
    group: str = ""
    kind: str = "float"
    default: Value = 0.0
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    help: str = ""
    cc: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name for reading."""
        return self.name.replace("_", " ")

    @property
    def switch(self) -> bool:
        """Whether it is a choice of off and on."""
        return tuple(self.choices) == ("off", "on")

    @property
    def _geometric(self) -> bool:
        return self.kind == "float" and self.low > 0 and self.high / self.low > GEOMETRIC

    def place(self, value: Value) -> float:
        """Where `value` is in the range, 0..1."""
        if self.kind == "choice":
            return self.choices.index(str(value)) / max(1, len(self.choices) - 1) if value in self.choices else 0.0
        number = min(max(float(value), self.low), self.high)
        if self._geometric:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low) if self.high > self.low else 0.0

    def at(self, place: float) -> Value:
        """The value at a place 0..1 of the range, as round as the keys' steps."""
        place = min(max(place, 0.0), 1.0)
        if self.kind == "choice":
            return self.choices[round(place * (len(self.choices) - 1))]
        if place in (0.0, 1.0):
            return self._whole(self.high if place else self.low)
        if self._geometric:
            return self._within(_rounded(self.low * (self.high / self.low) ** place, 2))
        step = self._step(fine=False)
        return self._within(round((self.low + place * (self.high - self.low)) / step) * step)

    def stepped(self, value: Value, steps: int, *, fine: bool = False) -> Value:
        """`value` so many steps further, choices round and round, numbers within the range."""
        if self.kind == "choice":
            here = self.choices.index(str(value)) if value in self.choices else 0
            return self.choices[(here + steps) % len(self.choices)]
        number = float(value)
        if self._geometric:
            factor = (self.high / self.low) ** (steps / (WALK * (5 if fine else 1)))
            return self._within(_rounded(number * factor, 3 if fine else 2))
        return self._within(number + steps * self._step(fine=fine))

    def typed(self, text: str) -> Value:
        """The value that someone typed, as the jam is to be asked for it: it knows best what can be."""
        if self.kind == "choice":
            return next((choice for choice in self.choices if choice.lower() == text.strip().lower()), text.strip())
        if self.unit == "MIDI pitch":
            return pitch_called(text)
        try:
            number = float(text.removesuffix(self.unit) if self.unit else text)
        except ValueError:
            raise ValueError(f"{self.name} cannot be {text!r}: it must be a number") from None
        return self._whole(number)

    def shown(self, value: Value) -> str:
        """`value` with its unit, for people."""
        if self.kind == "choice" or isinstance(value, str):
            return str(value)
        if self.unit == "MIDI pitch":
            return note_name(int(value))
        number = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
        return number if self.unit in ("", "velocity") else f"{number} {self.unit}"

    @property
    def range(self) -> str:
        """What it can be, for people."""
        if self.kind == "choice":
            few = len(self.choices) <= 8
            return " or ".join(self.choices if few else (*self.choices[:2], "...", self.choices[-1]))
        return f"{self.low:g} to {self.high:g} {self.unit}".rstrip()

    def _step(self, *, fine: bool) -> float:
        step = _nice((self.high - self.low) / WALK)
        if self.kind == "int":
            return max(1.0, step / 10 if fine else step)
        return step / 10 if fine else step

    def _within(self, number: float) -> Value:
        return self._whole(min(max(number, self.low), self.high))

    def _whole(self, number: float) -> Value:
        return round(number) if self.kind == "int" else round(number, 6)


def _nice(number: float) -> float:
    """The largest of 1, 2, 5, 10, ... and their tenths that is no more than `number`."""
    power = 10.0 ** math.floor(math.log10(number)) if number > 0 else 1.0
    return max(power * m for m in (1, 2, 5) if power * m <= number or m == 1)


def _rounded(number: float, digits: int) -> float:
    return float(f"{number:.{digits}g}")


@dataclass(frozen=True, slots=True)
class Strip(_Told):
    """One channel, with the fields of a preset's strip; pairs are lists, the lowest first."""

    channel: int
    name: str = ""
    mode: str = "off"
    program: int = 0
    drums: bool = False
    mute: bool = False
    range: tuple[int, int] = (0, 127)
    polyphony: tuple[int, int] = (0, 32)
    length: tuple[float, float] = (0.0, 60.0)
    velocity: tuple[int, int] = (1, 127)
    source: int | None = None
    interval: tuple[int, int] = (-12, 12)
    shift: int = 0
    hears: int | None = None
    fixed_velocity: int | None = None
    port: str | None = None
    out: int | None = None
    punch_in: bool = False
    punch_out: float = 0.5
