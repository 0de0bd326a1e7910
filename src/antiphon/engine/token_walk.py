"""The walk: an event drawn as words of the token codec, one after the other, never leaving what is allowed.

Whatever says how likely each word is next (a net, a table of counts) is a source of `Words`. An event is spelt in one
way only, so drawing it is a walk: shifts of time until it is time, a velocity or a release, a pitch. At each step the
words are masked to those after which the event can still be completed, so there is no dead end. Who plays is not
spelt: of the instruments that may, one is drawn by the constraints' `weights`. What the words leave open, the velocity
within its bin and the time within its tick, is drawn evenly.

Random numbers, in this order and only where more than one value is possible: one for each shift (to go on or to stop),
one for the velocity (or to release), one for the pitch, one for the instrument, one for the velocity within its bin,
one for the time within its tick.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from antiphon.codec.token import (
    LONGEST,
    LONGEST_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    TICK,
    TIME_SHIFT,
    VELOCITIES,
    VELOCITY,
    loudness,
    tick_of,
)
from antiphon.engine.choices import Choices, Row
from antiphon.engine.draw import draw, probabilities, struck_or_released
from antiphon.engine.model import Constraints, NothingPossible, Steer
from antiphon.music.event import INSTRUMENTS, Event, is_drum
from antiphon.music.ledger import Ledger

__all__ = ["Rhythm", "Words", "walk"]

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

Rhythm = Callable[[float], float]
"""How much likelier an onset is at a time in seconds than it would be without a beat: 1 is no likelier."""

_PLAIN = Steer()


class Words(Protocol):
    """What says how likely each word is next, given all that it heard."""

    def logits(self) -> Floats:
        """Logits of the next word, shape (VOCABULARY,); those of allowed words are numbers."""

    def hear(self, word: int) -> None:
        """The next word was this one."""

    def snapshot(self) -> Any:
        """All state, to be given to `restore`; never changed afterwards."""

    def restore(self, state: Any) -> None:
        """Go back to `state`."""


def walk(
    words: Words,
    constraints: Constraints,
    ledger: Ledger,
    at: float,
    tick: int | None,
    rng: np.random.Generator,
    rhythm: Rhythm | None = None,
) -> Event:
    """The next event after the last one's time `at` (seconds) and `tick` (None before any); `words` are left as found.

    With a `rhythm`, onsets are drawn by what it says of their times. Raises NothingPossible when the constraints leave
    nothing, and FloatingPointError when the logits of allowed words are not numbers.
    """
    places = _places(constraints, ledger, at, tick)
    before = words.snapshot()
    try:
        return _Walk(words, places, constraints, rng, rhythm).event()
    finally:
        words.restore(before)


def _places(constraints: Constraints, ledger: Ledger, at: float, tick: int | None) -> _Places:
    """What the constraints allow. Drums are no words: what sounds of them can be released, but none be struck."""
    rows = Choices(constraints, ledger, at, None).rows
    rows = [row for row in rows if not row.loudest or not is_drum(row.instrument)]
    if not rows:
        raise NothingPossible("only drums may play now, and this model plays none")
    earliest = max(constraints.earliest, at)
    first = tick_of(earliest) if math.isfinite(earliest) else 0
    return _Places(first if tick is None else tick, rows)


@dataclass(frozen=True, slots=True)
class _Places:
    """Rows of `Choices` by the totals of ticks and the bins of velocity of the codec; totals count from `tick`."""

    tick: int
    rows: list[Row]

    def totals(self) -> Mask:
        """The ticks since the last event at which something may happen, shape (LONGEST + 1,)."""
        mask = np.zeros(LONGEST + 1, np.bool_)
        for row in self.rows:
            first, last = self._span(row)
            mask[first : last + 1] = True
        return mask

    def bins(self) -> Mask:
        """Whether a key may be released, and which bins of velocity one may be struck with, shape (1 + VELOCITIES,)."""
        mask = np.zeros(1 + VELOCITIES, np.bool_)
        for row in self.rows:
            if not row.loudest:
                mask[0] = True
            for bin_ in range(VELOCITIES):
                softest, loudest = loudness(bin_)
                mask[1 + bin_] |= row.softest <= loudest and softest <= row.loudest
        return mask

    def keys(self, *, struck: bool) -> Mask:
        """The pitches that may be struck, or released, shape (128,)."""
        mask = np.zeros(128, np.bool_)
        for row in self.rows:
            if (row.loudest > 0) == struck:
                mask |= row.pitches
        return mask

    def at_total(self, total: int) -> _Places:
        """What may happen at `total` ticks."""
        spans = ((row, *self._span(row)) for row in self.rows)
        return _Places(self.tick, [row for row, first, last in spans if first <= total <= last])

    def in_bin(self, bin_: int) -> _Places:
        """The releases, 0, or what is struck with a velocity of bin `bin_` - 1."""
        softest, loudest = loudness(bin_ - 1) if bin_ else (0, 0)
        rows = [
            replace(row, softest=max(row.softest, softest), loudest=min(row.loudest, loudest))
            for row in self.rows
            if row.softest <= loudest and softest <= row.loudest
        ]
        return _Places(self.tick, rows)

    def on_key(self, pitch: int) -> _Places:
        """What happens on one pitch."""
        return _Places(self.tick, [row for row in self.rows if row.pitches[pitch]])

    def of_instrument(self, instrument: int) -> _Places:
        """What one instrument does."""
        return _Places(self.tick, [row for row in self.rows if row.instrument == instrument])

    def edges(self, row: Row, total: int) -> tuple[float, float]:
        """The seconds from and to which `row` may happen within a tick; equal where it is one moment only."""
        begin = max(row.begin, (self.tick + total - 0.5) * TICK)
        end = min(row.end, (self.tick + total + 0.5) * TICK)
        if end > begin:
            return begin, end
        at = min(max(begin, row.begin), row.end)
        return at, at

    def _span(self, row: Row) -> tuple[int, int]:
        first = tick_of(row.begin) - self.tick if math.isfinite(row.begin) else 0
        last = tick_of(row.end) - self.tick if math.isfinite(row.end) else LONGEST
        return min(max(first, 0), LONGEST), min(max(last, 0), LONGEST)


class _Walk:
    """One event being drawn."""

    def __init__(
        self,
        words: Words,
        places: _Places,
        constraints: Constraints,
        rng: np.random.Generator,
        rhythm: Rhythm | None,
    ) -> None:
        self._words, self._places, self._constraints, self._rng = words, places, constraints, rng
        self._rhythm = rhythm
        self._logits: Floats | None = None

    def event(self) -> Event:
        """Draw it."""
        total = self._time()
        self._places = self._places.at_total(total)
        bin_ = self._velocity(total)
        self._places = self._places.in_bin(bin_)
        pitch = self._pitch(bin_)
        self._places = self._places.on_key(pitch)
        instrument = self._instrument(bin_)
        self._places = self._places.of_instrument(instrument)
        (row,) = self._places.rows
        velocity = row.softest
        if row.softest < row.loudest:
            velocity += int((row.loudest - row.softest + 1) * self._rng.random())
        begin, end = self._places.edges(row, total)
        at = self._rng.uniform(begin, end) if begin < end else begin
        return Event(at, instrument, pitch, velocity)

    def _steer(self, field: str) -> Steer:
        return self._constraints.steer.get(field, _PLAIN)

    def _heard(self) -> Floats:
        """The logits of the next word; asked for only where there is something to choose."""
        if self._logits is None:
            self._logits = self._words.logits()
        return self._logits

    def _hear(self, word: int) -> None:
        self._words.hear(word)
        self._logits = None

    def _lifted(self, total: int) -> float:
        """The natural log of how much likelier the rhythm makes an onset after `total` ticks."""
        if self._rhythm is None:
            return 0.0
        return math.log(max(self._rhythm((self._places.tick + total) * TICK), 1e-9))

    def _time(self) -> int:
        """Ticks since the last event. A quantile window is about all of them, so each shift leaves the next its part.

        Half of all events are onsets, so before it is known which the event is, a rhythm counts half.
        """
        reachable, total = self._places.totals(), 0
        steer = self._steer("time")
        low, high = steer.window
        while True:
            mask = np.zeros(1 + LONGEST_SHIFT, np.bool_)
            mask[0] = reachable[total]
            some = reachable[total + 1 : total + LONGEST_SHIFT]
            mask[1 : 1 + len(some)] = some
            mask[LONGEST_SHIFT] = reachable[total + LONGEST_SHIFT :].any()
            shift = int(np.flatnonzero(mask)[-1])
            if mask.sum() > 1:
                scores = self._shift_scores(total, mask)
                p = probabilities(scores, mask, replace(steer, window=(low, high)))
                shift = draw(p, self._rng)
                if shift == LONGEST_SHIFT and (low, high) != (0.0, 1.0):
                    low, high = _rest_of(probabilities(scores, mask, replace(steer, window=(0.0, 1.0))), low, high)
            total += shift
            if shift:
                self._hear(TIME_SHIFT + shift - 1)
            if shift < LONGEST_SHIFT:
                return total

    def _shift_scores(self, total: int, mask: Mask) -> npt.NDArray[np.float64]:
        """Scores of no shift, of 1 to 31 ticks, and of 32 and more, shape (33,); zero where `mask` forbids."""
        logits = self._heard()
        scores = np.zeros(1 + LONGEST_SHIFT)
        scores[1:] = logits[TIME_SHIFT : TIME_SHIFT + LONGEST_SHIFT]
        if mask[0]:
            now = self._places.at_total(total)
            scores[0] = _together(self._kinds(now, total)[now.bins()])
        if self._rhythm is not None:
            for shift in range(1, LONGEST_SHIFT):
                if mask[shift]:
                    scores[shift] += math.log(0.5 + 0.5 * math.exp(self._lifted(total + shift)))
        return scores

    def _kinds(self, places: _Places, total: int) -> npt.NDArray[np.float64]:
        """Scores of a release and of each bin of velocity, shape (1 + VELOCITIES,)."""
        logits = self._heard()
        scores = np.empty(1 + VELOCITIES)
        keys = places.keys(struck=False)
        scores[0] = _together(logits[NOTE_OFF : NOTE_OFF + 128][keys].astype(np.float64)) if keys.any() else 0.0
        scores[1:] = logits[VELOCITY : VELOCITY + VELOCITIES]
        scores[1:] += self._lifted(total)
        return scores

    def _velocity(self, total: int) -> int:
        """0 for a release, else 1 plus the bin of the velocity. Steering is about onsets: releases keep their odds."""
        mask = self._places.bins()
        allowed = np.flatnonzero(mask)
        bin_ = int(allowed[0])
        if len(allowed) > 1:
            scores = self._kinds(self._places, total)
            odds = struck_or_released(scores, mask, self._steer("velocity"), self._constraints.onset_weight)
            bin_ = draw(odds, self._rng)
        if bin_:
            self._hear(VELOCITY + bin_ - 1)
        return bin_

    def _pitch(self, bin_: int) -> int:
        mask = self._places.keys(struck=bin_ > 0)
        allowed = np.flatnonzero(mask)
        if len(allowed) == 1:
            return int(allowed[0])
        first = NOTE_ON if bin_ else NOTE_OFF
        steer = self._steer("pitch") if bin_ else _PLAIN
        return draw(probabilities(self._heard()[first : first + 128], mask, steer), self._rng)

    def _instrument(self, bin_: int) -> int:
        mask = np.zeros(INSTRUMENTS, np.bool_)
        mask[[row.instrument for row in self._places.rows]] = True
        allowed = np.flatnonzero(mask)
        if len(allowed) == 1:
            return int(allowed[0])
        scores = np.zeros(INSTRUMENTS)
        if bin_:
            for instrument, weight in self._constraints.weights.items():
                scores[instrument] = math.log(max(weight, 1e-9))
        return draw(probabilities(scores, mask, self._steer("instrument")), self._rng)


def _together(scores: npt.NDArray[np.float64]) -> float:
    """The score of any of some: the log of the sum of their exponentials."""
    if not np.isfinite(scores).all():
        raise FloatingPointError("the model's answer is not a number")
    most = scores.max()
    return float(most + math.log(np.exp(scores - most).sum()))


def _rest_of(p: npt.NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    """A quantile window of all times as one of the times after the longest shift, which come last."""
    before = float(np.cumsum(p)[-2])
    rest = 1.0 - before
    if rest <= 0:
        return low, high
    return min(max((low - before) / rest, 0.0), 1.0), min(max((high - before) / rest, 0.0), 1.0)
