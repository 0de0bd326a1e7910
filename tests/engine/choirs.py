"""Models of counterpoint for tests: what they believe is known, so that what a sampler does can be checked."""

import numpy as np

from antiphon.codec.grid import CLASSES


def normalised(logits):
    return (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)


class RandomChoir:
    """Believes something else of every cell each time it is asked; keeps what it was asked."""

    def __init__(self, seed=0):
        self._rng = np.random.default_rng(seed)
        self.asked = []

    def predict(self, cells, known):
        self.asked.append((cells.copy(), known.copy()))
        return normalised(3 * self._rng.standard_normal((*cells.shape, CLASSES)))

    def log_probabilities(self, cells, known, *, start=0, edges=(True, True)):
        return self.predict(cells, known)


class SteadyChoir:
    """Believes the same of every cell, whatever is known: `weights` (V, T, classes)."""

    def __init__(self, weights):
        self.log_p = normalised(np.log(weights + 1e-9))

    def predict(self, cells, known):
        return np.broadcast_to(self.log_p, (*cells.shape, CLASSES)).copy()

    def log_probabilities(self, cells, known, *, start=0, edges=(True, True)):
        return self.predict(cells, known)
