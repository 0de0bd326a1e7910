"""A sink that keeps what it is sent, and one that breaks."""

from __future__ import annotations

import time

import numpy as np

from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.music.event import EVENT, Event, Events
from antiphon.music.ledger import Ledger
from antiphon.ports.base import PortError
from tests.jam.bands import pair
from tests.jam.scripted import RandomModel


class Tape:
    """Keeps each event with the monotonic time at which it came; closes what sounds as a real sink does."""

    def __init__(self, breaks_after: int = 1 << 30) -> None:
        self.taken: list[tuple[float, Event]] = []
        self.ledger = Ledger()
        self.closed = False
        self.gone = False
        self._breaks_after = breaks_after

    def send(self, event: Event) -> None:
        if len(self.taken) >= self._breaks_after:
            raise PortError("the tape is torn")
        self.taken.append((time.monotonic(), event))
        self.ledger.apply(event)

    def missing(self) -> str | None:
        return "the tape has run out" if self.gone else None

    def silence(self) -> None:
        for event in self.ledger.closing(time.monotonic()):
            self.taken.append((event.at, event))
            self.ledger.apply(event)

    def close(self) -> None:
        self.closed = True


def tune(*notes: tuple[float, float, int], instrument: int = 0) -> Events:
    """Notes of (onset, release, pitch) as events in order of time."""
    rows = [(on, instrument, pitch, 80) for on, _, pitch in notes]
    rows += [(off, instrument, pitch, 0) for _, off, pitch in notes]
    return np.array(sorted(rows, key=lambda row: (row[0], row[3] > 0)), EVENT)


def random_jam(seed: int = 1, pace: float = 0.03, **settings: object) -> Improviser:
    """An improviser with a random model as instrument `ME`."""
    return Improviser(RandomModel(pace), Settings(settings), np.random.default_rng(seed), pair())
