"""Judging predictors on the same pieces: nats by field, order, set and family, ranks, calibration, as plain figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.engine.judge import ORDERS, Judged, JudgesItself, Predictor, judge, judge_orders
from antiphon.engine.model import FIELDS
from antiphon.faces.evaluate_pieces import Piece
from antiphon.music.event import ANONYMOUS, PROGRAMS
from antiphon.music.notes import drums
from antiphon.music.programs import FAMILIES
from antiphon.music.statistics import bootstrap_interval, calibration

__all__ = ["TOPS", "all_orders", "likelihood", "order_name"]

TOPS = (1, 3, 5, 10)
Progress = Callable[[int], object]
Figures = dict[str, Any]


@dataclass(frozen=True)
class _Judgement:
    """All events of all pieces: what was made of them, and which piece, set and family each belongs to."""

    judged: Judged
    piece: npt.NDArray[np.int64]
    set: npt.NDArray[np.str_]
    family: npt.NDArray[np.str_]


def order_name(order: Sequence[int]) -> str:
    """An order by the first letters of its fields, such as iptv."""
    return "".join(FIELDS[field][0] for field in order)


def likelihood(
    predictors: Mapping[str, Predictor | JudgesItself], pieces: Sequence[Piece], seed: int, progress: Progress
) -> dict[str, Figures]:
    """What each of `predictors` makes of `pieces`, by its name, with 95 % bootstrap intervals over the pieces."""
    figures = {}
    for name, predictor in predictors.items():
        found = []
        for piece in pieces:
            found.append(judge(predictor, piece.events, beats=piece.beats))
            progress(len(piece.events))
        figures[name] = _figures(_gathered(found, pieces), seed)
    return figures


def all_orders(
    predictors: Mapping[str, Predictor], pieces: Sequence[Piece], progress: Progress
) -> dict[str, dict[str, float]]:
    """Nats an event in each of the 24 orders, by predictor and order."""
    figures = {}
    for name, predictor in predictors.items():
        total, events = np.zeros(len(ORDERS)), 0
        for piece in pieces:
            total += judge_orders(predictor, piece.events, piece.beats).sum((0, 2))
            events += len(piece.events)
            progress(len(piece.events))
        figures[name] = {order_name(order): float(nats / events) for order, nats in zip(ORDERS, total, strict=True)}
    return figures


def _gathered(found: Sequence[Judged], pieces: Sequence[Piece]) -> _Judgement:
    lengths = [len(piece.events) for piece in pieces]
    joined = Judged(*(np.concatenate([getattr(j, name) for j in found]) for name in Judged.__dataclass_fields__))
    family = np.concatenate([_families(piece.events["instrument"]) for piece in pieces])
    return _Judgement(
        joined, np.repeat(np.arange(len(pieces)), lengths), np.repeat([piece.set for piece in pieces], lengths), family
    )


def _families(instruments: npt.NDArray[np.uint16]) -> npt.NDArray[np.str_]:
    names = np.array([*FAMILIES, "drums", "anonymous"])
    number = np.where(instruments < PROGRAMS, instruments // 8, len(names) - 1)
    return np.asarray(names[np.where(drums(instruments) & (instruments < ANONYMOUS), len(names) - 2, number)])


def _figures(found: _Judgement, seed: int) -> Figures:
    judged = found.judged
    each = {name: judged.nats[:, f] for f, name in enumerate(FIELDS)}
    return {
        "nats_per_event": _interval(judged.nats.sum(1), found.piece, seed),
        "nats": {name: _interval(nats, found.piece, seed) for name, nats in each.items()},
        "perplexity": {name: float(np.exp(nats.mean())) for name, nats in each.items()},
        "top": {name: {str(k): float(judged.top(k)[:, f].mean()) for k in TOPS} for f, name in enumerate(FIELDS)},
        "calibration": {name: _calibration(judged, f) for f, name in enumerate(FIELDS)},
        "by_piece": np.bincount(found.piece, judged.nats.sum(1)).tolist(),
        "by_set": _by(found.set, found, seed),
        "by_family": _by(found.family, found, seed),
    }


def _interval(nats: npt.NDArray[np.float64], piece: npt.NDArray[np.int64], seed: int) -> Figures:
    _, which, sizes = np.unique(piece, return_inverse=True, return_counts=True)
    return asdict(bootstrap_interval(np.bincount(which, nats), sizes, np.random.default_rng(seed)))


def _calibration(judged: Judged, field: int) -> Figures:
    found = calibration(judged.confidence[:, field], judged.hit[:, field])
    full = found.count > 0
    return {
        "error": found.error,
        "confidence": found.confidence[full].tolist(),
        "accuracy": found.accuracy[full].tolist(),
        "count": found.count[full].tolist(),
    }


def _by(label: npt.NDArray[np.str_], found: _Judgement, seed: int) -> dict[str, Figures]:
    """Nats an event by what the events are labelled as, the commonest label first."""
    names, counts = np.unique(label, return_counts=True)
    figures = {}
    for i in np.argsort(-counts, kind="stable").tolist():
        own = label == names[i]
        interval = _interval(found.judged.nats[own].sum(1), found.piece[own], seed)
        pieces = len(np.unique(found.piece[own]))
        figures[str(names[i])] = {"events": int(counts[i]), "pieces": pieces, "nats_per_event": interval}
    return figures
