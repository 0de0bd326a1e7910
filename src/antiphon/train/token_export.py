"""Export of a net of words: a bundle of one graph, which hears a word and says how likely each is next.

`step.onnx`: (token (1,) int64, state...) -> (logits (1, V), next state...). The first word that it hears is the one of
the beginning. `vectors.npz`: the `words` (n,) of some music and the `logits` (n, V) that the graph gave before each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from antiphon.codec import token
from antiphon.train.body_step import gru_step, states_of, transformer_step
from antiphon.train.bundle_folder import appearing, describe_bundle
from antiphon.train.corpus import Split
from antiphon.train.errors import RunError, TooCoarse
from antiphon.train.graphs import described, write_graph
from antiphon.train.quantise import needs_calibration, quantise
from antiphon.train.replay import pieces_of, session
from antiphon.train.token_nets import TokenNet

__all__ = ["TokenStep", "export_token", "write_word_graph"]

_FORMAT = 1
_VECTORS = 64  # reference words
_CALIBRATED = 8  # pieces that show how far activations reach
_FURTHEST = 1e-3  # logits, in full precision
_APART = {"int8": 0.02, "int8-static": 0.02, "int4w": 0.2}
"""Nats a word by which a distribution may differ: what fewer bits cost is measured, this catches a broken graph."""

Array = npt.NDArray[Any]


class TokenStep(nn.Module):
    """A net of words for one word, its state explicit."""

    def __init__(self, net: TokenNet) -> None:
        super().__init__()
        self.net, self.states = net, states_of(net.config)

    def forward(self, word: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        step = gru_step if self.net.config.body == "gru" else transformer_step
        x, *after = step(self.net.body, self.net.embed(word), *state)
        return self.net.out(self.net.norm(x)), *after


def export_token(
    net: TokenNet,
    bundle: Path,
    *,
    name: str,
    precision: str = "int8",
    lineage: Mapping[str, Any] | None = None,
    validation: Mapping[str, float] | None = None,
    split: Split | None = None,
) -> dict[str, Any]:
    """Write `bundle`, a folder, beside and then rename it into place; returns its `bundle.json`.

    Raises RunError, and writes nothing, when the exported graph does not give the net's own answers.
    """
    with appearing(bundle) as beside:
        net = net.float().cpu().eval()
        spelt = [token.encode(window.events) for window in pieces_of(split, _CALIBRATED)]
        spelt = [words for words in spelt if len(words)] or [token.encode(pieces_of(None)[0].events)]
        write_word_graph(net, beside, precision, spelt)
        worst = _vectors(net, beside, spelt[0][:_VECTORS], precision)
        about = {
            "format": _FORMAT,
            "name": name,
            "codec": token.CODEC,
            "precision": precision,
            "net": net.config.as_dict(),
            "parameters": sum(p.numel() for p in net.parameters()),
            "state": {key: list(shape) for key, shape in states_of(net.config).items()},
            "graphs": {"step.onnx": described(beside / "step.onnx")},
            "largest_difference": worst,
            "validation": dict(validation or {}),
            "lineage": dict(lineage or {}),
        }
        return describe_bundle(beside, about)


def write_word_graph(net: TokenNet, folder: Path, precision: str, spelt: Sequence[token.Tokens] | None = None) -> None:
    """Write the graph of a net into `folder`.

    `spelt`, the words of some pieces, calibrate; without them only precisions from which weights can be read back are
    written, else RunError.
    """
    if spelt is None and precision not in ("fp32", "int8"):
        raise RunError(f"weights of {precision} cannot be trained on: take a bundle of fp32 or int8, or the run itself")
    path = folder / "step.onnx"
    state = {name: torch.zeros(shape) for name, shape in states_of(net.config).items()}
    inputs = {"token": torch.full((1,), token.BOS), **state}
    write_graph(TokenStep(net).eval(), path, inputs, ["logits", *(f"next_{name}" for name in state)])
    if precision != "fp32":
        calibrating = spelt if spelt is not None and needs_calibration(precision) else []
        quantise(path, precision, [feed for words in calibrating for feed in _replayed(path, words)[1]])


def _replayed(path: Path, words: token.Tokens) -> tuple[Array, list[dict[str, Array]]]:
    """The logits (n, V) that a graph gives before each word, and what it was given for them."""
    graph = session(path)
    state = {i.name: np.zeros(i.shape, np.float32) for i in graph.get_inputs()[1:]}
    logits, feeds = [], []
    for word in [token.BOS, *words[:-1].tolist()]:
        feeds.append({"token": np.array([word], np.int64), **state})
        answer, *after = graph.run(None, feeds[-1])
        state = dict(zip(state, after, strict=True))
        logits.append(answer[0])
    return np.array(logits), feeds


@torch.no_grad()
def _vectors(net: TokenNet, folder: Path, words: token.Tokens, precision: str) -> float:
    """Keep what the graph says of `words`. Returns its largest difference from what the net says, in logits.

    Raises RunError where it says something else.
    """
    wanted = net(torch.from_numpy(words.astype(np.int64))[None])[0].numpy()
    got, _ = _replayed(folder / "step.onnx", words)
    np.savez_compressed(folder / "vectors.npz", words=words, logits=got)
    worst, apart = float(np.abs(got - wanted).max()), _nats_apart(wanted, got)
    if precision == "fp32" and not worst <= _FURTHEST:
        raise RunError(f"{folder}: the graph's logits differ from the net's by {worst:.2g} (more than {_FURTHEST})")
    if precision != "fp32" and not apart <= _APART[precision]:
        limit = _APART[precision]
        raise TooCoarse(
            f"{folder}: in {precision} the graph's odds differ from the net's by {apart:.2g} nats (more than {limit}); "
            "take --precision fp32, or train for longer"
        )
    return worst


def _nats_apart(wanted: Array, got: Array) -> float:
    """Mean Kullback-Leibler divergence of a word's distribution, logits (n, V) against logits."""
    p, q = (torch.from_numpy(logits).double().log_softmax(-1) for logits in (wanted, got))
    return float((p.exp() * (p - q)).sum(-1).mean())
