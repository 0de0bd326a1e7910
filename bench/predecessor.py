"""One step of ours beside the recomputing graph of Nomad Muse Trainer, in one run.

Its graph, rebuilt in its shape (a GRU of 2 x 128 over 316 words, random weights, ONNX from torch), is given the last
512 words for every new one. Ours of the same body carries its state: an event (all four fields drawn in the graph) in
one call of `event.onnx`. CPU milliseconds of one thread, medians; the graphs take turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.train.export import write_graphs
from antiphon.train.nets import NetConfig, StreamNet
from antiphon.train.replay import pieces_of, session

WORDS, CONTEXT, ROUNDS = 316, 512, 40


class Recomputing(nn.Module):
    """Logits (B, T, V) of words (B, T); no state goes in or out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(WORDS, 128), nn.Linear(128, WORDS)
        self.gru = nn.GRU(128, 128, num_layers=2, batch_first=True)

    def forward(self, words: Tensor) -> Tensor:
        answer: Tensor = self.out(self.gru(self.embed(words))[0])
        return answer


def theirs(folder: Path) -> Callable[[], object]:
    """A call that gives one more word."""
    path, words = folder / "recomputing.onnx", torch.zeros(1, CONTEXT, dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Recomputing().eval(), (words,), str(path), input_names=["input_ids"], opset_version=18, dynamo=False
        )
    graph, rng = session(path), np.random.default_rng(0)
    feed = {"input_ids": rng.integers(0, WORDS, (1, CONTEXT))}
    return lambda: graph.run(None, feed)


def ours(folder: Path, precision: str) -> dict[str, Callable[[], object]]:
    """Calls of a graph of the same body: an event heard, and an event heard and the next one drawn."""
    out = folder / precision
    out.mkdir()
    write_graphs(
        StreamNet(NetConfig(width=128, layers=2, head_width=128)).eval(),
        out,
        precision,
        pieces=pieces_of(None),
        one_graph=True,
    )
    code, rng = np.array([[0, 60, 10, 80]], np.int64), np.random.default_rng(0)
    common = {"code": code, "begin": np.zeros((1, 1), np.float32), "hidden": np.zeros((2, 128), np.float32)}
    common |= {"sounding": np.zeros((1, 704), np.float32)}
    body, event = session(out / "body.onnx"), session(out / "event.onnx")
    uniform = {"uniform": rng.random((1, 4), np.float32)}
    return {
        f"ours, {precision}: an event heard": lambda: body.run(None, common),
        f"ours, {precision}: an event heard and the next drawn": lambda: event.run(None, common | uniform),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls: dict[str, Callable[[], object]] = {"recomputed, 512 words: a word": theirs(folder)}
        for precision in ("fp32", "int8"):
            calls |= ours(folder, precision)
        taken: dict[str, list[float]] = {key: [] for key in calls}
        for _ in range(ROUNDS):
            for key, call in calls.items():
                times = 1 if key.startswith("recomputed") else 20
                began = time.thread_time()
                for _ in range(times):
                    call()
                taken[key].append((time.thread_time() - began) / times * 1e3)
    first = statistics.median(taken["recomputed, 512 words: a word"])
    print("| | ms of CPU | times as quick |")
    print("|---|---|---|")
    for key, values in taken.items():
        print(f"| {key} | {statistics.median(values):.3f} | {first / statistics.median(values):.0f} |")


if __name__ == "__main__":
    main()
