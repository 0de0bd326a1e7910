"""Likelihood of nets of words: nats per word and per event on a split, and how often the right word is guessed."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from antiphon.codec.token import DURATION, NOTE_ON, TIME_SHIFT, VELOCITY
from antiphon.train.corpus import Split
from antiphon.train.token_batches import TokenBatch, validation_words
from antiphon.train.token_nets import TokenNet

__all__ = ["nats_of_words", "token_nats"]

_KINDS = {"pitch": (NOTE_ON, TIME_SHIFT), "time": (TIME_SHIFT, VELOCITY), "velocity": (VELOCITY, DURATION)}
"""What each word tells: its field, and the first word of it and the first after."""


def nats_of_words(net: Callable[[Tensor], Tensor], batch: TokenBatch) -> Tensor:
    """Negative log-likelihood (B, T) of each word in nats, zero where padded."""
    logits = net(batch.words)
    nats = F.cross_entropy(logits.float().flatten(0, 1), batch.words.flatten(), reduction="none")
    return nats.view_as(batch.words) * batch.real


@torch.no_grad()
def token_nats(
    net: TokenNet, split: Split, *, length: int = 512, size: int = 16, limit: int | None = None
) -> dict[str, float]:
    """Mean nats per event, those of each kind of word among them, and per word, over a split.

    Pieces are cut into windows of `length` events, their drums left out; about `limit` events are read. An event's nats
    are the sum of its words'.
    """
    was_training, device = net.training, str(next(net.parameters()).device)
    net.eval()
    sums, events, words = dict.fromkeys(_KINDS, 0.0), 0, 0
    for batch in validation_words(split, length, size, limit):
        batch = batch.to(device)
        nats = nats_of_words(net, batch)
        for kind, (first, after) in _KINDS.items():
            sums[kind] += float(nats[(batch.words >= first) & (batch.words < after)].double().sum())
        events, words = events + int(batch.events), words + int(batch.real.sum())
    net.train(was_training)
    total = sum(sums.values())
    each = {kind: value / max(events, 1) for kind, value in sums.items()}
    return {
        "nats_per_event": total / max(events, 1),
        "events": events,
        **each,
        "nats_per_word": total / max(words, 1),
        "words": words,
    }
