"""What a model has in mind while it hears music, as features by which pieces can be compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.engine.neural import NeuralModel
from antiphon.music.event import Event, Events

__all__ = ["WINDOW", "features"]

WINDOW = 16
"""Events whose states of mind are averaged to one feature."""


def features(model: NeuralModel, events: Events) -> npt.NDArray[np.float64]:
    """One row for each `WINDOW` of `events` (dtype `EVENT`), shape (len // WINDOW, head width).

    A row is the mean of what the heads are given after each event; the model is left having heard them.
    """
    model.reset()
    rows = []
    for event in events[: len(events) // WINDOW * WINDOW]:
        model.feed(Event(*event.item()))
        rows.append(model.snapshot().base[0])
    if not rows:
        return np.empty((0, model.snapshot().base.shape[1]))
    windows = np.asarray(rows, np.float64).reshape(-1, WINDOW, len(rows[0]))
    return np.asarray(windows.mean(1))
