"""The session that an OSC server holds: one model, and the clock of those who tell times as seconds since the last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from antiphon.engine import NothingPossible, OpenedModel, Steer, Voice
from antiphon.faces.osc_query import Heard, Wish
from antiphon.music.event import Event, Events

__all__ = ["Drawn", "Prepared", "Session", "prepared"]

_TRIES = 32
"""Draws until a release is one of those asked for; after so many, new notes alone are drawn."""
_NO_RELEASE = 128


@dataclass(frozen=True, slots=True)
class Drawn:
    """The event that was drawn: `since` in seconds after the last; `step`, of the session when it was drawn."""

    instrument: int
    pitch: int
    since: float
    velocity: int
    step: int

    @property
    def heard(self) -> Heard:
        """What is fed when it is kept."""
        return Heard(self.instrument, self.pitch, self.since, self.velocity)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model that has heard what it is to begin with, and its state then."""

    model: OpenedModel
    state: Any
    at: float
    prompted: bool


def prepared(model: OpenedModel, events: Events | None) -> Prepared:
    """Let a fresh model hear a piece. Takes as long as the model needs for that."""
    at = 0.0
    for event in [] if events is None else events:
        heard = Event(*event.item())
        model.feed(heard)
        at = heard.at
    return Prepared(model, model.snapshot(), at, events is not None)


class Session:
    """One stream of events. What cannot be done raises ValueError and changes nothing."""

    def __init__(self, beginning: Prepared, rng: np.random.Generator) -> None:
        self._rng = rng
        self._journal: list[Heard] | None = None
        self._begin(beginning)

    def _begin(self, beginning: Prepared) -> None:
        self.model = beginning.model
        self._start = beginning
        self.reset()

    @property
    def sounding(self) -> int:
        """How many notes sound."""
        return len(self.model.snapshot().ledger)

    def reset(self, *, start: bool = False) -> None:
        """Begin anew after what was prompted; with `start`, forget that too."""
        if start and self._start.prompted:
            self._start = prepared(self.model.fresh(), None)
            self.model = self._start.model
        self.model.restore(self._start.state)
        self.at = self._start.at
        self.step = 0 if self._start.prompted else 1  # Notochord counts the start token as a step
        if self._journal is not None:
            self._journal.clear()

    def prepare(self) -> None:
        """From now until `take_over`, keep what is fed: it comes after what is being prepared."""
        self._journal = []

    def abandon(self) -> None:
        """What was being prepared does not come."""
        self._journal = None

    def take_over(self, beginning: Prepared) -> None:
        """Go on from what was prepared, with what has been fed since it was asked for."""
        since, self._journal = self._journal or [], None
        self._begin(beginning)
        for event in since:
            self._feed(event)

    def feed(self, *events: Heard) -> None:
        """Hear events: all of them, or none."""
        with self._all_or_nothing():
            for event in events:
                self._feed(event)
        if self._journal is not None:
            self._journal += events

    def draw(self, wish: Wish, *events: Heard) -> Drawn:
        """Hear events, and draw the one that follows them; if that cannot be, they have not been heard either.

        Raises NothingPossible.
        """
        with self._all_or_nothing():
            self.feed(*events)
            return self._drawn(wish)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before, journal = (self.model.snapshot(), self.at, self.step), len(self._journal or ())
        try:
            yield
        except BaseException:
            state, self.at, self.step = before
            self.model.restore(state)
            del (self._journal or [])[journal:]
            raise

    def overtaken(self, instrument: int | None, since: float) -> list[Heard]:
        """The releases of what `instrument` (None for everyone) will have struck before `since` seconds from the last
        event: all of them then, so that only the first is later than the one before."""
        releases = [
            Heard(who, pitch, 0.0, 0)
            for (who, pitch), onset in self.model.snapshot().ledger.sounding.items()
            if onset < self.at + since and instrument in (None, who)
        ]
        return [replace(releases[0], since=since), *releases[1:]] if releases else []

    def _feed(self, heard: Heard) -> None:
        at = self.at + heard.since
        event = Event(at, heard.instrument, heard.pitch, heard.velocity)
        self.model.feed(event)
        self.at = at
        self.step += 1

    def _drawn(self, wish: Wish) -> Drawn:
        event = self._ranked(wish, wish.rank) if wish.rank is not None else self._released(wish)
        return Drawn(event.instrument, event.pitch, event.at - self.at, event.velocity, self.step)

    def _released(self, wish: Wish) -> Event:
        """Draw until it is no release but one that was asked for."""
        constraints = wish.constraints(self.at)
        for _ in range(_TRIES):
            event = self.model.sample(constraints, self._rng)
            if wish.allows(event):
                return event
        onsets = {i: replace(voice, min_polyphony=_NO_RELEASE) for i, voice in wish.voices.items() if voice.may_start}
        if not onsets:
            raise NothingPossible("nothing that sounds is among the pitches")
        return self.model.sample(replace(constraints, voices=onsets), self._rng)

    def _ranked(self, wish: Wish, rank: int) -> Event:
        """The event with the pitch of this rank, everything else being drawn first."""
        event = self._released(wish)
        if not event.is_onset or "pitch" in wish.fixed:
            return event
        voice = wish.voices[event.instrument]
        left = np.ones(128, np.bool_) if voice.pitches is None else voice.pitches.copy()
        fixed = {"instrument": event.instrument, "time": event.at, "velocity": event.velocity}
        steer = {"pitch": Steer(temperature=0.0)}
        for _ in range(rank):
            left[event.pitch] = False
            voices: dict[int, Voice] = {event.instrument: replace(voice, pitches=left.copy())}
            constraints = replace(wish.constraints(self.at), voices=voices, fixed=fixed, steer=steer)
            event = self.model.sample(constraints, self._rng)
        return event
