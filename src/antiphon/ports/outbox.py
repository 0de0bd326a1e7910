"""The outbox: a thread that hands each event to the sink at the moment at which it must sound."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections.abc import Callable, Iterable

from antiphon.music.event import Event
from antiphon.ports.base import PortError, Sink
from antiphon.ports.meter import Durations

__all__ = ["Outbox"]


class Outbox:
    """Sleeps until the next event is due, and is woken by each new one; it never looks on a timer."""

    def __init__(
        self, sink: Sink, lateness: Durations, sent: Callable[[Event], None], lost: Callable[[str], None]
    ) -> None:
        """`sent` is told each event that left, at the time (monotonic seconds) at which it did; `lost` why none can."""
        self._sink = sink
        self._lateness = lateness
        self._sent = sent
        self._lost = lost
        self._new: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._due: list[tuple[float, int, Event]] = []
        self._count = 0  # events of one time leave in the order in which they came
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, events: Iterable[Event]) -> None:
        """Send each of `events` at its `at`, monotonic seconds; at once when that has passed."""
        for event in events:
            self._new.put(event)

    def close(self) -> None:
        """Send nothing more; what waits is forgotten, so silence the sink after this."""
        self._new.put(None)
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            while self._take():
                while self._due and self._due[0][0] <= time.monotonic():
                    self._send(heapq.heappop(self._due)[2])
        except PortError as error:
            self._lost(str(error))

    def _take(self) -> bool:
        """Wait for a new event, or until the next one is due. False when the outbox was closed."""
        timeout = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
        try:
            event = self._new.get(timeout=timeout)
        except queue.Empty:
            return True
        if event is None:
            return False
        heapq.heappush(self._due, (event.at, self._count, event))
        self._count += 1
        return True

    def _send(self, event: Event) -> None:
        now = time.monotonic()
        self._sink.send(event)
        self._lateness.add(now - event.at)
        self._sent(Event(now, event.instrument, event.pitch, event.velocity))
