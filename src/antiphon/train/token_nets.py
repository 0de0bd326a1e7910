"""Nets of words: the bodies of the stream's nets between a table of words and a layer that predicts the next one.

Letters: B pieces, T words, D the body's width, V the vocabulary.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from antiphon.codec.token import BOS, VOCABULARY
from antiphon.train.nets import GruBody, Net, NetConfig, TransformerBody

__all__ = ["TokenNet"]


class TokenNet(Net):
    """Predicts each word from those before it. The first is predicted from the word of the beginning."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        self.embed = nn.Embedding(VOCABULARY, config.width)
        self.body = GruBody(config) if config.body == "gru" else TransformerBody(config)
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, VOCABULARY)
        nn.init.normal_(self.embed.weight, std=0.5)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)  # begin with the words even

    def top(self) -> nn.Module:
        """The layer that predicts the next word."""
        return self.out

    def forward(self, words: Tensor) -> Tensor:
        """Logits of every word, (B, T) -> (B, T, V)."""
        begin = torch.full_like(words[:, :1], BOS)
        x = self.embed(torch.cat([begin, words[:, :-1]], dim=1))
        return cast(Tensor, self.out(self.norm(self.body(x))))
