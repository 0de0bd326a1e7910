"""Layers of a transformer for one word at a time, on NumPy: what `antiphon.hpp` does, in the same order.

Letters: D the width, H the heads, d = D / H, n the words in the window. Angles are reckoned by Taylor's series, since
libraries of mathematics differ in the last bit of a sine.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.engine.embedded_sums import F4, Floats, Tensors, exp, sigmoid
from antiphon.engine.embedded_words_file import WordShape

__all__ = ["attended", "feed_forward", "turn"]

_EPSILON = 1e-6
_SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(10)]
_COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(10)]
# A quarter of a turn in two parts, the first of few enough bits for its multiples to be exact.
_QUARTER_HIGH, _QUARTER_LOW = 1.570796251296997, 7.549789954891882e-08


def turn(count: int, rates: Floats) -> tuple[Floats, Floats]:
    """Cosines and sines of `count` times the rates, (d / 2,)."""
    angle = count * rates.astype(np.float64)
    quarters = np.rint(angle * (2 / math.pi))
    r = (angle - quarters * _QUARTER_HIGH) - quarters * _QUARTER_LOW
    cosine, sine = _series(_COSINE, r * r), _series(_SINE, r * r) * r
    place = quarters.astype(np.int64) & 3
    cosines = np.choose(place, [cosine, -sine, -cosine, sine])
    sines = np.choose(place, [sine, cosine, -sine, -cosine])
    return cosines.astype(F4), sines.astype(F4)


def _series(factors: list[float], square: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    y = np.full_like(square, factors[-1])
    for factor in factors[-2::-1]:
        y = y * square + factor
    return y


def _turned(x: Floats, cos: Floats, sin: Floats) -> Floats:
    """Each head's halves of x (H, d) as the parts of complex numbers, turned."""
    a, b = np.split(x, 2, axis=1)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=1)


def _lanes(x: Floats) -> Floats:
    """Sums of rows (..., n) in eight lanes, each in order, then the lanes in order."""
    *first, n = x.shape
    padded = np.zeros((*first, -(-n // 8) * 8), F4)
    padded[..., :n] = x
    return np.asarray(np.cumsum(np.cumsum(padded.reshape(*first, -1, 8), axis=-2)[..., -1, :], axis=-1)[..., -1])


def _norm(x: Floats, weight: Floats) -> Floats:
    wide = x.astype(np.float64)
    square = np.zeros(-(-len(x) // 8) * 8)
    square[: len(x)] = wide * wide
    total = np.cumsum(np.cumsum(square.reshape(-1, 8), axis=0)[-1])[-1]
    return np.asarray((wide * (1 / np.sqrt(total / len(x) + _EPSILON))).astype(F4) * weight)


def attended(t: Tensors, i: int, shape: WordShape, x: Floats, cache: Floats, count: int) -> tuple[Floats, Floats]:
    """Layer `i` looks back on its window: x (D,), the cache (keys and values, n, D) -> the same, the word in it."""
    H, d = shape.heads, shape.width // shape.heads
    q, k, v = t.linear(f"qkv.{i}", _norm(x, t[f"norm1.{i}"][0])).reshape(3, H, d)
    cos, sin = turn(count, t["rates"][0])
    q, k = _turned(q, cos, sin), _turned(k, cos, sin)
    cache = np.concatenate([cache, np.stack([k, v]).reshape(2, 1, -1)], axis=1)[:, -shape.window :]
    keys, values = cache.reshape(2, -1, H, d).transpose(0, 2, 1, 3)
    scores = _lanes(keys * q[:, None]) * F4(1 / math.sqrt(d))  # (H, n)
    odds = exp(scores - scores.max(axis=1, keepdims=True))
    total: Floats = np.cumsum(odds[..., None] * values, axis=1, dtype=F4)[:, -1]
    seen: Floats = np.asarray(total / _lanes(odds)[:, None], F4)
    return np.asarray(x + t.linear(f"mix.{i}", seen.reshape(-1))), cache


def feed_forward(t: Tensors, i: int, x: Floats) -> Floats:
    """The SwiGLU of layer `i`: x (D,) -> (D,)."""
    gate, up = np.split(t.linear(f"gate_up.{i}", _norm(x, t[f"norm2.{i}"][0])), 2)
    return np.asarray(x + t.linear(f"down.{i}", gate * sigmoid(gate) * up))
