"""Drawing one value from logits: mask, temperature, nucleus and quantile window."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.engine.model import Steer

__all__ = ["draw", "probabilities", "struck_or_released"]

_PLAIN = Steer()


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())


def _nucleus(p: npt.NDArray[np.float64], top_p: float) -> npt.NDArray[np.float64]:
    """The fewest values that hold `top_p` of the probability (Holtzman et al. 2020)."""
    order = np.argsort(-p, kind="stable")
    enough = int(np.searchsorted(np.cumsum(p[order]), top_p)) + 1
    kept = np.zeros_like(p)
    kept[order[:enough]] = p[order[:enough]]
    return np.asarray(kept / kept.sum())


def _window(p: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """The part of the distribution between two quantiles, values in their natural order."""
    edges = np.clip(np.append(0.0, np.cumsum(p)), low, high)
    kept = np.diff(edges)
    if kept.sum() <= 0:  # an empty window is the value at its place
        kept = np.zeros_like(p)
        possible = np.flatnonzero(p)
        kept[possible[min(int(np.searchsorted(np.cumsum(p[possible]), low)), len(possible) - 1)]] = 1.0
    return np.asarray(kept / kept.sum())


def probabilities(
    logits: npt.NDArray[np.floating], mask: npt.NDArray[np.bool_], steer: Steer = _PLAIN
) -> npt.NDArray[np.float64]:
    """The distribution to draw from, shape (K,): exactly zero outside `mask`, which holds at least one value.

    Raises FloatingPointError when the logits of allowed values are not numbers: the model is broken.
    """
    allowed = np.flatnonzero(mask)
    scores = logits[allowed].astype(np.float64)
    if not np.isfinite(scores).all():
        raise FloatingPointError("the model's answer is not a number")
    if steer.temperature <= 0:
        p = np.zeros(len(scores))
        p[scores.argmax()] = 1.0
    else:
        p = _softmax(scores / steer.temperature)
        if steer.top_p < 1:
            p = _nucleus(p, steer.top_p)
        if steer.window != (0.0, 1.0):
            p = _window(p, *steer.window)
    full = np.zeros(len(mask))
    full[allowed] = p
    return full


def struck_or_released(
    logits: npt.NDArray[np.floating], mask: npt.NDArray[np.bool_], steer: Steer, onset_weight: float
) -> npt.NDArray[np.float64]:
    """The distribution of velocities, shape (K,), of which 0 is a release.

    `onset_weight` multiplies the odds of an onset against a release, where both are possible; `steer` is about onsets
    alone.
    """
    if not mask[0] or not mask[1:].any():
        return probabilities(logits, mask, steer)
    weighted = logits.astype(np.float64)
    weighted[1:] += math.log(max(onset_weight, 1e-9))
    silent = probabilities(weighted, mask)[0]
    onsets = mask.copy()
    onsets[0] = False
    p: npt.NDArray[np.float64] = (1 - silent) * probabilities(logits, onsets, steer)
    p[0] = silent
    return p


def draw(p: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    """An index with probability `p`, shape (K,); never one whose probability is zero."""
    possible = np.flatnonzero(p)
    return int(
        possible[min(np.searchsorted(np.cumsum(p[possible]), rng.random() * p.sum(), "right"), len(possible) - 1)]
    )
