"""How surprised a model of counterpoint is by chorales, judged as Coconet was published (arXiv 1903.07227, section 5).

Framewise: the steps of a score are ordered, at random or as time goes; each is predicted from the true steps before
it in that order, its voices one after another in a random order, each seeing the model's own most likely choice for
the voices before it. Several orders are averaged for each step, in probability. A step's loss is the sum of its
voices' in nats. Notewise: the cells are ordered; each is predicted from the true cells before it. A rest that is to be
predicted costs nothing but counts, as in the paper, whose model does not know rests; ours pays for believing in one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import REST, STEPS_PER_BEAT, Cells

__all__ = ["ORDERS", "UNITS", "Counterpoint", "Crop", "Nats", "Predict", "crops", "framewise", "judge", "notewise"]

ORDERS = ("random", "chronological")
UNITS = ("framewise", "notewise")

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Predict = Callable[[Cells, Mask], npt.NDArray[np.float32]]
"""Log-probabilities (B, V, T, classes) of cells (B, V, T), of which `known` (B, V, T) are given."""


class Counterpoint(Protocol):
    """A model that can be judged; see `engine.chorale.ChoraleModel`."""

    def log_probabilities(
        self, cells: Cells, known: Mask, *, edges: tuple[bool, bool] = (True, True)
    ) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True)
class Crop:
    """A part of a piece, (V, T), and whether the piece begins and ends in it, as anyone sees who has all of it."""

    cells: Cells
    edges: tuple[bool, bool] = (True, True)


@dataclass(frozen=True)
class Nats:
    """A mean loss with the standard errors of the mean over units (steps or cells) and over pieces."""

    nats: float
    sem: float
    pieces_mean: float
    pieces_sem: float
    units: int
    pieces: int


def crops(pieces: Sequence[Cells], length: int, rng: np.random.Generator) -> list[Crop]:
    """A crop of each piece, at most `length` steps from a random beat on; 0 leaves the pieces whole."""
    if not length:
        return [Crop(piece) for piece in pieces]
    starts = [STEPS_PER_BEAT * int(rng.integers(max(p.shape[1] - length, 0) // STEPS_PER_BEAT + 1)) for p in pieces]
    return [
        Crop(piece[:, start : start + length], (start == 0, start + length >= piece.shape[1]))
        for piece, start in zip(pieces, starts, strict=True)
    ]


def _ranks(count: int, order: str, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The place of each of `count` units in an order."""
    return rng.permutation(count) if order == "random" else np.arange(count)


def _chosen(count: int, at_most: int | None, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return np.arange(count) if at_most is None else np.sort(rng.permutation(count)[:at_most])


def framewise(
    predict: Predict, piece: Cells, order: str, orderings: int, rng: np.random.Generator, at_most: int | None = None
) -> Iterator[Floats]:
    """Log-likelihoods of the steps of a piece (V, T), one array (steps,) for each of `orderings` orders.

    With `at_most`, of so many of its steps, chosen at random, the same in every order.
    """
    V, T = piece.shape
    chosen = _chosen(T, at_most, rng)
    rows = np.arange(len(chosen))
    for _ in range(orderings):
        rank = _ranks(T, order, rng)
        known = np.repeat((rank[None, :] < rank[chosen, None])[:, None], V, axis=1)
        cells = np.repeat(piece[None], len(chosen), axis=0)
        voices = rng.permuted(np.tile(np.arange(V), (len(chosen), 1)), axis=1)
        total = np.zeros(len(chosen))
        for voice in voices.T:
            log_p = predict(cells, known)[rows, voice, chosen]
            truth = piece[voice, chosen]
            total += np.where(truth == REST, 0.0, log_p[rows, truth])
            cells[rows, voice, chosen] = log_p.argmax(-1)
            known[rows, voice, chosen] = True
        yield total


def notewise(
    predict: Predict, piece: Cells, order: str, orderings: int, rng: np.random.Generator, at_most: int | None = None
) -> Iterator[Floats]:
    """Log-likelihoods of the cells of a piece (V, T), each from the true cells before it; as `framewise`.

    In time, cells go step by step, the voices of a step in a random order.
    """
    V, T = piece.shape
    chosen = _chosen(V * T, at_most, rng)
    voice, step = chosen // T, chosen % T
    rows = np.arange(len(chosen))
    for _ in range(orderings):
        if order == "random":
            rank = rng.permutation(V * T).reshape(V, T)
        else:
            rank = np.arange(T) * V + rng.permuted(np.tile(np.arange(V)[:, None], (1, T)), axis=0)
        known = rank[None] < rank[voice, step][:, None, None]
        log_p = predict(np.repeat(piece[None], len(chosen), axis=0), known)[rows, voice, step]
        truth = piece[voice, step]
        yield np.where(truth == REST, 0.0, log_p[rows, truth])


def judge(
    model: Counterpoint,
    pieces: Sequence[Crop],
    unit: str,
    order: str,
    *,
    orderings: int = 5,
    at_most: int | None = None,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Nats:
    """The mean loss of `pieces`; orders are averaged for each unit in probability. `progress` is called each order."""
    means = {"framewise": framewise, "notewise": notewise}[unit]
    losses = []
    for i, piece in enumerate(pieces):
        predict, each = partial(model.log_probabilities, edges=piece.edges), []
        for log_p in means(predict, piece.cells, order, orderings, np.random.default_rng((seed, i)), at_most):
            each.append(log_p)
            progress()
        losses.append(math.log(len(each)) - np.logaddexp.reduce(each, axis=0))
    units, examples = np.concatenate(losses), np.array([loss.mean() for loss in losses])
    return Nats(float(units.mean()), _sem(units), float(examples.mean()), _sem(examples), len(units), len(examples))


def _sem(values: Floats) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0
