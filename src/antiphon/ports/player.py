"""A player made of events: a tune that plays the human part, in real time."""

from __future__ import annotations

import threading
import time

from antiphon.music.event import Event, Events
from antiphon.ports.base import Listener, Sink

__all__ = ["TunePlayer"]


class TunePlayer:
    """Plays `tune` (dtype `EVENT`, in order of time) from the moment that it is started, heard through `thru`."""

    def __init__(self, tune: Events, thru: Sink) -> None:
        self._tune = [Event(*row) for row in tune.tolist()]
        self._thru = thru
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, listener: Listener) -> None:
        """Begin to play, in a thread of its own."""
        self._thread = threading.Thread(target=self._play, args=(listener,), name="tune", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Play nothing more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def _play(self, listener: Listener) -> None:
        begin = time.monotonic()
        for event in self._tune:
            if self._closed.wait(max(0.0, begin + event.at - time.monotonic())):
                return
            played = Event(time.monotonic(), event.instrument, event.pitch, event.velocity)
            self._thru.pass_on(played)
            listener.hear(played)
        listener.ended()
