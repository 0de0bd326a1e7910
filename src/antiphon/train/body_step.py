"""Bodies for one event at a time, their state explicit: what the graphs of a bundle are traced from.

Letters: D the body's width, L its layers, H the heads of a transformer, W its window.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antiphon.train.nets import GruBody, NetConfig, TransformerBody, TransformerLayer

__all__ = ["gru_step", "states_of", "transformer_step"]

_WRAP = 4096.0


def states_of(config: NetConfig) -> dict[str, tuple[int, ...]]:
    """The names and the shapes of what a body carries from one event to the next."""
    if config.body == "gru":
        return {"hidden": (config.layers, config.width)}
    cache = (config.n_heads, config.window, config.width // config.n_heads)
    names = [f"{kind}_{i}" for i in range(config.layers) for kind in ("keys", "values")]
    return {"heard": (2,), **dict.fromkeys(names, cache)}


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


def transformer_step(body: nn.Module, x: Tensor, heard: Tensor, *cache: Tensor) -> tuple[Tensor, ...]:
    """Attention over a cache of the window: x (1, D), heard (2,), 2 L times (H, W, D / H) -> the same.

    `heard` counts the steps before this one, as what is left over 4096s and how many of those there were: exact for
    ever, which a single number of 24 bits is not. Keys are kept turned by their count. Keys and values of a step take
    the place of those that fell out of the window: attention does not mind in which order they are kept.
    """
    layers, after, x = cast(TransformerBody, body), [], x[:, None]
    count = (heard.double() * torch.tensor([1.0, _WRAP], dtype=torch.float64)).sum(0, keepdim=True)  # (1,)
    cos, sin = _turn(count, cache[0].shape[-1])
    places = torch.arange(layers.window)
    place = (count - layers.window * torch.floor(count / layers.window)).long().expand(cache[0].shape[0], 1, 1)
    mask = torch.where(places <= count, 0.0, -1e9)
    for i, module in enumerate(layers.layers):
        layer = cast(TransformerLayer, module)
        q, k, v = (part[0] for part in layer.split(x))  # (H, 1, D / H)
        keys = cache[2 * i].scatter(1, place.expand_as(k), _turned(k, cos, sin))
        values = cache[2 * i + 1].scatter(1, place.expand_as(v), v)
        scores = _turned(q, cos, sin) @ keys.transpose(1, 2)  # (H, 1, W)
        y = torch.softmax(scores / k.shape[-1] ** 0.5 + mask, -1) @ values  # (H, 1, D / H)
        x = x + layer.out(y.transpose(0, 1).reshape(1, 1, -1))
        x = x + layer.feed_forward(x)
        after += [keys, values]
    full = torch.floor((heard[:1] + 1) / _WRAP)
    return x[:, 0], torch.cat([heard[:1] + 1 - _WRAP * full, heard[1:] + full]), *after


def _turn(count: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (width / 2,) of `nets.rotate` after so many steps, in double precision: angles grow large."""
    half = width // 2
    angle = count * (10_000.0 ** (-torch.arange(half, dtype=torch.float32) / half)).double()
    return angle.cos().float(), angle.sin().float()


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
