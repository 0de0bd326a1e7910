"""Training events a CPU second, of our net and of Notochord's small model, of as many parameters, in turn.

    python3 bench/training_speed.py CORPUS NOTO_DATA --notochord NOTO/bin/python

CORPUS is what `antiphon prep` wrote, NOTO_DATA what `notochord prep` did. Each side runs its own trainer's step (draw
and vary a batch, forward, backward, clip, AdamW), on one thread, on batches of one size, in a process of its own;
rounds alternate, since others may share the machine, and CPU seconds of the process count. Windows are counted at full
length on both sides.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 2
"""Steps before the clock starts."""


def ours(given: argparse.Namespace) -> dict[str, float]:
    import torch

    from antiphon.train import loop
    from antiphon.train.corpus import Corpus
    from antiphon.train.distributed import World
    from antiphon.train.nets import NetConfig

    torch.set_num_threads(1)
    config = loop.TrainConfig(
        net=NetConfig(body="gru", width=512, layers=2, head_width=256),
        length=given.length,
        size=given.size,
        device="cpu",
        precision=given.precision,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = loop.Run(Corpus.open(given.corpus), Path(folder) / "run", config, World(), resume=False)
        batches = (run.batches.batch(step) for step in range(10**9))
        seconds = timed(lambda: run.step(batches), given.steps)
    return {"events_s": given.steps * given.size * given.length / seconds, "parameters": parameters(run.net)}


def theirs(given: argparse.Namespace) -> dict[str, float]:
    import torch
    from notochord.train import Trainer

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            experiment="speed",
            model_dir=folder,
            log_dir=folder,
            results_dir=folder,
            data_dir=given.noto_data,
            model={"rnn_hidden": 512, "rnn_layers": 1, "mlp_layers": 1},
            batch_size=given.size,
            batch_len=given.length,
            n_jobs=0,
            epoch_size=WARM_UP + given.steps,  # after which it validates, and would save and begin anew
            valid_size=1,
        )
        marks: list[float] = []
        steps = WARM_UP + given.steps
        trainer._validate = lambda *_, **__: {"logs": {}}
        trainer.log = lambda tag, _: marks.append(time.process_time()) if tag == "train" else None
        trainer.save = lambda _: done() if len(marks) == steps else None
        with contextlib.suppress(DoneError):
            trainer.train()
    seconds = marks[-1] - marks[WARM_UP - 1]
    return {"events_s": given.steps * given.size * given.length / seconds, "parameters": parameters(trainer.model)}


class DoneError(Exception):
    """All steps have been taken."""


def done() -> None:
    raise DoneError


def parameters(net: Any) -> int:
    return sum(p.numel() for p in net.parameters())


def timed(step: Callable[[], object], n: int) -> float:
    """CPU seconds of `n` steps, after the warm-up."""
    for _ in range(WARM_UP):
        step()
    began = time.process_time()
    for _ in range(n):
        step()
    return time.process_time() - began


def measured(python: str, side: str) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [python, __file__, *sys.argv[1:], "--side", side]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    return answer


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("corpus", type=Path)
    parse.add_argument("noto_data")
    parse.add_argument("--notochord", required=True, metavar="PYTHON", help="of an environment with `notochord`")
    parse.add_argument("--size", type=int, default=128, help="windows a batch (128, Notochord's own)")
    parse.add_argument("--length", type=int, default=64, help="events a window (64, Notochord's own)")
    parse.add_argument("--steps", type=int, default=6)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--precision", default="auto", help="ours (auto); theirs has fp32 only")
    parse.add_argument("--side", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    given = parse.parse_args()
    if given.side:
        print(json.dumps(ours(given) if given.side == "ours" else theirs(given)))
        return
    rates: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(given.rounds):
        for side, python in (("ours", sys.executable), ("theirs", given.notochord)):
            made = measured(python, side)
            rates[side].append(made["events_s"])
            rate, size = made["events_s"], made["parameters"]
            print(f"round {turn + 1}: {side} {rate:,.0f} events/CPU s, {size:,.0f} parameters", flush=True)
    a, b = (statistics.median(rates[side]) for side in ("ours", "theirs"))
    print(f"median: ours {a:,.0f}, theirs {b:,.0f} events/CPU s: {a / b:.2f} times")


if __name__ == "__main__":
    main()
