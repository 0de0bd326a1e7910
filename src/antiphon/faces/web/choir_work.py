"""What the choir does with an order: the page's notes to the raster of chorales, and back, note for note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import SILENT, STEPS_PER_BEAT, VOICE_NAMES, VOICES, Pitches
from antiphon.compose import chorale
from antiphon.compose.chorale import Options, OutOfRange
from antiphon.compose.chorale_score import Sheet, sheet_of
from antiphon.engine.chorale import ChoraleModel
from antiphon.engine.gibbs import Sampling
from antiphon.faces.web.chorale_orders import (
    COMMON,
    LONGEST,
    MOST_METERS,
    Line,
    Lines,
    Meters,
    Order,
    Paper,
    steps_of_bar,
)
from antiphon.music.bars import Bars, whole_bars
from antiphon.music.midi_read import MidiError
from antiphon.music.midi_write import midi_bytes
from antiphon.music.musicxml import musicxml
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score
from antiphon.music.score_files import NotationError, read_score

__all__ = ["FORMATS", "make", "page_of"]

Mask = npt.NDArray[np.bool_]

_TICKS = 120
"""Ticks of a step in what is written."""
_VELOCITY = 72
_GROWN = 1 << 22
"""Bytes to which a compressed score may grow."""


def make(order: Order, model: ChoraleModel, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Carry out an order: `lines` of 4 voices (`stack`: 4 x quartets), and a `remark`, which may be empty.

    With one seed it is the music that `antiphon chorale` makes of the same score: as there, a score begins on the
    quarter of its first note and ends with its last one; here with the chosen bars as well. Raises ValueError in one
    line.
    """
    rng = np.random.default_rng(order.seed)
    sampling = Sampling(steps=order.gibbs, temperature=order.temperature)
    first, end = _span(order)
    options = Options(sampling, start=order.bars.since_quarter(first), progress=progress)
    if order.verb == "write":
        return {"lines": _lines_of(chorale.write(model, order.steps, rng, options=options)[0]), "remark": ""}
    score = _raster(order.lines, order.steps)[:, first:end]
    remark = ""
    try:
        if order.verb == "stack":
            made = chorale.stack(model, score, rng, quartets=order.quartets, options=options)
            free = np.arange(len(made))[:, None] >= VOICES
        elif order.verb == "revoice":
            sung = chorale.revoice(model, score, rng, passes=order.passes, voices=order.voices, options=options)
            made, free = sung.scores[-1], np.isin(np.arange(VOICES), order.voices)[:, None]
            remark = "kept by each pass: " + ", ".join(f"{share:.0%}" for share in sung.kept)
        else:
            free = _free(order, score, first)
            made = chorale.complete(model, score, rng, free=free, options=options)[0]
            remark = _moved(chorale.shift_into_range(score, free))
    except OutOfRange as error:
        raise ValueError(f"bar {order.bars.at(first + error.step).number}: {error}") from error
    free = np.broadcast_to(free, made.shape)
    whole = np.full((len(made), order.steps), SILENT, np.int16)
    whole[:, first:end] = made
    kept = np.ones(whole.shape, bool)
    kept[:, first:end] = ~free
    return {"lines": _lines_of(whole, order.lines, kept), "remark": remark}


def _span(order: Order) -> tuple[int, int]:
    """The steps of the score from the quarter of its first note to the end of its last, and the chosen bars."""
    if order.verb == "write":
        return 0, order.steps
    notes = [note for line in order.lines for note in line]
    first = min(at for at, _, _ in notes)
    first = max(first - order.bars.since_quarter(first), 0)
    end = max(at + length for at, length, _ in notes)
    if order.verb == "complete" and order.span:
        first, end = min(first, order.span[0]), max(end, order.span[1])
    return first, end


def _free(order: Order, score: Pitches, first: int) -> Mask:
    """The cells (voices, steps) that `harmonize` or `complete` fill."""
    free = np.zeros(score.shape, bool)
    if order.verb == "harmonize":
        if not order.lines[order.voice]:
            raise ValueError(f"the {VOICE_NAMES[order.voice]} has no melody yet")
        free = score == SILENT
        free[order.voice] = False
    elif order.span:
        free[list(order.voices), order.span[0] - first : order.span[1] - first] = True
    else:
        free[list(order.voices)] = score[list(order.voices)] == SILENT
        sounding = np.flatnonzero((score != SILENT).any(axis=0))
        free[:, : sounding[0]] = False
    return free


def _moved(semitones: int) -> str:
    if not semitones:
        return ""
    way = "higher" if semitones > 0 else "lower"
    return f"out of the voice's range: harmonised {abs(semitones)} semitones {way} and moved back"


def _raster(lines: Lines, steps: int) -> Pitches:
    score = np.full((len(lines), steps), SILENT, np.int16)
    for voice, line in enumerate(lines):
        for at, length, pitch in line:
            score[voice, at : at + length] = pitch
    return score


def _lines_of(score: Pitches, given: Lines = (), kept: Mask | None = None) -> Lines:
    """Notes of a raster (voices, steps): equal neighbours tied, but for `given` notes in cells that were `kept`."""
    lines = []
    for voice, row in enumerate(score):
        cuts = np.diff(row, prepend=SILENT - 1) != 0
        if kept is not None and voice < len(given):
            for at, length, _ in given[voice]:
                cuts[at] |= kept[voice, at]
                if at + length < len(row):
                    cuts[at + length] |= kept[voice, at + length - 1]
        starts = np.flatnonzero(cuts)
        ends = np.append(starts[1:], len(row))
        sounding = row[starts] != SILENT
        rows = np.stack([starts, ends - starts, row[starts]], axis=1)[sounding]
        lines.append(tuple((int(at), int(length), int(pitch)) for at, length, pitch in rows))
    return tuple(lines)


def page_of(data: bytes, name: str) -> dict[str, Any]:
    """A file of music as a score of the page: `steps`, `meters`, `lines`, `tempo` and `remarks`.

    Its kind is told by how the name ends; its bars are those of the file, from the one of its first note on. Raises
    ValueError in one line.
    """
    try:
        score = read_score(data, Path(name).suffix, largest=_GROWN)
    except (MidiError, NotationError) as error:
        raise ValueError(f"{name}: {str(error).removeprefix('MIDI data: ')}") from error
    sheet = sheet_of(score, name)
    origin = sheet.bars.at(sheet.first).start
    found = tuple(_line_of(part, origin, sheet.ticks_per_step) for part in sheet.parts)
    length = max(at + length for line in found for at, length, _ in line)
    meters, remarks = _meters_of(sheet, origin, length)
    bars = list(Bars(meters, STEPS_PER_BEAT).between(0, length))
    taken = [bar for bar in bars if bar.end <= LONGEST]
    if len(taken) < len(bars):
        remarks.append(f"of its {len(bars)} bars the first {len(taken)} were taken")
    steps = taken[-1].end
    tempos = sheet.score.tempos
    tempo = 60e6 / int(tempos["microseconds"][0]) if len(tempos) else 120.0
    return {
        "steps": steps,
        "meters": tuple(row for row in meters if row[0] < steps),
        "lines": tuple(_cut(line, steps) for line in found),
        "tempo": float(np.clip(round(tempo, 2), 10, 1000)),
        "remarks": remarks,
    }


def _meters_of(sheet: Sheet, origin: int, steps: int) -> tuple[Meters, list[str]]:
    """The rows that make the bars of a sheet from tick `origin` on, and what is to be said of them."""
    ticks = sheet.ticks_per_step
    rows: list[tuple[int, int, int]] = []
    after: tuple[int, tuple[int, int]] | None = None  # where the next bar is if nothing changes, and its meter
    bars = list(sheet.bars.between(origin, origin + steps * ticks))
    for place, bar in enumerate(bars):
        # An upbeat is in the meter of what follows, also where it has one of its own.
        meter = bars[place + 1].meter if not bar.number and place + 1 < len(bars) else bar.meter
        if not (length := steps_of_bar(*meter)):
            name = f"{meter[0]}/{meter[1]}"
            return COMMON, [f"bars are drawn in 4/4: it is in {name}, which the sheet does not have"]
        start = round((bar.start - origin) / ticks)
        if (start, meter) != after and (not rows or start > rows[-1][0]):
            rows.append((start, *meter))
        after = start + length, meter
    if len(rows) > MOST_METERS:
        return COMMON, ["bars are drawn in 4/4: its meter changes too often"]
    return tuple(rows), []


def _line_of(part: Part | None, origin: int, ticks: int) -> Line:
    """The notes of a part on the raster; one that begins before another has ended ends it."""
    if part is None:
        return ()
    onsets = [round((int(note["onset"]) - origin) / ticks) for note in part.notes]
    ends = [round((int(note["onset"]) + int(note["duration"]) - origin) / ticks) for note in part.notes]
    line = []
    for i, (at, end) in enumerate(zip(onsets, ends, strict=True)):
        following = onsets[i + 1] if i + 1 < len(onsets) else end + 1
        length = min(max(end, at + 1), max(following, at)) - at
        if length > 0:
            line.append((at, length, int(part.notes["pitch"][i])))
    return tuple(line)


def _cut(line: Line, steps: int) -> Line:
    return tuple((at, min(length, steps - at), pitch) for at, length, pitch in line if at < steps)


def _score_of(paper: Paper) -> Score:
    """A score of the page, a part a voice, from its first bar on."""
    parts = []
    for voice, line in enumerate(paper.lines):
        notes = np.array([(at * _TICKS, length * _TICKS, pitch, _VELOCITY) for at, length, pitch in line], NOTE)
        quartet = f" {voice // VOICES + 1}" if len(paper.lines) > VOICES else ""
        parts.append(Part(paper.program, False, notes, f"{VOICE_NAMES[voice % VOICES]}{quartet}"))
    tempos = np.array([(0, round(60e6 / paper.tempo))], TEMPO)
    meters = np.array([(at * _TICKS, beats, unit) for at, beats, unit in paper.meters], METER)
    return Score(_TICKS * STEPS_PER_BEAT, tuple(parts), tempos, meters)


FORMATS: dict[str, Callable[[Paper], bytes]] = {
    "midi": lambda paper: midi_bytes(_score_of(replace(paper, meters=tuple(whole_bars(paper.meters, STEPS_PER_BEAT))))),
    "musicxml": lambda paper: musicxml(_score_of(paper), title="Chorale").encode(),
}
"""How a score of the page is written as a file."""
