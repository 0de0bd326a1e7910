"""Presets: strips, controls and knobs as a TOML text that people can write."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from antiphon.jam.controls import CONTROLS, Settings, Value
from antiphon.jam.ensemble import CHANNELS, Ensemble, Strip
from antiphon.jam.mapping import Knob, default_knobs
from antiphon.music.programs import PROGRAM_NAMES

__all__ = ["Preset", "preset_from_toml", "preset_to_toml", "strip_fields"]


@dataclass(frozen=True)
class Preset:
    """What a performance is set to.

    `ensemble` is None where the text names no channel, `knobs` where it names no knob: then what is there stays.
    `controls` holds just those that are named.
    """

    ensemble: Ensemble | None = None
    controls: Mapping[str, Value] | None = None
    knobs: tuple[Knob, ...] | None = None

    def settings(self, before: Settings) -> Settings:
        """`before` with this preset's controls over it."""
        return Settings({**before, **(self.controls or {})})


class _Wrong(Exception):
    """What is wrong in a table, and at which key (None: the table itself)."""

    def __init__(self, what: str, key: str | None = None) -> None:
        super().__init__(what)
        self.key = key


def preset_from_toml(text: str, source: str = "the preset") -> Preset:
    """Read a preset. Raises `ValueError`, one line that names `source`, the line and the key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{source}: not TOML: {error}") from None
    for name in tables:
        if name not in ("controls", "channel", "knob"):
            message = f"there is no table {name!r} in a preset: there are controls, channel.1 to channel.16 and knob"
            raise ValueError(_located(text, source, name, None, message))
    return Preset(
        ensemble=_ensemble(tables["channel"], text, source) if "channel" in tables else None,
        controls=_controls(tables["controls"], text, source) if "controls" in tables else None,
        knobs=_knobs(tables["knob"], text, source) if "knob" in tables else None,
    )


def _controls(table: Any, text: str, source: str) -> Mapping[str, Value]:
    _table(table, text, source, "controls")
    values: dict[str, Value] = {}
    for name, value in table.items():
        try:
            values[name] = Settings({name: value})[name]
        except ValueError as error:
            raise ValueError(_located(text, source, "controls", name, str(error))) from None
    return values


def _ensemble(channels: Any, text: str, source: str) -> Ensemble:
    _table(channels, text, source, "channel")
    strips: dict[int, Strip] = {}
    for name, table in channels.items():
        header = f"channel.{name}"
        if not name.isdecimal() or int(name) not in CHANNELS:
            raise ValueError(
                _located(text, source, header, None, f"there is no channel {name!r}: they go from 1 to 16")
            )
        try:
            strips[int(name)] = _strip(table)
        except _Wrong as wrong:
            raise ValueError(_located(text, source, header, wrong.key, f"channel {name}: {wrong}")) from None
    try:
        return Ensemble(strips)
    except ValueError as error:
        channel = re.match(r"channel (\d+): (\w+)", str(error))
        table, key = (f"channel.{channel[1]}", channel[2]) if channel else ("channel", None)
        raise ValueError(_located(text, source, table, key, str(error))) from None


def _strip(table: Any) -> Strip:
    if not isinstance(table, dict):
        raise _Wrong("it must be a table")
    given = _strip_values(table)
    try:
        return Strip(**given)
    except (ValueError, TypeError) as error:
        named = re.match(r"\w+", str(error))
        raise _Wrong(str(error), named[0] if named and named[0] in given else None) from None


def strip_fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a strip, as TOML or JSON can hold them, as `Strip` wants them; None is what a field is without a value.

    Raises `ValueError`, one line, for a name or a kind that is not a strip's; ranges are for `Strip` to check.
    """
    try:
        return _strip_values(table)
    except _Wrong as wrong:
        raise ValueError(str(wrong)) from None


def _strip_values(table: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name: field.default for field in fields(Strip)}
    given: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise _Wrong(f"there is no {name!r}: there are {', '.join(known)}", name)
        given[name] = None if value is None and known[name] is None else _strip_value(name, value)
    return given


def _strip_value(name: str, value: Any) -> Any:
    if name in ("note_map", "cc"):
        if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
            raise _Wrong(f"{name} cannot be {value!r}: it must be a table of numbers to numbers", name)
        return {int(key): number for key, number in value.items()}
    if name == "program" and isinstance(value, str):
        for number, program in enumerate(PROGRAM_NAMES):
            if program.lower() == value.lower():
                return number
        raise _Wrong(f"program cannot be {value!r}: it must be 0 to 127 or a name of General MIDI", name)
    if name in ("drums", "mute", "punch_in") and not isinstance(value, bool):
        raise _Wrong(f"{name} cannot be {value!r}: it must be true or false", name)
    if name == "port" and not isinstance(value, str):
        raise _Wrong(f"port cannot be {value!r}: it must be part of an output's name", name)
    if name == "punch_out" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise _Wrong(f"punch_out cannot be {value!r}: it must be 0 to 60 s", name)
    return tuple(value) if isinstance(value, list) else value


def _knobs(tables: Any, text: str, source: str) -> tuple[Knob, ...]:
    """The knobs of the text, before those of the controls' table whose message is not taken."""
    if not isinstance(tables, list):
        raise ValueError(_located(text, source, "knob", None, "each knob begins with [[knob]]"))
    knobs = []
    for place, table in enumerate(tables):
        try:
            knobs.append(_knob(table))
        except (_Wrong, ValueError, TypeError) as error:
            key = error.key if isinstance(error, _Wrong) else _word(str(error), table)
            raise ValueError(_located(text, source, "knob", key, f"knob: {error}", place)) from None
    taken = {(knob.kind, knob.number) for knob in knobs} | {("name", knob.name) for knob in knobs}
    left = [k for k in default_knobs() if (k.kind, k.number) not in taken and ("name", k.name) not in taken]
    return (*knobs, *left)


def _knob(table: Mapping[str, Any]) -> Knob:
    known = ("name", "cc", "note", "bend", "channel", "range", "argument")
    for key in table:
        if key not in known:
            raise _Wrong(f"there is no {key!r}: there are {', '.join(known)}", key)
    kinds = [key for key in ("cc", "note", "bend") if key in table]
    if "name" not in table or len(kinds) != 1:
        raise _Wrong("it needs a name, and one of cc, note and bend", kinds[0] if kinds else None)
    kind: Any = kinds[0]
    number = 0 if kind == "bend" else table[kind]
    for key, value in ((kind, number), ("channel", table.get("channel", 1))):
        if isinstance(value, bool) or not isinstance(value, int):
            raise _Wrong(f"{key} cannot be {value!r}: it must be a whole number", key)
    span = table.get("range")
    if span is not None and (not isinstance(span, list) or len(span) != 2):
        raise _Wrong(f"range cannot be {span!r}: it must be two numbers", "range")
    return Knob(
        name=str(table["name"]),
        kind=kind,
        number=number,
        channel=table.get("channel"),
        range=None if span is None else (float(span[0]), float(span[1])),
        argument=str(table.get("argument", "")),
    )


def _word(message: str, table: Mapping[str, Any]) -> str | None:
    """The first key of `table` that a message names."""
    return next((word for word in re.findall(r"\w+", message) if word in table), None)


def _table(table: Any, text: str, source: str, name: str) -> None:
    if not isinstance(table, dict):
        raise ValueError(_located(text, source, name, None, f"{name} must be a table"))


def _located(text: str, source: str, table: str, key: str | None, what: str, place: int = 0) -> str:
    line = _line_of(text, table, key, place)
    return f"{source}{'' if line is None else f', line {line}'}: {what}"


def _line_of(text: str, table: str, key: str | None, place: int) -> int | None:
    """The line, from 1, of `key` in the `place`-th table of that name, or of the table, where it can be found."""
    header, inside, count = None, False, -1
    for number, line in enumerate(text.splitlines(), 1):
        if begun := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            name = begun[1].replace('"', "").replace(" ", "")
            inside = name == table or name.startswith(f"{table}.")
            count += name == table
            if inside and header is None and max(count, 0) == place:
                header = number
        elif re.match(rf'\s*"?{re.escape(table)}"?\s*[.=]', line) and header is None:
            header = number
        elif inside and key and max(count, 0) == place and re.match(rf'\s*"?{re.escape(key)}"?\s*[.=]', line):
            return number
    return header


def preset_to_toml(ensemble: Ensemble, settings: Settings, knobs: Iterable[Knob]) -> str:
    """Write all strips that are not off, the controls that are not at their default, and the knobs that were moved."""
    lines = ["[controls]"]
    lines += [f"{c.name} = {_toml(settings[c.name])}" for c in CONTROLS if settings[c.name] != c.default]
    for channel, strip in ensemble.strips.items():
        if strip.mode != "off":
            lines += ["", f"[channel.{channel}]", *_strip_lines(strip)]
    defaults = set(default_knobs())
    for knob in knobs:
        if knob not in defaults:
            lines += ["", "[[knob]]", *_knob_lines(knob)]
    return "\n".join(lines) + "\n"


def _strip_lines(strip: Strip) -> list[str]:
    plain = Strip()
    lines = []
    for field in fields(Strip):
        value = getattr(strip, field.name)
        if field.name == "mode" or value != getattr(plain, field.name):
            lines.append(f"{field.name} = {_toml(value)}")
    return lines


def _knob_lines(knob: Knob) -> list[str]:
    lines = [f"name = {_toml(knob.name)}", "bend = true" if knob.kind == "bend" else f"{knob.kind} = {knob.number}"]
    if knob.channel is not None:
        lines.append(f"channel = {knob.channel}")
    if knob.range is not None:
        lines.append(f"range = {_toml(knob.range)}")
    if knob.argument:
        lines.append(f"argument = {_toml(knob.argument)}")
    return lines


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(number)}" for key, number in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value)
