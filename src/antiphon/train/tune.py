"""Fine-tuning: which of a net's weights move, low-rank changes of those that do not, and room for beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from antiphon.codec.beats import BEAT_FEATURES
from antiphon.train.families import net_of
from antiphon.train.nets import Net

__all__ = ["TUNINGS", "loosened", "merged", "merged_weights", "with_beats"]

TUNINGS = ("full", "heads", "lora")
"""All weights; those of the heads alone, the body frozen; low-rank changes of every linear layer, all else frozen."""

_LAYER = ".parametrizations."
"""What torch puts between a layer's name and that of a weight which is more than itself."""


class LowRank(nn.Module):
    """W + BA, of rank `rank`, which begins as W (E. Hu et al., "LoRA", ICLR 2022, with alpha = rank)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape
        rank = min(rank, rows, columns)
        self.down = nn.Parameter(torch.randn(rank, columns, device=weight.device) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


def loosened(net: Net, tuning: str, rank: int) -> Net:
    """`net`, changed in place, with just the weights free that `tuning`, one of `TUNINGS`, lets move."""
    if tuning not in TUNINGS:
        raise ValueError(f"nothing is tuned by {tuning!r}: there are {', '.join(TUNINGS)}")
    if tuning == "full":
        return net
    net.requires_grad_(False)
    if tuning == "heads":
        net.top().requires_grad_(True)
        return net
    for layer in [module for module in net.modules() if isinstance(module, nn.Linear)]:
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank))
    return net


def with_beats(net: Net) -> Net:
    """`net` as one that is told where beats fall: where it was not, a copy of it that makes nothing of that yet.

    Raises ValueError, one line, for a family that cannot be told.
    """
    if net.config.beat:
        return net
    told = net_of(replace(net.config, beat=True))
    weights = told.state_dict() | net.state_dict()  # the gates of time, which are its own, are closed
    told.load_state_dict(weights | {"hear.weight": F.pad(weights["hear.weight"], (0, BEAT_FEATURES))})
    return told.eval()


def merged_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A net's `weights` by name, those that are the sum of themselves and a low-rank change as that sum."""
    plain = {name: value for name, value in weights.items() if _LAYER not in name}
    for name, value in weights.items():
        layer, found, leaf = name.partition(_LAYER)
        if found and leaf.endswith(".original"):
            change = f"{layer}{_LAYER}{leaf.removesuffix('original')}0."
            plain[f"{layer}.{leaf.removesuffix('.original')}"] = (
                value + weights[f"{change}up"] @ weights[f"{change}down"]
            )
    return plain


def merged(net: Net) -> Net:
    """`net` as one that was never tuned by low ranks: a copy where it was, else itself."""
    if not any(parametrize.is_parametrized(module) for module in net.modules()):
        return net
    plain = net_of(net.config)
    plain.load_state_dict(merged_weights(net.state_dict()))
    return plain.eval()
