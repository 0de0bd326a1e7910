"""Models to embed: the shipped one with its eight bits taken for what they stand for, and a tiny random one."""

import json
from pathlib import Path

import numpy as np
import torch

from antiphon.codec.stream import SIZES
from antiphon.engine.bundle import find_bundle
from antiphon.engine.tensor_file import Matrix
from antiphon.train.export import export
from antiphon.train.nets import NetConfig, StreamNet
from antiphon.train.onnx_weights import weights_of
from tests.train.small import TINY


def floats(weight) -> torch.Tensor:
    return torch.from_numpy(Matrix(*weight).floats() if isinstance(weight, tuple) else np.array(weight))


def shipped_net() -> StreamNet:
    """The net of the model in the box, its weights as its bundle holds them."""
    folder = find_bundle("antiphon")
    config = NetConfig(**json.loads((folder / "bundle.json").read_text())["net"])
    w = {name: floats(weight) for name, weight in weights_of(folder, config.layers).items()}
    state = {f"embed.{f}.weight": w[f"embed.{f}"] for f in range(4)}
    state |= {"hear.weight": w["hear"].T, "start": w["start"], "norm.weight": w["norm.w"], "norm.bias": w["norm.b"]}
    for i in range(config.layers):
        state |= {f"body.norms.{i}.weight": w[f"norm.{i}.w"], f"body.norms.{i}.bias": w[f"norm.{i}.b"]}
        for ours, torchs in (("in", "ih"), ("rec", "hh")):
            state[f"body.grus.{i}.weight_{torchs}_l0"] = w[f"gru.{i}.{ours}"]
            state[f"body.grus.{i}.bias_{torchs}_l0"] = w[f"gru.{i}.{ours}.b"]
    state |= {"heads.base.weight": w["base"], "heads.base.bias": w["base.b"], "heads.touch.weight": w["touch"].T}
    state |= {"heads.field": w["field"], "heads.norm.weight": w["heads.w"], "heads.norm.bias": w["heads.b"]}
    for f, K in enumerate(SIZES):
        state |= {f"heads.known.{f}.weight": w[f"known.{f}"]}
        state |= {f"heads.up.{f}.weight": w[f"up.{f}"], f"heads.up.{f}.bias": w[f"up.{f}.b"]}
        state |= {f"heads.out.{f}.weight": w[f"out.{f}"][:K], f"heads.out.{f}.bias": w[f"out.{f}.b"][:K]}
    for f, gate in ((0, "instrument_gate"), (1, "pitch_gate")):
        state |= {f"heads.{gate}.weight": w[f"out.{f}"][SIZES[f] :], f"heads.{gate}.bias": w[f"out.{f}.b"][SIZES[f] :]}
    net = StreamNet(config)
    net.load_state_dict(state)
    return net.eval()


def tiny_net() -> StreamNet:
    torch.manual_seed(1)
    net = StreamNet(TINY)
    for tensor in net.parameters():  # no two tensors alike, no norm the identity
        torch.nn.init.normal_(tensor, std=0.3)
    return net.eval()


def bundle_of(net: StreamNet, folder: Path, precision: str = "fp32") -> Path:
    export(net, folder, name=folder.name, precision=precision)
    return folder
