"""Judging stream models: what `antiphon evaluate` and `antiphon compare` measure of one or more of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from tqdm import tqdm

from antiphon.engine.judge import JudgesItself, NeuralPredictor, Predictor, UniformPredictor
from antiphon.engine.judge_markov import MarkovPredictor
from antiphon.engine.model import Model
from antiphon.engine.neural import NeuralModel
from antiphon.engine.opening import OpenedModel, open_stream_model
from antiphon.engine.token_judge import TokenPredictor
from antiphon.engine.token_model import TokenModel
from antiphon.faces.evaluate_flags import Measuring
from antiphon.faces.evaluate_generated import copies, excerpts, frechet, generated, measured
from antiphon.faces.evaluate_likelihood import all_orders, likelihood
from antiphon.faces.evaluate_pieces import Music, Piece, drawn
from antiphon.faces.evaluate_words import words_judged
from antiphon.music.event import Events, is_drum

__all__ = ["measure"]

_LEARNED = 250_000  # events that the Markov baseline learns from
_MOST_SEARCHED = {True: 50_000_000, False: 5_000_000}  # events of a corpus, and of files of music
_OPENING = 64  # events of each piece for the table of orders
_JUDGE = "antiphon"  # in whose mind Frechet distances are measured


def measure(models: Mapping[str, OpenedModel], music: Music, training: Music | None, how: Measuring) -> dict[str, Any]:
    """All figures of `models`, by name, and of the baselines. Raises ValueError when no piece can be read.

    `training` is what they were trained on (None: the training side of `music`), which the Markov baseline learns from
    and where copies are looked for. Where one of them is a model of words, all are judged on music of one instrument.
    "refused" has a line for each piece that was drawn and cannot be read.
    """
    learned = music.train if training is None else training.everything
    worded = {name: model for name, model in models.items() if isinstance(model, TokenModel)}
    source = drawn(music.valid, _rng(how, 1))
    if worded:
        source = filter(_of_one_instrument, source)
    pieces = _judged(source, how)
    if not pieces and worded:
        raise ValueError(f"{music.path}: no piece is of one instrument that is no drum, as a model of words needs")
    if not pieces:
        why = min(music.refused, default="they hold no notes")
        raise ValueError(f"{music.path}: none of its {len(music.valid):,} pieces can be read: {why}")
    # Where nothing is said to be for training, the baseline learns from what is not judged.
    studied = [piece.events for piece in _up_to(drawn(learned, _rng(how, 2)) if learned else source, _LEARNED)]
    predictors: dict[str, Predictor | JudgesItself] = {
        **{name: _predictor(model) for name, model in models.items()},
        **({"markov": MarkovPredictor(studied)} if studied else {}),
        "uniform": UniformPredictor(),
    }
    events = sum(len(piece.events) for piece in pieces)
    figures: dict[str, Any] = {
        "data": str(music.path),
        "seed": how.seed,
        "pieces": len(pieces),
        "events": events,
        "length": how.length,
        "events_by_piece": [len(piece.events) for piece in pieces],
        "markov_learned_events": sum(len(events) for events in studied),
    }
    with _bar("likelihood", events * len(predictors), "event") as bar:
        figures["likelihood"] = likelihood(predictors, pieces, how.seed, bar.update)
    if worded:
        with _bar("words", events * len(worded), "event") as bar:
            figures["words"] = words_judged(worded, pieces, bar.update)
    if how.orders and len(worded) < len(models):
        of_any = {name: p for name, p in predictors.items() if not isinstance(p, JudgesItself)}
        figures["orders"] = _orders(of_any, pieces, how)
    if how.generate:
        limit = _MOST_SEARCHED[(training or music).prepared] if how.train_events is None else how.train_events
        figures["generated"] = _generated(models, music, learned if limit else [], limit, how)
    figures["refused"] = sorted(music.refused | (training.refused if training else set()))
    return figures


def _predictor(model: OpenedModel) -> Predictor | JudgesItself:
    if isinstance(model, TokenModel):
        return TokenPredictor(model)
    assert isinstance(model, NeuralModel)
    return NeuralPredictor(model)


def _of_one_instrument(piece: Piece) -> bool:
    instruments = np.unique(piece.events["instrument"])
    return len(instruments) == 1 and not is_drum(int(instruments[0]))


def _rng(how: Measuring, purpose: int) -> np.random.Generator:
    return np.random.default_rng([how.seed, purpose])


def _bar(what: str, total: int, unit: str) -> tqdm[Any]:
    return tqdm(total=total, unit=unit, desc=what, leave=False)


def _judged(source: Iterator[Piece], how: Measuring) -> list[Piece]:
    """Openings of the pieces of `source`, with as many events as are asked for in all."""
    pieces, left = [], how.events
    for piece in source:
        pieces.append(replace(piece, events=piece.events[: min(how.length, left)]))
        left -= len(pieces[-1].events)
        if left <= 0:
            break
    return pieces


def _up_to(pieces: Iterator[Piece], events: int) -> Iterator[Piece]:
    """Pieces until they have so many `events` in all."""
    for piece in pieces:
        if events <= 0:
            break
        yield piece
        events -= len(piece.events)


def _orders(predictors: Mapping[str, Predictor], pieces: Sequence[Piece], how: Measuring) -> dict[str, Any]:
    share = -(-how.orders // _OPENING)
    first = [replace(piece, events=piece.events[:_OPENING]) for piece in islice(pieces, share)]
    events = sum(len(piece.events) for piece in first)
    with _bar("24 orders", events * len(predictors), "event") as bar:
        return {"events": events, "nats_per_event": all_orders(predictors, first, bar.update)}


def _fresh(model: OpenedModel) -> Model:
    model.reset()
    return model


def _generated(
    models: Mapping[str, OpenedModel], music: Music, learned: Sequence[Any], limit: int, how: Measuring
) -> dict[str, Any] | None:
    found = excerpts(drawn(music.valid, _rng(how, 3)), how.pieces, how.prompt, how.seconds)
    if not found:
        return None
    with _bar("music made", len(found) * (len(models) + 4), "piece") as bar:
        made = generated({name: partial(_fresh, model) for name, model in models.items()}, found, how.seed, bar.update)
    figures: dict[str, Any] = {
        "pieces": len(found),
        "prompt": how.prompt,
        "seconds": how.seconds,
        "systems": measured(made, found, how.seed),
        "frechet": frechet(made, open_stream_model(_JUDGE)),
    }
    if learned:
        searched = _Counted(_up_to(drawn(learned, _rng(how, 4)), limit))
        with _bar("copies", limit, "event") as bar:
            figures["copies"] = copies(made, searched.told(bar), searched.names)
        figures["searched"] = {"pieces": len(searched.names), "notes": searched.notes}
    return figures


class _Counted:
    """Pieces, counted and named as they pass."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._source, self.notes = pieces, 0
        self.names: list[str] = []

    def told(self, bar: tqdm[Any]) -> Iterator[Events]:
        for piece in self._source:
            self.names.append(f"{piece.set}: {piece.name}")
            self.notes += int((piece.events["velocity"] > 0).sum())
            bar.update(len(piece.events))
            yield piece.events
