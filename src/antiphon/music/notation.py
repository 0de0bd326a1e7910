"""What music21 reads, as our scores: every note as it sounds, at the tick where it is played.

The only file that knows music21; it is imported when the first file of notation is read.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from music21 import bar, chord, converter, dynamics, harmony, instrument, key, meter, note, percussion, stream, tempo
from music21.exceptions21 import Music21Exception

from antiphon.music.grid import FASTEST, SLOWEST
from antiphon.music.pairing import end_at_restrikes
from antiphon.music.score import KEY, METER, NOTE, TEMPO, Part, Score
from antiphon.music.score_files import NotationError

__all__ = ["TICKS", "score_of"]

TICKS = 10080
"""Ticks a quarter: every tuplet of 2, 3, 5, 7 and their products falls on one."""

GRACE = Fraction(1, 8)
"""Quarters a grace note lasts; it is played before the note that it graces, in the time of what stands before that."""

LOUDNESS = {"pppp": 10, "ppp": 20, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 122, "ffff": 127}
"""Velocities of dynamic marks, in even steps where there are several ways."""
PLAIN = LOUDNESS["mf"]
OFTEN = 16
"""Times that a repeat is played at most, and that kern may grow by the list of its sections: more is a trap."""


_EXPANSION = re.compile(r"^\*>\[([^\]\t]*)\]", re.MULTILINE)
_SECTION = re.compile(r"^\*>(\w+)[^\n\[]*\n", re.MULTILINE)
_BAR_LINE = re.compile(r"^=[^\n]*", re.MULTILINE)
_NO_REPEATS = str.maketrans("", "", ":|!")
_END = re.compile(r"^(?:=[^\n]*\n)?\*-.*", re.MULTILINE | re.DOTALL)
_ABC_METER = re.compile(r"^M:\s*(C\|?|\d+/\d+)\s*$", re.MULTILINE)

Row = tuple[int, int, int, int]
"""Onset and duration in ticks, MIDI pitch, velocity."""


def score_of(text: str, kind: str) -> Score:
    """Read `text`, notation of `kind` "musicxml", "abc" or "humdrum".

    Tied notes are one note; repeats and endings are played out (where they make no sense they are passed over, and
    `Score.repairs` says so); an upbeat is a first bar that a second row of the same meter cuts short, as `Bars` has it;
    parts for transposing instruments sound as they sound; grace notes are short notes before
    the beat; dynamic marks set the velocity, tempo marks the tempo, a word such as Allegro counts as one where no
    figure stands beside it. A part plays the General MIDI program of its instrument, a piano where none is named; chord
    symbols are not played. Raises `NotationError`, in one line, for what cannot be read.
    """
    repairs: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = converter.parseData(_expanded(text) if kind == "humdrum" else text, format=kind)
            if isinstance(read, stream.Opus):
                read = read.scores[0]
            upbeat = _upbeat(read)
            score = _converted(_played_out(read, repairs), repairs)
            meters = _abc_meter(text, score.meters) if kind == "abc" else score.meters
            return replace(score, meters=_with_upbeat(meters, upbeat))
        except Exception as error:  # whatever a damaged file does to a reader of twenty years, it is the file's fault
            line = " ".join(str(error).split())[:200]
            raise NotationError(f"cannot be read as {kind}: {line or type(error).__name__}") from error


def _expanded(kern: str) -> str:
    """Kern with its sections in the order of its first expansion list, ``*>[A,A,B]``, as Humdrum's ``thru`` writes it.

    Each is then played as often as it stands in the list, so that its repeat signs are only bar lines.
    """
    wanted = _EXPANSION.search(kern)
    if wanted is None:
        return kern
    end = _END.search(kern)
    head, *labelled = _SECTION.split(kern[: end.start()] if end else kern)
    sections = dict(zip(labelled[0::2], labelled[1::2], strict=True))
    played = [sections[name] for name in wanted[1].split(",") if name in sections]
    if sum(map(len, played)) > OFTEN * len(kern):
        raise NotationError(f"its sections are played so often that it is more than {OFTEN} times as long")
    whole = "".join([head, *played, end[0] if end else ""])
    return _BAR_LINE.sub(lambda bar: bar[0].translate(_NO_REPEATS), whole) if played else kern


def _abc_meter(text: str, found: Any) -> Any:
    """The meter that an ABC tune's head says: music21 makes another of every bar that is cut short."""
    said = _ABC_METER.search(text)
    if said is None:
        return found
    numerator, denominator = {"C": (4, 4), "C|": (2, 2)}.get(said[1]) or map(int, said[1].split("/"))
    return np.array([(0, numerator, denominator)], METER)


def _upbeat(read: Any) -> int:
    """Ticks of the first bar where it is shorter than its meter says and others follow, else 0."""
    bars = [list(part.getElementsByClass(stream.Measure)) for part in list(read.parts) or [read]]
    if not bars or any(len(of_part) < 2 for of_part in bars):
        return 0
    length = max(_tick(of_part[0].duration.quarterLength) for of_part in bars)
    return length if 0 < length < _tick(bars[0][1].barDuration.quarterLength) else 0


def _with_upbeat(meters: Any, upbeat: int) -> Any:
    """The meters with a row at the end of the first bar."""
    if not upbeat or not len(meters) or meters["tick"][0] > 0 or upbeat in meters["tick"]:
        return meters
    again = meters[:1].copy()
    again["tick"] = upbeat
    return np.concatenate([meters[:1], again, meters[1:]])


def _played_out(read: Any, repairs: list[str]) -> Any:
    """The stream with its repeats unfolded, at sounding pitch."""
    for sign in read.recurse().getElementsByClass(bar.Repeat):
        if (sign.times or 0) > OFTEN:
            repairs.append(f"what is repeated {sign.times} times was played {OFTEN} times")
            sign.times = OFTEN
    try:
        read = read.expandRepeats()
    except Music21Exception:
        repairs.append("repeats that cannot be played as written were passed over")
    read.toSoundingPitch(inPlace=True)
    return read


def _converted(read: Any, repairs: list[str]) -> Score:
    parts = list(read.parts) or [read]
    flat = [part.flatten() for part in parts]
    played = [part for found in flat for part in _parts(found)]
    return Score(
        TICKS,
        tuple(played),
        _table(_tempos(flat), TEMPO) if flat else np.array([(0, 500_000)], TEMPO),
        _table(_meters(flat[:1]), METER),
        _table(_keys(flat[:1]), KEY),
        tuple(repairs),
    )


def _parts(flat: Any) -> Iterator[Part]:
    """A written part: one of ours for each program that it plays."""
    name = str(getattr(flat, "partName", None) or "")
    instruments = [(_tick(one.offset), *_program(one)) for one in flat.getElementsByClass(instrument.Instrument)]
    by_program: dict[tuple[int, bool], list[Row]] = {}
    for row, is_drum in _rows(flat):
        at = [chosen for chosen in instruments if chosen[0] <= row[0]] or instruments[:1]
        program, kit = (at[-1][1], at[-1][2] or is_drum) if at else (0, is_drum)
        by_program.setdefault((0 if kit else program, kit), []).append(row)
    for (program, kit), rows in by_program.items():
        yield Part(program, kit, _without_overlaps(rows), name)


def _program(one: Any) -> tuple[int, bool]:
    kit = isinstance(one, instrument.UnpitchedPercussion) or one.midiChannel == 9
    return (one.midiProgram or 0) & 127, kit


def _rows(flat: Any) -> Iterator[tuple[Row, bool]]:
    """Every note of a part as it is played, and whether it is a drum's."""
    marks = [(_tick(mark.offset), LOUDNESS[mark.value]) for mark in flat.getElementsByClass(dynamics.Dynamic)
             if mark.value in LOUDNESS]  # fmt: skip
    held: dict[int, Row] = {}
    graces: list[Any] = []
    for element in flat.notes:
        if isinstance(element, harmony.Harmony):
            continue
        if element.duration.isGrace:
            graces.append(element)
            continue
        onset = _tick(element.offset)
        velocity = next((loud for tick, loud in reversed(marks) if tick <= onset), PLAIN)
        is_drum = isinstance(element, note.Unpitched | percussion.PercussionChord)
        for row in _grace_rows(graces, onset, velocity):
            yield row, is_drum
        graces.clear()
        length = max(_tick(element.quarterLength), 1)
        for pitch, tie in _pitches(element):
            row = (onset, length, pitch, velocity)
            before = held.pop(pitch, None)
            if before is not None:
                goes_on = tie in ("continue", "stop") and abs(before[0] + before[1] - onset) <= 1
                if goes_on:
                    row = (before[0], onset + length - before[0], pitch, before[3])
                else:
                    yield before, is_drum
            if tie in ("start", "continue"):
                held[pitch] = row
            else:
                yield row, is_drum
    yield from ((row, False) for row in held.values())


def _grace_rows(graces: list[Any], onset: int, velocity: int) -> Iterator[Row]:
    """Grace notes one after the other up to `onset`, or from the start where there is no room before it."""
    length = int(GRACE * TICKS)
    start = max(onset - length * len(graces), 0)
    for number, grace in enumerate(graces):
        for pitch, _ in _pitches(grace):
            yield start + number * length, length, pitch, velocity


def _pitches(element: Any) -> Iterator[tuple[int, str]]:
    """The MIDI pitches of a note, chord or drum stroke, and how each is tied."""
    members: list[Any] = list(element.notes) if isinstance(element, chord.ChordBase) else [element]
    for one in members:
        if isinstance(one, note.Unpitched):
            kit = one.storedInstrument
            pitch = getattr(kit, "percMapPitch", None) or one.displayPitch().midi
        else:
            pitch = one.pitch.midi
        if 0 <= pitch < 128:
            yield int(pitch), one.tie.type if one.tie is not None else ""


def _without_overlaps(rows: list[Row]) -> Any:
    """Notes as an array, a later onset on a pitch ending the earlier note."""
    table = np.array(rows, np.int64)
    table = table[np.lexsort((table[:, 0], table[:, 2]))]
    kept, release, _, _ = end_at_restrikes(table[:, 2], table[:, 0], table[:, 0] + table[:, 1])
    table, notes = table[kept], np.empty(len(kept), NOTE)
    notes["onset"], notes["pitch"], notes["velocity"] = table[:, 0], table[:, 2], table[:, 3]
    notes["duration"] = release - table[:, 0]
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def _tempos(parts: list[Any]) -> dict[int, tuple[int, ...]]:
    """Microseconds a quarter by tick. Marks with a figure count before words."""
    marks = [mark for part in parts for mark in part.getElementsByClass(tempo.MetronomeMark)]
    found: dict[int, tuple[int, ...]] = {}
    for mark in sorted(marks, key=lambda mark: not mark.numberImplicit):  # words first, to be overwritten by figures
        speed = mark.getQuarterBPM()
        if speed is not None and SLOWEST <= speed <= FASTEST:
            found[_tick(mark.offset)] = (round(60e6 / speed),)
    return found or {0: (500_000,)}


def _meters(parts: list[Any]) -> dict[int, tuple[int, ...]]:
    signs = [sign for part in parts for sign in part.getElementsByClass(meter.TimeSignature)]
    return {_tick(sign.offset): (sign.numerator, sign.denominator) for sign in signs}


def _keys(parts: list[Any]) -> dict[int, tuple[int, ...]]:
    signs = [sign for part in parts for sign in part.getElementsByClass(key.KeySignature)]
    return {
        _tick(sign.offset): (sign.sharps, getattr(sign, "mode", None) in ("minor", "aeolian"))
        for sign in signs
        if abs(sign.sharps) <= 7
    }


def _table(rows: dict[int, tuple[int, ...]], dtype: np.dtype[np.void]) -> Any:
    """Rows by tick as an array, those that change nothing left out (a repeat brings every sign again)."""
    kept: list[tuple[int, ...]] = []
    for tick in sorted(rows):
        if not kept or kept[-1][1:] != rows[tick]:
            kept.append((tick, *rows[tick]))
    return np.array(kept, dtype)


def _tick(quarters: float | Fraction) -> int:
    return round(quarters * TICKS)
