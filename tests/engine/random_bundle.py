"""A bundle whose nets are random: every answer is some answer, so that only the sampler's guarantees are left."""

import numpy as np

from antiphon.codec.stream import SIZES


class RandomBundle:
    """Answers like `engine.bundle.Bundle`, with logits drawn from a wide distribution that depends on the seed."""

    name = "random"
    knows_beats = False

    def __init__(self, seed: int, spread: float = 6.0) -> None:
        self._rng = np.random.default_rng(seed)
        self._spread = spread

    def initial(self):
        return {}

    def hear(self, code, begin, sounding, state):
        return np.zeros((1, 1), np.float32), {}

    def logits(self, field, base, codes, known, sounding):
        return (self._spread * self._rng.standard_normal(SIZES[field])).astype(np.float32)
