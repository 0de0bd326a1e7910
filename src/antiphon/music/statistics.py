"""Statistics of what was measured: how sure a mean is, how far two distributions are apart, how honest a confidence.

Pure functions of arrays. What cannot be told (an empty sample) is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Calibration",
    "Interval",
    "bootstrap_interval",
    "calibration",
    "density",
    "distances_between",
    "distances_within",
    "frechet_distance",
    "kl_divergence",
    "overlap_area",
]

Floats = npt.NDArray[np.float64]

_POINTS = 1000
"""Where densities are compared, as many points as Yang and Lerch's own toolbox takes."""
_LEAST_WIDTH = 1e-3
"""A kernel's least width, relative to the scale of its values: so that equal values have a density too."""


@dataclass(frozen=True)
class Interval:
    """A mean, and between which values it lies with the confidence that was asked for."""

    mean: float
    low: float
    high: float


def bootstrap_interval(
    totals: npt.ArrayLike,
    sizes: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """The mean over all units of g groups (pieces) that are drawn together, and its percentile interval.

    `totals` (g,) are sums over the units of each group, `sizes` (g,) how many those are. Groups are resampled, not
    units, for the events of a piece are alike: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993),
    chapters 8 and 13.
    """
    total, size = np.asarray(totals, np.float64), np.asarray(sizes, np.float64)
    if not size.sum() > 0:
        return Interval(math.nan, math.nan, math.nan)
    drawn = rng.integers(0, len(total), (resamples, len(total)))
    means = total[drawn].sum(1) / np.maximum(size[drawn].sum(1), 1e-300)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(total.sum() / size.sum()), float(low), float(high))


@dataclass(frozen=True)
class Calibration:
    """How often guesses came true, by how likely they were held: `confidence`, `accuracy` and `count`, (bins,) each.

    `error` is the expected calibration error, 0 to 1. Empty bins are NaN.
    """

    confidence: Floats
    accuracy: Floats
    count: npt.NDArray[np.int64]
    error: float


def calibration(confidence: npt.ArrayLike, hit: npt.ArrayLike, bins: int = 15) -> Calibration:
    """The reliability of n guesses, `confidence` (n,) 0 to 1 and whether (or how likely) each was a `hit`, (n,).

    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, in bins of equal width.
    """
    p, true = np.asarray(confidence, np.float64), np.asarray(hit, np.float64)
    which = np.clip(np.ceil(p * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    safe = np.where(count, count, np.nan)
    held, came = (np.bincount(which, values, minlength=bins) / safe for values in (p, true))
    error = float(np.nansum(count * np.abs(held - came)) / len(p)) if len(p) else math.nan
    return Calibration(held, came, count, error)


def density(sample: npt.ArrayLike, at: npt.ArrayLike) -> Floats:
    """The density of `sample` (n,) at each of `at` (m,), by Gaussian kernels of Scott's width, n ** (-1/5) deviations.

    D. W. Scott, "Multivariate Density Estimation" (1992).
    """
    values, points = np.asarray(sample, np.float64), np.asarray(at, np.float64)
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    width = max(spread * len(values) ** -0.2, _LEAST_WIDTH * max(float(np.abs(values).max()), 1.0))
    kernels = np.exp(-0.5 * ((points[:, None] - values) / width) ** 2)
    return np.asarray(kernels.mean(1) / (width * math.sqrt(2 * math.pi)))


def _points(a: Floats, b: Floats) -> Floats:
    return np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), _POINTS)


def overlap_area(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """The area under both densities of two samples, between their least and largest value: 0 apart, about 1 alike.

    L.-C. Yang and A. Lerch, "On the evaluation of generative models in music", Neural Computing and Applications 32
    (2020).
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if not len(first) or not len(second):
        return math.nan
    at = _points(first, second)
    both = np.minimum(density(first, at), density(second, at))
    return float(((both[1:] + both[:-1]) / 2 * np.diff(at)).sum())


def kl_divergence(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """The Kullback-Leibler divergence in nats of the density of sample `a` from that of `b`: 0 alike, and no end to it.

    L.-C. Yang and A. Lerch (2020), as `overlap_area`: both densities are taken at points over the range of both samples
    and scaled to a sum of 1.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if not len(first) or not len(second):
        return math.nan
    at = _points(first, second)
    p, q = (np.maximum(values / values.sum(), 1e-12) for values in (density(first, at), density(second, at)))
    return float((p * np.log(p / q)).sum())


def distances_within(rows: npt.ArrayLike) -> Floats:
    """The Euclidean distances between each two of n `rows` (n, k), (n (n - 1) / 2,): Yang and Lerch's intra-set."""
    of = np.asarray(rows, np.float64)
    return np.asarray(distances_between(of, of).reshape(len(of), len(of))[np.triu_indices(len(of), 1)])


def distances_between(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """The Euclidean distances of n rows (n, k) from m others (m, k), shape (n m,): Yang and Lerch's inter-set."""
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.asarray(np.sqrt(((first[:, None] - second) ** 2).sum(-1)).ravel())


def frechet_distance(a: Floats, b: Floats) -> float:
    """How far two clouds of features lie apart, (m, d) and (n, d), each taken as a Gaussian; 0 where they agree.

    The squared distance of M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), in music that of
    J. Retkowski et al., "Frechet Music Distance" (2024). With fewer features than dimensions it is too large, by as
    much for either cloud: compare only what was computed from as many. NaN with fewer than two of either.
    """
    if min(len(a), len(b)) < 2:
        return math.nan
    apart = a.mean(0) - b.mean(0)
    left, right = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (a, b))
    # With covariances L'L and R'R, the trace of the root of their product is the sum of the singular values of LR'.
    common = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    distance = apart @ apart + np.square(left).sum() + np.square(right).sum() - 2 * common
    return max(float(distance), 0.0)
