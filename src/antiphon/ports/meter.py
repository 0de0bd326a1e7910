"""The meter: how long things took, as percentiles that a report can keep."""

from __future__ import annotations

import json
import os
from array import array
from pathlib import Path

import numpy as np

__all__ = ["Durations", "Meter"]

MOST = 1 << 20
"""Samples kept of each duration: the latest ones count."""


class Durations:
    """Samples of one duration, in seconds. Adding one costs O(1); the oldest give way beyond a million."""

    def __init__(self) -> None:
        self.count = 0
        self._samples = array("d")

    def add(self, seconds: float) -> None:
        """Keep one sample."""
        if len(self._samples) < MOST:
            self._samples.append(seconds)
        else:
            self._samples[self.count % MOST] = seconds
        self.count += 1

    def summary(self) -> dict[str, float]:
        """How many, and their median, 90th and 99th centile and maximum in milliseconds; only `count` for none."""
        if not self.count:
            return {"count": 0}
        ms = np.frombuffer(self._samples, np.float64) * 1e3
        p50, p90, p99 = (float(p) for p in np.percentile(ms, (50, 90, 99)))
        return {"count": self.count, "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": float(ms.max())}


class Meter:
    """What a jam measures of itself."""

    def __init__(self) -> None:
        self.feed = Durations()
        """From the stamp of the player's event until the model has heard it."""
        self.thru = Durations()
        """From the stamp of the player's message until it was handed to the output."""
        self.lateness = Durations()
        """From the time at which a machine's event should sound until it was handed to the output."""
        self.wake = Durations()
        """One wake of the improviser: a prediction, mostly."""

    def summary(self) -> dict[str, dict[str, float]]:
        """Each duration's summary by name."""
        return {name: durations.summary() for name, durations in vars(self).items()}

    def write(self, path: Path, **more: object) -> None:
        """Write the summary and `more` as JSON, beside and then renamed. Raises `OSError`."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps({**self.summary(), **more}, indent=2) + "\n")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
