"""The outbox: hands each message to its output at the moment at which it must leave."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable

from antiphon.ports.passage import Post

__all__ = ["Outbox"]


class Outbox:
    """A thread sends what lies in the future, asleep until the next message is due; it never looks on a timer.

    What is due already is sent by whoever puts it: to wake another thread for it would cost its time. Outputs are
    touched with the outbox's lock held, which is `turn` for those who must touch them otherwise.
    """

    def __init__(self, send: Callable[[Post, float], None], left: Callable[[int, float], None]) -> None:
        """`send` is given a post and the time, monotonic seconds; `left` the number and that time, when it was put
        with a number above 0."""
        self._send = send
        self._left = left
        self._due: list[tuple[float, int, int, Post]] = []
        self._count = 0  # messages of one time leave in the order in which they came
        self._closed = False
        self.turn = threading.Lock()
        self._changed = threading.Condition(self.turn)
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, at: float, post: Post, number: int = 0) -> None:
        """Send `post` at `at`, monotonic seconds; at once when that has passed."""
        with self._changed:
            next_one = self._next()
            heapq.heappush(self._due, (at, self._count, number, post))
            self._count += 1
            self._send_due()
            if self._next() < next_one:
                self._changed.notify()

    def put_now(self, posts: Iterable[Post]) -> None:
        """Send `posts` at once, before whatever waits."""
        with self.turn:
            now = time.monotonic()
            for post in posts:
                self._send(post, now)

    def forget(self) -> list[int]:
        """Send nothing of what waits. To be called with `turn` held. Returns the numbers of what was forgotten."""
        forgotten = [number for _, _, number, _ in self._due if number]
        self._due.clear()
        return forgotten

    def close(self) -> None:
        """Send nothing more; what waits is forgotten, so close what sounds after this."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                self._send_due()
                wait = self._next() - time.monotonic()
                self._changed.wait(wait if self._due else None)

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._next() <= now:
            _, _, number, post = heapq.heappop(self._due)
            self._send(post, now)
            if number:
                self._left(number, now)
            now = time.monotonic()

    def _next(self) -> float:
        return self._due[0][0] if self._due else float("inf")
