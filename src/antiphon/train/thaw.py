"""Thawing: a bundle becomes a net again that can be trained on.

A bundle's graphs hold the net's weights, some transposed or in rows, or rounded to int8. Where each of them is, is
found by exporting a net of the same shape whose weights are random, and so unlike each other: its constants are used at
the same places, and tell by their values whose they are.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor

from antiphon.train.checkpoint import RunError, load_net
from antiphon.train.export import write_graphs
from antiphon.train.families import net_of
from antiphon.train.nets import Net, NetConfig, StreamNet
from antiphon.train.token_export import write_word_graph
from antiphon.train.token_nets import TokenNet

__all__ = ["net_from", "thawed"]

GRAPHS = {"stream": ("body.onnx", "heads.onnx"), "token": ("step.onnx",)}
"""By family of nets."""
ALIKE = 0.05
"""Relative difference up to which a constant is a weight, rounded to seven bits a column or not at all."""
FURTHEST = 1.0
"""Logits by which the net may answer otherwise than the bundle, whose activations are rounded as well."""

Array = npt.NDArray[np.float32]


def net_from(path: Path) -> Net:
    """The net of a bundle's folder, a run's folder or a checkpoint. Raises `RunError`, one line."""
    if (path / "bundle.json").is_file():
        return thawed(path)
    if path.is_dir():
        return load_net(path / "best.safetensors")[0]
    return load_net(path)[0]


def thawed(bundle: Path) -> Net:
    """The net that the bundle in a folder was made of, as nearly as its precision allows. Raises `RunError`."""
    try:
        about = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
        config, precision = NetConfig(**about["net"]), about["precision"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{bundle}: no bundle of a net that can be trained on ({error})") from error
    with tempfile.TemporaryDirectory() as folder:
        probe, graphs = _unlike(net_of(config)), GRAPHS[config.family]
        _write(probe, Path(folder), precision)
        known = [constant for name in graphs for constant in _constants(Path(folder) / name)]
    try:
        found = [constant for name in graphs for constant in _constants(bundle / name)]
    except (OSError, ValueError) as error:
        raise RunError(f"{bundle}: its graphs cannot be read ({str(error).splitlines()[0]})") from error
    if [constant.shape for constant in known] != [constant.shape for constant in found]:
        raise RunError(f"{bundle}: its graphs were written by another version, and cannot be trained on by this one")
    state = {name: _found(name, value, known, found, bundle) for name, value in probe.state_dict().items()}
    net = net_of(config)
    net.load_state_dict(state)
    _check(net.eval(), bundle)
    return net


def _write(net: Net, folder: Path, precision: str) -> None:
    if isinstance(net, TokenNet):
        write_word_graph(net, folder, precision)
    elif isinstance(net, StreamNet):
        write_graphs(net, folder, precision)


def _unlike(net: Net) -> Net:
    """All weights random, so that no two are alike."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return net


def _constants(path: Path) -> list[Array]:
    """The numbers that a graph holds, int8 ones at their scale, once for each place at which they are used."""
    graph = onnx.load(str(path)).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    plain = {name: _plain(name, arrays) for name in arrays}
    used = []
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in plain:
            plain[node.output[0]] = plain[node.input[0]]  # so the exporter keeps weights that are alike only once
        else:
            used += [plain[name] for name in node.input if name in plain]
    return [constant for constant in used if constant is not None]


def _plain(name: str, arrays: dict[str, npt.NDArray[np.generic]]) -> Array | None:
    if name.endswith("_quantized"):
        stem = name.removesuffix("_quantized")
        whole = arrays[name].astype(np.float32) - arrays[f"{stem}_zero_point"].astype(np.float32)
        return np.asarray(whole * arrays[f"{stem}_scale"].astype(np.float32), np.float32)
    array = arrays[name]
    is_helper = name.endswith(("_scale", "_zero_point"))
    return np.asarray(array, np.float32) if array.dtype == np.float32 and not is_helper else None


def _found(name: str, value: Tensor, known: list[Array], found: list[Array], bundle: Path) -> Tensor:
    """The weight called `name`, which is `value` in the net whose constants are `known`, by those of the bundle."""
    for place, turned in _places(value.numpy(), known):
        return torch.from_numpy((found[place].T if turned else found[place]).copy()).reshape(value.shape)
    rows = [next(_places(row, known), None) for row in value.numpy()]
    if any(row is None for row in rows):
        raise RunError(f"{bundle}: the weight {name} is not in its graphs")
    return torch.stack(
        [torch.from_numpy(found[row[0]].copy()).reshape(value.shape[1:]) for row in rows if row is not None]
    )


def _places(value: Array, known: list[Array]) -> Iterator[tuple[int, bool]]:
    """Where `value` is among the constants, and whether it is transposed there."""
    size = float(np.linalg.norm(value))
    for place, constant in enumerate(known):
        if constant.size != value.size:
            continue
        for turned in (False, True):
            seen = constant.T if turned else constant
            fits = seen.shape == value.shape or (not turned and seen.squeeze().shape == value.squeeze().shape)
            if fits and float(np.linalg.norm(seen.reshape(value.shape) - value)) < ALIKE * size:
                yield place, turned


@torch.no_grad()
def _check(net: Net, bundle: Path) -> None:
    """Let the net answer the bundle's reference vectors. Raises `RunError` where it answers otherwise."""
    with np.load(bundle / "vectors.npz", allow_pickle=False) as arrays:
        kept = {name: torch.from_numpy(arrays[name])[None] for name in arrays}
    logits = kept["logits"][0]
    if isinstance(net, TokenNet):
        got = net(kept["words"].long())[0]
    else:
        got = torch.cat(net(kept["codes"].long(), kept["sounding"].float(), kept["known"] > 0), dim=-1)[0]
    furthest = float((got - logits).abs().max())
    if not furthest <= FURTHEST:
        raise RunError(f"{bundle}: what its graphs hold answers otherwise than they do (off by {furthest:.2g})")
