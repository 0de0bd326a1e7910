"""The outbox: hands each event to the sink at the moment at which it must sound."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable

from antiphon.music.event import Event
from antiphon.ports.base import PortError, Sink
from antiphon.ports.meter import Durations

__all__ = ["Outbox"]


class Outbox:
    """A thread sends what lies in the future, asleep until the next event is due; it never looks on a timer.

    What is due already is sent by whoever puts it: to wake another thread for it would cost its time.
    """

    def __init__(
        self, sink: Sink, lateness: Durations, sent: Callable[[Event], None], lost: Callable[[str], None]
    ) -> None:
        """`sent` is told each event that left, at the time (monotonic seconds) at which it did; `lost` why none can."""
        self._sink = sink
        self._lateness = lateness
        self._sent = sent
        self._lost = lost
        self._due: list[tuple[float, int, Event]] = []
        self._count = 0  # events of one time leave in the order in which they came
        self._closed = False
        self._changed = threading.Condition(threading.Lock())
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, events: Iterable[Event]) -> None:
        """Send each of `events` at its `at`, monotonic seconds; at once when that has passed. Raises `PortError`."""
        with self._changed:
            next_one = self._next()
            for event in events:
                heapq.heappush(self._due, (event.at, self._count, event))
                self._count += 1
            self._send_due()
            if self._next() < next_one:
                self._changed.notify()

    def close(self) -> None:
        """Send nothing more; what waits is forgotten, so silence the sink after this."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            with self._changed:
                while not self._closed:
                    self._send_due()
                    wait = self._next() - time.monotonic()
                    self._changed.wait(wait if self._due else None)
        except PortError as error:
            self._lost(str(error))

    def _send_due(self) -> None:
        while self._next() <= time.monotonic():
            self._send(heapq.heappop(self._due)[2])

    def _next(self) -> float:
        return self._due[0][0] if self._due else float("inf")

    def _send(self, event: Event) -> None:
        now = time.monotonic()
        self._sink.send(event)
        self._lateness.add(now - event.at)
        self._sent(Event(now, event.instrument, event.pitch, event.velocity))
