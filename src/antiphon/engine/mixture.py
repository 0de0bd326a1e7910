"""Two models as one: both hear everything, and now this one answers, now that one."""

from __future__ import annotations

from typing import Any

import numpy as np

from antiphon.engine.model import Constraints, Model, NothingPossible
from antiphon.music.event import Event
from antiphon.music.grid import Grid

__all__ = ["Mixture"]


class Mixture:
    """Answers with `learner` at the probability `share`, 0 to 1, and with `trained` else; see `engine.model.Model`.

    Where the one that is asked finds nothing possible, the other one is asked.
    """

    def __init__(self, trained: Model, learner: Model, share: float = 0.5) -> None:
        self.trained = trained
        self.learner = learner
        self.share = share
        names = (str(getattr(model, "name", "a model")) for model in (trained, learner))
        self.name = " and ".join(names)

    def exchanged(self, trained: Model) -> Mixture:
        """The same learner, at the same share, with another model."""
        return Mixture(trained, self.learner, self.share)

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        """Let both hear `event`. Raises ValueError, and neither has heard it, for what is no event."""
        before = self.trained.snapshot()
        self.trained.feed(event, beat)
        try:
            self.learner.feed(event, beat)
        except Exception:
            self.trained.restore(before)
            raise

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """The next event of one of the two. Raises NothingPossible when neither finds any."""
        first, second = self.trained, self.learner
        if rng.random() < self.share:
            first, second = second, first
        try:
            return first.sample(constraints, rng)
        except NothingPossible:
            return second.sample(constraints, rng)

    def snapshot(self) -> Any:
        """The states of both."""
        return self.trained.snapshot(), self.learner.snapshot()

    def restore(self, state: Any) -> None:
        """Back to the states of both."""
        trained, learner = state
        self.trained.restore(trained)
        self.learner.restore(learner)
