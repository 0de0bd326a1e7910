"""The families of nets, and what differs between them when they are trained: all else is one trainer's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from antiphon.train.batches import Augment, Batch, Batches
from antiphon.train.corpus import Split
from antiphon.train.likelihood import nats, nats_of_batch, random_known
from antiphon.train.nets import Net, NetConfig, StreamNet
from antiphon.train.token_batches import TokenBatch, TokenBatches
from antiphon.train.token_likelihood import nats_of_words, token_nats
from antiphon.train.token_nets import TokenNet

__all__ = ["AnyBatch", "batches_of", "net_of", "scored", "summed_nats"]

AnyBatch = Batch | TokenBatch


def net_of(config: NetConfig) -> Net:
    """A new net of this shape."""
    return TokenNet(config) if config.family == "token" else StreamNet(config)


def batches_of(
    net: Net,
    split: Split,
    *,
    length: int,
    size: int,
    seed: int,
    weights: Mapping[str, float],
    augment: Augment | None,
    part: slice,
) -> Batches:
    """What a net is trained on; see `Batches`."""
    kind = TokenBatches if net.config.family == "token" else Batches
    return kind(
        split, length=length, size=size, seed=seed, weights=weights, augment=augment, part=part, beats=net.config.beat
    )


def summed_nats(
    forward: Callable[..., Any], batch: AnyBatch, generator: torch.Generator, size: int, part: slice
) -> Tensor:
    """The nats of all events of a batch, `part` of one of `size` windows.

    `generator` draws which of a stream's fields are known to which, for the whole batch.
    """
    if isinstance(batch, TokenBatch):
        return nats_of_words(forward, batch).sum()
    known = random_known((size, batch.codes.shape[1]), generator)[part].to(batch.codes.device)
    return nats_of_batch(forward, batch, known).sum()


def scored(net: Net, split: Split, *, limit: int | None) -> dict[str, float]:
    """Nats per event over a split, and of what they are the sum; see `likelihood.nats` and `token_nats`."""
    score: Callable[..., dict[str, float]] = token_nats if net.config.family == "token" else nats
    return score(net, split, limit=limit)
