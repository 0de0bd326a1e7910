"""Replay: a piece heard by exported graphs event by event, as a host would, and by the net that they were made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from antiphon.music.beats import steady
from antiphon.music.grid import Grid
from antiphon.train.batches import collate
from antiphon.train.corpus import STORED, Split, Window, unpacked
from antiphon.train.graphs import DRAWN_IN
from antiphon.train.likelihood import FIELD_NAMES
from antiphon.train.nets import StreamNet

__all__ = [
    "Reference",
    "Replay",
    "asked_of",
    "drawn_at_once",
    "drawn_one_by_one",
    "pieces_of",
    "reference",
    "replayed",
    "session",
]

_EVENTS = 96  # of a reference piece
_STEADY = Grid(0.1, 93.0, 3)

Array = npt.NDArray[Any]
Feeds = list[dict[str, Array]]
"""What a graph is given, call by call."""


@dataclass(frozen=True)
class Reference:
    """What is heard and asked: codes (n, 4), sounding before each (n, F), what each field may see (n, 4, 4)."""

    codes: Array
    sounding: Array
    known: Array


@dataclass(frozen=True)
class Replay:
    """Logits of all fields (n, K...) one beside the other, and what the two graphs were given for them."""

    logits: Array
    feeds: dict[str, Feeds]


def pieces_of(split: Split | None, n: int = 1, *, beats: bool = False) -> list[Window]:
    """Music to try graphs on: the beginnings of the longest `n` pieces of a split, else a scale.

    With `beats` they tell where those fall; where none are known, on some grid, so that every input is tried.
    """
    if split is not None and len(split.index):
        longest = np.argsort(-split.index["length"], kind="stable")[:n]
        windows = [split.window(int(i), 0, _EVENTS, beats=beats and split.has_beats) for i in longest]
        return [w if len(w.beats) or not beats else Window(w.events, steady(_STEADY)) for w in windows]
    piece = np.zeros(_EVENTS, STORED)
    piece["delta"] = 120
    piece["pitch"] = 60 + np.repeat(np.arange(_EVENTS // 2) % 12, 2)
    piece["velocity"] = np.tile([80, 0], _EVENTS // 2)
    return [Window(unpacked(piece), steady(_STEADY if beats else None))]


def reference(window: Window, *, beats: bool = False) -> Reference:
    """A window as a net hears it that is told where `beats` fall or not, its fields asked for in orders by chance."""
    n = len(window.events)
    batch = collate([window], n, beats=beats)
    rng = np.random.default_rng(0)
    known = np.tril(np.ones((4, 4)), -1)[np.argsort(rng.random((n, 4)))]  # (n, 4, 4): field, may see
    known[:, range(4), range(4)] = 0
    return Reference(batch.codes[0].numpy(), batch.sounding[0].numpy(), known)


@torch.no_grad()
def asked_of(net: StreamNet, asked: Reference) -> Array:
    """Logits of the net itself, all fields beside each other: (n, K...)."""
    codes, sounding, known = (torch.from_numpy(a)[None] for a in (asked.codes, asked.sounding, asked.known))
    return torch.cat(net(codes, sounding, known > 0), dim=-1)[0].numpy()


def session(path: Path) -> ort.InferenceSession:
    """A graph on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # inputs that have a default are meant
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _calls(state: dict[str, Array], asked: Reference) -> Iterator[tuple[int, dict[str, Array]]]:
    """What the body is given for each event of the reference, but for the state, which is `state` as it is then."""
    code, begin = np.zeros((1, 4), np.int64), np.ones((1, 1), np.float32)
    for t in range(len(asked.codes)):
        yield t, {"code": code, "begin": begin, "sounding": asked.sounding[t : t + 1], **state}
        code, begin = asked.codes[t : t + 1], np.zeros((1, 1), np.float32)


def _initial(graph: ort.InferenceSession) -> dict[str, Array]:
    return {i.name: np.zeros(i.shape, np.float32) for i in graph.get_inputs()[3:] if i.name != "uniform"}


def replayed(folder: Path, asked: Reference) -> Replay:
    """Let the graphs in `folder` hear the reference from its beginning, and answer."""
    body, heads = session(folder / "body.onnx"), session(folder / "heads.onnx")
    state = _initial(body)
    rows: list[Array] = []
    feeds: dict[str, Feeds] = {"body": [], "heads": []}
    for t, call in _calls(state, asked):
        feeds["body"].append(call)
        base, *after = body.run(None, call)
        state.update(zip(state, after, strict=True))
        row = []
        for f, name in enumerate(FIELD_NAMES):
            known = asked.known[t, f][None].astype(np.float32)
            feed = {"base": base, "codes": asked.codes[t : t + 1], "known": known, "sounding": call["sounding"]}
            feeds["heads"].append(feed)
            row.append(heads.run([name], feed)[0][0])
        rows.append(np.concatenate(row))
    return Replay(np.array(rows), feeds)


def drawn_one_by_one(folder: Path, asked: Reference, uniform: Array) -> Array:
    """Events (n, 4) that body and heads would draw by `uniform` (n, 4) while the reference is heard, field by field."""
    body, heads = session(folder / "body.onnx"), session(folder / "heads.onnx")
    state, drawn = _initial(body), np.zeros((len(asked.codes), 4), np.int64)
    for t, call in _calls(state, asked):
        base, *after = body.run(None, call)
        state.update(zip(state, after, strict=True))
        known = np.zeros((1, 4), np.float32)
        for f in DRAWN_IN:
            feed = {"base": base, "codes": drawn[t : t + 1], "known": known, "sounding": call["sounding"]}
            logits = heads.run([FIELD_NAMES[f]], feed)[0][0].astype(np.float64)
            summed = np.cumsum(np.exp(logits - logits.max()))
            drawn[t, f] = min(int(np.searchsorted(summed, uniform[t, f] * summed[-1], "right")), len(summed) - 1)
            known[0, f] = 1
    return drawn


def drawn_at_once(folder: Path, asked: Reference, uniform: Array) -> Array:
    """The same by `event.onnx`, one call an event."""
    graph = session(folder / "event.onnx")
    state, drawn = _initial(graph), np.zeros((len(asked.codes), 4), np.int64)
    for t, call in _calls(state, asked):
        drawn[t : t + 1], *after = graph.run(None, call | {"uniform": uniform[t : t + 1]})
        state.update(zip(state, after, strict=True))
    return drawn
