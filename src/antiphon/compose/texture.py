"""Textures: any number of voices on a raster of steps, which can be varied; made from scores and made into scores.

A voice sings one note at a time. Each step says what sounds in each voice, whether it is struck there, and how hard, so
that held and repeated notes stay what they are whatever is done to the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import SILENT, Pitches
from antiphon.music.score import NOTE, TEMPO, Part, Score

__all__ = ["STEPS_A_BEAT", "Texture", "score_of_texture", "texture_of", "texture_of_pitches"]

Mask = npt.NDArray[np.bool_]

STEPS_A_BEAT = 4
MOST_STEPS = 1 << 20
VELOCITY = 72
"""Of voices that are given as bare pitches."""
_TICKS_A_STEP = 120


@dataclass(frozen=True, eq=False)
class Texture:
    """Voices on a raster: `pitches` (voices, steps) of MIDI pitches with -1 for a rest.

    `struck` (voices, steps) is true where a note begins; `velocity` (voices, steps) is how hard, where it does.
    `tempo` (steps,) is each step's microseconds a beat, `tense` (steps,) marks those that were stretched. `names` and
    `programs` (voices) are those of the parts that are written.
    """

    pitches: Pitches
    struck: Mask
    velocity: npt.NDArray[np.uint8]
    tempo: npt.NDArray[np.int64]
    tense: Mask
    names: tuple[str, ...]
    programs: tuple[int, ...]

    @property
    def voices(self) -> int:
        return len(self.pitches)

    @property
    def steps(self) -> int:
        return len(self.tense)

    @property
    def begins(self) -> Mask:
        """Where a note begins, (voices, steps): where it is struck, or where another pitch sounds than before."""
        before = np.concatenate([np.full((self.voices, 1), SILENT, np.int16), self.pitches[:, :-1]], axis=1)
        return np.asarray((self.pitches != SILENT) & (self.struck | (self.pitches != before)))

    def notes(self) -> npt.NDArray[np.int64]:
        """The number of the note that sounds in each cell (voices, steps), counted from 0 in each voice; -1: none."""
        return np.where(self.pitches == SILENT, -1, np.cumsum(self.begins, axis=1) - 1)

    def strengths(self) -> npt.NDArray[np.uint8]:
        """The velocity of the note that sounds in each cell (voices, steps)."""
        last = np.maximum.accumulate(np.where(self.begins, np.arange(self.steps), 0), axis=1)
        return np.asarray(np.take_along_axis(self.velocity, last, axis=1))

    def at(self, steps: npt.ArrayLike) -> Texture:
        """The texture whose steps are the given ones (n,), in that order; a step that follows itself is held."""
        which = np.asarray(steps, np.int64)
        if len(which) > MOST_STEPS:
            raise ValueError(f"a piece may have {MOST_STEPS} steps, not {len(which)}")
        held = np.append(False, which[1:] == which[:-1])
        return replace(
            self,
            pitches=self.pitches[:, which],
            struck=self.begins[:, which] & ~held,
            velocity=self.strengths()[:, which],
            tempo=self.tempo[which],
            tense=self.tense[which],
        )

    def of_voices(self, voices: Sequence[int]) -> Texture:
        """The texture of the given voices, from 0, in that order."""
        which = list(voices)
        return replace(
            self,
            pitches=self.pitches[which],
            struck=self.struck[which],
            velocity=self.velocity[which],
            names=tuple(self.names[v] for v in which),
            programs=tuple(self.programs[v] for v in which),
        )


def texture_of_pitches(pitches: Pitches, *, tempo: float = 72.0) -> Texture:
    """Bare pitches (voices, steps), -1 for a rest, equal neighbours held, at `tempo` beats a minute."""
    voices, steps = pitches.shape
    given = np.asarray(pitches, np.int16)
    return Texture(
        given,
        np.zeros(given.shape, bool),
        np.full(given.shape, VELOCITY, np.uint8),
        np.full(steps, round(60e6 / tempo), np.int64),
        np.zeros(steps, bool),
        tuple(f"voice {v + 1}" for v in range(voices)),
        (0,) * voices,
    )


def texture_of(score: Score, name: str) -> Texture:
    """The melodic parts of `score` on sixteenths, its first beat with notes at step 0.

    A part in which notes sound together becomes as many voices as it needs. A note lasts a step at least; where two
    fall on one step of a voice the later is kept. Raises ValueError, beginning with `name`, where there are no notes.
    """
    parts = [part for part in score.parts if len(part.notes) and not part.is_drum]
    if not parts:
        raise ValueError(f"{name}: has no notes with a pitch")
    step = score.ticks_per_quarter / STEPS_A_BEAT
    first = min(int(part.notes["onset"][0]) for part in parts) // score.ticks_per_quarter * score.ticks_per_quarter
    end = max(int((part.notes["onset"] + part.notes["duration"]).max()) for part in parts)
    steps = max(1, round((end - first) / step))
    if steps > MOST_STEPS:
        raise ValueError(f"{name}: a piece may have {MOST_STEPS} steps, not {steps}")
    lanes = [(part, lane) for part in parts for lane in _lanes(part.notes, first, step)]
    pitches = np.full((len(lanes), steps), SILENT, np.int16)
    struck = np.zeros(pitches.shape, bool)
    velocity = np.full(pitches.shape, VELOCITY, np.uint8)
    for v, (_, lane) in enumerate(lanes):
        for begin, until, pitch, strength in lane:
            begin = min(begin, steps - 1)
            pitches[v, begin : max(until, begin + 1)] = pitch
            struck[v, begin], velocity[v, begin] = True, strength
    parts_of = [part for part, _ in lanes]
    names = tuple(part.name or f"voice {v + 1}" for v, part in enumerate(parts_of))
    tempo = _tempo_of_steps(score, first, step, steps)
    programs = tuple(part.program for part in parts_of)
    return Texture(pitches, struck, velocity, tempo, np.zeros(steps, bool), names, programs)


def _lanes(notes: npt.NDArray[np.void], first: int, step: float) -> list[list[tuple[int, int, int, int]]]:
    """A part's notes as voices of notes one after another: (first step, last step + 1, pitch, velocity)."""
    lanes: list[list[tuple[int, int, int, int]]] = []
    free: list[int] = []
    # The highest of a chord first: it goes where the voice above has ended.
    for onset, duration, pitch, velocity in sorted(notes.tolist(), key=lambda note: (note[0], -note[2])):
        begin, until = round((onset - first) / step), round((onset + duration - first) / step)
        until = max(until, begin + 1)
        open_ = [n for n, at in enumerate(free) if at <= begin]
        which = min(open_, key=lambda n: abs(lanes[n][-1][2] - pitch)) if open_ else len(lanes)
        if not open_:
            lanes.append([])
            free.append(0)
        lanes[which].append((begin, until, pitch, velocity))
        free[which] = until
    return lanes


def _tempo_of_steps(score: Score, first: int, step: float, steps: int) -> npt.NDArray[np.int64]:
    ticks = first + np.arange(steps) * step
    row = np.searchsorted(score.tempos["tick"], ticks, side="right") - 1
    known = np.append(score.tempos["microseconds"], 500_000)
    return np.asarray(known[row], np.int64)  # before the first, row -1: the last, 120 a minute


def score_of_texture(texture: Texture) -> Score:
    """A score with a part for each voice."""
    parts = []
    for v, (name, program) in enumerate(zip(texture.names, texture.programs, strict=True)):
        begins = np.flatnonzero(texture.begins[v])
        breaks = np.flatnonzero(texture.begins[v] | (texture.pitches[v] == SILENT))
        until = np.append(breaks, texture.steps)[np.searchsorted(breaks, begins, side="right")]
        notes = np.empty(len(begins), NOTE)
        notes["onset"], notes["duration"] = begins * _TICKS_A_STEP, (until - begins) * _TICKS_A_STEP
        notes["pitch"], notes["velocity"] = texture.pitches[v, begins], texture.velocity[v, begins]
        parts.append(Part(program, False, notes, name))
    changes = np.flatnonzero(np.diff(texture.tempo, prepend=-1))
    tempos = np.empty(len(changes), TEMPO)
    tempos["tick"], tempos["microseconds"] = changes * _TICKS_A_STEP, texture.tempo[changes]
    return Score(_TICKS_A_STEP * STEPS_A_BEAT, tuple(parts), tempos)
