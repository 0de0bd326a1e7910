"""One word from nets of the predecessor's shapes: the whole context again for each word, against a step of ours.

Nomad Muse Trainer's exported graph takes `input_ids (1, T)` and gives logits of all T words, so its sampler runs the
last 512 words again for every new one. Here nets of its shapes (a GRU of 2 x 128; two encoder layers with a causal
mask, two heads, width 256, feed-forward 512) are written out with weights at random, which cost as much as trained
ones, and ours of the same shapes as `antiphon export` writes them. In eight bits, the predecessor's GRU operator stays
as it is. All take turns on one thread; medians of the thread's CPU time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.codec.token import BOS, VOCABULARY
from antiphon.engine.bundle_file import session
from antiphon.engine.token_bundle import TokenBundle
from antiphon.train.families import net_of
from antiphon.train.graphs import write_graph
from antiphon.train.nets import NetConfig
from antiphon.train.quantise import quantise
from antiphon.train.token_export import export_token
from antiphon.train.token_nets import TokenNet

CONTEXT = 512


class WholeGru(nn.Module):
    """The shape of TinyGRU."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, 128)
        self.gru = nn.GRU(128, 128, num_layers=2, batch_first=True)
        self.out = nn.Linear(128, VOCABULARY)

    def forward(self, words: Tensor) -> Tensor:
        return self.out(self.gru(self.embed(words))[0])


class WholeTransformer(nn.Module):
    """The shape of MiniTransformer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(VOCABULARY, 256), nn.Parameter(torch.randn(CONTEXT, 256) * 0.02)
        layer = nn.TransformerEncoderLayer(256, 2, 512, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(256, VOCABULARY)

    def forward(self, words: Tensor) -> Tensor:
        mask = torch.triu(torch.full((CONTEXT, CONTEXT), float("-inf")), 1)
        return self.out(self.layers(self.embed(words) + self.place, mask=mask))


def whole(net: nn.Module, folder: Path, precision: str) -> Callable[[], object]:
    """A call that gives one more word from 512."""
    folder.mkdir()
    for parameter in net.parameters():  # no two alike, or the exporter keeps them only once
        nn.init.normal_(parameter, std=0.05)
    words = torch.full((1, CONTEXT), BOS)
    write_graph(net.train(), folder / "whole.onnx", {"input_ids": words}, ["logits"])  # .eval() would fuse its layers
    if precision == "int8":
        quantise(folder / "whole.onnx", precision)
    graph = session(folder / "whole.onnx", 1)
    return lambda: graph.run(None, {"input_ids": words.numpy()})


def ours(config: NetConfig, folder: Path, precision: str) -> Callable[[], object]:
    """A call that hears one more word and gives the odds of the next."""
    net = net_of(config)
    assert isinstance(net, TokenNet)
    nn.init.normal_(net.out.weight, std=0.05)
    export_token(net, folder, name=folder.name, precision=precision)
    bundle = TokenBundle(folder)
    state = [bundle.initial()]

    def step() -> None:
        _, state[0] = bundle.step(BOS, state[0])

    for _ in range(CONTEXT):  # its window is full
        step()
    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    gru = NetConfig(family="token", body="gru", width=128, layers=2)
    transformer = NetConfig(
        family="token", body="transformer", width=256, layers=2, n_heads=2, feed_forward=512, window=CONTEXT
    )
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        calls = {
            f"{shape}, {precision}, {who}": make(net, Path(folder) / f"{shape}-{precision}-{who}", precision)
            for precision in ("fp32", "int8")
            for shape, who, make, net in (
                ("gru", "whole context", whole, WholeGru()),
                ("gru", "step", ours, gru),
                ("transformer", "whole context", whole, WholeTransformer()),
                ("transformer", "step", ours, transformer),
            )
        }
        for _ in range(args.rounds):
            for name, call in calls.items():
                repeats = 10 if name.endswith("step") else 1
                began = time.thread_time()
                for _ in range(repeats):
                    call()
                taken.setdefault(name, []).append(1e3 * (time.thread_time() - began) / repeats)
    print(json.dumps({name: round(float(np.median(times)), 4) for name, times in taken.items()}, indent=1))


if __name__ == "__main__":
    main()
