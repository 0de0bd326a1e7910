"""What a page may ask of the choir, read strictly: each thing that is wrong is refused by one line.

A page's score is `steps` sixteenths, in bars by its `meters`, and voices of notes `[at, length, pitch]`, at and length
in steps, from the soprano down. No two notes of a voice overlap. Meters are rows `[at, beats, unit]`, as `Bars` has
them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from antiphon.codec.grid import STEPS_PER_BEAT, VOICE_NAMES, VOICES
from antiphon.music.bars import Bars

__all__ = [
    "COMMON",
    "LONGEST",
    "MOST_METERS",
    "VERBS",
    "Lines",
    "Meters",
    "Order",
    "Paper",
    "read_order",
    "read_paper",
    "steps_of_bar",
]

LONGEST = 640
"""Steps of the longest score of the page: 40 bars of 4/4."""
MOST_METERS = 64
UNITS = (1, 2, 4, 8, 16)
MOST_VOICES = 64
VERBS = ("write", "harmonize", "complete", "revoice", "stack")

_ORDERED = (
    *("verb", "steps", "meters", "lines", "seed", "temperature"),
    *("gibbs", "voice", "voices", "bars", "passes"),
)

Line = tuple[tuple[int, int, int], ...]
Lines = tuple[Line, ...]
Meters = tuple[tuple[int, int, int], ...]

COMMON: Meters = ((0, 4, 4),)


@dataclass(frozen=True)
class Order:
    """Music that is asked for. See `antiphon chorale` for what each verb makes, and of what.

    `voice` is the melody's, `voices` those that may be made anew, `span` where: steps from the first to before the
    second.
    """

    verb: str
    steps: int
    lines: Lines
    seed: int
    temperature: float = 0.9
    gibbs: int | None = None
    voice: int = 0
    voices: tuple[int, ...] = tuple(range(VOICES))
    span: tuple[int, int] | None = None
    passes: int = 1
    quartets: int = 4
    meters: Meters = COMMON

    @property
    def bars(self) -> Bars:
        """The bars of the score, in steps."""
        return Bars(self.meters, STEPS_PER_BEAT)


@dataclass(frozen=True)
class Paper:
    """A score that is to be written as a file: `tempo` in beats a minute, played on a General MIDI `program`."""

    steps: int
    lines: Lines
    tempo: float = 72.0
    program: int = 0
    meters: Meters = COMMON


def read_order(data: bytes) -> Order:
    """The order that JSON `data` says. Raises ValueError in one line."""
    said = _Said(data, *_ORDERED)
    verb = said["verb"]
    if verb not in VERBS:
        raise ValueError(f"the choir can {', '.join(VERBS[:-1])} and {VERBS[-1]}, not {_shown(verb)}")
    steps = said.whole("steps", 1, LONGEST)
    meters = _meters(said["meters"], steps)
    bars = Bars(meters, STEPS_PER_BEAT)
    lines = _lines(said["lines"], steps, bars, fewest=VOICES, most=VOICES) if verb != "write" else ()
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
        span=_span(said["bars"], steps, bars),
        passes=said.whole("passes", 1, 16, 1),
        meters=meters,
    )


def read_paper(data: bytes) -> Paper:
    """The score that JSON `data` says. Raises ValueError in one line."""
    said = _Said(data, "steps", "lines", "tempo", "program", "meters")
    steps = said.whole("steps", 1, LONGEST)
    meters = _meters(said["meters"], steps)
    lines = _lines(said["lines"], steps, Bars(meters, STEPS_PER_BEAT), fewest=1, most=MOST_VOICES)
    if not any(lines):
        raise ValueError("there is no note yet to be written")
    return Paper(steps, lines, said.number("tempo", 10, 1000, 72), said.whole("program", 0, 127, 0), meters)


def steps_of_bar(beats: int, unit: int) -> int:
    """How many steps a bar has; 0 for a meter that the page does not know."""
    return 16 * beats // unit if unit in UNITS and beats >= 1 and 16 * beats // unit <= LONGEST else 0


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


def _meters(said: Any, steps: int) -> Meters:
    if said is None:
        return COMMON
    if not isinstance(said, list) or not 1 <= len(said) <= MOST_METERS:
        raise ValueError(f"meters is a list of 1 to {MOST_METERS} of [at, beats, unit]")
    after = 0
    for meter in said:
        if not isinstance(meter, list) or len(meter) != len(COMMON[0]) or not all(map(_is_whole, meter)):
            raise ValueError(f"a meter is [at, beats, unit], not {_shown(meter)}")
        if not steps_of_bar(*meter[1:]):
            raise ValueError(f"the units of meters are {', '.join(map(str, UNITS))}, not as in {meter[1]}/{meter[2]}")
        if not after <= meter[0] < max(steps, 1) or (meter is said[0] and meter[0]):
            raise ValueError(f"meters begin at 0, one after the other, not at {meter[0]}")
        after = meter[0] + 1
    return tuple((at, beats, unit) for at, beats, unit in said)


def _lines(said: Any, steps: int, bars: Bars, *, fewest: int, most: int) -> Lines:
    if not isinstance(said, list) or not fewest <= len(said) <= most:
        count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise ValueError(f"lines is a list of {count} voices, from the soprano down")
    return tuple(_line(line, voice, steps, bars) for voice, line in enumerate(said))


def _line(said: Any, voice: int, steps: int, bars: Bars) -> Line:
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
            number = bars.at(at).number
            raise ValueError(f"the {name}: bar {number} has two notes at once; a voice sings one at a time")
        free = at + length
        notes.append((at, length, pitch))
    return tuple(notes)


def _voices(said: Any) -> tuple[int, ...]:
    if said is None:
        return tuple(range(VOICES))
    if not isinstance(said, list) or not said or not all(_is_whole(v) and 0 <= v < VOICES for v in said):
        raise ValueError(f"voices is a list of some of 0 (soprano) to {VOICES - 1} (bass), not {_shown(said)}")
    return tuple(sorted(set(said)))


def _span(said: Any, steps: int, bars: Bars) -> tuple[int, int] | None:
    """The steps of bars, first and last, by their numbers."""
    if said is None:
        return None
    if not isinstance(said, list) or len(said) != 2 or not all(map(_is_whole, said)):
        raise ValueError(f"bars is [first, last], not {_shown(said)}")
    low, high = bars.at(0).number, bars.at(steps - 1).number
    if not low <= said[0] <= said[1] <= high:
        raise ValueError(f"there are no bars {_shown(said[0])} to {_shown(said[1])}: the score has {low} to {high}")
    chosen = [bar for bar in bars.between(0, steps) if said[0] <= bar.number <= said[1]]
    return chosen[0].start, min(chosen[-1].end, steps)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
