"""The shelf: models that are opened beside the playing, so that a jam can go on with another one without a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from antiphon.engine.model import Constraints, Model, NothingPossible, Voice
from antiphon.music.event import Event
from antiphon.ports.base import Listener

__all__ = ["Shelf", "warm_up"]


class Shelf:
    """A source that asks for the action `model` again once the model that was asked for is open."""

    def __init__(self, open_model: Callable[[str], Model]) -> None:
        self._open_model = open_model
        self._ready: dict[str, Model] = {}
        self._listener: Listener | None = None

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`."""
        self._listener = listener

    def close(self) -> None:
        """Tell nothing more."""
        self._listener = None

    def has(self, name: str) -> bool:
        """Whether the model called `name` is open. If not it is being opened from now on, in a thread of its own."""
        if name not in self._ready:
            threading.Thread(target=self._fetch, args=(name,), name="model", daemon=True).start()
        return name in self._ready

    def take(self, name: str) -> Model:
        """The model called `name`, which has heard nothing; opened now if need be. Raises `ValueError`."""
        return self._ready.pop(name, None) or self._opened(name)

    def _opened(self, name: str) -> Model:
        if name == "markov":
            raise ValueError("the learner is always there: turn the control learner to 1 to hear it alone")
        model = self._open_model(name)
        warm_up(model)
        return model

    def _fetch(self, name: str) -> None:
        try:
            model = self._opened(name)
        except Exception as error:  # whatever was wrong with it, the jam goes on with the model that it has
            if self._listener is not None:
                self._listener.notice(" ".join(str(error).split()))
            return
        self._ready[name] = model
        if self._listener is not None:
            self._listener.act("model", name)


def warm_up(model: Model) -> None:
    """Feed and ask a model once, then take it back: the first call of each graph is the slowest."""
    before = model.snapshot()
    model.feed(Event(0.0, 0, 60, 80))
    try:
        model.sample(Constraints({0: Voice()}), np.random.default_rng(0))
    except NothingPossible:
        pass
    finally:
        model.restore(before)
