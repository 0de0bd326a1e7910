"""The console: lines typed while it plays, each an action or a control with its value."""

from __future__ import annotations

import contextlib
import threading
from typing import TextIO

from antiphon.jam.controls import ACTIONS, CONTROLS, control_named
from antiphon.ports.base import Listener

__all__ = ["Console", "help_text"]

_ACTIONS = frozenset(action.name for action in ACTIONS)


class Console:
    """A source that reads `stream` line by line: `undo`, `preset strings`, `share 0.3`, `help`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._closed = False

    def start(self, listener: Listener) -> None:
        """Begin to read, in a thread of its own that ends with the stream."""
        threading.Thread(target=self._read, args=(listener,), name="console", daemon=True).start()

    def close(self) -> None:
        """Tell nothing more. The thread that waits for a line ends with the process."""
        self._closed = True

    def _read(self, listener: Listener) -> None:
        with contextlib.suppress(OSError, ValueError):  # the stream may be closed under us
            for line in self._stream:
                if self._closed:
                    return
                self._take(line, listener)

    def _take(self, line: str, listener: Listener) -> None:
        name, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if not name:
            return
        if name in ("help", "?"):
            listener.notice(help_text())
        elif name in _ACTIONS:
            listener.act(name, rest)
        else:
            try:
                listener.turn(name, control_named(name).check(rest))
            except ValueError as error:
                listener.notice(f"{error} (or an action: {', '.join(sorted(_ACTIONS))})")


def help_text() -> str:
    """What can be typed, in a few lines."""
    actions = "\n".join(f"  {f'{a.name} {a.argument}':<20} {a.help}" for a in ACTIONS)
    controls = ", ".join(control.name for control in CONTROLS)
    return f"type an action, or a control and its value:\n{actions}\n  controls: {controls}"
