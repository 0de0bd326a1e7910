"""News of a jam, as `docs/protocol.md` says: JSON objects that every face is told, and what one that joins must know.

Imports nothing of the jam: it also runs in the processes of the faces.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["KEPT", "Kept", "News", "packed", "unpacked"]

News = dict[str, Any]
"""One message; `t` says what it is."""

KEPT = ("hello", "controls", "strips", "thru", "sense", "figures", "presets", "model", "take")
"""What one that joins is told first, in this order."""


class Kept:
    """The latest of each message that is kept."""

    def __init__(self) -> None:
        self.by_kind: dict[str, News] = {}
        """By what it says it is."""

    def take(self, news: News) -> None:
        """Keep `news` if it is of that kind; of the controls all that were ever told."""
        kind = news["t"]
        if kind == "controls" and kind in self.by_kind:
            news = {**news, "values": {**self.by_kind[kind]["values"], **news["values"]}}
        if kind in KEPT:
            self.by_kind[kind] = news

    def all(self) -> list[News]:
        """What one that joins is to be told."""
        return [self.by_kind[kind] for kind in KEPT if kind in self.by_kind]


def packed(news: News) -> bytes:
    """`news` as a line of JSON."""
    return json.dumps(news, separators=(",", ":")).encode() + b"\n"


def unpacked(line: bytes | str) -> News:
    """The message in a line. Raises `ValueError`, one line, for what is none."""
    try:
        news = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("a message is a JSON object") from None
    if not isinstance(news, dict) or not isinstance(news.get("t"), str):
        raise ValueError("a message is a JSON object whose t says what it is")
    return news
