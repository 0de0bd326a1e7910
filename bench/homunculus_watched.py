"""Run Notochord's homunculus as it is, and keep for each note that it sends how late that was by its own plan.

In an environment that holds `notochord`: `python homunculus_watched.py NOTES.json [flags of homunculus]`. Nothing of
the package is changed on disk. Its class `MIDI` gives way to one that derives from it and, having sent a message, looks
up the call stack for the function that plays events and reads there which voice played, and the nominal time of the
event that homunculus keeps itself. Written when it ends by itself or by Ctrl-C: rows of [what played, channel from 1,
pitch, velocity, seconds late].
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import iipyper

app = importlib.import_module("notochord.app.homunculus")  # as an attribute of the package it is a function

ROWS: list[tuple[str, int, int, int, float]] = []


class WatchedMIDI(app.MIDI):  # type: ignore[misc, name-defined]  # a package without types
    """Sends as it does, then notes how late that was."""

    def _send_msg(self, port: str | None, message: Any) -> None:
        super()._send_msg(port, message)
        sent = time.perf_counter()
        if message.type not in ("note_on", "note_off"):
            return
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_name != "play_event":
            frame = frame.f_back
        if frame is None:
            return
        here = frame.f_locals
        who = "input" if here["tag"] == "PLAYER" else here["memo"] or "auto"
        late = sent - here["pending"].last_event_time  # the nominal time of this very event, which has just "occurred"
        velocity = message.velocity if message.type == "note_on" else 0
        ROWS.append((who, int(here["channel"]), int(message.note), int(velocity), float(late)))


if __name__ == "__main__":
    path = Path(sys.argv.pop(1))
    app.MIDI = WatchedMIDI
    try:
        iipyper.run(app.main)
    finally:
        path.write_text(json.dumps(ROWS))
