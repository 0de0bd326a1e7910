"""What fewer bits cost: size, likelihood, time and how long a stream stays the one of full precision."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.engine import Constraints, NeuralModel, Voice, open_model
from antiphon.engine.judge import NeuralPredictor, judge
from antiphon.faces.evaluate_tables import Table
from antiphon.music.event import Event
from antiphon.train.corpus import Split, unpacked

__all__ = ["measured", "precision_table"]

Figures = dict[str, Any]

STREAMS, LENGTH = 8, 64
"""Streams that are drawn from equal random numbers, and events in each."""
TIMED, WARM_UP = 300, 30
_PIECE = 512  # events judged of a piece
_VOICES = {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)}
_GRAPHS = ("body.onnx", "heads.onnx")


def measured(whole: Path, bundles: Mapping[str, Path], split: Split | None, events: int) -> dict[str, Figures]:
    """Figures of bundles of one net, by precision, and of `whole`, the one of full precision, as `fp32`.

    `nats_per_event` on about `events` events of `split`, None without one, and `nats_more` than full precision.
    `ms_per_event`: CPU time of an event drawn and heard on one thread, median. `same_events`: the share of events that
    are equal, place by place, in streams drawn alone from equal random numbers; `until_different`: the mean number of
    events, of `stream_length`, until they differ; `same_given_past`: the share where the past is that of fp32.
    """
    models = {"fp32": open_model(whole)} | {p: open_model(folder) for p, folder in bundles.items() if p != "fp32"}
    assert all(isinstance(model, NeuralModel) for model in models.values()), "only streams are measured"
    streams = {name: model for name, model in models.items() if isinstance(model, NeuralModel)}
    times, nats = _times(streams), _nats(streams, split, events)
    played = [_stream(streams["fp32"], seed) for seed in range(STREAMS)]
    return {
        name: {
            "megabytes": sum((model.bundle.folder / graph).stat().st_size for graph in _GRAPHS) / 1e6,
            "nats_per_event": nats.get(name),
            "nats_more": nats[name] / nats["fp32"] - 1 if nats else None,
            "events_judged": events if nats else 0,
            "ms_per_event": times[name],
            "times_fp32": times["fp32"] / times[name],
            **_agreement(model, played),
        }
        for name, model in streams.items()
    }


def _times(models: Mapping[str, NeuralModel]) -> dict[str, float]:
    """Median milliseconds of CPU an event; models take turns, so that all have the same neighbours on the machine."""
    taken: dict[str, list[float]] = {name: [] for name in models}
    rng, last = {name: np.random.default_rng(0) for name in models}, dict.fromkeys(models, 0.0)
    for model in models.values():
        model.reset()
    for turn in range(TIMED + WARM_UP):
        for name, model in models.items():
            began = time.thread_time()
            event = model.sample(_may(last[name]), rng[name])
            model.feed(event)
            if turn >= WARM_UP:
                taken[name].append(1e3 * (time.thread_time() - began))
            last[name] = event.at
    return {name: float(np.median(values)) for name, values in taken.items()}


def _nats(models: Mapping[str, NeuralModel], split: Split | None, events: int) -> dict[str, float]:
    """Nats an event on the beginnings of pieces drawn evenly from the split, by model."""
    if split is None or not len(split):
        return {}
    pieces, left = [], events
    for i in np.random.default_rng(0).permutation(len(split)).tolist():
        pieces.append(unpacked(split.piece(i)[: min(_PIECE, left)]))
        left -= len(pieces[-1])
        if left <= 0:
            break
    order = Constraints({}).order
    return {
        name: float(
            np.concatenate([judge(NeuralPredictor(model), piece, order).nats for piece in pieces]).sum(1).mean()
        )
        for name, model in models.items()
    }


def _may(last: float) -> Constraints:
    return Constraints(_VOICES, earliest=last, latest=last + 2.0)


def _stream(model: NeuralModel, seed: int) -> list[Event]:
    """What a model plays alone. Each event has random numbers of its own, so that streams stay comparable."""
    model.reset()
    events: list[Event] = []
    for t in range(LENGTH):
        last = events[-1].at if events else 0.0
        events.append(model.sample(_may(last), np.random.default_rng([seed, t])))
        model.feed(events[-1])
    return events


def _agreement(model: NeuralModel, played: list[list[Event]]) -> Figures:
    same, until, given_past = 0, 0, 0
    for seed, wanted in enumerate(played):
        equal = [a == b for a, b in zip(_stream(model, seed), wanted, strict=True)]
        same += sum(equal)
        until += equal.index(False) if False in equal else LENGTH
        model.reset()
        last = 0.0
        for t, event in enumerate(wanted):
            given_past += model.sample(_may(last), np.random.default_rng([seed, t])) == event
            model.feed(event)
            last = event.at
    total = len(played) * LENGTH
    return {
        "same_events": same / total,
        "until_different": until / len(played),
        "stream_length": LENGTH,
        "same_given_past": given_past / total,
    }


def precision_table(figures: Mapping[str, Figures], refused: Mapping[str, str]) -> Table:
    """Figures of `measured` for people, and which precisions were refused, and why."""
    rows = [(name, *_row(row)) for name, row in figures.items()]
    rows += [(name, why, "", "", "", "", "") for name, why in refused.items()]
    columns = ("", "MB", "nats an event", "ms an event", "same events", "until different", "same, past given")
    note = (
        f"ms: CPU time of an event drawn and heard, median, one thread; streams: {STREAMS} of {LENGTH} events from the "
        "random numbers of fp32"
    )
    return Table("Precisions", columns, rows, note)


def _row(row: Figures) -> tuple[str, ...]:
    nats = "no corpus" if row["nats_per_event"] is None else f"{row['nats_per_event']:.4f} ({row['nats_more']:+.2%})"
    return (
        f"{row['megabytes']:.1f}",
        nats,
        f"{row['ms_per_event']:.3f} ({row['times_fp32']:.1f} x)",
        f"{row['same_events']:.1%}",
        f"{row['until_different']:.0f}",
        f"{row['same_given_past']:.1%}",
    )
