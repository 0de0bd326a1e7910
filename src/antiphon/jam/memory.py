"""Memory: the last seconds of what everyone played, and a model whose context is kept to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from antiphon.engine.model import Constraints, Model
from antiphon.music.event import Event
from antiphon.music.ledger import Key

__all__ = ["Context", "Memory"]

MOST = 4096
"""Events kept however long the memory, so that a storm of notes stays bounded."""


class Memory:
    """The events of the last `seconds`, and the onsets before them that still sounded when they began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._events: deque[Event] = deque()
        self._opening: dict[Key, Event] = {}

    def __len__(self) -> int:
        return len(self._opening) + len(self._events)

    def __iter__(self) -> Iterator[Event]:
        """A clean stream in order of time: each release in it has its onset before it."""
        yield from self._opening.values()
        yield from self._events

    def keep(self, event: Event) -> None:
        """Remember `event`, the newest, and forget what is more than `seconds` older. O(1), amortised."""
        self._events.append(event)
        while self._events[0].at < event.at - self.seconds or len(self._events) > MOST:
            self._forget(self._events.popleft())

    def _forget(self, event: Event) -> None:
        key = (event.instrument, event.pitch)
        self._opening.pop(key, None)
        if event.is_onset:
            self._opening[key] = event


class Context:
    """A model that is kept to the memory: what lies further back is taken out of its state, a little at a time.

    A model's state cannot forget by itself, so a second state is grown from nothing out of the memory's events, a few
    at each `renew`, while the first one goes on playing; when it has caught up it takes over. What sounds is known to
    both, so this may happen in the middle of notes.
    """

    SLACK = 0.5
    """The context may reach this share further back than the memory before it is renewed."""

    def __init__(self, model: Model, seconds: float) -> None:
        self.memory = Memory(seconds)
        self._model = model
        self._blank = model.snapshot()
        self._reach = np.inf  # seconds: where the model's context begins
        self._latest = -np.inf
        self._growing: Any = None
        self._ahead: deque[Event] = deque()  # what the growing state has not heard yet

    @property
    def latest(self) -> float:
        """Seconds at which the last event was fed; -inf before the first."""
        return self._latest

    @property
    def is_stale(self) -> bool:
        """True when `renew` has something to do."""
        if self._growing is not None:
            return True
        return self._latest - self._reach > (1 + self.SLACK) * self.memory.seconds

    def feed(self, event: Event) -> None:
        """Hear `event`; its time must not run backwards."""
        self._model.feed(event)
        self.memory.keep(event)
        self._reach = min(self._reach, event.at)
        self._latest = event.at
        if self._growing is not None:
            self._ahead.append(event)

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """The model's next event. Raises `NothingPossible`."""
        return self._model.sample(constraints, rng)

    def renew(self, most: int) -> None:
        """Work on a context that begins where the memory does, feeding at most `most` events."""
        if self._growing is None:
            self._growing, self._ahead = self._blank, deque(self.memory)
            self._reach_next = self._latest - self.memory.seconds
        playing = self._model.snapshot()
        self._model.restore(self._growing)
        for _ in range(min(most, len(self._ahead))):
            self._model.feed(self._ahead.popleft())
        if self._ahead:
            self._growing = self._model.snapshot()
            self._model.restore(playing)
        else:
            self._growing, self._reach = None, self._reach_next
