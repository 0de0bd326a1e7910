"""Judging stream models: what `antiphon evaluate` and `antiphon compare` measure of one or more of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from tqdm import tqdm

from antiphon.engine.bundle import BundleError
from antiphon.engine.chorale import bundle_kind
from antiphon.engine.judge import NeuralPredictor, Predictor, UniformPredictor
from antiphon.engine.judge_markov import MarkovPredictor
from antiphon.engine.model import Model
from antiphon.engine.neural import NeuralModel, open_model
from antiphon.faces.evaluate_flags import Measuring
from antiphon.faces.evaluate_generated import copies, excerpts, generated, measured
from antiphon.faces.evaluate_likelihood import all_orders, likelihood
from antiphon.faces.evaluate_pieces import Music, Piece, drawn
from antiphon.music.event import Events

__all__ = ["measure", "open_stream"]

_LEARNED = 250_000  # events that the Markov baseline learns from
_MOST_SEARCHED = {True: 50_000_000, False: 5_000_000}  # events of a corpus, and of MIDI files
_OPENING = 64  # events of each piece for the table of orders


def open_stream(name: str) -> NeuralModel:
    """Open a stream bundle. Raises BundleError, in one line, for a bundle of another kind."""
    if (kind := bundle_kind(name)) != "stream":
        raise BundleError(f"{name}: a model of kind {kind!r}, where a model of streams of events is needed")
    return open_model(name)


def measure(models: Mapping[str, NeuralModel], music: Music, training: Music | None, how: Measuring) -> dict[str, Any]:
    """All figures of `models`, by name, and of the baselines. Raises ValueError when no piece can be read.

    `training` is what they were trained on (None: the training side of `music`), which the Markov baseline learns from
    and where copies are looked for.
    """
    learned = music.train if training is None else training.everything
    source = drawn(music.valid, _rng(how, 1))
    pieces = _judged(source, how)
    if not pieces:
        raise ValueError(f"{music.path}: none of its {len(music.valid):,} pieces can be read")
    # Where nothing is said to be for training, the baseline learns from what is not judged.
    studied = [piece.events for piece in _up_to(drawn(learned, _rng(how, 2)) if learned else source, _LEARNED)]
    predictors: dict[str, Predictor] = {
        **{name: NeuralPredictor(model) for name, model in models.items()},
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
    if how.orders:
        figures["orders"] = _orders(predictors, pieces, how)
    if how.generate:
        limit = _MOST_SEARCHED[(training or music).prepared] if how.train_events is None else how.train_events
        figures["generated"] = _generated(models, music, learned if limit else [], limit, how)
    return figures


def _rng(how: Measuring, purpose: int) -> np.random.Generator:
    return np.random.default_rng([how.seed, purpose])


def _bar(what: str, total: int, unit: str) -> tqdm[Any]:
    return tqdm(total=total, unit=unit, desc=what, leave=False)


def _judged(source: Iterator[Piece], how: Measuring) -> list[Piece]:
    """Openings of the pieces of `source`, with as many events as are asked for in all."""
    pieces, left = [], how.events
    for piece in source:
        pieces.append(Piece(piece.name, piece.set, piece.events[: min(how.length, left)]))
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
    first = [Piece(piece.name, piece.set, piece.events[:_OPENING]) for piece in islice(pieces, share)]
    events = sum(len(piece.events) for piece in first)
    with _bar("24 orders", events * len(predictors), "event") as bar:
        return {"events": events, "nats_per_event": all_orders(predictors, first, bar.update)}


def _fresh(model: NeuralModel) -> Model:
    model.reset()
    return model


def _generated(
    models: Mapping[str, NeuralModel], music: Music, learned: Sequence[Any], limit: int, how: Measuring
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
