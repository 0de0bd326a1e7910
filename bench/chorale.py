"""Chorales: how long writing takes, the seed's work beside a net of the seed's shape, and parallels beside Bach's.

python bench/chorale.py DATA.npz [--model chorale] [--json] [--no-seed-net]

The seed's work is sixteen voices over seven segments of a chorale, each voice of each quartet sung anew in turn, four
times over. Its own way takes 256 passes of its net for each voice of each segment, 28,672 in all, one at a time. Ours
takes the seven segments together and samples as suits a line. A net of the seed's shape with random weights (needs the
extra `train`, and 4 GB of memory) is timed for a few passes. What our net makes by both ways of sampling, with several
seeds, is judged by the net: mean nats of a note given nearly all others. Everything runs on one core.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.codec.grid import Cells, Pitches, encode, read_dataset
from antiphon.compose.chorale import Options, revoice, write
from antiphon.engine.chorale import ChoraleModel, open_chorale_model
from antiphon.engine.gibbs import Annealing, Sampling
from antiphon.music.counterpoint import measure

SEGMENTS, STEPS, PASSES = 7, 32, 4
NATS_ROUNDS, SEEDS = 4, 3
AS_THE_SEED = Sampling(steps=256, together=math.inf, annealing=Annealing())
SEED_PASSES = SEGMENTS * PASSES * 4 * 256


def seconds(work: Callable[[], Any], times: int = 1) -> float:
    """The shortest of some runs, in seconds of one core: of the processor, so that a shared machine counts little."""
    took = []
    for _ in range(times):
        mark = time.process_time()
        work()
        took.append(time.process_time() - mark)
    return min(took)


def nats_of_notes(model: ChoraleModel, scores: Pitches) -> float:
    """Mean nats of a cell of scores (B, V, T) given nearly all others, a sixteenth hidden at a time."""
    cells = encode(scores)
    rng, total = np.random.default_rng(0), 0.0
    for _ in range(NATS_ROUNDS):
        turn = rng.permuted(np.tile(np.arange(cells[0].size) % 16, (len(cells), 1)), axis=1).reshape(cells.shape)
        for i in range(16):
            hidden = turn == i
            log_p = model.log_probabilities(cells, ~hidden)
            total -= float(np.take_along_axis(log_p, cells[..., None], -1)[..., 0][hidden].sum())
    return total / cells.size / NATS_ROUNDS


def seed_net_seconds(passes: int = 5) -> float:
    """Seconds a pass of a net of the seed's shape: 32 channels, 32 convolutions, then one dense layer of 426 M."""
    import torch
    from torch import nn

    class Unit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x + self.body(x))

    torch.set_num_threads(1)
    trunk = [nn.Conv2d(8, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), *(Unit() for _ in range(16))]
    net = nn.Sequential(*trunk, nn.Flatten(), nn.Linear(32 * 32 * 57, 4 * 32 * 57)).eval()
    x = torch.randn(1, 8, 32, 57)
    with torch.inference_mode():
        net(x)
        return seconds(lambda: net(x), passes)


def _segments(scores: list[Pitches]) -> Pitches:
    whole = [score for score in scores if (score >= 0).all() and score.shape[1] >= STEPS]
    return np.stack([score[:, :STEPS] for score in whole[:SEGMENTS]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="chorale")
    parser.add_argument("--no-seed-net", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    model = open_chorale_model(args.model, threads=1)
    scores = read_dataset(args.data, "valid")
    segments = _segments(scores)

    def work(sampling: Sampling, seed: int) -> Pitches:
        return revoice(model, segments, np.random.default_rng(seed), passes=PASSES, options=Options(sampling)).scores

    results: dict[str, Any] = {}
    blank: Cells = np.zeros((1, 4, 32), np.int64)
    results["one_pass_ms"] = 1e3 * seconds(lambda: model.log_probabilities(blank, blank > 0), 30)
    results["write_32_steps_s"] = seconds(lambda: write(model, 32, np.random.default_rng(0)), 5)
    results["write_16_of_64_steps_s"] = seconds(lambda: write(model, 64, np.random.default_rng(0), count=16))
    made: dict[str, Pitches] = {}
    for name, sampling in (("ours", Sampling()), ("as_the_seed", AS_THE_SEED)):
        mark = time.process_time()
        runs = [work(sampling, seed) for seed in range(SEEDS)]
        results[f"seed_work_{name}_s"] = (time.process_time() - mark) / SEEDS
        nats = [nats_of_notes(model, run.reshape(-1, 4, STEPS)) for run in runs]
        results[f"seed_work_{name}_nats"] = float(np.mean(nats))
        results[f"seed_work_{name}_nats_sem"] = float(np.std(nats, ddof=1) / math.sqrt(SEEDS))
        made[name] = np.concatenate(runs)
    results["bach_nats"] = nats_of_notes(model, segments)
    if not args.no_seed_net:
        results["seed_net_pass_ms"] = 1e3 * seed_net_seconds()
        results["seed_work_seed_s"] = results["seed_net_pass_ms"] * 1e-3 * SEED_PASSES
    fresh = [write(model, 64, np.random.default_rng(i), count=16) for i in range(2)]
    raw = write(model, 64, np.random.default_rng(0), count=16, options=Options(polish=False))
    results["counterpoint"] = {
        "bach": measure(scores),
        "written": measure(np.concatenate(fresh)),
        "written_without_the_last_pass": measure(raw),
        "sixteen_voices": measure(made["ours"].reshape(-1, 4, STEPS)),
        "sixteen_voices_as_the_seed": measure(made["as_the_seed"].reshape(-1, 4, STEPS)),
    }
    print(json.dumps(results, indent=1) if args.json else _table(results))


def _table(results: dict[str, Any]) -> str:
    rows = [f"{name:32} {value:.4g}" for name, value in results.items() if isinstance(value, float)]
    for name, rates in results["counterpoint"].items():
        rows.append(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in rates.items()))
    return "\n".join(rows)


if __name__ == "__main__":
    main()
