"""What a piece is like: one row of plain numbers, cheap to find while it is prepared, small enough to keep of all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import NO_BEATS, ON_GRID, Beats, grid_fit
from antiphon.music.chord_track import CHORD, chord_track, stretches
from antiphon.music.event import ANONYMOUS, DRUM_KITS, INSTRUMENTS, Events
from antiphon.music.key import MODES, PITCH_CLASSES, key_of_time
from antiphon.music.notes import drums
from antiphon.music.phrases import phrase_starts
from antiphon.music.score import Score
from antiphon.train.clock import stored_beats
from antiphon.train.keyed import KeyedNotes

__all__ = ["FACTS", "NOTHING", "NO_FACTS", "Described", "describe", "key_name", "told"]

FACTS = np.dtype(
    [
        ("tonic", "i1"),
        ("mode", "u1"),
        ("clear", "<f4"),
        ("tempo", "<f4"),
        ("numerator", "u1"),
        ("denominator", "u1"),
        ("grid", "<f4"),
        ("notes", "<u4"),
        ("seconds", "<f4"),
        ("density", "<f4"),
        ("polyphony", "<f4"),
        ("together", "<u2"),
        ("drums", "<f4"),
        ("low", "u1"),
        ("high", "u1"),
        ("pitches", "u1"),
        ("empty", "<f4"),
        ("silence", "<f4"),
        ("loudness", "<f4"),
        ("dynamics", "<f4"),
        ("machine_gun", "<f4"),
        ("longest", "<f4"),
        ("stuck", "<f4"),
        ("phrases", "<u4"),
        ("chords", "<u4"),
        ("beats", "<u4"),
        ("instruments", "u1", (INSTRUMENTS // 8,)),
    ]
)
"""A piece. Key: `tonic` (pitch class, -1 where no key stands out), `mode` (its number in `key.MODES`) and `clear`, the
confidence of `music.key`. What the file says: `tempo` in quarters a minute (the one that most notes are played at, not
a number where the file says none and was played freely), `numerator` and `denominator` of its first meter (0 where it
says none). `grid`: the share of onsets on a grid of 24 lines a quarter beyond what chance puts there, 1 for a score, 0
for a performance. `notes`, `seconds` from first onset to last release, `density` in notes a second, `polyphony`, the
mean number of notes while any sounds, and the most that are `together`. `drums`: their share of the notes. `low`,
`high` and number of `pitches` of all other notes (low above high where there are none). `empty`: the share of time in
which nothing sounds, `silence`: the same without rests shorter than 3 s. `loudness` and `dynamics`: mean and standard
deviation of the velocities. `machine_gun`: the share of notes struck less than 0.06 s after the same key. `longest`
note in seconds, `stuck`: the share of notes longer than 20 s. How many `phrases`, `chords` and rows of
`beats` are stored of it.
`instruments`: a bit for each that plays, the first one in the highest bit of the first byte."""

NO_FACTS = np.zeros((), FACTS)

MACHINE_GUN = 0.06
_PITCH_CLASS = np.arange(128) % 12
_LOUDNESS = np.arange(128.0)
STUCK = 20.0
SILENCE = 3.0


@dataclass(frozen=True)
class Described:
    """A piece's facts, dtype `FACTS` of shape (); the events with which its phrases begin, uint32 (p,); its chords,
    dtype `CHORD`, (c,); and where beats fall on a corpus's clock, dtype `BEAT`, (b,), none where it is no score."""

    facts: npt.NDArray[np.void]
    phrases: npt.NDArray[np.uint32]
    chords: npt.NDArray[np.void]
    beats: Beats


NOTHING = Described(NO_FACTS, np.empty(0, np.uint32), np.empty(0, CHORD), NO_BEATS)
"""What there is to say of no music."""


def describe(score: Score, events: Events, notes: KeyedNotes) -> Described:
    """What there is to say of the piece `score`, of which `events` is the closed stream and `notes` are its notes."""
    if not len(notes.on):
        return NOTHING
    facts = np.zeros((), FACTS)
    at, is_onset = events["at"].copy(), events["velocity"] > 0
    struck = is_onset.nonzero()[0]
    ends = np.empty(len(at))
    ends[notes.on] = at[notes.off]
    onset, release = at[struck], ends[struck]
    instrument, pitch = events["instrument"][struck], events["pitch"][struck].astype(np.int64)
    lasts = release - onset
    facts["notes"], facts["seconds"] = len(onset), at[-1] - at[0]
    facts["density"] = len(onset) / max(float(at[-1] - at[0]), 1e-3)
    facts["longest"], facts["stuck"] = lasts.max(), np.count_nonzero(lasts > STUCK) / len(onset)
    began = at[notes.on]
    wait = began[1:] - began[:-1]
    again = (wait < MACHINE_GUN) & (wait > 0) & (notes.key[1:] == notes.key[:-1])
    facts["machine_gun"] = np.count_nonzero(again) / len(onset)
    _describe_loudness(facts, events["velocity"][struck])
    _describe_time(facts, at, is_onset, float(lasts.sum()))
    playing = np.bincount(instrument, minlength=INSTRUMENTS)
    facts["instruments"] = np.packbits(playing > 0)
    pitched: slice | npt.NDArray[np.int64] = slice(None)
    if playing[DRUM_KITS:].any():
        is_drum = drums(instrument)
        facts["drums"] = is_drum.mean()
        pitched = (~is_drum).nonzero()[0]
    facts["grid"] = grid_fit(score)
    _describe_marks(facts, score)
    melody = (onset[pitched], release[pitched], pitch[pitched])
    _describe_pitch(facts, melody[2], lasts[pitched])
    on_grid = bool(facts["grid"] >= ON_GRID)
    begins, chords = chord_track(*melody, stretches(score, on_grid=on_grid))
    chords["event"] = np.searchsorted(at, begins - 1e-6)
    of = melody if len(melody[0]) else (onset, release, pitch)
    first = phrase_starts(*of)
    phrases = struck[pitched][first] if len(melody[0]) else struck[first]
    beats = stored_beats(score, at) if on_grid else NO_BEATS
    facts["phrases"], facts["chords"], facts["beats"] = len(phrases), len(chords), len(beats)
    return Described(facts, phrases.astype(np.uint32), chords, beats)


def _describe_loudness(facts: npt.NDArray[np.void], velocity: npt.NDArray[np.uint8]) -> None:
    share = np.bincount(velocity, minlength=128) / len(velocity)
    mean = float((share * _LOUDNESS).sum())
    facts["loudness"], facts["dynamics"] = mean, math.sqrt(float((share * (_LOUDNESS - mean) ** 2).sum()))


def _describe_time(
    facts: npt.NDArray[np.void], at: npt.NDArray[np.float64], is_onset: npt.NDArray[np.bool_], lasts: float
) -> None:
    sounding = (2 * is_onset.view(np.int8) - 1).cumsum(dtype=np.int32)
    last = (sounding == 0).nonzero()[0][:-1]
    rests = at[last + 1] - at[last]
    empty, whole = float(rests.sum()), max(float(facts["seconds"]), 1e-3)
    facts["empty"], facts["silence"] = empty / whole, float(rests[rests >= SILENCE].sum()) / whole
    facts["polyphony"] = lasts / max(whole - empty, 1e-3)
    facts["together"] = min(int(sounding.max()), 0xFFFF)


def _describe_pitch(facts: npt.NDArray[np.void], pitch: npt.NDArray[np.int64], lasts: npt.NDArray[np.float64]) -> None:
    time = np.bincount(pitch, lasts, minlength=128)
    found = time.nonzero()[0]
    facts["low"], facts["high"] = (found[0], found[-1]) if len(found) else (127, 0)
    facts["pitches"] = len(found)
    key = key_of_time(np.bincount(_PITCH_CLASS, time).astype(np.float64)) if len(found) else None
    facts["tonic"] = -1 if key is None else key.tonic
    if key is not None:
        facts["mode"], facts["clear"] = MODES.index(key.mode), key.confidence


def _describe_marks(facts: npt.NDArray[np.void], score: Score) -> None:
    """The tempo at which most notes are played, and the first meter."""
    speeds = score.tempos["microseconds"]
    if len(speeds) == 1:
        facts["tempo"] = 60e6 / float(speeds[0])
    elif len(speeds):
        row = np.maximum(score.tempos["tick"].searchsorted(score.notes["onset"], side="right") - 1, 0)
        facts["tempo"] = 60e6 / float(np.sort(speeds[row])[len(row) // 2])
    if facts["grid"] < ON_GRID and len(speeds) <= 1 and (not len(speeds) or speeds[0] == 500_000):
        facts["tempo"] = math.nan  # the tempo that files have which know of none
    if len(score.meters):
        facts["numerator"] = min(int(score.meters["numerator"][0]), 255)
        facts["denominator"] = min(int(score.meters["denominator"][0]), 255)


def key_name(tonic: int, mode: int) -> str:
    """The key of a piece by its facts as a musician writes it, "" where none stands out."""
    return f"{PITCH_CLASSES[tonic]} {MODES[mode]}" if tonic >= 0 else ""


def told(facts: npt.NDArray[np.void]) -> Mapping[str, Any]:
    """The facts of a piece for the manifest: names for numbers, null for what is not known."""
    of: dict[str, Any] = dict(zip(FACTS.fields or (), facts.item(), strict=True))
    melodic = of["low"] <= of["high"]
    instruments = np.flatnonzero(np.unpackbits(of["instruments"])).tolist()
    return {
        "key": key_name(of["tonic"], of["mode"]) or None,
        "key_confidence": round(of["clear"], 3),
        "tempo": None if math.isnan(of["tempo"]) else round(of["tempo"], 2),
        "meter": f"{of['numerator']}/{of['denominator']}" if of["numerator"] else None,
        "score_like": of["grid"] >= ON_GRID,
        **{name: round(of[name], 3) for name in _SHARES},
        "most_together": of["together"],
        "lowest": of["low"] if melodic else None,
        "highest": of["high"] if melodic else None,
        "velocity": [round(of["loudness"], 1), round(of["dynamics"], 1)],
        "velocity_flat": of["dynamics"] < 1,
        "programs": [i for i in instruments if i < DRUM_KITS],
        "kits": [i - DRUM_KITS for i in instruments if DRUM_KITS <= i < ANONYMOUS],
        "phrases": of["phrases"],
        "chords": of["chords"],
        "beats": of["beats"],
    }


_SHARES = ("grid", "density", "polyphony", "drums", "empty", "silence", "machine_gun", "longest", "stuck")
