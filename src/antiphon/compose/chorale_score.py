"""Between scores and the raster of chorales: which part is which voice, where its bars are, and back to parts.

A voice that was given comes back as it was, note for note, also where it is finer than the raster.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import SILENT, STEPS_PER_BEAT, VOICE_NAMES, VOICE_RANGES, VOICES, Pitches
from antiphon.compose.chorale import LONGEST
from antiphon.music.bars import Bars
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score

__all__ = ["Sheet", "array_of", "read_array", "score_of", "sheet_of"]

_TICKS_PER_QUARTER = 480
_VELOCITY = 72
_SEED_LOWEST = 30
"""What the arrays of the coconet notebooks subtract from MIDI pitches in generated scores."""


@dataclass(frozen=True)
class Sheet:
    """A score's voices on the raster. `pitches` (voices, steps); `parts` the source of each voice, if it has one.

    Step 0 is at tick `first` of `score`, whose quarter has a multiple of four ticks, and comes `start` steps after a
    quarter of its bar: 0, but where the score begins with an upbeat that is no whole number of quarters.
    """

    pitches: Pitches
    parts: tuple[Part | None, ...]
    score: Score
    first: int
    start: int = 0

    @property
    def ticks_per_step(self) -> int:
        return self.score.ticks_per_quarter // STEPS_PER_BEAT

    @property
    def bars(self) -> Bars:
        """The bars of the score, in ticks."""
        return _bars(self.score)

    def bar(self, step: int) -> int:
        """The number of the bar in which a step lies: from 1, but 0 for an upbeat."""
        return self.bars.at(self.first + step * self.ticks_per_step).number

    def steps_of_bars(self, first: int, last: int) -> npt.NDArray[np.bool_]:
        """The steps (steps,) that lie in bars `first` to `last`, both included."""
        bars, ticks = self.bars, self.first + np.arange(self.pitches.shape[1]) * self.ticks_per_step
        numbers = np.array([bars.at(tick).number for tick in ticks.tolist()])
        return np.asarray((numbers >= first) & (numbers <= last))


def sheet_of(score: Score, name: str, *, voice: int | None = None, part: int | None = None) -> Sheet:
    """The voices of a score: with `voice`, one melody as that voice; else each part as one of the four.

    `part` (from 1) picks the melody among several parts. Parts named after voices are those; others are told by how
    high they lie. Two parts that both sing in two voices are the two staves of a closed score. Raises ValueError,
    beginning with `name`, for a score without notes, with more parts than voices, with more than one note at once in a
    part, or longer than chorales can be.
    """
    score = score if score.ticks_per_quarter % STEPS_PER_BEAT == 0 else _divisible(score)
    parts = [p for p in score.parts if len(p.notes) and not p.is_drum]
    if not parts:
        raise ValueError(f"{name}: has no notes")
    if voice is not None:
        parts = [_melody(parts, voice, part, name)]
        lines: dict[int, Part] = {voice: parts[0]}
    else:
        if len(parts) > VOICES:
            raise ValueError(f"{name}: has {len(parts)} parts; the model knows {VOICES} voices")
        if len(parts) == 2 and all(len(_together(p, score)) for p in parts):
            parts = [line for staff in parts for line in _two_voices(staff)]
        lines = _assigned(parts)
    for line in lines.values():
        _check_monophonic(line, score, name)
    ticks = score.ticks_per_quarter // STEPS_PER_BEAT
    begin = min(int(p.notes["onset"][0]) for p in parts)
    bars = _bars(score)
    first = max(begin - bars.since_quarter(begin), 0)
    end = max(int((p.notes["onset"] + p.notes["duration"]).max()) for p in parts)
    steps = max(round((end - first) / ticks), 1)
    if steps > LONGEST:
        raise ValueError(f"{name}: is {steps} sixteenths long; a score has {LONGEST} at most")
    pitches = np.full((VOICES, steps), SILENT, np.int16)
    for v, line in lines.items():
        pitches[v] = _rasterised(line, first, ticks, steps)
    start = bars.since_quarter(first) // ticks
    return Sheet(pitches, tuple(lines.get(v) for v in range(VOICES)), score, first, start)


def _divisible(score: Score) -> Score:
    scaled = score.finer(score.ticks_per_quarter * STEPS_PER_BEAT)
    assert scaled.ticks_per_quarter % STEPS_PER_BEAT == 0
    return scaled


def _melody(parts: Sequence[Part], voice: int, part: int | None, name: str) -> Part:
    if part is not None:
        if not 1 <= part <= len(parts):
            raise ValueError(f"{name}: has {len(parts)} parts, no part {part}")
        return parts[part - 1]
    if len(parts) == 1:
        return parts[0]
    named = [p for p in parts if VOICE_NAMES[voice] in p.name.lower()]
    if len(named) != 1:
        raise ValueError(f"{name}: has {len(parts)} parts; say which is the {VOICE_NAMES[voice]} by --part")
    return named[0]


def _assigned(parts: Sequence[Part]) -> dict[int, Part]:
    """Which part is which voice: by name where all have one; else in order of height, each near its range."""
    by_name = [[v for v in range(VOICES) if VOICE_NAMES[v] in p.name.lower()] for p in parts]
    if all(len(found) == 1 for found in by_name) and len({found[0] for found in by_name}) == len(parts):
        return {found[0]: p for found, p in zip(by_name, parts, strict=True)}
    height = [float(np.average(p.notes["pitch"], weights=p.notes["duration"])) for p in parts]
    order = sorted(range(len(parts)), key=lambda i: -height[i])
    middles = [sum(limits) / 2 for limits in VOICE_RANGES]
    # The cheapest way to give n parts, from above, to n of the voices, in order.
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for v in range(VOICES):
        for n in sorted(best, reverse=True):
            if n < len(order):
                cost, chosen = best[n]
                candidate = (cost + abs(height[order[n]] - middles[v]), (*chosen, v))
                best[n + 1] = min(best.get(n + 1, (np.inf, ())), candidate)
    return {v: parts[order[i]] for i, v in enumerate(best[len(order)][1])}


def _together(part: Part, score: Score) -> npt.NDArray[np.intp]:
    """Which notes sound together with the next; overlaps of less than a sixteenth are legato."""
    onset, end = part.notes["onset"], part.notes["onset"] + part.notes["duration"]
    overlap = np.minimum(end[:-1], end[1:]) - onset[1:]
    return np.flatnonzero(overlap >= score.ticks_per_quarter // STEPS_PER_BEAT)


def _two_voices(staff: Part) -> tuple[Part, Part]:
    """The notes of a staff that nothing sounds above, and those that nothing sounds below; both sing a unison.

    Notes sound together that do so for half of the shorter one. What has others on both sides stays in both.
    """
    onset, pitch = staff.notes["onset"].tolist(), staff.notes["pitch"].tolist()
    end = (staff.notes["onset"] + staff.notes["duration"]).tolist()
    upper, lower = np.ones(len(onset), np.bool_), np.ones(len(onset), np.bool_)
    for i in range(len(onset)):
        for j in range(i + 1, bisect_left(onset, end[i])):
            if 2 * (min(end[i], end[j]) - onset[j]) >= min(end[i] - onset[i], end[j] - onset[j]):
                top, bottom = (i, j) if pitch[i] > pitch[j] else (j, i)
                upper[bottom] = lower[top] = False
    middle = ~upper & ~lower
    return replace(staff, notes=staff.notes[upper | middle]), replace(staff, notes=staff.notes[lower | middle])


def _check_monophonic(part: Part, score: Score, name: str) -> None:
    found = _together(part, score)
    if len(found):
        where = f"bar {_bars(score).at(int(part.notes['onset'][found[0] + 1])).number}"
        which = f" of the part {part.name!r}" if part.name else ""
        raise ValueError(f"{name}: {where}{which} has two notes at once; a voice sings one at a time")


def _rasterised(part: Part, first: int, ticks: int, steps: int) -> Pitches:
    line = np.full(steps, SILENT, np.int16)
    for note in part.notes:
        begin = round((int(note["onset"]) - first) / ticks)
        end = round((int(note["onset"]) + int(note["duration"]) - first) / ticks)
        line[begin : max(end, begin + 1)] = note["pitch"]
    return line


def _bars(score: Score) -> Bars:
    return Bars(score.meters.tolist(), score.ticks_per_quarter)


def score_of(pitches: Pitches, *, sheet: Sheet | None = None, kept: Sequence[int] = (), tempo: float = 72.0) -> Score:
    """A score with one part for each row of `pitches` (voices, steps), equal neighbours tied.

    With `sheet`, its tempos, meters and keys, its place in time, and the very notes of its voices `kept`. Else in 4/4
    at `tempo` beats a minute.
    """
    if sheet is None:
        tempos = np.array([(0, round(60e6 / tempo))], TEMPO)
        bare = Score(_TICKS_PER_QUARTER, (), tempos, np.array([(0, 4, 4)], METER))
        sheet = Sheet(pitches[:0], (), bare, 0)
    parts = []
    for v, line in enumerate(pitches):
        source = sheet.parts[v] if v < len(sheet.parts) else None
        quartet = f" {v // VOICES + 1}" if len(pitches) > VOICES else ""
        name = f"{VOICE_NAMES[v % VOICES]}{quartet}"
        if source is not None and v in kept:
            parts.append(Part(source.program, False, source.notes, source.name or name))
        else:
            program = next((p.program for p in sheet.parts if p is not None), 0)
            parts.append(Part(program, False, _notes(line, sheet), name))
    score = sheet.score
    return Score(score.ticks_per_quarter, tuple(parts), score.tempos, score.meters, score.keys)


def _notes(line: Pitches, sheet: Sheet) -> npt.NDArray[np.void]:
    starts = np.flatnonzero(np.diff(line, prepend=SILENT - 1))
    ends = np.append(starts[1:], len(line))
    sounding = line[starts] != SILENT
    notes = np.empty(int(sounding.sum()), NOTE)
    notes["onset"] = sheet.first + starts[sounding] * sheet.ticks_per_step
    notes["duration"] = (ends - starts)[sounding] * sheet.ticks_per_step
    notes["pitch"], notes["velocity"] = line[starts[sounding]], _VELOCITY
    return notes


def read_array(path: str | Path) -> Pitches:
    """Voices (voices, steps), or segments (segments, voices, steps), of a `.npy` file, as MIDI pitches and -1.

    Reads MIDI pitches with -1 or 0 for a rest, and pitches less 30, as the coconet notebooks keep what they generated;
    there a rest became -30 or 0. Which of the two it is is told by the lowest pitch: a bass goes below MIDI 60.
    """
    path = Path(path)
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not an array of numbers ({str(error).splitlines()[0]})") from error
    return array_of(array, str(path))


def array_of(array: npt.NDArray[np.generic], name: str) -> Pitches:
    """See `read_array`."""
    if array.ndim == 1:
        array = array[None]
    if array.ndim not in (2, 3) or not array.size:
        raise ValueError(
            f"{name}: an array of shape {array.shape}, where (voices, steps) or (segments, voices, steps) is"
        )
    try:
        values = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: not an array of numbers") from error
    values = np.where(np.isnan(values), SILENT, values)
    if (values != np.rint(values)).any():
        raise ValueError(f"{name}: holds values that are no pitches")
    rests = values <= 0
    sounding = values[~rests]
    if len(sounding) and sounding.min() < _SEED_LOWEST and sounding.max() <= 127 - _SEED_LOWEST:
        values = values + _SEED_LOWEST
    values = np.where(rests, SILENT, values)
    if values.max() > 127:
        raise ValueError(f"{name}: holds values that are no MIDI pitches")
    return values.astype(np.int16)
