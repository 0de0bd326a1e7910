"""Scores to MusicXML 4.0 (W3C Music Notation Community Group, 2021): what an engraver or a choir can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from antiphon.music.bars import Bar, Bars
from antiphon.music.key import find_key
from antiphon.music.programs import PROGRAM_NAMES
from antiphon.music.score import Part, Score

__all__ = ["musicxml", "write_musicxml"]

_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC '
    '"-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th")
"""Note values, each half of the one before; a breve lasts eight quarters."""
_MIDDLE_C = 60


@dataclass(frozen=True)
class _Key:
    """A key signature from a step on: sharps (negative: flats), and whether it is minor."""

    step: int
    sharps: int
    minor: bool


@dataclass(frozen=True)
class _Chord:
    """Notes that begin and end together, in steps; no pitches are a rest."""

    step: int
    end: int
    pitches: tuple[int, ...]


def write_musicxml(score: Score, path: str | Path, *, steps: int = 4, title: str = "") -> None:
    """Write `score` to `path` as `musicxml` makes it. Raises ValueError for what it cannot hold, OSError."""
    Path(path).write_text(musicxml(score, steps=steps, title=title), encoding="utf-8")


def musicxml(score: Score, *, steps: int = 4, title: str = "") -> str:
    """`score` as a MusicXML document: a staff for each part, one voice on each.

    Notes are moved to the nearest of `steps` a quarter (1, 2, 4, 8 or 16: sixteenths by default), split at bar lines
    and into values that can be written, and tied. Meters, tempos and key signatures are those of the score; without a
    meter it is 4/4, without a key the one that is heard. Bars, an upbeat among them, are those of `Bars`. Accidentals
    are spelt by the key. Notes of a part that begin and end together are a chord. Raises ValueError for drums, for a
    score without notes, for notes of a part that overlap otherwise, and for bars that are no whole number of steps.
    """
    if steps not in (1, 2, 4, 8, 16):
        raise ValueError(f"a quarter is divided into 1, 2, 4, 8 or 16 steps, not {steps}")
    parts = [part for part in score.parts if len(part.notes)]
    if not parts:
        raise ValueError("there are no notes to write")
    if any(part.is_drum for part in parts):
        raise ValueError("drums cannot be written on a staff: leave their part out")
    voices = [_voice(part, score, steps, number) for number, part in enumerate(parts, 1)]
    bars = _bars(score, steps, max(voice[-1].end for voice in voices))
    keys = _keys(score, steps)
    root = Element("score-partwise", version="4.0")
    if title:
        SubElement(SubElement(root, "work"), "work-title").text = title
    _part_list(root, parts)
    for number, (part, voice) in enumerate(zip(parts, voices, strict=True), 1):
        written = SubElement(root, "part", id=f"P{number}")
        tempos = _tempos(score, steps) if number == 1 else []
        low = float(np.mean(part.notes["pitch"])) < _MIDDLE_C
        _write_bars(written, _with_rests(voice, bars[-1].end), bars, keys, tempos, steps, low)
    ElementTree.indent(root)
    return _DOCTYPE + ElementTree.tostring(root, encoding="unicode") + "\n"


def _step(ticks: int, score: Score, steps: int) -> int:
    return (ticks * steps * 2 + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)


def _voice(part: Part, score: Score, steps: int, number: int) -> list[_Chord]:
    """A part's notes as one voice. What overlaps by no more than rounding is shortened."""
    together: dict[int, dict[int, list[int]]] = {}
    for onset, duration, pitch, _ in part.notes.tolist():
        begin = _step(onset, score, steps)
        end = max(_step(onset + duration, score, steps), begin + 1)
        together.setdefault(begin, {}).setdefault(end, []).append(pitch)
    voice: list[_Chord] = []
    for begin in sorted(together):
        lengths = together[begin]
        if voice and voice[-1].end > begin:
            if voice[-1].end > begin + 1:
                lengths = {0: [], 1: []}
            voice[-1] = _Chord(voice[-1].step, begin, voice[-1].pitches)
        if len(lengths) > 1:
            name = f"part {number}" + (f" ({part.name})" if part.name else "")
            raise ValueError(f"{name} has notes that overlap, and one staff holds one voice: give each voice a part")
        ((end, pitches),) = lengths.items()
        voice.append(_Chord(begin, end, tuple(sorted(set(pitches)))))
    return voice


def _bars(score: Score, steps: int, end: int) -> list[Bar]:
    """Bars up to `end`, in steps."""
    changes = [(_step(int(tick), score, steps), int(n), int(d)) for tick, n, d in score.meters.tolist()]
    for _, n, d in changes:
        if 4 * n * steps % d:
            raise ValueError(f"a bar of {n}/{d} is no whole number of steps, of which there are {steps} a quarter")
    return list(Bars(changes, steps).between(0, max(end, 1)))


def _keys(score: Score, steps: int) -> list[_Key]:
    found = [_Key(_step(int(tick), score, steps), int(sharps), bool(minor)) for tick, sharps, minor in score.keys]
    if found:
        return [_Key(0, found[0].sharps, found[0].minor), *found[1:]]
    heard = find_key(score.events())
    if heard is None:
        return [_Key(0, 0, False)]
    minor = heard.mode in ("minor", "dorian", "phrygian")
    fifths = heard.tonic * 7 % 12 - (3 if minor else 0)  # how many fifths the signature lies above C
    return [_Key(0, (fifths + 5) % 12 - 5, minor)]


def _tempos(score: Score, steps: int) -> list[tuple[int, float]]:
    return [(_step(int(tick), score, steps), 60e6 / float(us)) for tick, us in score.tempos.tolist()]


def _part_list(root: Element, parts: Sequence[Part]) -> None:
    names = SubElement(root, "part-list")
    for number, part in enumerate(parts, 1):
        one = SubElement(names, "score-part", id=f"P{number}")
        instrument = PROGRAM_NAMES[part.program]
        SubElement(one, "part-name").text = part.name or instrument
        SubElement(SubElement(one, "score-instrument", id=f"P{number}-I1"), "instrument-name").text = instrument
        midi = SubElement(one, "midi-instrument", id=f"P{number}-I1")
        SubElement(midi, "midi-program").text = str(part.program + 1)


def _with_rests(voice: Sequence[_Chord], end: int) -> Iterator[_Chord]:
    at = 0
    for chord in voice:
        if chord.step > at:
            yield _Chord(at, chord.step, ())
        yield chord
        at = chord.end
    if at < end:
        yield _Chord(at, end, ())


def _write_bars(
    part: Element,
    music: Iterator[_Chord],
    bars: Sequence[Bar],
    keys: Sequence[_Key],
    tempos: Sequence[tuple[int, float]],
    steps: int,
    low: bool,
) -> None:
    chords = list(music)
    before: Bar | None = None
    for place, bar in enumerate(bars):
        measure = SubElement(part, "measure", number=str(bar.number))
        if not bar.number:
            measure.set("implicit", "yes")
            bar = replace(bar, meter=bars[place + 1].meter) if place + 1 < len(bars) else bar
        key = [one for one in keys if one.step < bar.end][-1]
        _write_signs(measure, bar, key, before is None, before is None or before.meter != bar.meter, keys, steps, low)
        for at, tempo in tempos:
            if bar.start <= at < bar.end:
                _write_tempo(measure, at - bar.start, tempo)
        for chord in chords:
            begin, until = max(chord.step, bar.start), min(chord.end, bar.end)
            whole = not chord.pitches and (begin, until) == (bar.start, bar.end)
            for at, value in [(begin, until - begin)] if whole else _values(begin, until, bar, steps):
                tied = (at > chord.step, at + value < chord.end) if chord.pitches else (False, False)
                _write_chord(measure, chord.pitches, value, tied, key, steps, whole)
        before = bar


def _write_signs(
    measure: Element,
    bar: Bar,
    key: _Key,
    first: bool,
    new_meter: bool,
    keys: Sequence[_Key],
    steps: int,
    low: bool,
) -> None:
    new_key = first or any(bar.start <= one.step < bar.end for one in keys[1:])
    if not (new_key or new_meter):
        return
    signs = SubElement(measure, "attributes")
    if first:
        SubElement(signs, "divisions").text = str(steps)
    if new_key:
        written = SubElement(signs, "key")
        SubElement(written, "fifths").text = str(key.sharps)
        SubElement(written, "mode").text = "minor" if key.minor else "major"
    if new_meter:
        time = SubElement(signs, "time")
        SubElement(time, "beats").text, SubElement(time, "beat-type").text = map(str, bar.meter)
    if first:
        clef = SubElement(signs, "clef")
        SubElement(clef, "sign").text, SubElement(clef, "line").text = ("F", "4") if low else ("G", "2")


def _write_tempo(measure: Element, offset: int, tempo: float) -> None:
    direction = SubElement(measure, "direction", placement="above")
    mark = SubElement(SubElement(direction, "direction-type"), "metronome")
    SubElement(mark, "beat-unit").text = "quarter"
    SubElement(mark, "per-minute").text = f"{tempo:.4g}"
    if offset:
        SubElement(direction, "offset", sound="yes").text = str(offset)
    SubElement(direction, "sound", tempo=f"{tempo:.6g}")


def _values(begin: int, end: int, bar: Bar, steps: int) -> Iterator[tuple[int, int]]:
    """The values that fill a stretch of a bar, each with where it begins: plain and dotted ones, so that beats show."""
    at, by_three = begin, bar.meter[0] % 3 == 0 and bar.meter[1] >= 8
    # An upbeat is the end of a bar.
    line = bar.start if bar.number else bar.end - 4 * steps * bar.meter[0] // bar.meter[1]
    while at < end:
        fitting = (value for value in _written(8 * steps) if value <= end - at)
        value = next(value for value in fitting if _is_readable(at - line, value, by_three))
        yield at, value
        at += value


def _written(longest: int) -> Iterator[int]:
    """Note values in steps, the longest first, with those that are dotted."""
    while longest >= 1:
        yield longest
        if longest % 4 == 0:
            yield longest * 3 // 4
        longest //= 2


def _is_readable(at: int, value: int, by_three: bool) -> bool:
    """Whether a value may stand `at` steps after the bar line: it hides no beat that is stronger than its own.

    Plain values stand on beats of their size, or just between the two of the next size; dotted ones begin or end there;
    in meters with beats of three they stand on those.
    """
    plain = 1 << (value.bit_length() - 1)
    if plain == value:
        return at % plain == 0 or at % (2 * plain) == plain / 2
    return 0 in (at % (2 * plain), (at + value) % (2 * plain)) or (by_three and at % value == 0)


def _write_chord(
    measure: Element,
    pitches: Sequence[int],
    value: int,
    tied: tuple[bool, bool],
    key: _Key,
    steps: int,
    whole_bar: bool,
) -> None:
    for number, pitch in enumerate(pitches or (-1,)):
        note = SubElement(measure, "note")
        if number:
            SubElement(note, "chord")
        if pitch < 0:
            SubElement(note, "rest", {"measure": "yes"} if whole_bar else {})
        else:
            _write_pitch(note, pitch, key)
        SubElement(note, "duration").text = str(value)
        ends = [kind for kind, is_so in zip(("stop", "start"), tied, strict=True) if is_so]
        for kind in ends:
            SubElement(note, "tie", type=kind)
        SubElement(note, "voice").text = "1"
        if not whole_bar:
            plain = 1 << (value.bit_length() - 1)
            SubElement(note, "type").text = _TYPES[(8 * steps // plain).bit_length() - 1]
            if plain != value:
                SubElement(note, "dot")
        if ends:
            notations = SubElement(note, "notations")
            for kind in ends:
                SubElement(notations, "tied", type=kind)


def _write_pitch(note: Element, pitch: int, key: _Key) -> None:
    """A pitch by its letter: the one nearest to the key on the line of fifths, leading notes before minor sixths."""
    lowest = key.sharps - (2 if key.minor else 4)
    fifths = lowest + (pitch * 7 - lowest) % 12
    alter = (fifths + 1) // 7
    written = SubElement(note, "pitch")
    SubElement(written, "step").text = "FCGDAEB"[(fifths + 1) % 7]
    if alter:
        SubElement(written, "alter").text = str(alter)
    SubElement(written, "octave").text = str((pitch - alter) // 12 - 1)
