"""The weights of bundles that C++ plays, read from their ONNX graphs, without torch.

By the names of `engine.embedded_file.plan` and of `engine.embedded_words_file.word_plan`.

Names of tensors in an exported graph are the exporter's whim, those of biases are the net's own; so each matrix is
found from the bias that is added to its product.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from antiphon.codec.sounding import CHANNELS, FEATURES
from antiphon.codec.stream import SIZES

__all__ = ["EightBits", "weights_of", "weights_of_words"]

Array = npt.NDArray[Any]
EightBits = tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]
"""Rows (R, C) of whole numbers and their scales (R,), as the graph holds them."""
_PRODUCTS = ("Gemm", "MatMul", "MatMulInteger")


class _Graph:
    """Initialisers by name, the nodes that make each tensor and those that use it."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(str(path)).graph
        self.nodes = list(graph.node)
        self.arrays: dict[str, Array] = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
        for node in self.nodes:  # equal tensors are kept once and passed on under their other names
            if node.op_type == "Identity" and node.input[0] in self.arrays:
                self.arrays[node.output[0]] = self.arrays[node.input[0]]
        self.maker = {name: node for node in self.nodes for name in node.output}

    def product_with(self, bias: str) -> Any:
        """The product that `bias` is added to."""
        (adder,) = (n for n in self.nodes if n.op_type in ("Add", "Gemm") and bias in n.input)
        node = adder
        while node.op_type not in _PRODUCTS:
            node = self.maker[next(i for i in node.input if i in self.maker and "scale" not in i)]
        return node

    def weight(self, node: Any) -> Array | EightBits:
        """The matrix (rows of outputs) of a product."""
        matrix = self.arrays[node.input[1]]
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        rows = np.ascontiguousarray(matrix if transposed else matrix.T)
        if node.op_type != "MatMulInteger":
            return rows
        if np.any(self.arrays[node.input[3]]):
            raise ValueError("its eight bits are not symmetric")
        return rows, np.broadcast_to(self.arrays[node.input[1].replace("_quantized", "_scale")], len(rows)).copy()

    def with_bias(self, bias: str) -> tuple[Array | EightBits, Array]:
        return self.weight(self.product_with(bias)), self.arrays[bias]

    def products(self) -> list[Any]:
        """The products with weights, in the order in which they are done."""
        return [n for n in self.nodes if n.op_type in _PRODUCTS and n.input[1] in self.arrays]

    def product_of_shape(self, columns: int) -> Array:
        """The one product without a bias whose inputs number `columns`, as rows of inputs."""
        (node,) = (n for n in self.products() if self.arrays[n.input[1]].shape[0] == columns and n.op_type != "Gemm")
        return np.ascontiguousarray(_floats(self.weight(node)).T)


def _floats(weight: Array | EightBits) -> Array:
    return weight if not isinstance(weight, tuple) else np.asarray(weight[0] * weight[1][:, None], np.float32)


def _joined(a: tuple[Array | EightBits, Array], b: tuple[Array | EightBits, Array]) -> tuple[Array | EightBits, Array]:
    """Two products of one input as one: the rows of the second below those of the first."""
    bias = np.concatenate([a[1], b[1]])
    if isinstance(a[0], tuple) and isinstance(b[0], tuple):
        return (np.concatenate([a[0][0], b[0][0]]), np.concatenate([a[0][1], b[0][1]])), bias
    return np.concatenate([_floats(a[0]), _floats(b[0])]), bias


def weights_of(folder: Path, layers: int) -> dict[str, Array | EightBits]:
    """The weights of the GRU bundle in `folder`. Raises ValueError when its graphs are not such a model's."""
    try:
        return _body(_Graph(folder / "body.onnx"), layers) | _heads(_Graph(folder / "heads.onnx"))
    except Exception as error:  # a graph that was made otherwise fails in as many ways as there are graphs
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{folder}: its graphs are not those of a GRU model ({reason})") from error


def weights_of_words(folder: Path, net: Mapping[str, Any]) -> dict[str, Array | EightBits]:
    """The weights of the bundle of a net of words. `net`: as `bundle.json` says. Raises ValueError as `weights_of`."""
    try:
        graph = _Graph(folder / "step.onnx")
        out, bias = graph.with_bias("net.out.bias")
        a, layers = graph.arrays, net["layers"]
        weights = _grus(graph, layers) if net["body"] == "gru" else _looking_back(graph, net)
        weights |= {"embed": a["net.embed.weight"], "norm.w": a["net.norm.weight"], "norm.b": a["net.norm.bias"]}
        return weights | {"out": out, "out.b": bias}
    except Exception as error:  # as above
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{folder}: its graph is not that of a net of words ({reason})") from error


def _looking_back(graph: _Graph, net: Mapping[str, Any]) -> dict[str, Array | EightBits]:
    """A transformer's layers. Their products have no biases, but each waits for the one before."""
    half = net["width"] // net["n_heads"] // 2
    rates = np.float32(10_000.0) ** (-np.arange(half, dtype=np.float32) / np.float32(half))
    weights: dict[str, Array | EightBits] = {"rates": rates}
    products = graph.products()
    if len(products) != 4 * net["layers"] + 1:
        raise ValueError("its products are too many or too few")
    for i in range(net["layers"]):
        for name, node in zip(("qkv", "mix", "gate_up", "down"), products[4 * i : 4 * i + 4], strict=True):
            weights[f"{name}.{i}"] = graph.weight(node)
        for name in ("norm1", "norm2"):
            weights[f"{name}.{i}"] = graph.arrays[f"net.body.layers.{i}.{name}.weight"]
    return weights


def _grus(graph: _Graph, layers: int) -> dict[str, Array | EightBits]:
    a, weights = graph.arrays, dict[str, Array | EightBits]()
    for i in range(layers):
        weights |= {f"norm.{i}.{s}": a[f"net.body.norms.{i}.{name}"] for s, name in (("w", "weight"), ("b", "bias"))}
        for s, name in (("in", "ih"), ("rec", "hh")):
            weight, bias = graph.with_bias(f"net.body.grus.{i}.bias_{name}_l0")
            weights |= {f"gru.{i}.{s}": weight, f"gru.{i}.{s}.b": bias}
    return weights


def _body(graph: _Graph, layers: int) -> dict[str, Array | EightBits]:
    a = graph.arrays
    weights: dict[str, Array | EightBits] = {f"embed.{f}": a[f"net.embed.{f}.weight"] for f in range(len(SIZES))}
    weights |= {"hear": graph.product_of_shape(FEATURES), "start": a["net.start"], **_grus(graph, layers)}
    weight, bias = graph.with_bias("net.heads.base.bias")
    return weights | {"norm.w": a["net.norm.weight"], "norm.b": a["net.norm.bias"], "base": weight, "base.b": bias}


def _heads(graph: _Graph) -> dict[str, Array | EightBits]:
    a = graph.arrays
    weights: dict[str, Array | EightBits] = {f"known.{f}": a[f"heads.known.{f}.weight"] for f in range(len(SIZES))}
    weights |= {"heads.w": a["heads.norm.weight"], "heads.b": a["heads.norm.bias"]}
    weights["touch"] = graph.product_of_shape(CHANNELS)
    weights["field"] = np.stack([_asked(graph, f) for f in range(len(SIZES))])
    gates = {0: "heads.instrument_gate.bias", 1: "heads.pitch_gate.bias"}
    for f in range(len(SIZES)):
        weights[f"up.{f}"], weights[f"up.{f}.b"] = graph.with_bias(f"heads.up.{f}.bias")
        out = graph.with_bias(f"heads.out.{f}.bias")
        weights[f"out.{f}"], weights[f"out.{f}.b"] = _joined(out, graph.with_bias(gates[f])) if f in gates else out
    return weights


def _asked(graph: _Graph, field: int) -> Array:
    """What is added to the base when this field is asked for: back from its first product to the base."""
    name = graph.product_with(f"heads.up.{field}.bias").input[0]
    while True:
        node = graph.maker[name]
        if node.op_type == "Add" and "base" in node.input:
            return graph.arrays[next(i for i in node.input if i != "base")].reshape(-1)
        name = node.input[0]
