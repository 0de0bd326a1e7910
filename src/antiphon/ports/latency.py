"""Latency: how late an output sounds, from what was sent and what came back or was tapped, and where that is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.ports.folders import config_folder
from antiphon.ports.midi import unnumbered

__all__ = ["Spread", "forget_latency", "keep_latency", "kept_latencies", "latency_of", "offsets", "spread", "steady"]

FEWEST = 4
"""Measurements without which nothing is concluded."""
MOST = 2.0
"""Seconds: no output is later than that, so a file that says so is wrong."""
OUTLYING = 3.0
"""A measurement is dropped when it is further from the median than so many times the usual distance."""
LEAST_SPREAD = 0.005
"""Seconds of spread that hands always have, so that good ones are not dropped for being even."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Some durations in seconds: how many, their median, 5th and 95th centile."""

    count: int
    median: float
    p5: float
    p95: float

    @property
    def jitter(self) -> float:
        """Seconds between the 5th and the 95th centile."""
        return self.p95 - self.p5


def spread(durations: Sequence[float]) -> Spread:
    """Sum up `durations`. Raises `ValueError`, one line, when there are too few of them."""
    if len(durations) < FEWEST:
        raise ValueError(f"only {len(durations)} measurements: at least {FEWEST} are needed to tell the latency")
    p5, median, p95 = (float(p) for p in np.percentile(np.asarray(durations), (5, 50, 95)))
    return Spread(len(durations), median, p5, p95)


def offsets(beats: Sequence[float], taps: Sequence[float]) -> npt.NDArray[np.float64]:
    """How far behind the nearest of `beats` (seconds, rising) each of `taps` came, in seconds; negative for before."""
    at, grid = np.asarray(taps, np.float64), np.asarray(beats, np.float64)
    if not len(at) or not len(grid):
        return np.empty(0)
    after = np.clip(np.searchsorted(grid, at), 1, max(len(grid) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(grid) - 1)
    nearest = np.where(at - grid[before] <= grid[after] - at, grid[before], grid[after])
    return np.asarray(at - nearest)


def steady(durations: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`durations` without those that lie far from the others (by their median absolute deviation)."""
    if not len(durations):
        return durations
    away = np.abs(durations - np.median(durations))
    usual = max(1.4826 * float(np.median(away)), LEAST_SPREAD)
    return np.asarray(durations[away <= OUTLYING * usual])


def latency_of(port: str) -> float:
    """The latency kept for an output, in seconds; 0 where none is. Raises `ValueError` for a file that is broken."""
    return kept_latencies().get(unnumbered(port), 0.0)


def kept_latencies() -> dict[str, float]:
    """All that are kept: seconds by output. Raises `ValueError`, one line, for a file that is broken."""
    path = _file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not isinstance(content, dict) or not all(_is_latency(value) for value in content.values()):
        raise ValueError(f"{path} is not what `antiphon calibrate` writes: mend or remove it")
    return {name: float(seconds) for name, seconds in content.items()}


def keep_latency(port: str, seconds: float) -> Path:
    """Keep an output's latency. Returns the file. Raises `ValueError` for what can be no latency, and `OSError`."""
    if not _is_latency(seconds):
        raise ValueError(f"{seconds * 1e3:.1f} ms can be no output's latency: it would sound before it was sent")
    return _write({**kept_latencies(), unnumbered(port): round(seconds, 6)})


def forget_latency(port: str) -> bool:
    """Keep an output's latency no more. Returns whether there was one. Raises `OSError`."""
    kept = kept_latencies()
    if kept.pop(unnumbered(port), None) is None:
        return False
    _write(kept)
    return True


def _is_latency(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= MOST


def _file() -> Path:
    return config_folder() / "latency.json"


def _write(kept: dict[str, float]) -> Path:
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
