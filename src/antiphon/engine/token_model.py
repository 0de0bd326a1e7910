"""The token model: feeds a source of words what happened, and walks its words to what may come next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiphon.codec.token import TokenEncoder
from antiphon.engine.model import Constraints
from antiphon.engine.token_walk import Rhythm, Words, walk
from antiphon.music.event import Event, check_event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Ledger

__all__ = ["Snapshot", "TokenModel"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a model remembers."""

    words: Any
    ledger: Ledger
    tick: int | None
    at: float


class TokenModel:
    """A model over one stream of events, all instruments but drums one keyboard; see `engine.model.Model`.

    It hears no drums and strikes none; what it does with every other event is told in `engine.token_walk`.
    """

    def __init__(self, words: Words, name: str) -> None:
        self.words, self.name = words, name
        self._nothing = words.snapshot()
        self.reset()

    def reset(self) -> None:
        """Remember nothing, as when it was opened."""
        self.words.restore(self._nothing)
        self._ledger = Ledger()
        self._encoder = TokenEncoder()
        self._at = -math.inf

    def feed(self, event: Event, beat: Grid | None = None) -> None:  # noqa: ARG002 - words know of no beats
        """Hear an event. A release of what does not sound is ignored; striking a sounding key first releases it.

        Raises ValueError, and changes nothing, for a time that is not a number or a field out of range.
        """
        check_event(event)
        for real in self._ledger.meant(event):
            self._hear(real)

    def _hear(self, event: Event) -> None:
        self._at = max(event.at, self._at)  # what comes late counts as simultaneous with the last event
        heard = Event(self._at, event.instrument, event.pitch, event.velocity)
        self._ledger.apply(heard)
        for word in self._encoder.encode(heard):
            self.words.hear(word)

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """Draw the next event. Raises NothingPossible when the constraints leave none."""
        rhythm = self.rhythm(constraints)
        return walk(self.words, constraints, self._ledger, self._at, self._encoder.last_tick, rng, rhythm)

    def rhythm(self, constraints: Constraints) -> Rhythm | None:
        """What a beat makes of the times of onsets: nothing, unless a model knows better."""
        del constraints
        return None

    def snapshot(self) -> Snapshot:
        """All that is remembered."""
        return Snapshot(self.words.snapshot(), self._ledger.copy(), self._encoder.last_tick, self._at)

    def restore(self, state: Snapshot) -> None:
        """Remember just what was remembered when `state` was taken."""
        self.words.restore(state.words)
        self._ledger, self._at = state.ledger.copy(), state.at
        self._encoder = TokenEncoder(state.tick)
