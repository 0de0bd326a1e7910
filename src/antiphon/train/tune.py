"""Fine-tuning: which of a net's weights move, and low-rank changes of those that do not."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from antiphon.train.nets import StreamNet

__all__ = ["TUNINGS", "loosened", "merged"]

TUNINGS = ("full", "heads", "lora")
"""All weights; those of the heads alone, the body frozen; low-rank changes of every linear layer, all else frozen."""


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


def loosened(net: StreamNet, tuning: str, rank: int) -> StreamNet:
    """`net`, changed in place, with just the weights free that `tuning`, one of `TUNINGS`, lets move."""
    if tuning not in TUNINGS:
        raise ValueError(f"nothing is tuned by {tuning!r}: there are {', '.join(TUNINGS)}")
    if tuning == "full":
        return net
    net.requires_grad_(False)
    if tuning == "heads":
        net.heads.requires_grad_(True)
        return net
    for layer in [module for module in net.modules() if isinstance(module, nn.Linear)]:
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank))
    return net


def merged(net: StreamNet) -> StreamNet:
    """`net` as one that was never tuned by low ranks: a copy where it was, else itself."""
    if not any(parametrize.is_parametrized(module) for module in net.modules()):
        return net
    plain = StreamNet(net.config)
    plain.load_state_dict({name: _value(net, name) for name in plain.state_dict()})
    return plain.eval()


def _value(net: StreamNet, name: str) -> Tensor:
    """A weight as it counts, whatever it is the sum of."""
    owner, _, leaf = name.rpartition(".")
    value: Tensor = getattr(net.get_submodule(owner), leaf)
    return value.detach()
