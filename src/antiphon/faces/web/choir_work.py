"""What the choir does with an order: the page's notes to the raster of chorales, and back, note for note."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import SILENT, STEPS_PER_BEAT, VOICE_NAMES, VOICES, Pitches
from antiphon.compose import chorale
from antiphon.compose.chorale import Options, OutOfRange
from antiphon.compose.chorale_score import sheet_of
from antiphon.engine.chorale import ChoraleModel
from antiphon.engine.gibbs import Sampling
from antiphon.faces.web.chorale_orders import BAR, LONGEST, Line, Lines, Order, Paper
from antiphon.music.midi_read import MidiError, read_midi
from antiphon.music.midi_write import midi_bytes
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score

__all__ = ["make", "midi_of", "page_of"]

Mask = npt.NDArray[np.bool_]

_TICKS = 120
"""Ticks of a step in what is written."""
_VELOCITY = 72


def make(order: Order, model: ChoraleModel, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Carry out an order: `lines` of 4 voices (`stack`: 4 x quartets), and a `remark`, which may be empty.

    With one seed it is the music that `antiphon chorale` makes of the same score: as there, a score begins on the beat
    of its first note and ends with its last one; here with the chosen bars as well. Raises ValueError in one line.
    """
    rng = np.random.default_rng(order.seed)
    sampling = Sampling(steps=order.gibbs, temperature=order.temperature)
    options = Options(sampling, progress=progress)
    if order.verb == "write":
        return {"lines": _lines_of(chorale.write(model, order.steps, rng, options=options)[0]), "remark": ""}
    first, end = _span(order)
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
        raise ValueError(f"bar {(first + error.step) // BAR + 1}: {error}") from error
    free = np.broadcast_to(free, made.shape)
    whole = np.full((len(made), order.steps), SILENT, np.int16)
    whole[:, first:end] = made
    kept = np.ones(whole.shape, bool)
    kept[:, first:end] = ~free
    return {"lines": _lines_of(whole, order.lines, kept), "remark": remark}


def _span(order: Order) -> tuple[int, int]:
    """The steps of the score from the beat of its first note to the end of its last, and the chosen bars."""
    notes = [note for line in order.lines for note in line]
    first = min(at for at, _, _ in notes) // STEPS_PER_BEAT * STEPS_PER_BEAT
    end = max(at + length for at, length, _ in notes)
    if order.verb == "complete" and order.bars:
        first = min(first, (order.bars[0] - 1) * BAR)
        end = max(end, min(order.bars[1] * BAR, order.steps))
    return first, end


def _free(order: Order, score: Pitches, first: int) -> Mask:
    """The cells (voices, steps) that `harmonize` or `complete` fill."""
    free = np.zeros(score.shape, bool)
    if order.verb == "harmonize":
        if not order.lines[order.voice]:
            raise ValueError(f"the {VOICE_NAMES[order.voice]} has no melody yet")
        free = score == SILENT
        free[order.voice] = False
    elif order.bars:
        begin, end = (order.bars[0] - 1) * BAR - first, order.bars[1] * BAR - first
        free[list(order.voices), begin:end] = True
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
    """A MIDI file as a score of the page: `steps`, `lines`, `tempo` and `remarks`. Raises ValueError in one line.

    Its bars begin where those of the file do, where it is in 4/4; it begins with the bar of its first note.
    """
    try:
        score = read_midi(data)
    except MidiError as error:
        raise ValueError(f"{name}: {str(error).removeprefix('MIDI data: ')}") from error
    sheet = sheet_of(score, name)
    before = sheet.first // sheet.ticks_per_step % BAR
    origin = sheet.first - before * sheet.ticks_per_step
    found = tuple(_line_of(part, origin, sheet.ticks_per_step) for part in sheet.parts)
    length = max(at + length for line in found for at, length, _ in line)
    remarks = [] if _is_common(sheet.score) else ["it is not in 4/4 throughout: bars are drawn as if it were"]
    if length > LONGEST:
        remarks.append(f"of its {-(-length // BAR)} bars the first {LONGEST // BAR} were taken")
    lines = tuple(_cut(line, LONGEST) for line in found)
    steps = min(-(-length // BAR) * BAR, LONGEST)
    tempos = sheet.score.tempos
    tempo = 60e6 / int(tempos["microseconds"][0]) if len(tempos) else 120.0
    return {"steps": steps, "lines": lines, "tempo": float(np.clip(round(tempo, 2), 10, 1000)), "remarks": remarks}


def _is_common(score: Score) -> bool:
    return all(4 * row["numerator"] == 4 * row["denominator"] for row in score.meters)


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


def midi_of(paper: Paper) -> bytes:
    """A MIDI file of a score of the page: a track a voice, 4/4, from its first bar on."""
    parts = []
    for voice, line in enumerate(paper.lines):
        notes = np.array([(at * _TICKS, length * _TICKS, pitch, _VELOCITY) for at, length, pitch in line], NOTE)
        quartet = f" {voice // VOICES + 1}" if len(paper.lines) > VOICES else ""
        parts.append(Part(paper.program, False, notes, f"{VOICE_NAMES[voice % VOICES]}{quartet}"))
    tempos = np.array([(0, round(60e6 / paper.tempo))], TEMPO)
    meters = np.array([(0, 4, 4)], METER)
    return midi_bytes(Score(_TICKS * STEPS_PER_BEAT, tuple(parts), tempos, meters))
