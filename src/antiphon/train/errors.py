"""What goes wrong in training and export, apart from torch, so that what needs none can raise it."""

from __future__ import annotations

__all__ = ["RunError", "TooCoarse"]


class RunError(ValueError):
    """A run that cannot be read, continued or exported, in one line."""


class TooCoarse(RunError):
    """A net that does not say the same with weights of so few bits."""
