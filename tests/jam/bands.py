"""Ensembles for tests: a player on piano and drums, and machines that play beside them."""

from __future__ import annotations

from antiphon.jam.ensemble import Ensemble, Strip, duet

ME, OTHER = 256, 257
"""What the machine's voices are to the model: a second and a third piano."""


def pair() -> Ensemble:
    """The player's piano and drums, and one machine."""
    return duet()


def trio(**more: object) -> Ensemble:
    """The player's piano and drums, and two machines; `more` goes to the second one's strip."""
    fields = {"mode": "auto", **more}
    return Ensemble({**duet().strips, 15: Strip(mode="auto"), 16: Strip(**fields)})  # type: ignore[arg-type]
