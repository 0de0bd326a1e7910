"""Judging models of words by their words: nats, perplexity, and how often the right one is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from antiphon.engine.token_judge import judge_words
from antiphon.engine.token_model import TokenModel
from antiphon.faces.evaluate_likelihood import TOPS
from antiphon.faces.evaluate_pieces import Piece

__all__ = ["words_judged"]


def words_judged(
    models: Mapping[str, TokenModel], pieces: Sequence[Piece], progress: Callable[[int], object]
) -> dict[str, dict[str, Any]]:
    """What each of `models` makes of the words of `pieces`, by its name."""
    figures = {}
    for name, model in models.items():
        found = []
        for piece in pieces:
            found.append(judge_words(model, piece.events))
            progress(len(piece.events))
        nats = np.concatenate([judged.nats for judged in found])
        events = sum(len(piece.events) for piece in pieces)
        figures[name] = {
            "words": len(nats),
            "words_per_event": len(nats) / events,
            "nats_per_word": float(nats.mean()),
            "nats_per_event": float(nats.sum() / events),
            "perplexity": float(np.exp(nats.mean())),
            "top": {str(k): float(np.concatenate([judged.top(k) for judged in found]).mean()) for k in TOPS},
        }
    return figures
