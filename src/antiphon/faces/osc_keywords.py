"""What can be said to the OSC server: every keyword with its range and help, and how its value is read.

One table, from which arguments are read, `/antiphon/describe` is answered and the documentation is checked.
Instruments are numbered as Notochord does: 1..128 melodic, 129..256 drum kits, 257..288 anonymous melodic parts,
289..320 anonymous drums.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from antiphon.music.event import INSTRUMENTS

__all__ = ["ECHO", "EVENT", "PREPARE", "QUERY", "RESET", "SAMPLE", "TIDAL", "Keyword", "Kind", "described"]

DAY = 86_400.0
_JSON = "%JSON:"


class Kind(Enum):
    """What a value is."""

    WHOLE = "int"
    NUMBER = "float"
    FLAG = "bool"
    WHOLES = "ints"
    WINDOW = "two floats"
    TEXT = "string"
    ANYTHING = "int, float or string"
    NEVER = "not offered"


_LISTS = (Kind.WHOLES, Kind.WINDOW)


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword. `low` and `high` are both possible. `each`: may also be an object of values by instrument."""

    name: str
    kind: Kind
    help: str
    low: float = 0.0
    high: float = math.inf
    each: bool = False

    @property
    def is_list(self) -> bool:
        return self.kind in _LISTS

    def read(self, value: Any) -> Any:
        """The value that was meant; None where it was not given. Raises ValueError, one line."""
        if self.kind is Kind.ANYTHING:
            return value
        if isinstance(value, str) and value.startswith(_JSON):
            value = self._parsed(value.removeprefix(_JSON))
        if value is None:
            return None
        if isinstance(value, Mapping):
            return self._by_instrument(value)
        return self._one(value)

    def _parsed(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"{self.name}: {text[:40]!r} is not JSON") from None

    def _by_instrument(self, values: Mapping[Any, Any]) -> dict[int, Any]:
        if not self.each:
            raise ValueError(f"{self.name} cannot differ between instruments")
        return {int(INSTRUMENT.read(_as_number(key))): self._one(value) for key, value in values.items()}

    def _one(self, value: Any) -> Any:
        match self.kind:
            case Kind.WHOLE:
                return self._whole(value)
            case Kind.NUMBER:
                return self._number(value)
            case Kind.FLAG:
                return self._flag(value)
            case Kind.WHOLES:
                return frozenset(self._whole(v) for v in (value if isinstance(value, (list, tuple)) else [value]))
            case Kind.WINDOW:
                return self._window(value)
            case Kind.NEVER if value:
                raise ValueError(f"{self.name} is not offered: {self.help}")
            case Kind.TEXT if not isinstance(value, str):
                raise ValueError(f"{self.name} must be a string, not {value!r:.40}")
        return value

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{self.name} must be a number, not {value!r:.40}")
        if not self.low <= value <= self.high:  # nor is what is no number at all
            raise ValueError(f"{self.name} must be {self.range}, not {float(value):g}")
        return float(value)

    def _whole(self, value: Any) -> int:
        number = self._number(value)
        if number != int(number):
            raise ValueError(f"{self.name} must be a whole number, not {number:g}")
        return int(number)

    def _flag(self, value: Any) -> bool:
        if value not in (0, 1):
            raise ValueError(f"{self.name} must be true or false, 1 or 0, not {value!r:.40}")
        return bool(value)

    def _window(self, value: Any) -> tuple[float, float]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError(f"{self.name} must be two numbers, not {value!r:.40}")
        low, high = map(self._number, value)
        if low > high:
            raise ValueError(f"{self.name}: {low:g} is more than {high:g}")
        return low, high

    @property
    def range(self) -> str:
        """What numbers it takes, in words."""
        if self.kind not in (Kind.WHOLE, Kind.NUMBER, Kind.WHOLES, Kind.WINDOW):
            return ""
        return f"{self.low:g} or more" if self.high == math.inf else f"{self.low:g} to {self.high:g}"


def _as_number(text: Any) -> Any:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _whole(name: str, low: int, high: int, text: str, *, each: bool = False) -> Keyword:
    return Keyword(name, Kind.WHOLE, text, low, high, each)


def _number(name: str, low: float, high: float, text: str, *, each: bool = False) -> Keyword:
    return Keyword(name, Kind.NUMBER, text, low, high, each)


def _set(name: str, low: int, high: int, text: str, *, each: bool = False) -> Keyword:
    return Keyword(name, Kind.WHOLES, text, low, high, each)


def _window(name: str, text: str) -> Keyword:
    return Keyword(name, Kind.WINDOW, text, 0.0, 1.0)


INSTRUMENT = _whole("inst", 1, INSTRUMENTS, "the instrument")

EVENT = (
    INSTRUMENT,
    _whole("pitch", 0, 127, "MIDI pitch"),
    _number("time", 0, DAY, "seconds since the last event that was fed"),
    _number("vel", 0, 127, "velocity; 0 ends the note"),
)
"""An event, by position in this order or by key."""

ECHO = (
    Keyword("handle", Kind.ANYTHING, "comes back with the reply"),
    Keyword("end", Kind.ANYTHING, "taken and ignored, so that a reply can be fed as it is"),
    Keyword("step", Kind.ANYTHING, "taken and ignored, so that a reply can be fed as it is"),
)

_FIXED = (
    _whole("next_inst", 1, INSTRUMENTS, "this instrument"),
    _whole("next_pitch", 0, 127, "this pitch"),
    _number("next_time", 0, DAY, "so many seconds after the last event"),
    _number("next_vel", 0, 127, "this velocity; 0 for a release"),
)
_WHO = (
    _set("include_inst", 1, INSTRUMENTS, "only these instruments"),
    _set("exclude_inst", 0, INSTRUMENTS, "none of these instruments"),
    Keyword("allow_anon", Kind.FLAG, "whether anonymous parts may play (they may)"),
)
_WHEN = (
    _number("min_time", 0, DAY, "not sooner, in seconds after the last event"),
    _number("max_time", 0, DAY, "not later"),
)
_HOW = (
    _number("instrument_temp", 0, 10, "0 the likeliest, up to 1 the nucleus that holds this much, above 1 wilder"),
    _number("pitch_temp", 0, 10, "as instrument_temp, for the pitch"),
    _number("rhythm_temp", 0, 10, "as instrument_temp, for the time"),
    _number("timing_temp", 0, 10, "the temperature of the time"),
    _number("velocity_temp", 0, 10, "the temperature of the velocity"),
    _window("truncate_quantile_pitch", "only what lies between two quantiles of the pitches, low to high"),
    _window("truncate_quantile_time", "only what lies between two quantiles of the times, short to long"),
)
_HANDLE = ECHO[:1]

QUERY = (
    *_FIXED,
    *_WHO,
    _set("include_pitch", 0, 127, "only these pitches"),
    _set("exclude_pitch", 0, 127, "none of these pitches"),
    _set("include_drum", 0, 127, "only these pitches for drums, in place of include_pitch"),
    _whole("index_pitch", 0, 127, "the pitch that is the nth likeliest, counted from 0, instead of one by chance"),
    *_WHEN,
    _number("min_vel", 0, 127, "not softer; from 1 on, no release"),
    _number("max_vel", 0, 127, "not louder; with 0, only a release"),
    *_HOW,
    Keyword("allow_end", Kind.FLAG, "taken for compatibility: a stream has no end, so `end` is always 0"),
    *_HANDLE,
    Keyword("pitch_topk", Kind.NEVER, "ask for index_pitch 0, 1, ..."),
    Keyword("sweep_time", Kind.NEVER, "ask once for each next_time"),
    Keyword("return_params", Kind.NEVER, "a reply holds the event alone"),
)
"""What Notochord's server is asked."""

SAMPLE = (
    *_FIXED,
    *_WHO,
    _set("include_pitch", 0, 127, "new notes only on these pitches", each=True),
    _whole("min_pitch", 0, 127, "no new note below", each=True),
    _whole("max_pitch", 0, 127, "no new note above", each=True),
    _whole("min_polyphony", 0, 128, "no release while not more than so many notes sound", each=True),
    _whole("max_polyphony", 0, 128, "no new note while so many sound", each=True),
    _number("min_duration", 0, DAY, "no note is released sooner, in seconds after its onset", each=True),
    _number("max_duration", 0, DAY, "no note is released later", each=True),
    *_WHEN,
    _whole("min_vel", 1, 127, "no new note softer", each=True),
    _whole("max_vel", 1, 127, "no new note louder", each=True),
    *_HOW,
    _window("truncate_quantile_vel", "only what lies between two quantiles of the velocities"),
    _number("steer_density", 0, 1, "above 0.5 new notes are likelier than releases, below less so"),
    _number("inst_weights", 0, 1e9, "multiplies the odds of an instrument's new notes", each=True),
    Keyword("order", Kind.TEXT, "in which order the fields are drawn: the letters v, t, i, p (vtip)"),
    *_HANDLE,
)
"""What Antiphon can keep to besides. `each` of them may be given by instrument."""

RESET = (Keyword("start", Kind.FLAG, "true: forget what was prompted, too"),)
PREPARE = (
    Keyword("merge", Kind.FLAG, "taken for compatibility: parts of one program are one instrument anyway"),
    *_HANDLE,
)
TIDAL = (
    _whole("ncinst", -1, INSTRUMENTS, "the instrument; -1 lets the model choose"),
    _whole("ncpitch", -1, 127, "the pitch; -1 lets the model choose"),
    _number("ncvel", -1, 127, "the velocity; -1 lets the model choose, 0 ends the note"),
    _whole("ncreset", -1, 1, "1 begins anew first"),
)


def described(keywords: Iterable[Keyword]) -> list[dict[str, Any]]:
    """The keywords as plain data."""
    rows = []
    for word in keywords:
        row: dict[str, Any] = {"name": word.name, "type": word.kind.value, "help": word.help}
        if word.range:
            row["min"] = word.low
            if word.high < math.inf:
                row["max"] = word.high
        if word.each:
            row["by_instrument"] = True
        rows.append(row)
    return rows
