"""Runs the terminal's face: started by `antiphon jam --tui`, which it asks and by which it is told over a socket."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable

from antiphon.faces.link import FaceError, Jam, connect
from antiphon.faces.tui.app import Face
from antiphon.faces.tui.vocabulary import Message

__all__ = ["main"]

NICE = 5
"""How far drawing stands back behind music where both want the same processor."""
GONE = "the jam has gone"


def main() -> int:
    """Show the jam that started this process until it ends; says why on the standard error."""
    try:
        jam = connect()
    except FaceError as error:
        print(f"antiphon: {error}", file=sys.stderr)
        return 1
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        jam.send({"t": "failed", "why": "it needs a terminal"})
        return 1
    return _shown(jam)


def _shown(jam: Jam) -> int:
    if sys.platform != "win32":
        os.nice(NICE)
    face = Face(jam.send)
    signal.signal(signal.SIGTERM, lambda *_: face.tell({"t": "ended", "why": "the terminal's face was ended"}))
    reader = threading.Thread(target=_listen, args=(jam.messages(), face.tell), name="jam", daemon=True)
    jam.send({"t": "ready"})
    reader.start()
    why = face.run()
    if why:
        print(why, file=sys.stderr)
    return face.return_code or 0


def _listen(messages: Iterable[Message], tell: Callable[[Message], None]) -> None:
    for message in messages:
        tell(message)
    tell({"t": "ended", "why": GONE})


if __name__ == "__main__":
    sys.exit(main())
