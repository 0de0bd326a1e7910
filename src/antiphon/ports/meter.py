"""The meter: how long things took, as percentiles of a whole jam for a report, and of its last seconds to look at."""

from __future__ import annotations

import json
import os
from array import array
from collections import deque
from pathlib import Path

import numpy as np

__all__ = ["RECENT", "Durations", "Meter"]

MOST = 1 << 20
"""Samples kept of each duration: the latest ones count."""
RECENT = 10.0
"""Seconds that count as recent."""
MOST_RECENT = 1 << 13
"""Samples kept of the recent past: in a storm it is shorter."""


class Durations:
    """Samples of one duration, in seconds. Adding one costs O(1); the oldest give way beyond a million."""

    def __init__(self) -> None:
        self.count = 0
        self._samples = array("d")
        self._recent: deque[tuple[float, float]] = deque(maxlen=MOST_RECENT)

    def add(self, seconds: float, at: float) -> None:
        """Keep one sample, taken at `at` seconds of the monotonic clock."""
        if len(self._samples) < MOST:
            self._samples.append(seconds)
        else:
            self._samples[self.count % MOST] = seconds
        self.count += 1
        self._recent.append((at, seconds))
        while self._recent[0][0] < at - RECENT:
            self._recent.popleft()

    def summary(self) -> dict[str, float]:
        """How many, and their median, 90th and 99th centile and maximum in milliseconds; only `count` for none."""
        return _summary(np.array(self._samples), self.count)  # a copy, since other threads may add meanwhile

    def recent(self, now: float) -> dict[str, float]:
        """The same of the `RECENT` seconds before `now`."""
        samples = [seconds for at, seconds in self._recent.copy() if at > now - RECENT]
        return _summary(np.array(samples), len(samples))


def _summary(seconds: np.ndarray[tuple[int], np.dtype[np.float64]], count: int) -> dict[str, float]:
    if not len(seconds):
        return {"count": 0}
    p50, p90, p99 = (float(p) * 1e3 for p in np.percentile(seconds, (50, 90, 99)))
    return {"count": count, "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": float(seconds.max()) * 1e3}


class Meter:
    """What a jam measures of itself."""

    def __init__(self) -> None:
        self.feed = Durations()
        """From the stamp of the player's event until the model has heard it."""
        self.thru = Durations()
        """From the stamp of the player's message until it was handed to the output."""
        self.lateness = Durations()
        """From the time at which a machine's event should leave until it was handed to the output."""
        self.scheduler = Durations()
        """The same, but from the time at which it was handed over where that was later: what the ports alone add."""
        self.wake = Durations()
        """One wake of the improviser: a prediction, mostly."""
        self.queue = Durations()
        """From the stamp of the player's event until the host turned to it."""
        self.end_to_end = Durations()
        """From an onset of the player's, the latest, until the first onset of the machine's that was decided after it
        sounds: how quick it is, and how long it means to wait, together."""
        self.failures = 0
        """How often the model failed and was set right again."""

    def summary(self) -> dict[str, dict[str, float]]:
        """Each duration's summary by name."""
        return {name: durations.summary() for name, durations in self._durations().items()}

    def recent(self, now: float) -> dict[str, dict[str, float]]:
        """Each duration's summary of the `RECENT` seconds before `now`, by name."""
        return {name: durations.recent(now) for name, durations in self._durations().items()}

    def write(self, path: Path, **more: object) -> None:
        """Write the summary and `more` as JSON, beside and then renamed. Raises `OSError`."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            content = {**self.summary(), "failures": self.failures, **more}
            beside.write_text(json.dumps(content, indent=2) + "\n")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def _durations(self) -> dict[str, Durations]:
        return {name: kept for name, kept in vars(self).items() if isinstance(kept, Durations)}
