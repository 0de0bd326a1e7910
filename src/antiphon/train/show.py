"""What is seen of a run while it goes on: a progress line, and TensorBoard's log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

__all__ = ["Bar", "Log"]


class Log:
    """TensorBoard's log below `folder`; without one, nothing is written."""

    def __init__(self, folder: Path | None) -> None:
        self._writer = None if folder is None else SummaryWriter(str(folder / "tensorboard"))

    def add(self, kind: str, values: Mapping[str, float], step: int) -> None:
        """Write the figures `values` as of `step`, each called `kind`/name."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class Bar:
    """The progress line: nats per event (smoothed), the last validation, events a second, minutes left."""

    def __init__(self, *, quiet: bool) -> None:
        self.smooth = math.nan
        self.bar = tqdm(total=100, disable=quiet, bar_format="{percentage:3.0f}%|{bar:20}| {postfix}")

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, *, step: int, loss: float, valid: float, rate: float, done: float, seconds: float) -> None:
        """After `step`: its `loss` and the last `valid` in nats per event, `rate` in events a second, the share `done`
        of the run (0..1) and the `seconds` that took."""
        self.smooth = loss if math.isnan(self.smooth) else 0.98 * self.smooth + 0.02 * loss
        left = seconds * (1 - done) / max(done, 1e-9) / 60
        self.bar.n = round(100 * done, 1)
        self.bar.set_postfix_str(
            f"step {step:,} · {self.smooth:.3f} nats/event · valid {valid:.3f} · "
            f"{rate:,.0f} events/s · {left:.0f} min left"
        )
