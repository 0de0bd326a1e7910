"""Annealed blocked Gibbs sampling of scores, many at once (Yao et al. 2014; Huang et al. 2017, section 4).

Each step hides a share of the free cells, asks the model once what they may be given all others, and draws them. The
share falls from nearly all to a twentieth: first broad strokes, then corrections. Cells drawn in one go do not see each
other. `together` bounds what that can spoil: each go takes cells in random order only as long as the entropies of all
but the least sure of them add up to no more, and sees those before it (entropy-bounded unmasking: Ben-Hamu et al. 2025,
arXiv 2505.24857; there the surest come first, which makes dull music). With 0 this is ancestral sampling in the block.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import Cells

__all__ = ["Annealing", "Gibbs", "LogProbabilities", "Sampled", "Sampling", "Schedule", "steps_for"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
LogProbabilities = Callable[[Cells, Mask], Floats]
"""Log-probabilities (B, V, T, classes) of the cells (B, V, T) of which a mask (B, V, T) is known."""

_FEWEST, _MOST = 8, 128  # steps chosen by `steps_for`
_LINE_STEPS, _LINE_TOGETHER = 17, 0.3
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
class Schedule:
    """So many steps, the share of cells that each hides, and how unsure (nats) may be what is drawn together."""

    steps: int
    annealing: Annealing
    together: float


@dataclass(frozen=True)
class Sampling:
    """How to sample; None: as suits the cells that are free, by `schedule_for`.

    `together`: nats; 0 draws one cell at a time, `math.inf` all that a step hides at once.
    """

    steps: int | None = None
    temperature: float = 0.9
    together: float | None = None
    annealing: Annealing | None = None
    settled: int = 4  # steps in a row without any change, after which a result will not change either; 0: never stop

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"there must be 1 step or more, not {self.steps}")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"the temperature must be 0 or more, not {self.temperature:g}")
        if self.together is not None and not self.together >= 0:
            raise ValueError(f"the nats drawn together must be 0 or more, not {self.together:g}")
        if self.settled < 0:
            raise ValueError(f"the steps without a change must be 0 or more, not {self.settled}")

    def schedule_for(self, free: Mask) -> Schedule:
        """The schedule for the free cells (B, V, T).

        A line among known ones is nearly certain: it is drawn with care at once, then mended. Several voices are found
        together, by many steps that each ask once.
        """
        if free.sum(1).max(initial=0) <= 1:
            suits = Schedule(_LINE_STEPS, Annealing(most=0.3, slope=1.0), _LINE_TOGETHER)
        else:
            suits = Schedule(steps_for(free), Annealing(), math.inf)
        return Schedule(
            suits.steps if self.steps is None else self.steps,
            suits.annealing if self.annealing is None else self.annealing,
            suits.together if self.together is None else self.together,
        )


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
        schedule, quiet = self.sampling.schedule_for(free), 0
        for step in range(schedule.steps):
            share = 1.0 if fresh and step == 0 else schedule.annealing.share(step, schedule.steps)
            before = cells
            cells = self._redraw(cells, free & (self.rng.random(free.shape) < share), allowed, schedule.together)
            self.progress(step + 1, schedule.steps)
            quiet = quiet + 1 if np.array_equal(before, cells) else 0
            if self.sampling.settled and quiet >= self.sampling.settled:
                return Sampled(cells, step + 1)
        return Sampled(cells, schedule.steps)

    def _redraw(self, cells: Cells, hidden: Mask, allowed: Mask | None, together: float) -> Cells:
        """Scores with the `hidden` cells drawn anew, given all others, each go seeing those before it."""
        cells, hidden = cells.copy(), hidden.copy()
        while hidden.any():
            log_p = self.predict(cells, ~hidden)
            if allowed is not None:
                log_p = np.where(allowed, log_p, -np.inf)
            now = hidden if math.isinf(together) else self._together(log_p, hidden, together)
            cells[now] = self.draw(log_p[now])
            hidden = hidden & ~now
        return cells

    def _together(self, log_p: Floats, hidden: Mask, most: float) -> Mask:
        """Hidden cells in random order, at least one a score, whose entropies but the largest are `most` or less."""
        p = np.exp(log_p - np.logaddexp.reduce(log_p, axis=-1, keepdims=True))
        unsure = -(p * np.log(np.where(p > 0, p, 1))).sum(-1).reshape(len(p), -1)
        order = np.where(hidden, self.rng.random(hidden.shape), 2).reshape(len(p), -1).argsort(-1)
        met = np.take_along_axis(unsure, order, -1)
        few = met.cumsum(-1) - np.maximum.accumulate(met, -1) <= most
        few[:, 0] = True  # even of a net that gives no numbers
        now = np.empty(order.shape, bool)
        np.put_along_axis(now, order, few, -1)
        return hidden & now.reshape(hidden.shape)

    def draw(self, log_p: Floats) -> Cells:
        """One class for each row of log-probabilities (n, classes), at the temperature (0: the most likely)."""
        if self.sampling.temperature < _HAIR:
            return np.asarray(log_p.argmax(-1))
        noise = self.rng.gumbel(size=log_p.shape)
        return np.asarray((log_p / self.sampling.temperature + noise).argmax(-1))
