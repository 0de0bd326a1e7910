"""Train Notochord's own model with its own trainer for a fixed budget of CPU seconds, and leave one checkpoint.

Runs in an environment that holds the `notochord` package (not Antiphon's). CPU seconds rather than wall-clock
seconds, so that another program on the machine takes nothing from either side of the comparison. One thread, no
loader workers: everything that is done for training is done, and counted, in this process.

Two things favour the trainer compared with its command line: its validation pass is cut to one short batch, and the
files that it would hold out for validation and test are trained on (the comparison has its own validation files).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from notochord.data import MIDIDataset
from notochord.train import Trainer

EXAMPLE_LENGTH = 64  # events; also the length of the shortened validation examples
LATTICE = 0.01  # seconds
REPORT_EVERY = 10.0  # CPU seconds


class BudgetSpentError(Exception):
    """The CPU seconds are used up and the checkpoint is written."""


class InOrder(MIDIDataset):
    """Notochord's examples on Antiphon's lattice: 10 ms steps, chords in one order (releases, instrument, pitch).

    Its own examples jitter every time by up to 1 ms, which shuffles chords; the order of a shuffled chord costs
    nats that no model can save. This variant tells how much of its figure is that.
    """

    def data_augmentation(self, program: Any, pitch: Any, time: Any, velocity: Any) -> Any:
        program, pitch, _, velocity = super().data_augmentation(program, pitch, time, velocity)
        factor = 1 + (random.random() * 2 - 1) * self.speed
        at = (time.double() * factor / LATTICE).round().numpy()
        order = torch.from_numpy(np.lexsort((pitch.numpy(), program.numpy(), velocity.numpy() > 0, at)))
        # The parent sorts by time once more, and not stably: a nanosecond an event keeps the order as it is.
        time = torch.from_numpy(at * LATTICE)[order] + torch.arange(len(order)) * 1e-9
        return program[order], pitch[order], time, velocity[order]


class Budgeted(Trainer):  # type: ignore[misc]
    """Notochord's trainer, stopped after `cpu_seconds` of this process, with its losses averaged into `trace`."""

    def begin(self, cpu_seconds: float, checkpoint: Path, in_order: bool) -> None:
        if in_order:
            self.dataset = InOrder(
                str(self.data_dir), self.batch_len, transpose=self.aug_transpose, speed=self.aug_speed
            )
        self.dataset.max_test_len = EXAMPLE_LENGTH
        self.train_dataset = self.valid_dataset = self.dataset
        self.checkpoint = checkpoint
        self.trace: list[dict[str, float]] = []
        self.recent: list[dict[str, float]] = []
        self.started = self.reported = time.process_time()
        self.cpu_seconds = cpu_seconds

    def log(self, tag: str, values: dict[str, float]) -> None:
        if tag != "train":
            return
        self.recent.append({k: v for k, v in values.items() if k == "loss" or k.endswith("_nll")})
        now = time.process_time()
        spent = now - self.started
        if now - self.reported >= REPORT_EVERY or spent >= self.cpu_seconds:
            mean = {k: sum(r[k] for r in self.recent) / len(self.recent) for k in self.recent[0]}
            self.trace.append({"cpu_s": spent, "iteration": self.iteration, "events": self.exposure, **mean})
            print(json.dumps({k: round(v, 4) for k, v in self.trace[-1].items()}), flush=True)
            self.recent, self.reported = [], now
        if spent >= self.cpu_seconds:
            beside = self.checkpoint.with_suffix(".part")
            self.save(beside)
            beside.rename(self.checkpoint)
            self.checkpoint.with_suffix(".json").write_text(json.dumps(self.trace, indent=1))
            raise BudgetSpentError


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("data", help="what `notochord prep` wrote")
    parse.add_argument("-o", "--out", type=Path, required=True, help="checkpoint to write, NAME.ckpt")
    parse.add_argument("--cpu-seconds", type=float, default=1800)
    parse.add_argument("--small", action="store_true", help="the small model of its README: 512 hidden, 1 layer")
    parse.add_argument("--batch-size", type=int, default=128)
    parse.add_argument("--lr", type=float, default=3e-4)
    parse.add_argument("--in-order", action="store_true", help="times on 10 ms steps and chords in one order")
    given = parse.parse_args()
    torch.set_num_threads(1)
    room = given.out.parent / (given.out.stem + ".run")
    trainer = Budgeted(
        experiment=given.out.stem,
        model_dir=room,
        log_dir=room,
        results_dir=room,
        data_dir=given.data,
        model={"rnn_hidden": 512, "rnn_layers": 1, "mlp_layers": 1} if given.small else {},
        batch_size=given.batch_size,
        batch_len=EXAMPLE_LENGTH,
        lr=given.lr,
        n_jobs=0,
        epoch_size=10**9,
        valid_size=1,
    )
    trainer.begin(given.cpu_seconds, given.out, given.in_order)
    try:
        trainer.train()
    except BudgetSpentError:
        print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
