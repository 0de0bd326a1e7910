"""A last pass over sampled scores: notes that make parallel fifths or octaves are drawn again, at a price for each.

Cells drawn at once do not see each other, which gives many times Bach's rate of parallels. Here one whole note after
another is hidden, and every pitch it might have is weighed by the model and by the parallels that it would make.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import CLASSES, REST, Cells, decode
from antiphon.engine.gibbs import LogProbabilities, Mask
from antiphon.music.counterpoint import parallels

__all__ = ["polish"]

_PRICE = 6.0  # nats a parallel costs
_APART = 16  # steps between two notes of a score that are drawn again in one go
_TEMPERATURE = 0.25
_FURTHEST = 5.0  # nats a pitch may be less likely than the best one


def polish(
    predict: LogProbabilities,
    cells: Cells,
    free: Mask,
    rng: np.random.Generator,
    *,
    rounds: int = 24,
    allowed: Mask | None = None,
) -> Cells:
    """Scores (B, V, T) with fewer parallels than `cells`, changed only where `free`; as many `rounds` as it takes.

    A note is only replaced when that leaves no more parallels than before, so that no round makes it worse.
    """
    cells = cells.copy()
    for _ in range(rounds):
        notes = [
            (b, *note) for b in range(len(cells)) for note in _offenders(decode(cells[b]), free[b], rng)
        ]  # (score, voice, first step, end)
        if not notes:
            break
        touched = sorted({b for b, *_ in notes})
        row = {b: i for i, b in enumerate(touched)}
        known = np.ones((len(touched), *cells.shape[1:]), bool)
        for b, voice, first, end in notes:
            known[row[b], voice, first:end] = False
        log_p = predict(cells[touched], known)
        for b, voice, first, end in notes:
            weights = log_p[row[b], voice, first:end].astype(np.float64)
            if allowed is not None:
                legal = np.broadcast_to(allowed, (*cells.shape, CLASSES))[b, voice, first:end]
                weights = np.where(legal, weights, -np.inf)
            cells[b, voice, first:end] = _choice(cells[b], voice, first, end, weights, rng)
    return cells


def _offenders(score: npt.NDArray[np.int16], free: Mask, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Notes (voice, first step, end) that take part in a parallel and may be changed, far enough from each other."""
    found = parallels(score)
    pairs = list(combinations(range(len(score)), 2))
    notes: list[tuple[int, int, int]] = []
    last = -_APART
    for step in np.flatnonzero(found.any(axis=0)).tolist():
        if step - last < _APART:
            continue
        voices = [voice for row in np.flatnonzero(found[:, step]) for voice in pairs[row]]
        # Either of the two notes of either voice can be at fault.
        chances = [(voice, at) for voice in voices for at in (step - 1, step) if free[voice, at]]
        if chances:
            voice, at = chances[int(rng.integers(len(chances)))]
            notes.append((voice, *_extent(score[voice], free[voice], at)))
            last = step
    return notes


def _extent(voice: npt.NDArray[np.int16], free: Mask, at: int) -> tuple[int, int]:
    """First step and end of the free stretch of one pitch around step `at`."""
    same = free & (voice == voice[at])
    breaks = np.flatnonzero(~same)
    first = int(breaks[breaks < at].max(initial=-1)) + 1
    return first, int(breaks[breaks > at].min(initial=len(voice)))


def _choice(
    score: Cells, voice: int, first: int, end: int, log_p: npt.NDArray[np.float64], rng: np.random.Generator
) -> int:
    """The class for a note: by the mean log-probability of its steps and the parallels each choice leaves."""
    own = int(score[voice, first])
    window = slice(max(first - 1, 0), end + 1)
    trial = score[:, window].copy()
    counts = np.zeros(CLASSES)
    inner = slice(first - window.start, end - window.start)
    likely = log_p.mean(0)
    candidates = np.flatnonzero(likely > likely.max() - _FURTHEST)
    for value in {*candidates.tolist(), own}:
        trial[voice, inner] = value
        counts[value] = parallels(decode(trial)).sum()
    total = np.full(CLASSES, -np.inf)
    total[candidates] = likely[candidates] - _PRICE * counts[candidates]
    total[counts > counts[own]] = -np.inf
    if own != REST:
        total[REST] = -np.inf  # silence is no way out
    if not np.isfinite(total).any():
        return own
    return int((total / _TEMPERATURE + rng.gumbel(size=CLASSES)).argmax())
