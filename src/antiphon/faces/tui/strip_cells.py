"""The cells of a channel strip: what each says, and how it is written and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.faces.tui.vocabulary import Strip, note_name, pitch_called

__all__ = ["CELLS", "FIELDS", "Cell", "Field", "cells_for", "next_mode", "words_of_mode"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a strip that is typed: how it is shown, how text is read, and what it means.

    `read` raises `ValueError`, one line, for what cannot be meant.
    """

    name: str
    help: str
    show: Callable[[Strip], str]
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of the strips: its heading and width in characters, and the field that it shows."""

    name: str
    heading: str
    width: int


_END = r"([A-Ga-g][#b]*-?\d+|-?\d*\.?\d+)"
_PAIR = re.compile(rf"\s*{_END}(?:\s+|\s*[–,-]\s*|\s*to\s+){_END}\s*s?\s*")


def _ends(text: str) -> tuple[str, str]:
    """Two ends, however they are written: `36 96`, `C2-C6`, `0.1 to 2 s`."""
    pair = _PAIR.fullmatch(text)
    if pair is None:
        raise ValueError(f"{text.strip()!r} is no pair: write the lowest and the highest")
    return pair[1], pair[2]


def _pitches(text: str) -> list[int]:
    return [pitch_called(word) for word in _ends(text)]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no number") from None


def _wholes(text: str) -> list[int]:
    return [_whole(word) for word in _ends(text)]


def _numbers(text: str) -> list[float]:
    return [_number(word) for word in _ends(text)]


def _whole_or_none(text: str) -> int | None:
    return None if text.strip().lower() in ("", "own", "none") else _whole(text)


def _port(text: str) -> str | None:
    return None if text.strip().lower() in ("", "first") else text.strip()


def _between(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g}–{pair[1]:g}"


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field(
            "range",
            "lowest and highest pitch, as C2 C6 or 36 84",
            lambda s: f"{note_name(s.range[0])}–{note_name(s.range[1])}",
            _pitches,
        ),
        Field("polyphony", "fewest and most notes held at once", lambda s: _between(s.polyphony), _wholes),
        Field("length", "shortest and longest note, in seconds", lambda s: f"{_between(s.length)} s", _numbers),
        Field("velocity", "softest and loudest, 1 to 127", lambda s: _between(s.velocity), _wholes),
        Field("interval", "semitones above its source, lowest and highest", lambda s: _between(s.interval), _wholes),
        Field("source", "the channel that it follows", lambda s: str(s.source or "none"), _whole_or_none),
        Field(
            "hears",
            "the channel of yours that it listens to: 0 all that are left, own its own",
            lambda s: "own" if s.hears is None else str(s.hears),
            _whole_or_none,
        ),
        Field("shift", "semitones added on the way out", lambda s: f"{s.shift:+d}", _whole),
        Field("port", "where it sounds: a part of an output's name, or first", lambda s: s.port or "first", _port),
        Field(
            "fixed_velocity",
            "1 to 127 for keyboards without one, or none",
            lambda s: str(s.fixed_velocity or "none"),
            _whole_or_none,
        ),
        Field("punch_out", "seconds after your last note until it plays again", lambda s: f"{s.punch_out:g}", _number),
    )
}
"""What can be typed of a strip, in the order in which it is offered."""

CELLS = (
    Cell("channel", "ch", 4),
    Cell("mode", "mode", 10),
    Cell("program", "instrument", 21),
    Cell("meter", "sounds", 11),
    Cell("mute", "mute", 5),
    Cell("range", "range", 9),
    Cell("polyphony", "notes", 6),
    Cell("length", "length", 10),
    Cell("velocity", "velocity", 9),
)
"""From left to right; where there is no room, the last go first."""


def cells_for(width: int) -> list[tuple[Cell, int]]:
    """The cells that fit into `width` characters and where each begins, with what is left given to the meter."""
    fitting: list[Cell] = []
    used = 0
    for cell in CELLS:
        if used + cell.width > width:
            break
        fitting.append(cell)
        used += cell.width
    spare = min(24, max(0, width - used))
    placed, at = [], 0
    for cell in fitting:
        wide = cell.width + (spare if cell.name == "meter" else 0)
        placed.append((Cell(cell.name, cell.heading, wide), at))
        at += wide
    return placed


def words_of_mode(strip: Strip) -> str:
    """`input`, or `follow 1` with the channel that is followed; a voice that is yours while you play has a `*`."""
    if strip.mode == "follow":
        return f"follow {strip.source}"
    return f"{strip.mode}*" if strip.mode == "auto" and strip.punch_in else strip.mode


def next_mode(strip: Strip, strips: Mapping[int, Strip], modes: tuple[str, ...], steps: int = 1) -> dict[str, Any]:
    """The fields that bring a strip to its next mode; one that follows needs somebody to follow."""
    here = modes.index(strip.mode) if strip.mode in modes else 0
    mode = modes[(here + steps) % len(modes)]
    if mode != "follow" or strip.source is not None:
        return {"mode": mode}
    others = [s.channel for s in strips.values() if s.channel != strip.channel and s.mode in ("input", "auto")]
    if not others:
        return {"mode": modes[(here + 2 * steps) % len(modes)]}
    yours = [channel for channel in others if strips[channel].mode == "input"]
    return {"mode": mode, "source": (yours or others)[0]}
