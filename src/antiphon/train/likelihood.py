"""Likelihood: nats per event and field on a split, for one order of the fields or the mean over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from antiphon.codec.stream import TIME, TIME_FIRST, TIME_LAST
from antiphon.train.batches import Batch, collate
from antiphon.train.corpus import Split, Window
from antiphon.train.nets import StreamNet

__all__ = [
    "FIELD_NAMES",
    "known_in_order",
    "nats",
    "nats_of_batch",
    "random_known",
    "validation_batches",
    "validation_windows",
]

FIELD_NAMES = ("instrument", "pitch", "time", "velocity")

_LOG_TICKS = torch.from_numpy(np.log(TIME_LAST - TIME_FIRST + 1)).float()


def random_known(shape: tuple[int, int], generator: torch.Generator, device: str = "cpu") -> Tensor:
    """Which fields each field may see under a random order drawn for every event: (B, T) -> (B, T, 4, 4)."""
    rank = torch.rand(*shape, 4, generator=generator).to(device)
    return rank[..., None, :] < rank[..., :, None]


def known_in_order(order: Sequence[int]) -> Tensor:
    """Which fields each field may see when they are drawn in `order`, a permutation of 0..3: (4, 4)."""
    rank = torch.tensor([list(order).index(f) for f in range(4)])
    return rank[None, :] < rank[:, None]


def nats_of_batch(net: Callable[..., list[Tensor]], batch: Batch, known: Tensor) -> Tensor:
    """Negative log-likelihoods (B, T, 4) in nats, zero where padded.

    Times are scored at the resolution of one tick: a wider bin's probability is spread evenly over its ticks.
    """
    logits = net(batch.codes, batch.sounding, known)
    losses = [
        F.cross_entropy(scores.float().flatten(0, 1), batch.codes[..., f].flatten(), reduction="none")
        for f, scores in enumerate(logits)
    ]
    stacked = torch.stack(losses, dim=-1).view(*batch.real.shape, 4)
    stacked[..., TIME] += _LOG_TICKS.to(stacked.device)[batch.codes[..., TIME]]
    return stacked * batch.real[..., None]


def validation_batches(
    split: Split, length: int, size: int, limit: int | None = None, *, beats: bool = False
) -> Iterator[Batch]:
    """The windows of `validation_windows` as batches, for nets that are told where `beats` fall or for others."""
    for windows in validation_windows(split, length, size, limit, beats=beats):
        yield collate(windows, length, beats=beats)


def validation_windows(
    split: Split, length: int, size: int, limit: int | None = None, *, beats: bool = False
) -> Iterator[list[Window]]:
    """Every piece cut into windows that follow each other, as it was written, `size` at once; about `limit` events.

    With a limit, pieces are taken evenly over the split. With `beats` they tell where those fall.
    """
    total, step = int(split.index["length"].sum()), 1
    if limit is not None and total > limit:
        step = -(-total // limit)
    windows, seen = [], 0
    for i in range(0, len(split.index), step):
        for start in range(0, int(split.index["length"][i]), length):
            windows.append(split.window(i, start, length, beats=beats))
            if len(windows) == size:
                yield windows
                seen, windows = seen + size * length, []
                if limit is not None and seen >= limit:
                    return
    if windows:
        yield windows


@torch.no_grad()
def nats(
    net: StreamNet,
    split: Split,
    *,
    length: int = 512,
    size: int = 16,
    limit: int | None = None,
    orders: Sequence[Sequence[int]] | None = None,
) -> dict[str, float]:
    """Mean nats per event and field over a split, averaged over `orders` (default: one random order an event)."""
    was_training, device = net.training, str(next(net.parameters()).device)
    net.eval()
    generator = torch.Generator().manual_seed(0)
    sums, events = torch.zeros(4, dtype=torch.float64), 0
    for batch in validation_batches(split, length, size, limit, beats=net.config.beat):
        batch = batch.to(device)
        known = (
            [random_known((len(batch.codes), length), generator, device)]
            if orders is None
            else [known_in_order(order).to(device) for order in orders]
        )
        for k in known:
            sums += nats_of_batch(net, batch, k).sum((0, 1)).double().cpu() / len(known)
        events += int(batch.real.sum())
    net.train(was_training)
    fields = (sums / max(events, 1)).tolist()
    return {"nats_per_event": sum(fields), "events": events, **dict(zip(FIELD_NAMES, fields, strict=True))}


ALL_ORDERS = tuple(permutations(range(4)))
