"""Memory: the last seconds, bars or notes of what was played, and a model whose context is kept to them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np

from antiphon.engine.model import Constraints, Model, NothingPossible
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Key, Ledger

__all__ = ["LONGEST", "Context", "Memory"]

MOST = 4096
"""Events kept however long the memory, so that a storm of notes stays bounded."""
LONGEST = 600.0
"""Seconds that a memory reaches back at most, whatever it is measured in."""
LEAST = 16
"""Onsets that must have come at least before a memory of notes is worth renewing the context."""


class Memory:
    """The newest events, and the onsets before them that still sounded when they began.

    It reaches `seconds` back, or as far as the last `notes` onsets, whichever is less.
    """

    def __init__(self, seconds: float, notes: float = math.inf) -> None:
        self.seconds = seconds
        self.notes = notes
        self._events: deque[Event] = deque()
        self._opening: dict[Key, Event] = {}
        self._onsets = 0

    def __len__(self) -> int:
        return len(self._opening) + len(self._events)

    def __iter__(self) -> Iterator[Event]:
        """A clean stream in order of time: each release in it has its onset before it."""
        yield from self._opening.values()
        yield from self._events

    def keep(self, event: Event) -> None:
        """Remember `event`, the newest, and forget what lies too far back. O(1), amortised."""
        self._events.append(event)
        self._onsets += event.is_onset
        while self._reaches_too_far(event.at):
            self._forget(self._events.popleft())

    def drop(self, events: Collection[Event]) -> None:
        """Forget `events` as if they had never been, and the releases of notes that were struck by them."""
        gone = set(events)
        kept = [event for event in self if event not in gone]
        self.clear()
        sounding = Ledger()
        for event in kept:
            if event.is_onset or (event.instrument, event.pitch) in sounding:
                sounding.apply(event)
                self.keep(event)

    def clear(self) -> None:
        """Forget everything."""
        self._events.clear()
        self._opening.clear()
        self._onsets = 0

    def _reaches_too_far(self, now: float) -> bool:
        oldest = self._events[0]
        return oldest.at < now - self.seconds or self._onsets > self.notes or len(self._events) > MOST

    def _forget(self, event: Event) -> None:
        self._onsets -= event.is_onset
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
        self._sounding: dict[Key, Event] = {}  # the onsets that the model was told of, also where the memory was not
        self._reach = np.inf  # seconds: where the model's context begins
        self._fed = 0  # onsets since it was last renewed
        self._latest = -np.inf
        self._outdated = False  # the memory does not hold all that the model knows
        self._invalid = False  # the model knows what must be forgotten: not to be asked before it is renewed
        self._growing: Any = None
        self._ahead: deque[tuple[Event, Grid | None]] = deque()  # what the growing state has not heard yet
        self._beats: deque[tuple[float, Grid | None]] = deque(maxlen=MOST)  # since when beats were known to fall where

    @property
    def latest(self) -> float:
        """Seconds at which the last event was fed; -inf before the first."""
        return self._latest

    @property
    def is_stale(self) -> bool:
        """True when `renew` has something to do."""
        if self._growing is not None or self._invalid or self._outdated:
            return True
        memory = self.memory
        too_long = self._latest - self._reach > (1 + self.SLACK) * memory.seconds
        return too_long or self._fed > max(self.SLACK * memory.notes, LEAST)

    @property
    def is_invalid(self) -> bool:
        """True when nothing can be asked before `renew` has done its work."""
        return self._invalid

    def feed(self, event: Event, beat: Grid | None = None, *, remember: bool = True) -> None:
        """Hear `event`; its time must not run backwards. Without `remember`, the next renewal forgets it.

        `beat` is where beats are known to fall at this time: the model hears it with the event, and again with what is
        remembered.
        """
        if not self._invalid:
            self._model.feed(event, beat)
        self._keep_time(event.at, beat)
        key = (event.instrument, event.pitch)
        self._sounding.pop(key, None)
        if event.is_onset:
            self._sounding[key] = event
        if remember:
            self.memory.keep(event)
        self._reach = min(self._reach, event.at)
        self._fed += event.is_onset
        self._latest = event.at
        if self._growing is not None:
            self._ahead.append((event, beat))

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """The model's next event. Raises `NothingPossible`, also while `is_invalid`."""
        if self._invalid:
            raise NothingPossible("the model is still being told what to go by")
        return self._model.sample(constraints, rng)

    def forget(self, events: Iterable[Event] | None = None) -> None:
        """Take `events` (all when None) out of memory, and out of the model with the next renewal; what sounds stays.

        Also the way back after the model has failed: nothing is asked of it before it was grown anew.
        """
        if events is None:
            self.memory.clear()
        else:
            self.memory.drop(frozenset(events))
        self.renew_all()

    def recall(self, events: Iterable[Event]) -> None:
        """Remember `events`, which were played before and sound no more; their times must not run backwards."""
        for event in _cleaned(events):
            self.memory.keep(event)
            self._keep_time(event.at, None)
            self._latest = max(self._latest, event.at)
        self._reach = min(self._reach, self._latest)
        self.renew_all()

    def adopt(self, exchange: Callable[[Model], Model]) -> Model:
        """Go on with the model that `exchange` gives for the one so far, which is handed to it as it began.

        It must have heard nothing; the next renewals tell it what is remembered, and until then it cannot be asked.
        """
        self._model.restore(self._blank)
        self._model = exchange(self._model)
        self._blank = self._model.snapshot()
        self.renew_all()
        return self._model

    def refresh(self) -> None:
        """Let the next renewals take out of the model what was fed and not remembered; it can be asked meanwhile."""
        self._outdated = True

    def renew_all(self) -> None:
        """Let the next renewals grow the model anew out of the memory; until then nothing can be asked."""
        self._growing, self._invalid = None, True

    def renew(self, most: int) -> None:
        """Work on a context that begins where the memory does, feeding at most `most` events."""
        if self._growing is None:
            self._growing, self._ahead = self._blank, deque(self._in_time(self._remembered()))
            self._reach_next = self._latest - self.memory.seconds
            self._fed, self._outdated = 0, False
        playing = None if self._invalid else self._model.snapshot()
        self._model.restore(self._growing)
        for _ in range(min(most, len(self._ahead))):
            self._model.feed(*self._ahead.popleft())
        if self._ahead:
            self._growing = self._model.snapshot()
            if not self._invalid:
                self._model.restore(playing)
        else:
            self._growing, self._invalid = None, False
            self._reach = self._reach_next

    def _keep_time(self, at: float, beat: Grid | None) -> None:
        if beat != (self._beats[-1][1] if self._beats else None):
            self._beats.append((at, beat))

    def _in_time(self, events: Iterable[Event]) -> Iterator[tuple[Event, Grid | None]]:
        """`events`, in order of time, each with where beats were last known to fall by then."""
        changes, beat = deque(self._beats), None
        for event in events:
            while changes and changes[0][0] <= event.at:
                beat = changes.popleft()[1]
            yield event, beat

    def _remembered(self) -> list[Event]:
        """The memory as a clean stream at whose end just the notes sound that sound now."""
        events = list(self.memory)
        known = Ledger()
        for event in events:
            known.apply(event)
        unknown = [onset for key, onset in self._sounding.items() if key not in known]
        clean = _cleaned(sorted(events + unknown, key=lambda event: event.at))
        ended = [Event(self._latest, *key, 0) for key in known if key not in self._sounding]
        return clean + ended


def _cleaned(events: Iterable[Event]) -> list[Event]:
    """`events` with each onset on a silent key and each release on a sounding one.

    Memory may hold a release whose onset was forgotten or was never to be remembered, and the other way round.
    """
    clean: list[Event] = []
    sounding = Ledger()
    for event in events:
        key = (event.instrument, event.pitch)
        if event.is_onset and key in sounding:
            clean.append(Event(event.at, *key, 0))
        if event.is_onset or key in sounding:
            clean.append(event)
            sounding.apply(event)
    return clean
