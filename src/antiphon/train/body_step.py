"""Bodies for one event at a time, their state explicit: what the graphs of a bundle are traced from.

Letters: D the body's width, L its layers, H the heads of a transformer, W its window.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antiphon.train.nets import GruBody, NetConfig, TransformerBody, TransformerLayer, rotate

__all__ = ["gru_step", "states_of", "transformer_step"]


def states_of(config: NetConfig) -> dict[str, tuple[int, ...]]:
    """The names and the shapes of what a body carries from one event to the next."""
    if config.body == "gru":
        return {"hidden": (config.layers, config.width)}
    return {"cache": (2 * config.layers, config.n_heads, config.window, config.width // config.n_heads), "filled": (1,)}


def gru_step(body: nn.Module, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Residual GRU layers, written as the matrix products that quantise well: x (1, D), hidden (L, D) -> the same."""
    layers, after = cast(GruBody, body), []
    for i, (norm, gru) in enumerate(zip(layers.norms, layers.grus, strict=True)):
        h = hidden[i : i + 1]
        fresh = F.linear(norm(x), gru.weight_ih_l0, gru.bias_ih_l0)  # type: ignore[arg-type]
        kept = F.linear(h, gru.weight_hh_l0, gru.bias_hh_l0)  # type: ignore[arg-type]
        (r1, z1, n1), (r2, z2, n2) = fresh.chunk(3, -1), kept.chunk(3, -1)
        z = torch.sigmoid(z1 + z2)
        h = (1 - z) * torch.tanh(n1 + torch.sigmoid(r1 + r2) * n2) + z * h
        x = x + h
        after.append(h)
    return x, torch.cat(after)


def transformer_step(body: nn.Module, x: Tensor, cache: Tensor, filled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Attention over a cache of the window: x (1, D), cache (2 L, H, W, D / H), filled (1,) -> the same.

    Keys are kept without positions and rotated by their place in the window, so that a session may last for ever.
    """
    layers, after, x = cast(TransformerBody, body), [], x[:, None]
    places = torch.arange(layers.window)
    filled = torch.clamp(filled + 1, max=float(layers.window))
    mask = torch.where(places >= layers.window - filled, 0.0, -1e9)
    for i, module in enumerate(layers.layers):
        layer = cast(TransformerLayer, module)
        q, k, v = layer.split(x)  # (1, heads, 1, d)
        keys = torch.cat([cache[2 * i, :, 1:], k[0]], dim=1)
        values = torch.cat([cache[2 * i + 1, :, 1:], v[0]], dim=1)
        turned = rotate(q[0], places[-1:])
        scores = turned @ rotate(keys, places).transpose(1, 2) / turned.shape[-1] ** 0.5 + mask
        y = torch.softmax(scores, -1) @ values  # (heads, 1, d)
        x = x + layer.out(y.transpose(0, 1).reshape(1, 1, -1))
        x = x + layer.feed_forward(x)
        after += [keys, values]
    return x[:, 0], torch.stack(after), filled
