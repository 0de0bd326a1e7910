"""A race: everything that could happen next, a note struck here or released there; whoever comes first is next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from antiphon.codec.stream import TICK, TIME_LAST
from antiphon.engine.choices import Row
from antiphon.engine.draw import draw, probabilities
from antiphon.engine.markov_wishes import LONG_SHOT, Wishes
from antiphon.engine.model import FIELDS, Constraints, Steer

__all__ = ["Contenders", "Race"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OUT_OF_TURN = 0.02
"""Odds at least that are left, for each that would come sooner, to what comes after it."""
TOGETHER = 0.03
"""Seconds within which onsets sound together."""
COMPANY = 8.0
"""What is added to the odds of what comes together with an onset that another voice is sure to strike."""
LEAST_WEIGHT = 1e-9
"""Odds of an onset are never multiplied with less, so that a last resort remains one."""
_PLAIN = Steer()
_INSTRUMENT, _PITCH, _TIME, _VELOCITY = range(4)


@dataclass(frozen=True, slots=True)
class Contenders:
    """Possible next events: `fields` (m, 4) as in `FIELDS`, time as its bin; `at` and `duration` in seconds; odds."""

    fields: Ints
    at: Floats
    duration: Floats
    odds: Floats

    def drawn(self, name: str, constraints: Constraints, rng: np.random.Generator) -> Contenders:
        """Those that have one value in the field `name`, which is drawn with their odds, steered."""
        column = self.fields[:, FIELDS.index(name)]
        if (column == column[0]).all():
            return self
        value = draw(self._steered(name, column, constraints.steer.get(name, _PLAIN)), rng)
        return self._only(column == value)

    def one(self, rng: np.random.Generator) -> tuple[Ints, float, float]:
        """The fields, the time and the duration of one of them."""
        i = draw(self.odds / self.odds.sum(), rng)
        return self.fields[i], float(self.at[i]), float(self.duration[i])

    def _only(self, kept: npt.NDArray[np.bool_]) -> Contenders:
        return Contenders(self.fields[kept], self.at[kept], self.duration[kept], self.odds[kept])

    def _steered(self, name: str, column: Ints, steer: Steer) -> Floats:
        """The distribution of a field. Steering of pitch and velocity is about onsets: releases keep their odds."""
        odds: Floats = np.bincount(column, self.odds).astype(np.float64)
        if name == "velocity" and odds[0] > 0:
            released = odds[0] / odds.sum()
            onsets = np.append(0.0, odds[1:])
            p: Floats = (1 - released) * _probabilities(onsets, steer) if onsets.any() else onsets
            p[0] = released
            return p
        return _probabilities(odds, _PLAIN if name == "pitch" and not self.fields[:, _VELOCITY].any() else steer)


def _probabilities(odds: Floats, steer: Steer) -> Floats:
    possible = odds > 0
    logits = np.zeros(len(odds))
    logits[possible] = np.log(odds[possible])
    return probabilities(logits, possible, steer)


@dataclass
class Race:
    """Collects contenders. Each voice and each sounding note runs by itself, with odds of 1 in all."""

    tick: int
    _lanes: list[tuple[Ints, Floats, Floats, Floats]] = field(default_factory=list)
    _notes: list[tuple[int, int, float]] = field(default_factory=list)

    def release(self, row: Row, planned: float) -> None:
        """A sounding note, meant to end at `planned` seconds, which it may do within `row`."""
        self._notes.append((row.instrument, int(row.pitches.argmax()), min(max(planned, row.begin), row.end)))

    def voice(
        self, wishes: Wishes, pitch: Ints, odds: Floats, strike: Row | None, ends: list[tuple[Row, float]]
    ) -> None:
        """A voice that wishes to strike `pitch`, shape (m,), with `odds`.

        A wish that cannot be struck, because the key sounds or the voice is full, becomes the release that it needs: of
        that key or of the first of `ends`, releases with the times in seconds at which they are meant.
        """
        free = np.zeros(128, np.bool_) if strike is None else strike.pitches
        fields = np.zeros((len(pitch), 4), np.int64)
        at, odds = wishes.at.copy(), odds / odds.sum()
        struck = free[pitch]
        fields[:, _PITCH] = pitch
        if strike is not None:
            fields[:, _INSTRUMENT] = strike.instrument
            fields[struck, _VELOCITY] = np.clip(wishes.velocity[struck], strike.softest, strike.loudest)
            at[struck], odds[struck] = _bent(at[struck], odds[struck], strike)
        if ends and not struck.all():
            fields[~struck], at[~struck] = _ended(ends, pitch[~struck], at[~struck])
        self._lanes.append((fields, at, wishes.duration, odds))

    def contenders(self, constraints: Constraints) -> Contenders:
        """All that could come next, with the odds of coming first."""
        ends = np.array([at for _, _, at in self._notes])
        lanes = list(self._lanes)
        if self._notes:
            keys = np.array([(instrument, pitch, 0, 0) for instrument, pitch, _ in self._notes])
            lanes.append((keys, ends, np.zeros(len(ends)), np.ones(len(ends))))
        fields, at, duration, odds = (np.concatenate(parts) for parts in zip(*lanes, strict=True))
        lane = np.repeat(np.arange(len(lanes)), [len(one[1]) for one in lanes])
        order = np.argsort(at)
        fields, at, duration, odds, lane = fields[order], at[order], duration[order], odds[order], lane[order]
        standing = _standing(at, np.where(lane < len(self._lanes), odds, 0.0), lane)
        odds = odds * standing * OUT_OF_TURN ** np.searchsorted(np.sort(ends), at)
        odds *= np.where(fields[:, _VELOCITY] > 0, max(constraints.onset_weight, LEAST_WEIGHT), 1.0)
        for instrument, weight in constraints.weights.items():
            own = (fields[:, _INSTRUMENT] == instrument) & (fields[:, _VELOCITY] > 0)
            odds[own] *= max(weight, LEAST_WEIGHT)
        ticks = np.floor(at / TICK + 0.5).astype(np.int64) - self.tick
        fields[:, _TIME] = np.searchsorted(TIME_LAST, np.clip(ticks, 0, TIME_LAST[-1]))
        possible = odds > 0
        return Contenders(fields[possible], at[possible], duration[possible], odds[possible])


def _ended(ends: list[tuple[Row, float]], pitch: Ints, at: Floats) -> tuple[Ints, Floats]:
    """The releases, and their times in seconds, that make room for striking `pitch` at the times `at`."""
    which = np.zeros(128, np.int64)
    for i, (row, _) in enumerate(ends):
        which[row.pitches] = i
    which = which[pitch]
    fields = np.array([(row.instrument, row.pitches.argmax(), 0, 0) for row, _ in ends])
    planned, begin, end = np.array([(planned, row.begin, row.end) for row, planned in ends]).T
    return fields[which], np.clip(np.minimum(at, planned[which]), begin[which], end[which])


def _bent(at: Floats, odds: Floats, row: Row) -> tuple[Floats, Floats]:
    """Times within `row`. What would come too late comes as much earlier as is needed, as a long shot."""
    late = at > row.end
    if late.any():
        span = row.end - row.begin
        sooner = row.begin + (at - row.begin) % span if 0 < span < np.inf else np.full(len(at), row.end)
        at, odds = np.where(late, sooner, at), np.where(late, odds * LONG_SHOT, odds)
    return np.clip(at, row.begin, row.end), odds


def _standing(at: Floats, odds: Floats, lane: Ints) -> Floats:
    """What multiplies each one's odds for what the other lanes have in mind: who comes sooner, and who together.

    All of shape (m,), in order of `at`, with odds that sum to 1 in each lane that is a voice, and 0 in one of notes.
    """
    everyone = np.arange(len(at))
    gone = np.zeros((lane.max() + 1, len(at) + 1))
    gone[lane, everyone + 1] = odds
    gone = gone.cumsum(axis=1)  # (lanes, m + 1): the odds of each lane that come before the i-th
    unbeaten = 1.0 - gone[:, np.searchsorted(at, at)]
    joined = gone[:, np.searchsorted(at, at + TOGETHER)] - gone[:, np.searchsorted(at, at - TOGETHER)]
    unbeaten[lane, everyone], joined[lane, everyone] = 1.0, 0.0
    first: Floats = (OUT_OF_TURN + (1 - OUT_OF_TURN) * unbeaten).prod(axis=0)
    together: Floats = 1.0 + COMPANY * joined.sum(axis=0)
    return first * together
