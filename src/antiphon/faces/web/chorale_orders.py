"""What a page may ask of the choir, read strictly: each thing that is wrong is refused by one line.

A page's score is `steps` sixteenths, in bars of 4/4, and voices of notes `[at, length, pitch]`, at and length in steps,
from the soprano down. No two notes of a voice overlap.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from antiphon.codec.grid import VOICE_NAMES, VOICES

__all__ = ["BAR", "LONGEST", "VERBS", "Lines", "Order", "Paper", "read_order", "read_paper"]

BAR = 16
"""Steps of a bar of 4/4."""
LONGEST = 32 * BAR
"""Steps of the longest score of the page."""
MOST_VOICES = 64
VERBS = ("write", "harmonize", "complete", "revoice", "stack")

Line = tuple[tuple[int, int, int], ...]
Lines = tuple[Line, ...]


@dataclass(frozen=True)
class Order:
    """Music that is asked for. See `antiphon chorale` for what each verb makes, and of what.

    `voice` is the melody's, `voices` those that may be made anew, `bars` (from 1, both included) where.
    """

    verb: str
    steps: int
    lines: Lines
    seed: int
    temperature: float = 0.9
    gibbs: int | None = None
    voice: int = 0
    voices: tuple[int, ...] = tuple(range(VOICES))
    bars: tuple[int, int] | None = None
    passes: int = 1
    quartets: int = 4


@dataclass(frozen=True)
class Paper:
    """A score that is to be written as a file: `tempo` in beats a minute, played on a General MIDI `program`."""

    steps: int
    lines: Lines
    tempo: float = 72.0
    program: int = 0


def read_order(data: bytes) -> Order:
    """The order that JSON `data` says. Raises ValueError in one line."""
    said = _Said(data, "verb", "steps", "lines", "seed", "temperature", "gibbs", "voice", "voices", "bars", "passes")
    verb = said["verb"]
    if verb not in VERBS:
        raise ValueError(f"the choir can {', '.join(VERBS[:-1])} and {VERBS[-1]}, not {_shown(verb)}")
    steps = said.whole("steps", 1, LONGEST)
    lines = _lines(said["lines"], steps, fewest=VOICES, most=VOICES) if verb != "write" else ()
    if verb != "write" and not any(lines):
        raise ValueError("there is no note yet: draw some, or let a chorale be written")
    return Order(
        verb=verb,
        steps=steps,
        lines=lines,
        seed=said.whole("seed", 0, 2**53),
        temperature=said.number("temperature", 0, 10, 0.9),
        gibbs=None if said["gibbs"] is None else said.whole("gibbs", 1, 1024),
        voice=said.whole("voice", 0, VOICES - 1, 0),
        voices=_voices(said["voices"]),
        bars=_bars(said["bars"], steps),
        passes=said.whole("passes", 1, 16, 1),
    )


def read_paper(data: bytes) -> Paper:
    """The score that JSON `data` says. Raises ValueError in one line."""
    said = _Said(data, "steps", "lines", "tempo", "program")
    steps = said.whole("steps", 1, LONGEST)
    lines = _lines(said["lines"], steps, fewest=1, most=MOST_VOICES)
    if not any(lines):
        raise ValueError("there is no note yet to be written")
    return Paper(steps, lines, said.number("tempo", 10, 1000, 72), said.whole("program", 0, 127, 0))


class _Said:
    """The fields of an object of JSON. Those that are not known are refused, those that are not there are None."""

    def __init__(self, data: bytes, *known: str) -> None:
        try:
            fields = json.loads(data)
        except (ValueError, RecursionError):
            raise ValueError("what was asked is not JSON") from None
        if not isinstance(fields, dict):
            raise ValueError("what was asked is no object of JSON")
        unknown = sorted(fields.keys() - set(known))
        if unknown:
            raise ValueError(f"nobody knows what {_shown(unknown[0])} means; what can be said is {', '.join(known)}")
        self._fields = fields

    def __getitem__(self, name: str) -> Any:
        return self._fields.get(name)

    def whole(self, name: str, low: int, high: int, otherwise: int | None = None) -> int:
        value: Any = otherwise if self[name] is None else self[name]
        if not _is_whole(value) or not low <= value <= high:
            raise ValueError(f"{name} is a whole number from {low} to {high}, not {_shown(value)}")
        return int(value)

    def number(self, name: str, low: float, high: float, otherwise: float) -> float:
        value = otherwise if self[name] is None else self[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} is a number from {low:g} to {high:g}, not {_shown(value)}")
        return float(value)


def _lines(said: Any, steps: int, *, fewest: int, most: int) -> Lines:
    if not isinstance(said, list) or not fewest <= len(said) <= most:
        count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise ValueError(f"lines is a list of {count} voices, from the soprano down")
    return tuple(_line(line, voice, steps) for voice, line in enumerate(said))


def _line(said: Any, voice: int, steps: int) -> Line:
    name = VOICE_NAMES[voice % VOICES]
    if not isinstance(said, list) or len(said) > steps:
        raise ValueError(f"the {name} is a list of notes, at most one a step")
    free = 0
    notes = []
    for note in said:
        if not isinstance(note, list) or len(note) != 3 or not all(map(_is_whole, note)):
            raise ValueError(f"the {name}: a note is [at, length, pitch], not {_shown(note)}")
        at, length, pitch = note
        if not (at >= 0 and length >= 1 and at + length <= steps):
            raise ValueError(f"the {name}: a note at step {at}, {length} long, is not within {steps} steps")
        if not 0 <= pitch <= 127:
            raise ValueError(f"the {name}: a pitch is 0 to 127, not {pitch}")
        if at < free:
            raise ValueError(f"the {name}: bar {at // BAR + 1} has two notes at once; a voice sings one at a time")
        free = at + length
        notes.append((at, length, pitch))
    return tuple(notes)


def _voices(said: Any) -> tuple[int, ...]:
    if said is None:
        return tuple(range(VOICES))
    if not isinstance(said, list) or not said or not all(_is_whole(v) and 0 <= v < VOICES for v in said):
        raise ValueError(f"voices is a list of some of 0 (soprano) to {VOICES - 1} (bass), not {_shown(said)}")
    return tuple(sorted(set(said)))


def _bars(said: Any, steps: int) -> tuple[int, int] | None:
    if said is None:
        return None
    last = -(-steps // BAR)
    if not isinstance(said, list) or len(said) != 2 or not all(map(_is_whole, said)):
        raise ValueError(f"bars is [first, last], not {_shown(said)}")
    if not 1 <= said[0] <= said[1] <= last:
        raise ValueError(f"there are no bars {_shown(said[0])} to {_shown(said[1])}: the score has 1 to {last}")
    return said[0], said[1]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
