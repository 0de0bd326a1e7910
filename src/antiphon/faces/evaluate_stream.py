"""Judging stream models: what `antiphon evaluate` and `antiphon compare` measure of one or more of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from antiphon.engine.judge import NeuralPredictor, Predictor, UniformPredictor
from antiphon.engine.judge_markov import MarkovPredictor
from antiphon.engine.model import Model
from antiphon.engine.neural import NeuralModel
from antiphon.faces.evaluate_generated import copies, excerpts, generated, measured
from antiphon.faces.evaluate_likelihood import all_orders, likelihood
from antiphon.faces.evaluate_pieces import Music, Piece, drawn
from antiphon.music.event import Events

__all__ = ["Measuring", "add_measuring", "measure", "measuring"]

_LEARNED = 250_000  # events that the Markov baseline learns from
_OPENING = 64  # events of each piece for the table of orders


@dataclass(frozen=True)
class Measuring:
    """How much is measured: events for likelihood and for the 24 orders, pieces gone on with, and for how long."""

    events: int = 20_000
    length: int = 512  # events of a piece
    orders: int = 1_000
    pieces: int = 12
    prompt: float = 20.0  # seconds
    seconds: float = 15.0
    train_events: int = 50_000_000
    generate: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("events", "length", "pieces"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("orders", "train_events", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name.replace('_', '-')} must be 0 or more, not {getattr(self, name)}")
        for name in ("prompt", "seconds"):
            if not 1 <= getattr(self, name) <= 600:
                raise ValueError(f"--{name} must be 1 to 600, not {getattr(self, name):g}")


_DEFAULT = Measuring()


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """The flags of `Measuring`, and where the training music is."""
    group = parser.add_argument_group("stream models")
    group.add_argument("--events", type=int, default=_DEFAULT.events, help=f"events judged ({_DEFAULT.events:,})")
    group.add_argument("--length", type=int, default=_DEFAULT.length, help=f"of each piece ({_DEFAULT.length})")
    group.add_argument(
        "--orders",
        type=int,
        default=_DEFAULT.orders,
        help=f"events judged in all 24 orders, 0 for none ({_DEFAULT.orders:,})",
    )
    group.add_argument("--pieces", type=int, default=_DEFAULT.pieces, help=f"pieces gone on with ({_DEFAULT.pieces})")
    group.add_argument("--prompt", type=float, default=_DEFAULT.prompt, help=f"seconds heard ({_DEFAULT.prompt:g})")
    group.add_argument("--seconds", type=float, default=_DEFAULT.seconds, help=f"seconds made ({_DEFAULT.seconds:g})")
    group.add_argument("--no-generate", dest="generate", action="store_false", help="judge likelihood only: quicker")
    group.add_argument(
        "--train", metavar="DIR", type=Path, help="what it was trained on, to look for copies in (the corpus's own)"
    )
    group.add_argument(
        "--train-events", type=int, default=_DEFAULT.train_events, help=f"of it, at most ({_DEFAULT.train_events:,})"
    )


def measuring(args: argparse.Namespace) -> Measuring:
    """What the flags of `add_measuring` say. Raises ValueError, in one line."""
    return Measuring(**{name: getattr(args, name) for name in Measuring.__dataclass_fields__})


def measure(models: Mapping[str, NeuralModel], music: Music, training: Music | None, how: Measuring) -> dict[str, Any]:
    """All figures of `models`, by name, and of the baselines. Raises ValueError when no piece can be read.

    `training` is what they were trained on (None: the training side of `music`), which the Markov baseline learns from
    and where copies are looked for.
    """
    learned = music.train if training is None else training.everything
    pieces = _judged(music, how)
    if not pieces:
        raise ValueError(f"{music.path}: none of its {len(music.valid):,} pieces can be read")
    baselines: dict[str, Predictor] = {"uniform": UniformPredictor()}
    if learned:
        baselines = {"markov": MarkovPredictor(list(_up_to(drawn(learned, _rng(how, 2)), _LEARNED))), **baselines}
    predictors = {**{name: NeuralPredictor(model) for name, model in models.items()}, **baselines}
    events = sum(len(piece.events) for piece in pieces)
    figures: dict[str, Any] = {
        "data": str(music.path),
        "seed": how.seed,
        "pieces": len(pieces),
        "events": events,
        "length": how.length,
    }
    with _bar("likelihood", events * len(predictors), "event") as bar:
        figures["likelihood"] = likelihood(predictors, pieces, how.seed, bar.update)
    if how.orders:
        figures["orders"] = _orders(predictors, pieces, how)
    if how.generate:
        figures["generated"] = _generated(models, music, learned, how)
    return figures


def _rng(how: Measuring, purpose: int) -> np.random.Generator:
    return np.random.default_rng([how.seed, purpose])


def _bar(what: str, total: int, unit: str) -> tqdm[Any]:
    return tqdm(total=total, unit=unit, desc=what, leave=False)


def _judged(music: Music, how: Measuring) -> list[Piece]:
    """Openings of pieces drawn at random, with as many events as are asked for in all."""
    pieces, left = [], how.events
    for piece in drawn(music.valid, _rng(how, 1)):
        pieces.append(Piece(piece.name, piece.set, piece.events[: min(how.length, left)]))
        left -= len(pieces[-1].events)
        if left <= 0:
            break
    return pieces


def _up_to(pieces: Iterator[Piece], events: int) -> Iterator[Events]:
    """Pieces until they have so many `events` in all."""
    for piece in pieces:
        if events <= 0:
            break
        yield piece.events
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
    models: Mapping[str, NeuralModel], music: Music, learned: Sequence[Any], how: Measuring
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
    if learned and how.train_events:
        searched = _Counted(_up_to(drawn(learned, _rng(how, 4)), how.train_events))
        with _bar("copies", how.train_events, "event") as bar:
            figures["copies"] = copies(made, searched.told(bar))
        figures["searched"] = {"pieces": searched.pieces, "notes": searched.notes}
    return figures


class _Counted:
    """Pieces, counted as they pass."""

    def __init__(self, pieces: Iterator[Events]) -> None:
        self._source, self.pieces, self.notes = pieces, 0, 0

    def told(self, bar: tqdm[Any]) -> Iterator[Events]:
        for events in self._source:
            self.pieces += 1
            self.notes += int((events["velocity"] > 0).sum())
            bar.update(len(events))
            yield events
