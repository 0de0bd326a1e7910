"""A stream bundle's graphs for ONNX Runtime in a browser: weights are kept in eight bits and multiplied as floats.

In WebAssembly the products of whole numbers are no quicker than those of floats, and what is rounded to eight bits on
the fly falls otherwise from one processor to the next. So eight bits only make the download smaller: each matrix is
held as (int8, a scale for each column) behind a DequantizeLinear, which ONNX Runtime works out once when it opens the
graph. The heads are one graph for each field, since there a graph always runs whole;
what they share lies once in `SHARED`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.external_data_helper import set_external_data

__all__ = ["SHARED", "write_web_graphs"]

SHARED = "heads.bin"
"""The file of the tensors that several heads use."""
_WORTH_SHARING = 4096  # bytes
_ALIGNED = 64  # bytes
_QUANTISED = {"DynamicQuantizeLinear", "QuantizeLinear", "MatMulInteger", "QLinearMatMul", "MatMulNBits"}

Array = npt.NDArray[Any]


def write_web_graphs(bundle: Path, folder: Path, precision: str) -> tuple[str, ...]:
    """Write `body.onnx`, one graph for each field and `SHARED` into `folder`; returns the fields' names.

    `bundle` is the folder of a bundle of precision fp32 or int8, `precision` is that of the weights to be stored. Eight
    bits that the bundle has already are kept as they are. Raises ValueError when it is quantised in some other way.
    """
    body, heads = (_Rewriting(onnx.load(str(bundle / f"{name}.onnx")), precision).done() for name in ("body", "heads"))
    _save(body, folder / "body.onnx")
    fields = tuple(output.name for output in heads.graph.output)
    graphs = {field: _head(heads, field) for field in fields}
    _share([graph.graph for graph in graphs.values()], folder / SHARED)
    for field, graph in graphs.items():
        _save(graph, folder / f"{field}.onnx")
    return fields


def _save(model: Any, path: Path) -> None:
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(path))


class _Rewriting:
    """A graph on its way to one that multiplies floats only, its constant matrices stored as `precision` says."""

    def __init__(self, model: Any, precision: str) -> None:
        self._model, self._graph, self._eight = model, model.graph, precision == "int8"
        self._arrays = {t.name: numpy_helper.to_array(t) for t in self._graph.initializer}
        self._maker = {name: node for node in self._graph.node for name in node.output}
        self._nodes: list[Any] = []
        self._floats: dict[str, str] = {}  # a matrix -> the name under which its floats are to be had

    def done(self) -> Any:
        replaced = set()
        for node in self._graph.node:
            if node.op_type == "MatMulInteger":
                replaced.add(self._multiply_floats(node))
            elif node.op_type in ("MatMul", "Gemm") and node.input[1] in self._arrays and self._eight:
                by_row = any(a.name == "transB" and a.i for a in node.attribute)
                node.input[1] = self._stored(node.input[1], 0 if by_row else 1)
            if not replaced.intersection(node.output):
                self._nodes.append(node)
        _keep_what_is_used(self._graph, self._nodes)
        if strange := {n.op_type for n in self._graph.node} & _QUANTISED:
            raise ValueError(f"its graphs have {', '.join(sorted(strange))}: a browser plays fp32 and int8")
        return self._model

    def _multiply_floats(self, node: Any) -> str:
        """A product of floats in the place of one of whole numbers, its Cast and its scaling. Returns its name."""
        if np.any(self._arrays[node.input[3]]):
            raise ValueError("its eight bits are not symmetric")
        x = self._maker[node.input[0]].input[0]  # as it was before it was quantised
        (cast,) = self._users(node.output[0])
        (scaled,) = self._users(cast.output[0])
        scales = next(self._maker[name] for name in scaled.input if name != cast.output[0])
        scale = next(name for name in scales.input if name in self._arrays)
        weight = self._stored(node.input[1], 1, self._arrays[scale])
        self._nodes.append(helper.make_node("MatMul", [x, weight], [scaled.output[0]]))
        return str(scaled.output[0])

    def _users(self, name: str) -> list[Any]:
        return [node for node in self._graph.node if name in node.input]

    def _stored(self, name: str, axis: int, scale: Array | None = None) -> str:
        """Store a matrix, once, and say under which name its floats are to be had; `axis` is that of the scales."""
        if name in self._floats:
            return self._floats[name]
        whole = self._arrays[name]
        if scale is None:
            whole, scale = _eight_bits(whole, axis)
        scale = np.broadcast_to(scale.astype(np.float32), whole.shape[axis : axis + 1])
        floats = self._floats[name] = f"{name}_floats"
        if self._eight:
            for part, values in (("eight", whole), ("scale", scale)):
                self._graph.initializer.append(numpy_helper.from_array(np.array(values), f"{name}_{part}"))
            names = [f"{name}_eight", f"{name}_scale"]
            self._nodes.append(helper.make_node("DequantizeLinear", names, [floats], axis=axis))
        else:
            wide = (whole * np.expand_dims(scale, 1 - axis)).astype(np.float32)
            self._graph.initializer.append(numpy_helper.from_array(wide, floats))
        return floats


def _eight_bits(weight: Array, axis: int) -> tuple[Array, Array]:
    """Whole numbers -127..127 and the scale of each slice along `axis`."""
    scale = np.abs(weight).max(axis=1 - axis) / 127
    scale[scale == 0] = 1
    return np.rint(weight / np.expand_dims(scale, 1 - axis)).astype(np.int8), scale


def _keep_what_is_used(graph: Any, nodes: Iterable[Any]) -> None:
    """Give `graph` those of `nodes` that its outputs need, and only the tensors that these need."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(list(nodes)):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    tensors = [t for t in graph.initializer if t.name in needed]
    for field, items in (("node", kept[::-1]), ("initializer", tensors)):
        graph.ClearField(field)
        getattr(graph, field).extend(items)
    graph.ClearField("value_info")


def _head(heads: Any, field: str) -> Any:
    """The graph of one field: the same inputs, one output."""
    alone = deepcopy(heads)
    output = next(o for o in heads.graph.output if o.name == field)
    alone.graph.ClearField("output")
    alone.graph.output.append(output)
    _keep_what_is_used(alone.graph, list(alone.graph.node))
    return alone


def _share(graphs: Collection[Any], path: Path) -> None:
    """Move the tensors that several graphs hold into one file beside them."""
    held = [{t.name for t in graph.initializer if len(t.raw_data) >= _WORTH_SHARING} for graph in graphs]
    common = {name for names in held for name in names if sum(name in others for others in held) > 1}
    places: dict[str, int] = {}
    shared = bytearray()
    for tensor in (t for graph in graphs for t in graph.initializer if t.name in common):
        if tensor.name not in places:
            shared.extend(bytes(-len(shared) % _ALIGNED))
            places[tensor.name] = len(shared)
            shared.extend(tensor.raw_data)
        set_external_data(tensor, path.name, places[tensor.name], len(tensor.raw_data))
        tensor.ClearField("raw_data")
    path.write_bytes(shared)
