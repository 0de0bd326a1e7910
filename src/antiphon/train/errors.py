"""What goes wrong in training and export, apart from torch, so that what needs none can raise it."""

from __future__ import annotations

__all__ = ["RunError"]


class RunError(ValueError):
    """A run that cannot be read, continued or exported, in one line."""
