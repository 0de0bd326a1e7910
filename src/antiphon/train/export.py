"""Export: a trained net becomes a bundle, a folder of ONNX graphs whose state goes in and comes out.

`body.onnx` hears one event: (code, begin, sounding, state...) -> (base, next state...), the same work for every event.
`heads.onnx` gives the logits of the four fields from (base, codes, known, sounding); a caller asks for those it needs.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from antiphon.codec.sounding import DECAYS, FEATURES
from antiphon.codec.stream import SIZES, TICK, TIME_LAST
from antiphon.train.batches import collate
from antiphon.train.body_step import gru_step, states_of, transformer_step
from antiphon.train.checkpoint import RunError
from antiphon.train.corpus import STORED, Split, unpacked
from antiphon.train.nets import GruBody, StreamNet

__all__ = ["BUNDLE_FORMAT", "PRECISIONS", "BodyStep", "HeadsStep", "export", "step_of", "write_graphs"]

BUNDLE_FORMAT = 1
PRECISIONS = ("int8", "fp32")
_OPSET = 18
_VECTORS = 96  # reference events in a bundle
_FP32_TOLERANCE = 1e-3
_INT8_TOLERANCE = 1.0  # logits; what int8 costs in likelihood is measured and recorded, this catches a broken graph


class BodyStep(nn.Module):
    """The body for one event, its state explicit. `states` names the state's arrays and their shapes."""

    states: dict[str, tuple[int, ...]]

    def __init__(self, net: StreamNet) -> None:
        super().__init__()
        self.net, self.states = net, states_of(net.config)

    def enter(self, code: Tensor, begin: Tensor, sounding: Tensor) -> Tensor:
        """The body's input (1, D): the event, or the beginning where `begin` (1, 1) is 1."""
        past = self.net.embedded(code)
        return cast(Tensor, begin * self.net.start + (1 - begin) * past + self.net.hear(sounding))

    def leave(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.net.heads.base(self.net.norm(x)))


class GruStep(BodyStep):
    """A GRU for one event."""

    def forward(self, code: Tensor, begin: Tensor, sounding: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        x, hidden = gru_step(self.net.body, self.enter(code, begin, sounding), hidden)
        return self.leave(x), hidden


class TransformerStep(BodyStep):
    """A transformer for one event."""

    def forward(
        self, code: Tensor, begin: Tensor, sounding: Tensor, cache: Tensor, filled: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, cache, filled = transformer_step(self.net.body, self.enter(code, begin, sounding), cache, filled)
        return self.leave(x), cache, filled


class HeadsStep(nn.Module):
    """The heads for one event: logits (1, K) of each field, given which fields are known."""

    def __init__(self, net: StreamNet) -> None:
        super().__init__()
        self.heads = net.heads

    def forward(self, base: Tensor, codes: Tensor, known: Tensor, sounding: Tensor) -> tuple[Tensor, ...]:
        facts = torch.stack(self.heads.facts(codes, sounding), dim=-1)  # (1, C, 4)
        given = (facts * known[:, None, :]).sum(-1)
        return tuple(self.heads.logits(f, base, given, sounding) for f in range(len(SIZES)))


def step_of(net: StreamNet) -> BodyStep:
    """The one-event form of a net's body."""
    return (GruStep if isinstance(net.body, GruBody) else TransformerStep)(net).eval()


def _write_graph(module: nn.Module, path: Path, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> None:
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but still gives the smaller graph; torch's range in pyproject.toml is
        # bounded for its sake.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Shapes are fixed here, which is what its other warnings are about.
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=_OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def write_graphs(net: StreamNet, folder: Path, precision: str) -> dict[str, tuple[int, ...]]:
    """Write the graphs of a net into `folder`; returns the shapes of its state by name."""
    body = step_of(net)
    code, sounding = torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, FEATURES)
    state = {name: torch.zeros(shape) for name, shape in body.states.items()}
    inputs = {"code": code, "begin": torch.zeros(1, 1), "sounding": sounding, **state}
    _write_graph(body, folder / "body.onnx", inputs, ["base", *(f"next_{name}" for name in state)])
    inputs = {
        "base": torch.zeros(1, net.config.head_width),
        "codes": code,
        "known": torch.zeros(1, 4),
        "sounding": sounding,
    }
    _write_graph(HeadsStep(net).eval(), folder / "heads.onnx", inputs, ["instrument", "pitch", "time", "velocity"])
    if precision == "int8":
        for name in ("body.onnx", "heads.onnx"):
            _quantise(folder / name)
    return body.states


def _quantise(path: Path) -> None:
    """Weights to int8 a column, activations on the fly. Seven bits: without VNNI, processors saturate at eight."""
    whole = path.with_suffix(".fp32")
    path.rename(whole)
    _gemm_to_matmul(whole)
    with _without_advice():
        quantize_dynamic(
            whole,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=["MatMul"],
            extra_options={"MatMulConstBOnly": True},
        )
    whole.unlink()


@contextmanager
def _without_advice() -> Iterator[None]:
    """Silence the quantiser, which advises everyone to do to the graph what was done already, on the root logger."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


def _gemm_to_matmul(path: Path) -> None:
    """Write x W^T + b as MatMul and Add: dynamic quantisation reaches only MatMul."""
    model = onnx.load(str(path))
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Gemm":
            nodes.append(node)
            continue
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        weight = arrays[node.input[1]].T if transposed else arrays[node.input[1]]
        name, product = f"{node.output[0]}_weight", f"{node.output[0]}_product"
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(weight), name))
        nodes.append(onnx.helper.make_node("MatMul", [node.input[0], name], [product]))
        nodes.append(onnx.helper.make_node("Add", [product, node.input[2]], [node.output[0]]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [t for t in model.graph.initializer if t.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, str(path))


def reference_piece(split: Split | None) -> np.ndarray[Any, np.dtype[np.void]]:
    """Some stored events to make reference vectors of: real ones when there is a corpus, else a scale."""
    if split is not None and len(split.index):
        longest = int(np.argmax(split.index["length"]))
        return split.piece(longest)[:_VECTORS]
    piece = np.zeros(_VECTORS, STORED)
    piece["delta"] = 120
    piece["pitch"] = 60 + np.repeat(np.arange(_VECTORS // 2) % 12, 2)
    piece["velocity"] = np.tile([80, 0], _VECTORS // 2)
    return piece


def _vectors(net: StreamNet, folder: Path, piece: np.ndarray[Any, np.dtype[np.void]], precision: str) -> float:
    """Replay a piece through torch and through the graphs; keep what the graphs say. Returns the largest difference."""
    batch = collate([unpacked(piece)], len(piece))
    rng = np.random.default_rng(0)
    known = np.tril(np.ones((4, 4)), -1)[np.argsort(rng.random((len(piece), 4)))]  # (T, 4, 4): field, may see
    known[:, range(4), range(4)] = 0
    with torch.no_grad():
        wanted = net(batch.codes, batch.sounding, torch.from_numpy(known)[None] > 0)
    body, heads = (
        ort.InferenceSession(folder / f"{n}.onnx", providers=["CPUExecutionProvider"]) for n in ("body", "heads")
    )
    state = {i.name: np.zeros(i.shape, np.float32) for i in body.get_inputs()[3:]}
    code, begin, worst, got = np.zeros((1, 4), np.int64), np.ones((1, 1), np.float32), 0.0, []
    for t in range(len(piece)):
        sounding = batch.sounding[0, t : t + 1].numpy()
        base, *after = body.run(None, {"code": code, "begin": begin, "sounding": sounding, **state})
        state = dict(zip(state, after, strict=True))
        code, begin = batch.codes[0, t : t + 1].numpy(), np.zeros((1, 1), np.float32)
        row = []
        for f, name in enumerate(("instrument", "pitch", "time", "velocity")):
            feed = {"base": base, "codes": code, "known": known[t, f][None].astype(np.float32), "sounding": sounding}
            row.append(heads.run([name], feed)[0][0])
            furthest = float(np.abs(row[-1] - wanted[f][0, t].numpy()).max())
            worst = math.inf if math.isnan(furthest) else max(worst, furthest)  # `max` alone would pass over it
        got.append(np.concatenate(row))
    np.savez_compressed(
        folder / "vectors.npz",
        codes=batch.codes[0].numpy(),
        sounding=batch.sounding[0].numpy(),
        known=known,
        logits=got,
    )
    limit = _FP32_TOLERANCE if precision == "fp32" else _INT8_TOLERANCE
    if not worst <= limit:
        raise RunError(f"{folder}: the exported graphs differ from the net by {worst:.2g} (more than {limit})")
    return worst


def export(
    net: StreamNet,
    bundle: Path,
    *,
    name: str,
    precision: str = "int8",
    lineage: Mapping[str, Any] | None = None,
    validation: Mapping[str, float] | None = None,
    split: Split | None = None,
) -> dict[str, Any]:
    """Write `bundle`, a folder, beside and then rename it into place; returns its `bundle.json`.

    Raises RunError, and writes nothing, when the exported graphs do not give the net's own answers.
    """
    if bundle.exists():
        raise RunError(f"{bundle}: exists already; remove it or choose another name")
    beside = bundle.with_name(bundle.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        net = net.float().cpu().eval()
        states = write_graphs(net, beside, precision)
        worst = _vectors(net, beside, reference_piece(split), precision)
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
            "largest_difference": worst,
            "validation": dict(validation or {}),
            "lineage": dict(lineage or {}),
            "files": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(beside.iterdir())},
        }
        (beside / "bundle.json").write_text(json.dumps(about, indent=1) + "\n")
        beside.rename(bundle)
    except OSError as error:
        raise RunError(f"{bundle}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return about
