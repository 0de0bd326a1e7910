"""How well a model of words predicts music of one instrument, by word and by event.

An event's words tell its time, then its velocity or that it is a release, then its pitch; so its likelihood falls into
those of the three fields, in this order. Who plays is given. To be comparable with models of the stream codec, a word
of time is spread evenly over its tick, one of velocity over its bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec import stream, token
from antiphon.engine.judge import Judged
from antiphon.engine.model import FIELDS
from antiphon.engine.token_model import TokenModel
from antiphon.music.event import Event, Events, is_drum

__all__ = ["JudgedWords", "TokenPredictor", "judge_words"]

Floats = npt.NDArray[np.float64]

_PITCH, _TIME, _VELOCITY = (FIELDS.index(name) for name in ("pitch", "time", "velocity"))
_ON, _OFF = slice(token.NOTE_ON, token.NOTE_OFF), slice(token.NOTE_OFF, token.TIME_SHIFT)
_SHIFTS = slice(token.TIME_SHIFT, token.VELOCITY)
_BINS = slice(token.VELOCITY, token.DURATION)
_LEAST = 1e-300


@dataclass(frozen=True)
class JudgedWords:
    """What a model made of W words, each array (W,), and of the events that they spell; see `engine.judge.Judged`.

    `nats` are those of the words as they are.
    """

    nats: Floats
    above: npt.NDArray[np.int64]
    ties: npt.NDArray[np.int64]
    events: Judged

    def top(self, k: int) -> Floats:
        """The chance (W,) that the word is among the `k` likeliest, ties broken at random."""
        return np.clip((k - self.above) / self.ties, 0.0, 1.0)


class TokenPredictor:
    """A model of words, which is judged in the order in which it spells."""

    def __init__(self, model: TokenModel) -> None:
        self.model, self.name = model, model.name

    def judged(self, events: Events) -> Judged:
        """What it makes of the events of a piece. Raises ValueError for drums, which have no words."""
        return judge_words(self.model, events).events


def judge_words(model: TokenModel, events: Events) -> JudgedWords:
    """Judge a model on the `events` of one piece, of one instrument. Raises ValueError for drums, which have no words.

    The model is left having heard them.
    """
    model.reset()
    words, encoder = model.words, token.TokenEncoder()
    rows, found = [_Row() for _ in events], []
    for row, event in zip(rows, events, strict=True):
        heard = Event(*event.item())
        if is_drum(heard.instrument):
            raise ValueError("drums have no words: a model of words can only be judged without them")
        for place, word in enumerate(encoder.encode(heard)):
            p = _softmax(words.logits())
            found.append((-math.log(max(p[word], _LEAST)), (p > p[word]).sum(), (p == p[word]).sum()))
            row.enter(p, word, first=place == 0)
            words.hear(word)
        row.spread(heard)
    nats, above, ties = np.array(found).reshape(-1, 3).T
    return JudgedWords(nats, above.astype(np.int64), ties.astype(np.int64), _together(rows))


class _Row:
    """One event: what each of its fields cost, and how it was guessed."""

    def __init__(self) -> None:
        self.nats, self.confidence, self.hit = np.zeros(4), np.ones(4), np.ones(4)
        self.above, self.ties = np.zeros(4, np.int64), np.ones(4, np.int64)

    def enter(self, p: Floats, word: int, *, first: bool) -> None:
        """The next word, which was drawn from `p`."""
        now = max(1.0 - float(p[_SHIFTS].sum()), _LEAST)  # no more time passes
        if first:
            is_shift = token.TIME_SHIFT <= word < token.VELOCITY
            self._guess(_TIME, np.append(now, p[_SHIFTS]), word - token.TIME_SHIFT + 1 if is_shift else 0)
        if token.TIME_SHIFT <= word < token.VELOCITY:
            self._cost(_TIME, p[word])
        elif word >= token.VELOCITY:
            self._cost(_TIME, now)
            self._kind(p, now, 1 + word - token.VELOCITY)
        elif word < token.NOTE_OFF:
            self._cost(_PITCH, p[word])
            self._guess(_PITCH, p[_ON], word - token.NOTE_ON)
        else:
            self._cost(_TIME, now)
            self._kind(p, now, 0)
            self._cost(_PITCH, p[word] / max(float(p[_OFF].sum()), _LEAST))
            self._guess(_PITCH, p[_OFF], word - token.NOTE_OFF)

    def spread(self, event: Event) -> None:
        """Count time by the stream's tick, and velocity by itself."""
        self.nats[_TIME] += math.log(token.TICK / stream.TICK)
        if event.velocity:
            softest, loudest = token.loudness(token.velocity_bin(event.velocity))
            self.nats[_VELOCITY] += math.log(loudest - softest + 1)

    def _kind(self, p: Floats, now: float, came: int) -> None:
        """A release, 0, or a velocity of the bin before `came`."""
        kinds = np.append(p[_OFF].sum(), p[_BINS])
        self._cost(_VELOCITY, kinds[came] / now)
        self._guess(_VELOCITY, kinds, came)

    def _cost(self, field: int, p: float) -> None:
        self.nats[field] -= math.log(max(float(p), _LEAST))

    def _guess(self, field: int, p: Floats, came: int) -> None:
        best = p.max()
        self.above[field], self.ties[field] = (p > p[came]).sum(), (p == p[came]).sum()
        self.confidence[field] = best / max(float(p.sum()), _LEAST)
        self.hit[field] = 1 / self.ties[field] if p[came] == best else 0.0


def _together(rows: list[_Row]) -> Judged:
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in Judged.__dataclass_fields__}
    return Judged(**{name: column.reshape(-1, 4) for name, column in columns.items()})


def _softmax(logits: npt.NDArray[np.floating]) -> Floats:
    wide = logits.astype(np.float64)
    weights = np.exp(wide - wide.max())
    return np.asarray(weights / weights.sum())
