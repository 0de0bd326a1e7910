"""Variations on a texture: each takes one and returns another, so that they can follow each other in any order.

The moves are those of P. Rodgers's coconet-pytorch-csound (2022), described in its notebooks: passages that leave the
key are stretched, voices are cut into arpeggios by masks, clumps of notes leap an octave, notes drop out, voices are
chosen and doubled. Held notes stay whole unless a mask cuts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import SILENT, Pitches
from antiphon.compose.texture import Texture
from antiphon.music.key import Key

__all__ = [
    "arpeggiated",
    "bass_lowered",
    "chosen",
    "consonance",
    "doubled",
    "dropped",
    "held",
    "in_key",
    "joined",
    "octaves_shifted",
    "random_mask",
    "runs",
    "shaded_mask",
    "stretched",
    "swelling",
    "thinned",
    "transposed",
    "unstacked",
]

Mask = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]

CONSONANT = np.isin(np.arange(12), (0, 3, 4, 5, 7, 8, 9))
"""Interval classes that count as consonances, the fourth among them."""
SOFTEST, LOUDEST = 30, 120


def in_key(pitches: Pitches, key: Key) -> Scores:
    """The share of each step's notes (voices, steps) that belong to `key`, (steps,); 1 where all voices rest."""
    sounding = pitches != SILENT
    inside = sounding & np.isin(pitches % 12, sorted(key.scale))
    count = sounding.sum(axis=0)
    return np.where(count, inside.sum(axis=0) / np.maximum(count, 1), 1.0)


def consonance(pitches: Pitches) -> Scores:
    """The share of each step's pairs of notes (voices, steps) that are consonant, (steps,); 1 where there is none."""
    good = np.zeros(pitches.shape[1])
    pairs = np.zeros(pitches.shape[1])
    for v in range(len(pitches)):
        both = (pitches[v] != SILENT) & (pitches[v + 1 :] != SILENT)
        pairs += both.sum(axis=0)
        good += (both & CONSONANT[np.abs(pitches[v] - pitches[v + 1 :]) % 12]).sum(axis=0)
    return np.where(pairs > 0, good / np.maximum(pairs, 1), 1.0)


def runs(marked: Mask) -> Iterator[tuple[int, int]]:
    """The runs of true steps in `marked` (steps,): first step, and the step after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def stretched(texture: Texture, key: Key, low: int, high: int, rng: np.random.Generator) -> Texture:
    """Each run of steps with a note outside `key` held `low` to `high` times as long, one factor a run.

    Every step of a run is stretched, also a run of one. Stretched steps are marked `tense`.
    """
    if not 1 <= low <= high:
        raise ValueError(f"a passage can be stretched 1 time or more, and {low}..{high} must rise")
    tense = in_key(texture.pitches, key) < 1
    times = np.ones(texture.steps, np.int64)
    for begin, end in runs(tense):
        times[begin:end] = rng.integers(low, high + 1)
    return replace(texture, tense=texture.tense | tense).at(np.repeat(np.arange(texture.steps), times))


def random_mask(voices: int, steps: int, rng: np.random.Generator) -> Mask:
    """A mask (voices, steps) of fair coins."""
    return np.asarray(rng.random((voices, steps)) < 0.5)


def shaded_mask(voices: int, steps: int, rests: int, notes: int, rng: np.random.Generator) -> Mask:
    """A shuffled mask (voices, steps) with `rests` silent cells to every `notes` sounding ones, as near as can be."""
    if rests < 0 or notes < 0 or rests + notes == 0:
        raise ValueError(f"a mask has some cells, not {rests} silent to {notes} sounding ones")
    mask = np.zeros(voices * steps, bool)
    mask[: round(len(mask) * notes / (rests + notes))] = True
    return np.asarray(rng.permutation(mask).reshape(voices, steps))


def arpeggiated(texture: Texture, mask: Mask, *, every: int = 1) -> Texture:
    """The texture with what `mask` (rows, k) leaves of each `every`-th block of k steps, the first among them.

    Rows are for the voices in order, over and over. Notes rest where the mask is false, and are struck again after it.
    """
    if mask.ndim != 2 or not mask.size or every < 1:
        raise ValueError("a mask has a row and a column at least, and is laid on every block or on every n-th")
    rows, k = mask.shape
    step = np.arange(texture.steps)
    sounds = mask[np.arange(texture.voices)[:, None] % rows, step % k] | (step // k % every != 0)
    # A note that sounds again after a rest is as loud as it was.
    velocity = texture.strengths()
    struck = texture.begins & sounds
    return replace(texture, pitches=np.where(sounds, texture.pitches, SILENT), struck=struck, velocity=velocity)


def octaves_shifted(
    texture: Texture, share: float, rng: np.random.Generator, *, clump: int = 36, lowest: int = 24, highest: int = 96
) -> Texture:
    """About `share` of the notes an octave higher (below 0: lower), in clumps: those begun within `clump` steps.

    Notes that would leave `lowest` to `highest` stay.
    """
    _check_share(abs(share))
    if clump < 1:
        raise ValueError(f"a clump has 1 step or more, not {clump}")
    way = 12 if share >= 0 else -12
    within = np.zeros(texture.pitches.shape, bool)
    for v in range(texture.voices):
        step = 0
        while step < texture.steps:
            if rng.random() < abs(share) / clump:
                within[v, step : step + clump] = True
                step += clump
            else:
                step += 1
    return _notes_moved(texture, texture.begins & within, way, lowest, highest)


def bass_lowered(texture: Texture, share: float, rng: np.random.Generator, *, lowest: int = 24) -> Texture:
    """`share` of the lowest voice's notes, drawn note by note, an octave lower; held notes stay whole."""
    _check_share(share)
    bass = [v for v in range(texture.voices) if (texture.pitches[v] != SILENT).any()]
    if not bass:
        return texture
    means = {v: float(texture.pitches[v][texture.pitches[v] != SILENT].mean()) for v in bass}
    drawn = np.zeros(texture.pitches.shape, bool)
    voice = min(means, key=lambda v: means[v])
    drawn[voice] = rng.random(texture.steps) < share
    return _notes_moved(texture, texture.begins & drawn, -12, lowest, 127)


def _notes_moved(texture: Texture, begins: Mask, semitones: int, lowest: int, highest: int) -> Texture:
    """The notes that begin where `begins` (voices, steps) says, moved whole, if they stay within the range."""
    target = texture.pitches + semitones
    fits = (target >= lowest) & (target <= highest)
    moved = _spread(texture, begins & fits)
    return replace(texture, pitches=np.where(moved, target, texture.pitches).astype(np.int16), struck=texture.begins)


def _spread(texture: Texture, begins: Mask) -> Mask:
    """All cells (voices, steps) of the notes that begin where `begins` says."""
    notes = texture.notes()
    cells = np.zeros(begins.shape, bool)
    for v in range(texture.voices):
        cells[v] = np.isin(notes[v], notes[v][begins[v]]) & (notes[v] >= 0)
    return cells


def dropped(texture: Texture, share: float, rng: np.random.Generator) -> Texture:
    """The texture without `share` of its notes, drawn from all of them; those that stay stay whole."""
    _check_share(share)
    voices, steps = np.nonzero(texture.begins)
    out = rng.choice(len(voices), round(share * len(voices)), replace=False)
    begins = np.zeros(texture.pitches.shape, bool)
    begins[voices[out], steps[out]] = True
    silenced = _spread(texture, begins)
    return replace(
        texture, pitches=np.where(silenced, SILENT, texture.pitches).astype(np.int16), struck=texture.begins & ~silenced
    )


def swelling(texture: Texture, amount: int, rng: np.random.Generator) -> Texture:
    """Each voice grows louder through stretched passages and softer outside, by up to `amount` from where it was.

    Of the notes that begin in a `tense` step every other one (by a coin) rises by a fifth of `amount`; of the others
    a third falls. It is a note's beginning that counts.
    """
    if not 0 <= amount <= 60:
        raise ValueError(f"a swell is of 0 to 60 steps of velocity, not {amount}")
    velocity = texture.velocity.astype(np.int64)
    step = max(1, amount // 5) if amount else 0
    for v in range(texture.voices):
        level = 0
        for at in np.flatnonzero(texture.begins[v]).tolist():
            if texture.tense[at]:
                level += step * int(rng.random() < 1 / 2)
            else:
                level -= step * int(rng.random() < 1 / 3)
            level = min(amount, max(-amount, level))
            velocity[v, at] = min(LOUDEST, max(SOFTEST, int(velocity[v, at]) + level))
    return replace(texture, velocity=velocity.astype(np.uint8), struck=texture.begins)


def transposed(texture: Texture, semitones: int) -> Texture:
    """Every note so many semitones higher. Raises ValueError where one would leave MIDI's 0 to 127."""
    sounding = texture.pitches != SILENT
    target = texture.pitches.astype(np.int64) + semitones
    if sounding.any() and not (target[sounding].min() >= 0 and target[sounding].max() <= 127):
        raise ValueError(f"moved by {semitones} semitones, notes would leave MIDI's pitches 0 to 127")
    return replace(texture, pitches=np.where(sounding, target, SILENT).astype(np.int16))


def chosen(texture: Texture, voices: Sequence[int]) -> Texture:
    """Only the given voices, from 0, in the order given."""
    _check_voices(texture, voices)
    return texture.of_voices(voices)


def doubled(texture: Texture, voices: Sequence[int]) -> Texture:
    """The given voices, from 0, once more behind all others."""
    _check_voices(texture, voices)
    return texture.of_voices([*range(texture.voices), *voices])


def held(texture: Texture, first: int, end: int, times: int) -> Texture:
    """Steps `first` up to `end` held `times` as long."""
    _check_span(texture, first, end, times)
    count = np.ones(texture.steps, np.int64)
    count[first:end] = times
    return texture.at(np.repeat(np.arange(texture.steps), count))


def thinned(texture: Texture, first: int, end: int, times: int) -> Texture:
    """Of steps `first` up to `end` the first of every `times`: undoes `held`."""
    _check_span(texture, first, end, times)
    step = np.arange(texture.steps)
    return texture.at(step[(step < first) | (step >= end) | ((step - first) % times == 0)])


def joined(one: Texture, other: Texture) -> Texture:
    """One piece after another; where one has fewer voices, the rest of them are silent in it."""
    voices = max(one.voices, other.voices)
    longer = one if one.voices == voices else other
    one, other = _with_voices(one, longer), _with_voices(other, longer)
    return replace(
        one,
        pitches=np.concatenate([one.pitches, other.pitches], axis=1),
        struck=np.concatenate([one.begins, other.begins], axis=1),
        velocity=np.concatenate([one.velocity, other.velocity], axis=1),
        tempo=np.concatenate([one.tempo, other.tempo]),
        tense=np.concatenate([one.tense, other.tense]),
    )


def _with_voices(texture: Texture, model: Texture) -> Texture:
    """`texture` with silent voices added, named as those of `model` are."""
    extra = model.voices - texture.voices
    return replace(
        texture,
        pitches=np.pad(texture.pitches, ((0, extra), (0, 0)), constant_values=SILENT),
        struck=np.pad(texture.struck, ((0, extra), (0, 0))),
        velocity=np.pad(texture.velocity, ((0, extra), (0, 0)), constant_values=64),
        names=texture.names + model.names[texture.voices :],
        programs=texture.programs + model.programs[texture.voices :],
    )


def unstacked(texture: Texture, voices: int) -> Texture:
    """Groups of so many voices one after another, in place of all at once."""
    if not 1 <= voices <= texture.voices:
        raise ValueError(f"{texture.voices} voices cannot be taken apart in groups of {voices}")
    groups = [range(v, min(v + voices, texture.voices)) for v in range(0, texture.voices, voices)]
    whole = texture.of_voices(groups[0])
    for group in groups[1:]:
        whole = joined(whole, texture.of_voices(group))
    return whole


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"a share is 0 to 1, not {share:g}")


def _check_voices(texture: Texture, voices: Sequence[int]) -> None:
    wrong = [v + 1 for v in voices if not 0 <= v < texture.voices]
    if wrong or not voices:
        raise ValueError(f"there are voices 1 to {texture.voices}, no {wrong[0] if wrong else 'empty choice'}")


def _check_span(texture: Texture, first: int, end: int, times: int) -> None:
    if not 0 <= first < end <= texture.steps:
        raise ValueError(f"steps {first + 1} to {end} are not within a piece of {texture.steps}")
    if times < 1:
        raise ValueError(f"a step can be held 1 time or more, not {times}")
