"""The one table of everything that a musician can turn; every face, flag and MIDI mapping is drawn from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from antiphon.music.key import MODES, PITCH_CLASSES, parse_key

__all__ = ["ACTIONS", "CONTROLS", "GROUPS", "Action", "Control", "Settings", "Value", "control_named"]

Value = float | int | str

MANY = 8
"""Choices beyond which people are shown only the first and the last."""


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
    spelling: Callable[[str], str] | None = None
    """How a choice is written here that was written otherwise; raises `ValueError`."""

    @property
    def range(self) -> str:
        """What is allowed, for people: `0.2 to 10 s`, `together or answer`."""
        if self.kind == "choice":
            few = len(self.choices) <= MANY
            return " or ".join(self.choices if few else (*self.choices[:2], "...", self.choices[-1]))
        whole = "whole, " if self.kind == "int" else ""
        return f"{whole}{self.low:g} to {self.high:g} {self.unit}".rstrip()

    def check(self, value: object) -> Value:
        """`value` (or its text) as this control's kind. Raises `ValueError`, one line with the allowed range."""
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
            if (spelled := self._spelled(str(value))) in self.choices:
                return spelled
        else:
            number = _number(value)
            whole = self.kind == "int"
            if self.low <= number <= self.high and not (whole and number % 1):
                return int(number) if whole else number
        raise ValueError(f"{self.name} cannot be {value!r}: it must be {self.range}")

    def _spelled(self, text: str) -> str:
        try:
            return text if self.spelling is None else self.spelling(text)
        except ValueError:
            return text

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


POLICIES = ("together", "answer", "trade", "loop", "accompany", "solo")
UNITS = ("seconds", "bars", "notes")
TEXTURES = ("free", "chords", "lines")
SNAPS = ("off", "nearest", "key", "chord")
SWITCH = ("off", "on")
KEYS = ("auto", *(f"{tonic} {mode}" for mode in MODES for tonic in PITCH_CLASSES))
DIVISIONS = ("1/4", "1/8", "1/8T", "1/16", "1/16T", "1/32")


def _key(text: str) -> str:
    return text if text == "auto" else str(parse_key(text))


def _choice(name: str, choices: tuple[str, ...], help: str, cc: int | None = None) -> Control:
    return Control(name, "choice", choices[0], 0, len(choices) - 1, "", help, cc, choices)


GROUPS: Mapping[str, tuple[Control, ...]] = {
    "turns": (
        _choice("policy", POLICIES, "who plays when: with you, after you, in turns of bars, ...", 20),
        _seconds("answer", 8.0, 0.5, 120.0, "how long it answers, or plays on after you stop", 21),
        _whole("answer_notes", 0, 0, 512, "notes", "most notes that it strikes in a turn; 0 no limit"),
        _whole("answer_bars", 0, 0, 64, "bars", "most bars that a turn of its lasts; 0 no limit"),
        _seconds("silence", 0.8, 0.1, 10.0, "silence that ends your phrase", 22),
        _whole("turn_bars", 4, 1, 32, "bars", "bars of a turn in trade, and of the loop in loop"),
        _seconds("rest", 3.0, 0.1, 30.0, "longest wait for its next note when it is its turn", 23),
        _seconds("ring", 0.5, 0.0, 10.0, "longest that its notes ring on when its turn ends"),
    ),
    "memory": (
        _choice("memory_in", UNITS, "what its memory is measured in"),
        _seconds("memory", 20.0, 1.0, 600.0, "how much of the past it goes by, in seconds"),
        _whole("memory_bars", 8, 1, 128, "bars", "how much of the past it goes by, in bars"),
        _whole("memory_notes", 256, 1, 2048, "notes", "how much of the past it goes by, in notes"),
        Control("hear_you", "choice", "on", 0, 1, "", "whether it listens to you", 14, SWITCH),
        Control("hear_itself", "choice", "on", 0, 1, "", "whether it remembers what it played itself", 15, SWITCH),
    ),
    "amount": (
        _plain("share", 0.45, 0.0, 1.0, "its share of the notes when both play: 0 none, 1 nearly all", 31),
        _plain("density", 0.0, -4.0, 4.0, "more notes or fewer: doublings of the odds of a new note", 24),
        _plain("complement", 0.0, -1.0, 1.0, "1 busy when you are sparse, -1 busy when you are busy", 85),
        _plain("probability", 1.0, 0.0, 1.0, "how likely each of its notes is to be played at all", 86),
        _plain("balance", 0.0, 0.0, 1.0, "how strongly its voices share the notes evenly", 87),
    ),
    "pitch and harmony": (
        _whole("polyphony", 4, 1, 32, "notes", "most notes that a voice of its holds at once", 25),
        _seconds("length_min", 0.05, 0.02, 2.0, "shortest note"),
        _seconds("length_max", 2.5, 0.1, 60.0, "longest note", 26),
        _whole("pitch_low", 36, 0, 127, "MIDI pitch", "lowest note (drums play any)", 27),
        _whole("pitch_high", 96, 0, 127, "MIDI pitch", "highest note (drums play any)", 28),
        _choice("texture", TEXTURES, "chords only, lines only, or both", 89),
        Control(
            "key", "choice", "auto", 0, len(KEYS) - 1, "", "the key: found from what you play, or set", 90, KEYS, _key
        ),
        _choice("snap", SNAPS, "off; moved to the nearest note of the key; only notes of the key, or of your chord", 3),
        _whole("avoid", 0, 0, 24, "semitones", "how far it keeps away from the notes that you play; 0 not at all", 9),
    ),
    "loudness": (
        _whole("velocity_low", 20, 1, 127, "velocity", "softest note", 29),
        _whole("velocity_high", 112, 1, 127, "velocity", "loudest note", 30),
        _plain("dynamics", 0.0, 0.0, 1.0, "how closely its loudness follows yours", 104),
    ),
    "steering": (
        _plain("steer_pitch", 0.5, 0.0, 1.0, "0 the lowest of the notes it has in mind, 1 the highest", 107),
        _plain("steer_rate", 0.5, 0.0, 1.0, "0 the latest of the times it has in mind, 1 the soonest", 108),
        _plain("steer_velocity", 0.5, 0.0, 1.0, "0 the softest of the velocities it has in mind, 1 the loudest", 109),
        _plain("pitch_temperature", 0.9, 0.0, 2.0, "adventure in pitch: 0 always the likeliest", 102),
        _plain("time_temperature", 0.9, 0.0, 2.0, "adventure in time: 0 always the likeliest", 103),
        _plain("velocity_temperature", 0.9, 0.0, 2.0, "adventure in velocity: 0 always the likeliest"),
        _plain("pitch_nucleus", 0.95, 0.05, 1.0, "share of likely pitches to draw from; 1 all", 105),
        _plain("time_nucleus", 0.98, 0.05, 1.0, "share of likely times to draw from; 1 all", 106),
        _plain("learner", 0.0, 0.0, 1.0, "share of its notes that come from what it learned from you", 110),
    ),
    "time": (
        _plain("quantise", 0.0, 0.0, 1.0, "how far its notes are drawn onto the grid", 111),
        _choice("division", DIVISIONS, "the lines of the grid", 112),
        _plain("swing", 0.0, 0.0, 1.0, "how late every second line of the grid is: 1 is triplets", 113),
        Control("tempo", "float", 100.0, 20.0, 400.0, "bpm", "the tempo, where neither a clock nor you give one", 114),
        _whole("meter", 4, 1, 12, "beats", "beats in a bar", 115),
        _seconds("lookahead", 0.01, 0.0, 1.0, "how long before it sounds a note is decided"),
        _seconds("lateness", 0.1, 0.01, 2.0, "a note later than this is dropped, not played"),
    ),
    "machine": (
        _choice("mute", SWITCH, "silence the machine; it goes on listening", 116),
        _choice("hold", SWITCH, "nothing new: what sounds may end, nothing else begins", 117),
    ),
}
"""Every control by the group in which faces show it; steering says which part of what it would do anyway."""

CONTROLS: tuple[Control, ...] = tuple(control for group in GROUPS.values() for control in group)
"""Every control, in the order in which faces show them."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to ask for. `argument` names what it takes, if anything; `cc` as in `Control`."""

    name: str
    help: str
    argument: str = ""
    cc: int | None = None


ACTIONS: tuple[Action, ...] = (
    Action("panic", "close every note, yours too, and rest", cc=119),
    Action("stop", "close its notes and rest until you play", cc=118),
    Action("reset", "forget everything that was played"),
    Action("query", "think again about what comes next"),
    Action("undo", "take its last answer back, as if it had never been played"),
    Action("again", "play its last answer again"),
    Action("preset", "take a preset", "NAME"),
    Action("save", "save strips and controls as a preset", "NAME"),
    Action("model", "play with another model", "NAME"),
    Action("learn", "give a control the next knob that moves", "CONTROL"),
)
"""Every action, in the order in which faces show them."""

_BY_NAME: Mapping[str, Control] = {control.name: control for control in CONTROLS}


class Settings(Mapping[str, Value]):
    """A value for each control, always within its range. Never changes: `turned` gives the next one."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        """The defaults, with `values` over them. Raises `ValueError`, one line, for a name or a value not allowed."""
        self._values: dict[str, Value] = {control.name: control.default for control in CONTROLS}
        for name, value in (values or {}).items():
            self._values[name] = control_named(name).check(value)

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


def control_named(name: str) -> Control:
    """The control called `name`. Raises `ValueError`, one line, when there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ValueError(f"no control is named {name!r}: there are {', '.join(_BY_NAME)}") from None
