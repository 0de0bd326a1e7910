"""A sink that keeps what it is sent, and jams short enough for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np

from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.improviser import Improviser
from antiphon.music.event import EVENT, Event, Events
from antiphon.music.ledger import Ledger
from antiphon.ports.base import Listener
from tests.jam.bands import pair
from tests.jam.scripted import RandomModel


class Tape:
    """Keeps each event with the monotonic time at which it came; closes what sounds as a real sink does."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, Event]] = []
        self.ticks: list[tuple[float, bytes]] = []
        self.arranged: list[Ensemble] = []
        self.ledger = Ledger()
        self.panics = 0
        self.closed = False
        self.listener: Listener | None = None
        self._left: Callable[[Event, float], None] = lambda event, at: None

    def open(self, listener: Listener, left: Callable[[Event, float], None]) -> None:
        self.listener, self._left = listener, left

    def post(self, events: Iterable[Event]) -> None:
        for event in events:
            self.pass_on(event)
            self._left(event, event.at)

    def pass_on(self, event: Event) -> None:
        self.taken.append((time.monotonic(), event))
        self.ledger.apply(event)

    def tick(self, messages: Iterable[tuple[float, bytes]]) -> None:
        self.ticks += messages

    def arrange(self, ensemble: Ensemble) -> None:
        self.arranged.append(ensemble)

    def silence(self) -> None:
        for event in self.ledger.closing(time.monotonic()):
            self.taken.append((event.at, event))
            self.ledger.apply(event)

    def panic(self) -> None:
        self.panics += 1
        self.silence()

    def close(self) -> None:
        self.closed = True


def tune(*notes: tuple[float, float, int], instrument: int = 0) -> Events:
    """Notes of (onset, release, pitch) as events in order of time."""
    rows = [(on, instrument, pitch, 80) for on, _, pitch in notes]
    rows += [(off, instrument, pitch, 0) for _, off, pitch in notes]
    return np.array(sorted(rows, key=lambda row: (row[0], row[3] > 0)), EVENT)


def random_jam(seed: int = 1, pace: float = 0.03, **settings: object) -> Improviser:
    """An improviser with a random model."""
    return Improviser(RandomModel(pace), Settings(settings), np.random.default_rng(seed), pair())
