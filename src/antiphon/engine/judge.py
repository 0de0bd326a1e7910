"""How well a model predicts music: likelihood by field and by order of the fields, ranks, and how sure it was.

A predictor is asked questions before each event. A question is a field and which of the event's other fields are
known, so a model of any order can be asked all 32; what is asked of one is asked of all, which makes them comparable.

Letters: n events, 4 fields in the order of `FIELDS`, K the values of a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from antiphon.codec.stream import SIZES, TIME, TIME_FIRST, TIME_LAST, encode
from antiphon.engine.draw import probabilities
from antiphon.engine.model import FIELDS
from antiphon.engine.neural import NeuralModel
from antiphon.music.beats import NO_BEATS, Beats, grid_at
from antiphon.music.event import Event, Events

__all__ = [
    "ORDERS",
    "QUESTIONS",
    "Judged",
    "JudgesItself",
    "NeuralPredictor",
    "Predictor",
    "Question",
    "UniformPredictor",
    "asked_in",
    "judge",
    "judge_orders",
]

Floats = npt.NDArray[np.float64]

Question = tuple[int, tuple[int, ...]]
"""A field to be predicted, and the fields that are known, ascending."""

ORDERS: tuple[tuple[int, ...], ...] = tuple(permutations(range(4)))
"""The 24 orders in which the fields of an event can be predicted."""

_LOG_TICKS: Floats = np.log(TIME_LAST - TIME_FIRST + 1)
_LEAST = 1e-300


def asked_in(order: Sequence[int]) -> list[Question]:
    """What is asked when the fields are predicted one after the other in `order`: one question a field."""
    return [(field, tuple(sorted(order[:place]))) for place, field in enumerate(order)]


QUESTIONS: tuple[Question, ...] = tuple(dict.fromkeys(question for order in ORDERS for question in asked_in(order)))
"""All 32 questions."""


class Predictor(Protocol):
    """Anything that gives each field of the next event a distribution."""

    name: str

    def predictions(
        self, events: Events, asked: Sequence[Question], beats: Beats = NO_BEATS
    ) -> Iterator[Sequence[Floats]]:
        """For each of `events` in turn, before it is heard: a distribution, shape (K,), for each question.

        `events` (dtype `EVENT`, in order of time) are one piece from its beginning, so that every release is of a note
        that was struck. The predictor has forgotten all other pieces, but not what it was trained on. `beats` tells
        where beats fall in the piece, on the clock of its events.
        """


@runtime_checkable
class JudgesItself(Protocol):
    """Anything that is judged in an order of its own, since it cannot answer every question."""

    name: str

    def judged(self, events: Events) -> Judged:
        """What it makes of the events of a piece from its beginning."""


class NeuralPredictor:
    """A stream model as a predictor."""

    def __init__(self, model: NeuralModel) -> None:
        self.model, self.name = model, model.name

    def predictions(
        self, events: Events, asked: Sequence[Question], beats: Beats = NO_BEATS
    ) -> Iterator[Sequence[Floats]]:
        """See `Predictor`. The model is left having heard the events."""
        bundle = self.model.bundle
        all_values = [np.ones(size, np.bool_) for size in SIZES]
        known = np.zeros((len(asked), 1, 4), np.float32)
        for row, (_, given) in zip(known, asked, strict=True):
            row[0, list(given)] = 1
        self.model.reset()
        for event, code in zip(events, encode(events).astype(np.int64)[:, None], strict=True):
            heard = self.model.snapshot()
            yield [
                probabilities(bundle.logits(field, heard.base, code, row, heard.sounding), all_values[field])
                for (field, _), row in zip(asked, known, strict=True)
            ]
            self.model.feed(Event(*event.item()), grid_at(beats, event["at"]))


class UniformPredictor:
    """Chance: every value of a field is as likely as any other."""

    name = "uniform"

    def predictions(
        self,
        events: Events,
        asked: Sequence[Question],
        beats: Beats = NO_BEATS,  # noqa: ARG002 - chance keeps no time
    ) -> Iterator[Sequence[Floats]]:
        """See `Predictor`."""
        answers = [np.full(SIZES[field], 1 / SIZES[field]) for field, _ in asked]
        for _ in events:
            yield answers


@dataclass(frozen=True)
class Judged:
    """What a predictor made of n events, arrays of shape (n, 4), one column a field.

    `nats`: negative log-likelihood, of times at the resolution of one tick. `above`: how many values it held likelier
    than the one that came; `ties`: how many just as likely, that one included. `confidence`: the probability of what it
    held likeliest, 0 to 1; `hit`: the chance that this came, ties shared out.
    """

    nats: Floats
    above: npt.NDArray[np.int64]
    ties: npt.NDArray[np.int64]
    confidence: Floats
    hit: Floats

    def top(self, k: int) -> Floats:
        """The chance (n, 4) that the value is among the `k` likeliest, ties broken at random."""
        return np.clip((k - self.above) / self.ties, 0.0, 1.0)


def judge(
    predictor: Predictor | JudgesItself, events: Events, order: Sequence[str] = FIELDS, beats: Beats = NO_BEATS
) -> Judged:
    """Judge a predictor on the `events` of one piece, its fields predicted in `order`, or in its own if it has one.

    `beats` tells who can make something of it where beats fall. The nats are those of `NeuralModel.likelihood`.
    """
    if isinstance(predictor, JudgesItself):
        return predictor.judged(events)
    fields = [FIELDS.index(name) for name in order]
    codes, n = encode(events), len(events)
    nats, confidence, hit = (np.zeros((n, 4)) for _ in range(3))
    above, ties = np.zeros((n, 4), np.int64), np.ones((n, 4), np.int64)
    for t, answers in enumerate(predictor.predictions(events, asked_in(fields), beats)):
        for field, p in zip(fields, answers, strict=True):
            came = p[codes[t, field]]
            nats[t, field] = _nats(field, codes[t, field], came)
            above[t, field], ties[t, field] = (p > came).sum(), (p == came).sum()
            confidence[t, field] = best = p.max()
            hit[t, field] = 1 / ties[t, field] if came == best else 0.0
    return Judged(nats, above, ties, confidence, hit)


def judge_orders(predictor: Predictor, events: Events, beats: Beats = NO_BEATS) -> Floats:
    """Nats (n, 24, 4) of each event under each of `ORDERS`: what any-order training is for."""
    codes = encode(events)
    answered = np.zeros((len(events), len(QUESTIONS)))
    for row, code, answers in zip(answered, codes, predictor.predictions(events, QUESTIONS, beats), strict=True):
        for place, ((field, _), p) in enumerate(zip(QUESTIONS, answers, strict=True)):
            row[place] = _nats(field, code[field], p[code[field]])
    return answered[:, _ASKED]


def _nats(field: int, value: int, p: float) -> float:
    spread = float(_LOG_TICKS[value]) if field == TIME else 0.0  # a wide bin's probability is shared by its ticks
    return spread - float(np.log(max(p, _LEAST)))


_ASKED = np.array([[QUESTIONS.index(q) for q in sorted(asked_in(order))] for order in ORDERS])
"""Shape (24, 4): which question each field answers in each order."""
