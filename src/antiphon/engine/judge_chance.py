"""A baseline for music that is made: a model that holds everything that it may do for equally likely."""

from __future__ import annotations

import numpy as np

from antiphon.codec.stream import SIZES
from antiphon.engine.bundle import Array, Bundle, State
from antiphon.engine.neural import NeuralModel

__all__ = ["chance_model"]


class _Chance(Bundle):
    """A bundle without graphs: nothing to open, nothing to remember, every logit 0."""

    def __init__(self) -> None:
        self.about = {"name": "uniform"}

    def initial(self) -> State:
        return {}

    def hear(self, code: Array, begin: bool, sounding: Array, state: State) -> tuple[Array, State]:  # noqa: ARG002 hears nothing
        return np.zeros((1, 1), np.float32), {}

    def logits(self, field: int, base: Array, codes: Array, known: Array, sounding: Array) -> Array:  # noqa: ARG002 cares for nothing
        return np.zeros(SIZES[field], np.float32)


def chance_model() -> NeuralModel:
    """A model that draws evenly from what its constraints allow."""
    return NeuralModel(_Chance())
