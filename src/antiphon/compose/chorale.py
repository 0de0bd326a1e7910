"""Chorales: write, harmonise, complete, re-voice, lead from one to another, stack to sixteen voices, upsample.

Scores are arrays of MIDI pitches at sixteenths, shape (voices, steps) from the soprano down, -1 for a rest, of any
length, beginning `Options.start` sixteenths after a beat. What is given is kept to the letter. Steps at which all
given voices rest stay silent: upbeats, pauses, the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import (
    CLASSES,
    HIGHEST,
    LOWEST,
    REST,
    SILENT,
    STEPS_PER_BEAT,
    VOICE_NAMES,
    VOICE_RANGES,
    VOICES,
    Cells,
    Pitches,
    decode,
    encode,
)
from antiphon.engine.chorale import ChoraleModel
from antiphon.engine.gibbs import Gibbs, LogProbabilities, Sampling
from antiphon.engine.polish import polish

__all__ = [
    "LONGEST",
    "Options",
    "OutOfRange",
    "Revoiced",
    "complete",
    "compress",
    "expand",
    "harmonize",
    "revoice",
    "shift_into_range",
    "stack",
    "transition",
    "upsample",
    "write",
]

Mask = npt.NDArray[np.bool_]

LONGEST = 1 << 14
"""Steps of the longest score: an hour and more."""


class OutOfRange(ValueError):
    """Given voices that no transposition brings into the model's range; `step` is where the widest is highest."""

    def __init__(self, message: str, *, step: int) -> None:
        super().__init__(message)
        self.step = step


@dataclass(frozen=True)
class Options:
    """How music is made. `polish`: notes that make parallels are drawn again. `rests`: free voices may rest.

    `progress` is told (step, steps) after each step of sampling.
    """

    sampling: Sampling = field(default_factory=Sampling)
    polish: bool = True
    rests: bool = False
    start: int = 0
    progress: Callable[[int, int], None] = lambda _step, _steps: None

    def __post_init__(self) -> None:
        if not 0 <= self.start < STEPS_PER_BEAT:
            raise ValueError(f"a score starts 0 to {STEPS_PER_BEAT - 1} sixteenths after a beat, not {self.start}")

    def in_rounds(self, done: int, rounds: int) -> Options:
        """The same for one of several rounds of sampling alike, `done` of them before: progress is told of them all."""
        return replace(self, progress=lambda step, steps: self.progress(done * steps + step, rounds * steps))


@dataclass(frozen=True)
class Revoiced:
    """What `revoice` made: the score after each pass, (passes, ...), and the share of cells each pass kept."""

    scores: Pitches
    kept: tuple[float, ...]


def write(
    model: ChoraleModel, steps: int, rng: np.random.Generator, *, count: int = 1, options: Options | None = None
) -> Pitches:
    """Chorales from nothing: (count, voices, steps)."""
    _check_length(steps)
    scores = np.full((_check_count(count), VOICES, steps), SILENT, np.int16)
    return _fill(model, scores, np.ones(scores.shape, bool), rng, options or Options())


def harmonize(
    model: ChoraleModel,
    melody: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    voice: int = 0,
    count: int = 1,
    options: Options | None = None,
) -> Pitches:
    """Scores (count, voices, steps) around a melody (steps,) that is their voice `voice` (0 soprano .. 3 bass).

    A melody out of that voice's range is harmonised in another octave or key and moved back, all voices with it.
    Raises ValueError when its own span is too wide for that.
    """
    line = np.asarray(melody)
    if line.ndim != 1:
        raise ValueError(f"a melody is an array of shape (steps,), not {line.shape}")
    if not 0 <= voice < VOICES:
        raise ValueError(f"the voices are 0 (soprano) to {VOICES - 1} (bass), not {voice}")
    if not (line != SILENT).any():
        raise ValueError("a melody without any note has no harmony")
    score = np.full((VOICES, len(line)), SILENT, np.int16)
    score[voice] = line
    free = np.zeros(score.shape, bool)
    free[np.arange(VOICES) != voice] = True
    return complete(model, score, rng, free=free, count=count, options=options)


def complete(
    model: ChoraleModel,
    score: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    free: Mask | None = None,
    count: int = 1,
    options: Options | None = None,
) -> Pitches:
    """Scores (count, voices, steps) that are `score` (voices, steps) where it is not `free`.

    By default its rests are free, but for the silence before its first note and after its last one.
    """
    given = _checked(score)
    if free is None:
        sounding = np.flatnonzero((given != SILENT).any(axis=0))
        if not len(sounding):
            raise ValueError("a score without any note has nothing to be completed: write one instead")
        free = given == SILENT
        free[:, : sounding[0]] = free[:, sounding[-1] + 1 :] = False
    elif free.shape != given.shape:
        raise ValueError(f"what is free has the shape {free.shape}, the score {given.shape}")
    else:
        free = free & ~_silent(given, free)
    scores = np.repeat(given[None], _check_count(count), axis=0)
    return _fill(model, scores, np.broadcast_to(free, scores.shape), rng, options or Options())


def revoice(
    model: ChoraleModel,
    scores: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    passes: int = 1,
    voices: Sequence[int] = tuple(range(VOICES)),
    options: Options | None = None,
) -> Revoiced:
    """Each of `voices` in turn is sung anew against the others, `passes` times over.

    `scores`: one (voices, steps), or segments (segments, voices, steps) of one length, sampled together. Rests stay.
    """
    if passes < 1:
        raise ValueError(f"there must be 1 pass or more, not {passes}")
    given = np.asarray(scores)
    now = np.stack([_checked(score) for score in given.reshape(-1, *given.shape[-2:])])
    options, after, kept = options or Options(), [], []
    for i in range(passes):
        before = now
        for j, voice in enumerate(voices):
            free = np.zeros(now.shape, bool)
            free[:, voice] = now[:, voice] != SILENT
            now = _fill(model, now, free, rng, options.in_rounds(i * len(voices) + j, passes * len(voices)))
        after.append(now.reshape(given.shape))
        kept.append(float((now == before).mean()))
    return Revoiced(np.stack(after), tuple(kept))


def transition(
    model: ChoraleModel,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    steps: int = 16,
    count: int = 1,
    options: Options | None = None,
) -> Pitches:
    """Scores (count, voices, steps): `before`, then so many new steps that lead to `after`, then `after`."""
    _check_length(steps)
    first, last = _checked(before), _checked(after)
    middle = np.full((VOICES, steps), SILENT, np.int16)
    score = np.concatenate([first, middle, last], axis=1)
    free = np.zeros(score.shape, bool)
    free[:, first.shape[1] : first.shape[1] + steps] = True
    scores = np.repeat(score[None], _check_count(count), axis=0)
    return _fill(model, scores, np.broadcast_to(free, scores.shape), rng, options or Options())


def stack(
    model: ChoraleModel,
    score: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    quartets: int = 4,
    keep: Sequence[int] = (VOICES - 1,),
    options: Options | None = None,
) -> Pitches:
    """4 x `quartets` voices (voices, steps): the score, and quartets that share its voices `keep` (the bass).

    The model knows four voices. So that all fit all, each step of sampling puts new quartets together, of any
    quartet's soprano, any one's alto and so on, and each voice is drawn against whom it then meets.
    """
    if quartets < 2:
        raise ValueError(f"there must be 2 quartets or more to stack, not {quartets}")
    given = _checked(score)
    scores = np.repeat(given[None], quartets, axis=0)
    free = scores != SILENT
    free[0] = False
    free[:, list(keep)] = False
    made = _fill(model, scores, free, rng, options or Options(), predict=_regrouped(model, rng, options))
    return np.asarray(made.reshape(-1, given.shape[1]))


def upsample(
    model: ChoraleModel,
    score: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    factor: int = 2,
    options: Options | None = None,
) -> Pitches:
    """A score `factor` times as long (a power of two): doubled again and again, each time with new steps between."""
    if factor < 2 or factor & (factor - 1):
        raise ValueError(f"a score is made longer by a factor of 2, 4, 8 ..., not {factor}")
    now = _checked(score)
    _check_length(now.shape[1] * factor)
    doublings = factor.bit_length() - 1
    for i in range(doublings):
        now = np.repeat(now, 2, axis=1)
        free = now != SILENT
        free[:, ::2] = False
        round_options = (options or Options()).in_rounds(i, doublings)
        now = _fill(model, now[None], free[None], rng, round_options, fresh=False)[0]
    return now


def compress(score: npt.ArrayLike, first: int, end: int, *, keep_every: int = 2) -> npt.NDArray[np.integer]:
    """A score (..., steps) with only every `keep_every`-th of its steps `first` to `end` left."""
    given = np.asarray(score)
    _check_span(given, first, end, keep_every)
    return np.concatenate([given[..., :first], given[..., first:end:keep_every], given[..., end:]], axis=-1)


def expand(score: npt.ArrayLike, first: int, end: int, *, times: int = 2) -> npt.NDArray[np.integer]:
    """A score (..., steps) with each of its steps `first` to `end` held for `times` steps: undoes `compress`."""
    given = np.asarray(score)
    _check_span(given, first, end, times)
    longer = np.repeat(given[..., first:end], times, axis=-1)
    return np.concatenate([given[..., :first], longer, given[..., end:]], axis=-1)


def shift_into_range(score: Pitches, free: Mask) -> int:
    """By how many semitones to move a score (voices, steps) so that its given voices sing in their ranges.

    0 where they do; else whole octaves if that is enough, else as few semitones as possible. Where a voice's span is
    too wide for its own range, that of the whole choir is enough. Raises OutOfRange where even that is not.
    """
    held = [score[v][(score[v] != SILENT) & ~free[v]] for v in range(len(score))]
    spans = [(v, int(line.min()), int(line.max())) for v, line in enumerate(held) if len(line)]
    choices = sorted(range(-96, 97), key=lambda k: (k != 0, k % 12 != 0, abs(k)))
    for ranges in (VOICE_RANGES, ((LOWEST, HIGHEST),) * VOICES):
        for k in choices:
            if all(ranges[v][0] <= low + k and high + k <= ranges[v][1] for v, low, high in spans):
                return k
    widest = max(spans, key=lambda span: span[2] - span[1])
    raise OutOfRange(
        f"the {VOICE_NAMES[widest[0]]} goes from {widest[1]} to {widest[2]}; "
        f"all voices together must stay within {HIGHEST - LOWEST} semitones",
        step=int(np.flatnonzero((score[widest[0]] == widest[2]) & ~free[widest[0]])[0]),
    )


def _fill(
    model: ChoraleModel,
    scores: Pitches,
    free: Mask,
    rng: np.random.Generator,
    options: Options,
    *,
    fresh: bool = True,
    predict: LogProbabilities | None = None,
) -> Pitches:
    """Sample the free cells of scores (B, voices, steps)."""
    if not free.any():
        return scores.copy()
    voices = scores.shape[1]
    shift = shift_into_range(scores.swapaxes(0, 1).reshape(voices, -1), free.swapaxes(0, 1).reshape(voices, -1))
    blank = np.where(free & fresh, SILENT, scores)
    cells = encode(np.where(blank == SILENT, SILENT, blank + shift))
    alone = _alone(model, options)
    allowed = _singable(options)
    together = alone if predict is None else predict
    sampled = Gibbs(together, rng, options.sampling, progress=options.progress).sample(
        cells, free, fresh=fresh, allowed=allowed
    )
    cells = sampled.cells
    if options.polish:
        cells = polish(alone, cells, free, rng, allowed=allowed)
    made = decode(cells)
    return np.where(free, np.where(made == SILENT, SILENT, made - shift), scores).astype(np.int16)


def _singable(options: Options) -> Mask:
    """Which classes each new voice may have, (voices, 1, classes): its range, and rests if they are wanted."""
    allowed = np.zeros((VOICES, 1, CLASSES), bool)
    for voice, (low, high) in enumerate(VOICE_RANGES):
        allowed[voice, 0, low - LOWEST : high - LOWEST + 1] = True
    allowed[..., REST] = options.rests
    return allowed


def _alone(model: ChoraleModel, options: Options) -> LogProbabilities:
    """The model's own predictions, but that it is not shown general silence, of which chorales have none.

    Of a score of which all is known nothing is asked, and nothing told.
    """

    def predict(cells: Cells, known: Mask) -> npt.NDArray[np.float32]:
        silence = (cells == REST).all(axis=1, keepdims=True)
        asked = ~known.all(axis=(1, 2))
        log_p = np.zeros((*cells.shape, CLASSES), np.float32)
        log_p[asked] = model.log_probabilities(cells[asked], (known & ~silence)[asked], start=options.start)
        return log_p

    return predict


def _regrouped(model: ChoraleModel, rng: np.random.Generator, options: Options | None) -> LogProbabilities:
    """Predictions with each voice of each quartet among voices of other quartets, drawn anew each time."""
    start = options.start if options else 0

    def predict(cells: Cells, known: Mask) -> npt.NDArray[np.float32]:
        order = np.stack([rng.permutation(len(cells)) for _ in range(VOICES)], axis=1)  # (quartets, voices)
        voices = np.arange(VOICES)
        met = model.log_probabilities(cells[order, voices], known[order, voices], start=start)
        log_p = np.empty_like(met)
        log_p[order, voices] = met
        return log_p

    return predict


def _silent(score: Pitches, free: Mask) -> Mask:
    """Steps (steps,) at which some voice is given and every given voice rests."""
    given = ~free
    return np.asarray(given.any(axis=0) & ((score == SILENT) | free).all(axis=0))


def _checked(score: npt.ArrayLike) -> Pitches:
    given = np.asarray(score)
    if given.ndim != 2 or given.shape[0] != VOICES:
        voices = given.shape[0] if given.ndim == 2 else f"shape {given.shape}"
        raise ValueError(f"the model knows {VOICES} voices, soprano to bass, not {voices}")
    _check_length(given.shape[1])
    if not np.issubdtype(given.dtype, np.integer) or given.min() < SILENT or given.max() > 127:
        raise ValueError("a score holds MIDI pitches, 0 to 127, and -1 for a rest")
    return given.astype(np.int16)


def _check_length(steps: int) -> None:
    if not 1 <= steps <= LONGEST:
        raise ValueError(f"a score has 1 to {LONGEST} steps (sixteenths), not {steps}")


def _check_count(count: int) -> int:
    if not 1 <= count <= 1024:
        raise ValueError(f"1 to 1024 scores can be made at once, not {count}")
    return count


def _check_span(score: npt.NDArray[np.integer], first: int, end: int, times: int) -> None:
    if not 0 <= first <= end <= score.shape[-1]:
        raise ValueError(f"steps {first} to {end} are not within a score of {score.shape[-1]}")
    if times < 1:
        raise ValueError(f"a step can be kept or held 1 time or more, not {times}")
