"""Annealed blocked Gibbs sampling of scores, many at once (Yao et al. 2014; Huang et al. 2017, section 4).

Each step hides a share of the free cells, asks the model once what they may be given all others, and draws them. The
share falls from nearly all to a twentieth: first broad strokes, then corrections. Cells drawn in one go do not see each
other; `parts` draws them in several goes instead, each seeing those before it (with one cell a go this is ancestral
sampling within the block).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import Cells

__all__ = ["Annealing", "Gibbs", "LogProbabilities", "Sampled", "Sampling", "steps_for"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
LogProbabilities = Callable[[Cells, Mask], Floats]
"""Log-probabilities (B, V, T, classes) of the cells (B, V, T) of which a mask (B, V, T) is known."""

_FEWEST, _MOST = 8, 128  # steps chosen by `steps_for`
_HAIR = 1e-6


@dataclass(frozen=True)
class Annealing:
    """The share of free cells hidden at a step: a line from `most` to `least` over the first `slope` of the steps."""

    most: float = 0.95
    least: float = 0.05
    slope: float = 0.85

    def share(self, step: int, steps: int) -> float:
        return max(self.least, self.most - (self.most - self.least) * step / (steps * self.slope))


@dataclass(frozen=True)
class Sampling:
    """How to sample. `steps` None: as many as the free cells ask for. `parts` 0: one cell at a time."""

    steps: int | None = None
    temperature: float = 0.9
    parts: int = 1
    annealing: Annealing = Annealing()
    settled: int = 4  # steps in a row without any change, after which a result will not change either; 0: never stop

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"there must be 1 step or more, not {self.steps}")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"the temperature must be 0 or more, not {self.temperature:g}")
        if self.parts < 0 or self.settled < 0:
            raise ValueError("parts and settled must be 0 or more")


@dataclass(frozen=True)
class Sampled:
    """Scores (B, V, T) and how many steps they took."""

    cells: Cells
    steps: int


def steps_for(free: Mask) -> int:
    """How many steps suit the free cells (B, V, T): as many as are free in the fullest score, within 8 to 128."""
    return int(np.clip(free.sum((1, 2)).max(initial=0), _FEWEST, _MOST))


class Gibbs:
    """A sampler: a model, a way of sampling and a generator. `progress` is told (step, steps) after each step."""

    def __init__(
        self,
        predict: LogProbabilities,
        rng: np.random.Generator,
        sampling: Sampling | None = None,
        *,
        progress: Callable[[int, int], None] = lambda _step, _steps: None,
    ) -> None:
        self.predict, self.rng, self.sampling, self.progress = predict, rng, sampling or Sampling(), progress

    def sample(self, cells: Cells, free: Mask, *, fresh: bool = True, allowed: Mask | None = None) -> Sampled:
        """Draw the `free` cells of scores `cells` (B, V, T), keeping all others to the letter.

        `fresh`: what stands in the free cells is forgotten; else it is where sampling starts. `allowed` (broadcast to
        (B, V, T, classes)): all else has probability zero. Raises ValueError when a free cell is allowed nothing.
        """
        cells = cells.copy()
        if not free.any():
            return Sampled(cells, 0)
        if allowed is not None and (free & ~np.broadcast_to(allowed.any(-1), free.shape)).any():
            raise ValueError("a free cell is allowed no pitch and no rest")
        steps, quiet = self.sampling.steps or steps_for(free), 0
        for step in range(steps):
            hidden = free if fresh and step == 0 else self._block(free, step, steps)
            before = cells
            cells = self.redraw(cells, hidden, allowed)
            self.progress(step + 1, steps)
            quiet = quiet + 1 if np.array_equal(before, cells) else 0
            if self.sampling.settled and quiet >= self.sampling.settled:
                return Sampled(cells, step + 1)
        return Sampled(cells, steps)

    def _block(self, free: Mask, step: int, steps: int) -> Mask:
        return free & (self.rng.random(free.shape) < self.sampling.annealing.share(step, steps))

    def redraw(self, cells: Cells, hidden: Mask, allowed: Mask | None = None) -> Cells:
        """Scores with the `hidden` cells drawn anew, given all others, in `parts` goes."""
        cells, known = cells.copy(), ~hidden
        for part in self._parts(hidden):
            log_p = self.predict(cells, known)
            if allowed is not None:
                log_p = np.where(allowed, log_p, -np.inf)
            cells[part] = self.draw(log_p[part])
            known = known | part
        return cells

    def _parts(self, hidden: Mask) -> list[Mask]:
        """Hidden cells (B, V, T) dealt at random into masks of nearly equal size in each score."""
        most = int(hidden.sum((1, 2)).max(initial=0))
        count = min(self.sampling.parts or most, most)
        if count <= 1:
            return [hidden] if most else []
        order = self.rng.random(hidden.shape)
        order[~hidden] = np.inf
        rank = order.reshape(len(order), -1).argsort(-1).argsort(-1).reshape(hidden.shape)
        size = np.maximum(hidden.sum((1, 2), keepdims=True), 1)
        turn = rank * count // size
        return [hidden & (turn == i) for i in range(count)]

    def draw(self, log_p: Floats) -> Cells:
        """One class for each row of log-probabilities (n, classes), at the temperature (0: the most likely)."""
        if self.sampling.temperature < _HAIR:
            return np.asarray(log_p.argmax(-1))
        noise = self.rng.gumbel(size=log_p.shape)
        return np.asarray((log_p / self.sampling.temperature + noise).argmax(-1))
