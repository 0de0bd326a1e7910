"""Antiphon: a musical partner made of software."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.engine import OpenedModel

__all__ = ["__version__", "open"]

__version__ = "0.1.0"


def open(model: str | Path = "antiphon", *, threads: int = 1) -> OpenedModel:
    """A model to play with: `feed`, `sample`, `reset`, `snapshot`, `restore`; see `antiphon.engine`.

    `model` is a shipped model's name or a bundle's folder. Raises ValueError, one line, for anything else.
    """
    from antiphon.engine import open_model  # which takes a while to import

    return open_model(model, threads=threads)
