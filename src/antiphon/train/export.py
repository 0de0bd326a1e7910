"""Export: a trained net becomes a bundle: a folder of ONNX graphs, and of answers that they must give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.sounding import DECAYS
from antiphon.codec.stream import SIZES, TICK, TIME_LAST
from antiphon.train.bundle_folder import appearing, describe_bundle
from antiphon.train.corpus import Split, Window
from antiphon.train.errors import RunError, TooCoarse
from antiphon.train.graphs import OPSET, EventStep, described, give_defaults, write_step_graphs
from antiphon.train.nets import StreamNet
from antiphon.train.quantise import PRECISIONS, needs_calibration, quantise
from antiphon.train.replay import asked_of, drawn_at_once, drawn_one_by_one, pieces_of, reference, replayed

__all__ = ["BUNDLE_FORMAT", "PRECISIONS", "export", "write_graphs"]

BUNDLE_FORMAT = 1
_FP32_TOLERANCE = 1e-3  # logits
# Nats an event by which a distribution may differ: what fewer bits cost in likelihood is measured and recorded, this
# catches a broken graph. On the model in the box int8 is 0.001 apart, int4w 0.02.
_APART = {"int8": 0.02, "int8-static": 0.02, "int4w": 0.2}
_DRAWN_ALIKE = {"fp32": 0.98}
"""Share of events that one graph must draw as the others would: but for ties of rounding all of them."""
_DRAWN_ALIKE_ROUNDED = 0.7
_CALIBRATION_PIECES = 8

Array = npt.NDArray[Any]


def write_graphs(
    net: StreamNet,
    folder: Path,
    precision: str,
    *,
    pieces: Sequence[Window] | None = None,
    one_graph: bool = False,
) -> dict[str, tuple[int, ...]]:
    """Write the graphs of a net into `folder`; returns the shapes of its state by name.

    `pieces` calibrate; without them only precisions from which weights can be read back are written,
    else RunError.
    """
    if pieces is None and precision not in ("fp32", "int8"):
        raise RunError(f"weights of {precision} cannot be trained on: take a bundle of fp32 or int8, or the run itself")
    states = write_step_graphs(net, folder, one_graph=one_graph)
    names = ("body", "heads", *(["event"] if one_graph else []))
    if precision != "fp32":
        calibrating = pieces if pieces is not None and needs_calibration(precision) else []
        feeds = _feeds(folder, calibrating, net.config.beat, one_graph)
        for name in names:
            quantise(folder / f"{name}.onnx", precision, feeds.get(name, []))
    if one_graph:
        give_defaults(folder / "event.onnx", EventStep(net).defaults)
    return states


def _feeds(folder: Path, pieces: Sequence[Window], beats: bool, one_graph: bool) -> dict[str, list[dict[str, Array]]]:
    """What each graph is given while the pieces are heard."""
    feeds: dict[str, list[dict[str, Array]]] = {}
    for piece in pieces:
        for name, calls in replayed(folder, reference(piece, beats=beats)).feeds.items():
            feeds.setdefault(name, []).extend(calls)
    if one_graph and feeds:
        rng = np.random.default_rng(0)
        free = {name: np.ones(shape, np.float32) for name, shape in EventStep.defaults.items()}
        feeds["event"] = [call | {"uniform": rng.random((1, 4), np.float32)} | free for call in feeds["body"]]
    return feeds


def _parity(net: StreamNet, folder: Path, piece: Window, precision: str, one_graph: bool) -> dict[str, float]:
    """Let net and graphs answer a piece; keep what the graphs say. Raises RunError where they differ too much."""
    asked = reference(piece, beats=net.config.beat)
    wanted, got = asked_of(net, asked), replayed(folder, asked).logits
    worst = _largest(np.abs(got - wanted))
    apart = _nats_apart(wanted, got)
    kept: dict[str, Any] = {"codes": asked.codes, "sounding": asked.sounding, "known": asked.known, "logits": got}
    said = {"largest_difference": worst, "nats_apart": apart}
    if precision == "fp32" and not worst <= _FP32_TOLERANCE:
        raise RunError(
            f"{folder}: the graphs' logits differ from the net's by {worst:.2g} (more than {_FP32_TOLERANCE})"
        )
    if precision != "fp32" and not apart <= _APART[precision]:
        limit = _APART[precision]
        raise TooCoarse(
            f"{folder}: in {precision} the graphs' odds differ from the net's by {apart:.2g} nats (more than {limit}); "
            "take --precision fp32, or train for longer"
        )
    if one_graph:
        uniform = np.random.default_rng(1).random((len(asked.codes), 4), np.float32)
        drawn = drawn_at_once(folder, asked, uniform)
        alike = float((drawn == drawn_one_by_one(folder, asked, uniform)).all(1).mean())
        if not alike >= _DRAWN_ALIKE.get(precision, _DRAWN_ALIKE_ROUNDED):
            raise RunError(f"{folder}: only {alike:.0%} of the events drawn in one graph differ not from the others'")
        kept |= {"uniform": uniform, "events": drawn}
        said["drawn_alike"] = alike
    np.savez_compressed(folder / "vectors.npz", **kept)
    return said


def _largest(differences: Array) -> float:
    furthest = float(differences.max())
    return math.inf if math.isnan(furthest) else furthest


def _nats_apart(wanted: Array, got: Array) -> float:
    """Mean Kullback-Leibler divergence of an event's four fields, logits (n, K...) against logits."""
    total = 0.0
    for f, ends in zip(range(len(SIZES)), np.cumsum(SIZES), strict=True):
        p, q = (_log_softmax(a[:, ends - SIZES[f] : ends].astype(np.float64)) for a in (wanted, got))
        total += float((np.exp(p) * (p - q)).sum(-1).mean())
    return math.inf if math.isnan(total) else total


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def export(
    net: StreamNet,
    bundle: Path,
    *,
    name: str,
    precision: str = "int8",
    lineage: Mapping[str, Any] | None = None,
    validation: Mapping[str, float] | None = None,
    split: Split | None = None,
    one_graph: bool = False,
) -> dict[str, Any]:
    """Write `bundle`, a folder, beside and then rename it into place; returns its `bundle.json`.

    Raises RunError, and writes nothing, when the exported graphs do not give the net's own answers.
    """
    with appearing(bundle) as beside:
        net = net.float().cpu().eval()
        pieces = pieces_of(split, _CALIBRATION_PIECES, beats=net.config.beat)
        states = write_graphs(net, beside, precision, pieces=pieces, one_graph=one_graph)
        said = _parity(net, beside, pieces[0], precision, one_graph)
        about = {
            "format": BUNDLE_FORMAT,
            "name": name,
            "codec": {
                "name": "stream",
                "tick": TICK,
                "sizes": list(SIZES),
                "time_last": TIME_LAST.tolist(),
                "decays": list(DECAYS),
            },
            "precision": precision,
            "net": net.config.as_dict(),
            "parameters": sum(p.numel() for p in net.parameters()),
            "state": {key: list(shape) for key, shape in states.items()},
            "opset": OPSET,
            "graphs": {path.name: described(path) for path in sorted(beside.glob("*.onnx"))},
            **said,
            "validation": dict(validation or {}),
            "lineage": dict(lineage or {}),
        }
        return describe_bundle(beside, about)
