"""Tunes that come with Antiphon, for a duet on a machine that has nothing else to play."""

from __future__ import annotations

from pathlib import Path

__all__ = ["MENUET"]

MENUET = Path(__file__).with_name("menuet.mid")
"""Handel, Menuet II of the Aylesford pieces: 40 seconds for harpsichord (see README.md for its source)."""
