"""The colours of the terminal, dark and light. Yours is blue and its is orange, which all kinds of colour vision tell
apart (after M. Okabe and K. Ito's palette)."""

from __future__ import annotations

from textual.theme import Theme

__all__ = ["DARK", "LIGHT"]

DARK = Theme(
    name="antiphon-dark",
    primary="#e69f00",
    secondary="#56b4e9",
    accent="#e69f00",
    warning="#f0c040",
    error="#ff6b5e",
    success="#3fc08f",
    foreground="#e6e3dc",
    background="#15171a",
    surface="#23272c",
    panel="#1c1f23",
    dark=True,
    variables={
        "you": "#56b4e9",
        "it": "#f0a020",
        "plan": "#7f5a1d",
        "faint": "#565c64",
        "track": "#6a7078",
        "cursor-row": "#2a2f36",
        "text-muted": "#9aa0a8",
    },
)

LIGHT = Theme(
    name="antiphon-light",
    primary="#b85a00",
    secondary="#0062b2",
    accent="#b85a00",
    warning="#8a6d00",
    error="#b3261e",
    success="#00785a",
    foreground="#1f2328",
    background="#faf9f6",
    surface="#eae7e0",
    panel="#f1efe9",
    dark=False,
    variables={
        "you": "#0062b2",
        "it": "#c25700",
        "plan": "#e8c3a0",
        "faint": "#b4b1a9",
        "track": "#98958d",
        "cursor-row": "#e6e2d6",
        "text-muted": "#5f646b",
    },
)
