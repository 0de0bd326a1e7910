"""Quantisation: a graph's weights in fewer bits. Every way reaches the constant matrices of its products, no more."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

__all__ = ["BLOCK", "PRECISIONS", "needs_calibration", "quantise"]

PRECISIONS = ("int8", "fp32", "int8-static", "int4w")
BLOCK = 32
"""Rows of a matrix that share a scale in four bits."""
_EIGHT_BITS = 4
"""The accuracy level at which ONNX Runtime may round what four bits are multiplied with to eight: it costs nothing."""

Array = npt.NDArray[Any]


def needs_calibration(precision: str) -> bool:
    """Whether the ranges of activations have to be seen before."""
    return precision == "int8-static"


def quantise(path: Path, precision: str, feeds: Iterable[dict[str, Array]] = ()) -> None:
    """Rewrite the full-precision graph at `path`; `feeds`, what it is given when it plays, calibrate `int8-static`."""
    whole = path.with_suffix(".fp32")
    path.rename(whole)
    with _without_advice():
        if precision == "int8":
            _gemm_to_matmul(whole)
            _dynamic(whole, path)
        elif precision == "int8-static":
            _matmul_to_gemm(whole)
            _static(whole, path, feeds)
        else:
            _gemm_to_matmul(whole)
            _four_bits(whole, path)
    whole.unlink()


def _dynamic(whole: Path, path: Path) -> None:
    """Weights to int8 a column, activations on the fly. Seven bits: without VNNI, processors saturate at eight."""
    quantize_dynamic(
        whole,
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul"],
        extra_options={"MatMulConstBOnly": True},
    )


class _Feeds(CalibrationDataReader):  # type: ignore[misc]  # the base publishes no types
    def __init__(self, feeds: Iterable[dict[str, Array]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, Array] | None:
        return next(self._feeds, None)


def _static(whole: Path, path: Path, feeds: Iterable[dict[str, Array]]) -> None:
    """The same weights, activations at the ranges that were seen in `feeds`; sums leave each product as floats."""
    quantize_static(
        whole,
        path,
        _Feeds(feeds),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["Gemm", "MatMul"],
        extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
    )


def _four_bits(whole: Path, path: Path) -> None:
    """Weights to four bits, a scale for each `BLOCK` rows of a column; what they are multiplied with may be rounded."""
    model = _load(whole)
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in arrays:
            nodes.append(node)
            continue
        weight, name = arrays[node.input[1]], f"{node.output[0]}_four_bits"
        packed, scales = four_bits(weight, BLOCK)
        model.graph.initializer.append(onnx.numpy_helper.from_array(packed, name))
        model.graph.initializer.append(onnx.numpy_helper.from_array(scales, f"{name}_scale"))
        inputs, shape = [node.input[0], name, f"{name}_scale"], {"K": weight.shape[0], "N": weight.shape[1]}
        kind: dict[str, Any] = {"bits": 4, "block_size": BLOCK, "accuracy_level": _EIGHT_BITS}
        nodes.append(
            onnx.helper.make_node("MatMulNBits", inputs, [node.output[0]], domain="com.microsoft", **shape, **kind)
        )
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    _save(model, nodes, path)


def four_bits(weight: Array, block: int) -> tuple[Array, Array]:
    """A matrix (K, N) as MatMulNBits of ONNX Runtime takes it: bytes (N, blocks, block / 2), scales (N, blocks).

    Each byte holds two rows; a number is scale x (0..15 - 8). Of some scales near the one that just spans a block, the
    one of least squares.
    """
    K, N = weight.shape
    padded = np.zeros((-(-K // block) * block, N), np.float32)
    padded[:K] = weight
    blocks = padded.T.reshape(N, -1, block)
    furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    least = np.full(furthest.shape, np.inf, np.float32)
    scales = np.zeros_like(furthest)
    for reach in np.linspace(-8.8, -6.0, 15):  # the furthest number takes the end that reaches further, -8
        scale = furthest / np.float32(reach)
        safe = np.where(scale == 0, 1, scale)
        error = ((np.clip(np.rint(blocks / safe), -8, 7) * scale - blocks) ** 2).sum(-1, keepdims=True)
        scales = np.where(error < least, scale, scales)
        least = np.minimum(error, least)
    whole = np.clip(np.rint(blocks / np.where(scales == 0, 1, scales)), -8, 7).astype(np.int8) + 8
    packed = (whole[..., ::2] | whole[..., 1::2] << 4).astype(np.uint8)
    return packed, scales[..., 0].astype(np.float32)


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
    """Write x W^T + b as MatMul and Add: quantisation reaches only MatMul."""
    model = _load(path)
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
    _save(model, nodes, path)


def _matmul_to_gemm(path: Path) -> None:
    """Give each product of a row with a constant a bias, if only of zeros: ONNX Runtime makes one operation of it.

    Else it would fold the sum that follows into the product first, and then unpack the weights at every call.
    """
    model = onnx.shape_inference.infer_shapes(_load(path))
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in [*model.graph.value_info, *model.graph.input]}
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in arrays or ranks.get(node.input[0]) != 2:
            nodes.append(node)
            continue
        name = f"{node.output[0]}_bias"
        zeros = np.zeros(arrays[node.input[1]].shape[1], np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(zeros, name))
        nodes.append(onnx.helper.make_node("Gemm", [*node.input, name], list(node.output)))
    _save(model, nodes, path)


def _load(path: Path) -> Any:
    """A graph, its constants used by their own names: equal ones are written once and passed on under others."""
    model = onnx.load(str(path))
    constants = {t.name for t in model.graph.initializer}
    own = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Identity" and n.input[0] in constants}
    nodes = [node for node in model.graph.node if node.output[0] not in own]
    for node in nodes:
        for i, name in enumerate(node.input):
            node.input[i] = own.get(name, name)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _save(model: Any, nodes: list[Any], path: Path) -> None:
    """Write a graph with these nodes, and the constants that they use."""
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [t for t in model.graph.initializer if t.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, str(path))
