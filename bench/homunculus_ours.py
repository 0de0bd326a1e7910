"""Run `antiphon jam` as it is, and keep for when each note of the machine's was planned.

`python homunculus_ours.py NOTES.json [flags of antiphon jam]`: the counterpart of `homunculus_watched.py`. Whatever the
machine plays is entered by `Hands.play`, which moves what is late to the present; rows of [instrument, pitch, velocity,
seconds at which it was planned, seconds at which it was handed over]. Written when the jam ends; when it left is in the
jam's take.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from antiphon.faces import cli
from antiphon.jam.hands import Hands
from antiphon.music.event import Event

ROWS: list[tuple[int, int, int, float, float]] = []


def watch() -> None:
    """Note what `Hands.play` is given, and what becomes of it."""
    play = Hands.play

    def watched(hands: Hands, event: Event) -> None:
        handed = max(event.at, hands._scene.now)
        ROWS.append((event.instrument, event.pitch, event.velocity, event.at, handed))
        play(hands, event)

    Hands.play = watched  # type: ignore[assignment]  # seen from outside


if __name__ == "__main__":
    path = Path(sys.argv[1])
    watch()
    code = cli.main(["jam", *sys.argv[2:]])
    path.write_text(json.dumps(ROWS))
    sys.exit(code)
