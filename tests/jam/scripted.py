"""A model that plays at random but keeps every constraint: a stand-in where music does not matter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiphon.engine.model import Constraints, NothingPossible, Voice
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Key, Ledger


@dataclass(frozen=True)
class _Choice:
    """One key that may change, between two times, both inclusive."""

    key: Key
    strikes: bool
    earliest: float
    latest: float
    voice: Voice


class RandomModel:
    """`pace` is the mean wait in seconds; now and then it wants to wait a hundred times as long."""

    def __init__(self, pace: float = 0.1) -> None:
        self.pace = pace
        self.fed = 0
        self.name = "random"
        self._ledger = Ledger()
        self._latest = -math.inf

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        key = (event.instrument, event.pitch)
        assert event.at >= self._latest, f"{event} is fed after {self._latest}"
        assert event.is_onset != (key in self._ledger), f"{event} does not follow from {self._ledger.sounding}"
        self._ledger.apply(event)
        self._latest = event.at
        self.fed += 1

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        earliest = max(constraints.earliest, self._latest)
        latest = min(constraints.latest, self._must_by(constraints, earliest))
        choices = [c for c in self._choices(constraints, earliest, latest) if c.earliest <= c.latest]
        strikes = [c for c in choices if c.strikes]
        releases = [c for c in choices if not c.strikes]
        odds = constraints.onset_weight * len(strikes)
        if not choices:
            raise NothingPossible("no key may change")
        among = strikes if rng.random() * (odds + len(releases)) < odds else releases
        chosen = among[int(rng.integers(len(among)))]
        velocity = rng.integers(chosen.voice.min_velocity, chosen.voice.max_velocity + 1) if chosen.strikes else 0
        return Event(self._when(chosen, rng), *chosen.key, int(velocity))

    def snapshot(self) -> Any:
        return self._ledger.copy(), self._latest

    def restore(self, state: Any) -> None:
        ledger, self._latest = state
        self._ledger = ledger.copy()

    def _when(self, choice: _Choice, rng: np.random.Generator) -> float:
        pace = self.pace * (100 if rng.random() < 0.02 else 1)
        return float(min(choice.earliest + rng.exponential(pace), choice.latest))

    def _must_by(self, constraints: Constraints, earliest: float) -> float:
        """When the first of the notes must end that may not last longer."""
        ends = [
            at + constraints.voices[instrument].max_length
            for (instrument, _), at in self._ledger.sounding.items()
            if instrument in constraints.voices
        ]
        return max(min(ends, default=math.inf), earliest)

    def _choices(self, constraints: Constraints, earliest: float, latest: float) -> list[_Choice]:
        choices = []
        for instrument, voice in constraints.voices.items():
            held = [key for key in self._ledger if key[0] == instrument]
            for key in held:
                ripe = max(earliest, self._ledger.sounding[key] + voice.min_length)
                choices.append(_Choice(key, False, ripe, latest, voice))
            if voice.may_start and len(held) < voice.max_polyphony:
                free = np.ones(128, np.bool_) if voice.pitches is None else voice.pitches.copy()
                free[[pitch for _, pitch in held]] = False
                choices += [_Choice((instrument, int(p)), True, earliest, latest, voice) for p in np.flatnonzero(free)]
        return choices
