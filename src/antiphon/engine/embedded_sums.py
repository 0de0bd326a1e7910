"""Arithmetic of the models that C++ plays, on NumPy: what `antiphon.hpp` does, in the same order.

With eight bits, what is stored and what is multiplied are whole numbers, and every other operation is one in single
precision in an order that is fixed here and in `antiphon.hpp` alike (sums of norms in double, in eight lanes): both
give the same bits. In single precision the order of long sums is the processor's: answers differ in the last digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["F4", "Array", "Floats", "Tensors", "exp", "gelu", "norm", "sigmoid", "tanh"]

F4 = np.float32
Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]
_EPSILON = 1e-5


def exp(x: Floats) -> Floats:
    """e^x for |x| <= 87 by Taylor's series around a multiple of ln 2, single precision throughout."""
    x = np.minimum(np.maximum(x, F4(-87)), F4(87))
    n = np.rint(x * F4(1.44269504))
    r = x - n * F4(0.693359375) - n * F4(-2.12194440e-4)
    y = np.full_like(r, F4(1 / 5040))
    for k in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0):
        y = y * r + F4(k)
    return np.asarray(y * ((n.astype(np.int32) + 127) << 23).view(F4), F4)


def sigmoid(x: Floats) -> Floats:
    return np.asarray(F4(1) / (F4(1) + exp(-x)))


def tanh(x: Floats) -> Floats:
    return np.asarray(F4(1) - F4(2) / (exp(x + x) + F4(1)))


def gelu(x: Floats) -> Floats:
    """x Phi(x), the error function by Abramowitz & Stegun 7.1.26 (off by at most 1.5e-7)."""
    a = np.abs(x * F4(0.70710678))
    t = F4(1) / (F4(1) + F4(0.3275911) * a)
    y = np.full_like(t, F4(1.061405429))
    for k in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        y = y * t + F4(k)
    erf = F4(1) - y * t * exp(-(a * a))
    return np.asarray(F4(0.5) * x * (F4(1) + np.copysign(erf, x)))


def _lanes(x: npt.NDArray[np.float64]) -> float:
    """Sum in eight lanes, each in order, then the lanes in order."""
    padded = np.zeros(-(-len(x) // 8) * 8)
    padded[: len(x)] = x
    return float(np.cumsum(np.cumsum(padded.reshape(-1, 8), axis=0)[-1])[-1])


def norm(x: Floats, weight: Floats, bias: Floats) -> Floats:
    wide = x.astype(np.float64)
    wide -= _lanes(wide) / len(x)
    scaled = (wide * (1 / np.sqrt(_lanes(wide * wide) / len(x) + _EPSILON))).astype(F4)
    return np.asarray(scaled * weight + bias)


def _wide_enough(columns: int) -> type[np.floating[Any]]:
    return np.float32 if columns * 127 * 127 < 2**24 else np.float64


class Tensors:
    """The tensors of a `model.bin` by name, and the products of their matrices."""

    def __init__(self, tensors: Mapping[str, Array], precision: str) -> None:
        self._eight = precision == "int8"
        self._t = {name: np.asarray(t) for name, t in tensors.items()}
        # Whole numbers are multiplied as floats wide enough to hold their sums exactly.
        self._wide = {name: t.astype(_wide_enough(t.shape[1])) for name, t in self._t.items() if t.dtype == np.int8}

    def __getitem__(self, name: str) -> Array:
        return self._t[name]

    def row(self, table: str, i: int) -> Floats:
        """A row of a table, (C,)."""
        row = self._t[table][i]
        return np.asarray(row.astype(F4) * self._t[f"{table}.scale"][i, 0] if self._eight else row)

    def total(self, table: str, amounts: Floats) -> Floats:
        """The sum of the rows of a table, each as often as `amounts` (R,) says."""
        total = np.zeros(self._t[table].shape[1], F4)
        for i in np.flatnonzero(amounts):
            if self._eight:
                total = total + amounts[i] * self._t[f"{table}.scale"][i, 0] * self._t[table][i].astype(F4)
            else:
                total = total + amounts[i] * self._t[table][i]
        return total

    def linear(self, name: str, x: Floats) -> Floats:
        """W x, and the bias where it has one: (C,) -> (R,)."""
        bias = self._t[f"{name}.b"][0] if f"{name}.b" in self._t else F4(0)
        if not self._eight:
            return np.asarray(self._t[name] @ x + bias)
        largest = np.abs(x).max()
        whole = np.rint(x * (F4(127) / largest if largest > 0 else F4(0))).astype(self._wide[name].dtype)
        scale = largest / F4(127) * self._t[f"{name}.scale"][:, 0]
        # Not `@`: its threads cost more than they save here, and the order of whole numbers does not matter.
        return np.asarray(np.einsum("rc,c->r", self._wide[name], whole).astype(F4) * scale + bias)

    def gru(self, x: Floats, hidden: Floats) -> tuple[Floats, Floats]:
        """Residual GRU layers: x (D,), hidden (L, D) -> the same."""
        t, D, after = self._t, len(x), []
        for i, h in enumerate(hidden):
            fresh = self.linear(f"gru.{i}.in", norm(x, t[f"norm.{i}.w"][0], t[f"norm.{i}.b"][0]))
            kept = self.linear(f"gru.{i}.rec", h)
            r, z = sigmoid(fresh[:D] + kept[:D]), sigmoid(fresh[D : 2 * D] + kept[D : 2 * D])
            after.append((F4(1) - z) * tanh(fresh[2 * D :] + r * kept[2 * D :]) + z * h)
            x = x + after[-1]
        return x, np.stack(after)
