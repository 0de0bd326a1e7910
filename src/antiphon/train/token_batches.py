"""Batches of words: windows of events as the stream has them, varied as there, and spelt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from antiphon.codec import token
from antiphon.train.batches import Batches
from antiphon.train.corpus import CorpusError, Split, Window
from antiphon.train.likelihood import validation_windows

__all__ = ["WORDS", "TokenBatch", "TokenBatches", "spelt_windows", "validation_words"]

WORDS = 2
"""Words an event, about: windows are cut to so many times their events."""
_TRIES = 1000


@dataclass(frozen=True)
class TokenBatch:
    """words (B, T) int64, padded at the end of each row."""

    words: Tensor

    def to(self, device: str) -> TokenBatch:
        return TokenBatch(self.words.to(device))

    @property
    def real(self) -> Tensor:
        """(B, T), false where padded."""
        return self.words != token.PAD

    @property
    def events(self) -> Tensor:
        """How many events are spelt: each ends with its key."""
        return ((self.words >= token.NOTE_ON) & (self.words < token.TIME_SHIFT)).sum()


def spelt_windows(windows: list[token.Tokens], length: int) -> TokenBatch:
    """Words of windows as one batch, each cut to `length` words or padded to it."""
    words = np.full((len(windows), length), token.PAD, np.int64)
    for row, window in zip(words, windows, strict=True):
        row[: len(window)] = window[:length]
    return TokenBatch(torch.from_numpy(words))


class TokenBatches(Batches):
    """Draws batches of words. A window with nothing but drums is drawn again."""

    def batch(self, step: int) -> TokenBatch:  # type: ignore[override] # another family's batches
        """The batch of a step."""
        generators = (np.random.default_rng([self.seed, step, place]) for place in self.places)
        return spelt_windows([self._words(rng) for rng in generators], WORDS * self.length)

    def _words(self, rng: np.random.Generator) -> token.Tokens:
        for _ in range(_TRIES):
            words = token.encode(self.window(rng).events)
            if len(words):
                return words
        raise CorpusError(f"{self.split.folder}: words spell no drums, and there is hardly anything else to train on")


def validation_words(split: Split, length: int, size: int, limit: int | None = None) -> Iterator[TokenBatch]:
    """The windows of `likelihood.validation_batches`, spelt; those of drums alone are left out."""
    for windows in validation_windows(split, length, size, limit):
        spelt = [words for words in map(_encoded, windows) if len(words)]
        if spelt:
            yield spelt_windows(spelt, max(map(len, spelt)))


def _encoded(window: Window) -> token.Tokens:
    return token.encode(window.events)
