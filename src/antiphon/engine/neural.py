"""The neural model: carries a bundle's state, feeds it events, draws the next one field by field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.beats import grid_features
from antiphon.codec.sounding import features
from antiphon.codec.stream import (
    INSTRUMENT,
    PITCH,
    SIZES,
    TIME,
    TIME_FIRST,
    TIME_LAST,
    VELOCITY,
    StreamEncoder,
    tick_of,
    time_bin,
)
from antiphon.engine.bundle import Array, Bundle, State
from antiphon.engine.choices import Choices
from antiphon.engine.draw import draw, probabilities, struck_or_released
from antiphon.engine.model import FIELDS, Constraints, Steer
from antiphon.music.beats import NO_BEATS, Beats, grid_at
from antiphon.music.event import Event, Events, check_event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Ledger

__all__ = ["NeuralModel", "Snapshot"]

_PLAIN = Steer()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a model remembers. Its arrays are never written to."""

    base: Array
    sounding: Array
    state: State
    ledger: Ledger
    tick: int | None
    at: float


class NeuralModel:
    """A model over one stream of events; see `engine.model.Model` for the three questions."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.name = bundle.name
        self.reset()

    def reset(self) -> None:
        """Remember nothing, as when it was opened."""
        self._ledger = Ledger()
        self._encoder = StreamEncoder()
        self._at = -math.inf
        self._sounding = self._told(0.0, None)
        code = np.zeros((1, 4), np.int64)
        self._base, self._state = self.bundle.hear(code, True, self._sounding, self.bundle.initial())

    def fresh(self) -> NeuralModel:
        """Another model of the same bundle, which has heard nothing."""
        return NeuralModel(self.bundle)

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        """Hear an event. A release of what does not sound is ignored; striking a sounding key first releases it.

        A bundle that knows of no beats makes nothing of `beat`.
        Raises ValueError, and changes nothing, for a time that is not a number or a field out of range.
        """
        check_event(event)
        for real in self._ledger.meant(event):
            self._hear(real, beat)

    def _hear(self, event: Event, beat: Grid | None) -> None:
        at = max(event.at, self._at)  # what comes late counts as simultaneous with the last event
        code = np.array([self._encoder.encode(Event(at, event.instrument, event.pitch, event.velocity))], np.int64)
        self._at = at
        self._ledger.apply(Event(at, event.instrument, event.pitch, event.velocity))
        self._sounding = self._told(at, beat)
        self._base, self._state = self.bundle.hear(code, False, self._sounding, self._state)

    def _told(self, at: float, beat: Grid | None) -> Array:
        """What the graphs are told beside the event at `at` seconds, shape (1, F)."""
        sounding = features(self._ledger, at)
        return (np.append(sounding, grid_features(beat, at)) if self.bundle.knows_beats else sounding)[None]

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """Draw the next event. Raises NothingPossible when the constraints leave none."""
        choices = Choices(constraints, self._ledger, self._at, self._encoder.last_tick)
        code, known = np.zeros((1, 4), np.int64), np.zeros((1, 4), np.float32)
        fixed = [FIELDS.index(name) for name in constraints.fixed]
        rest = [FIELDS.index(name) for name in constraints.order if name not in constraints.fixed]
        for field in fixed:
            if field != TIME:
                code[0, field] = int(constraints.fixed[FIELDS[field]])
            else:
                code[0, field] = time_bin(tick_of(constraints.fixed["time"]) - choices.tick)
            known[0, field] = 1
        for field in rest:
            mask = choices.mask(field)
            allowed = np.flatnonzero(mask)
            if len(allowed) == 1:
                value = int(allowed[0])
            else:
                logits = self.bundle.logits(field, self._base, code, known, self._sounding)
                value = draw(_steered(field, logits, mask, code, known, constraints), rng)
            choices.keep(field, value)
            code[0, field], known[0, field] = value, 1
        return choices.event(code[0].tolist(), rng)

    def snapshot(self) -> Snapshot:
        """All that is remembered."""
        return Snapshot(self._base, self._sounding, self._state, self._ledger.copy(), self._encoder.last_tick, self._at)

    def restore(self, state: Snapshot) -> None:
        """Remember just what was remembered when `state` was taken."""
        self._base, self._sounding, self._state = state.base, state.sounding, state.state
        self._ledger, self._at = state.ledger.copy(), state.at
        self._encoder = StreamEncoder(state.tick)

    def likelihood(
        self, events: Events, order: tuple[str, ...] = FIELDS, beats: Beats = NO_BEATS
    ) -> npt.NDArray[np.float64]:
        """Nats of each field of each event (n, 4) while feeding them, times at the resolution of one tick.

        `beats` tells where beats fall in them. The model is left having heard them. What a field may see is decided by
        `order`, the fields before it.
        """
        nats = np.zeros((len(events), 4))
        for row, event in zip(nats, events, strict=True):
            heard = Event(*event.item())
            last = self._encoder.last_tick
            since = 0 if last is None else tick_of(max(heard.at, self._at)) - last
            code = np.array([[heard.instrument, heard.pitch, time_bin(since), heard.velocity]], np.int64)
            known = np.zeros((1, 4), np.float32)
            for field in (FIELDS.index(name) for name in order):
                logits = self.bundle.logits(field, self._base, code, known, self._sounding)
                p = probabilities(logits, np.ones(SIZES[field], np.bool_))
                row[field] = -math.log(max(p[code[0, field]], 1e-300))
                known[0, field] = 1
            row[TIME] += math.log(int(TIME_LAST[code[0, TIME]] - TIME_FIRST[code[0, TIME]]) + 1)
            self.feed(heard, grid_at(beats, heard.at))
        return nats


def _steered(
    field: int,
    logits: Array,
    mask: npt.NDArray[np.bool_],
    code: Array,
    known: Array,
    constraints: Constraints,
) -> npt.NDArray[np.float64]:
    """The distribution of one field. Steering of pitch and velocity is about onsets: releases keep their odds."""
    steer = constraints.steer.get(FIELDS[field], _PLAIN)
    release = bool(known[0, VELOCITY]) and code[0, VELOCITY] == 0
    if field == PITCH and release:
        return probabilities(logits, mask)
    if field == INSTRUMENT and constraints.weights and not release:
        weighted = logits.astype(np.float64)
        for instrument, weight in constraints.weights.items():
            weighted[instrument] += math.log(max(weight, 1e-9))
        return probabilities(weighted, mask, steer)
    if field == VELOCITY:
        return struck_or_released(logits, mask, steer, constraints.onset_weight)
    return probabilities(logits, mask, steer)
