"""Score a Notochord checkpoint on streams of events: nats per event, field by field.

Runs in an environment that holds the `notochord` package (not Antiphon's). Events come as an .npz file of arrays of
one length, piece after piece: `at` (f8, seconds on steps of 10 ms), `instrument` (u2, Antiphon's numbers), `pitch`
(u1), `velocity` (u1, 0 = release), `piece` (i4, alike for the events of one piece).

Instrument and pitch are scored as categories, the time since the last event as the probability of the 10 ms around it
(the model's own discretised mixture; 0 takes all below 5 ms, 10 s all above), the velocity as that of its unit step.
Teacher-forced, without dropout or augmentation; its prediction of the end is left out. Three orders of what happens
at one time are scored, because Notochord's own examples hold chords in a shuffled order: ours, the one of its `prep`,
and the shuffle of its training, times jittered as there (the bins that are scored stay where they are).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from notochord import Notochord

FIELDS = ("instrument", "pitch", "time", "velocity")
START = (0, 128, 0.0, 0.0)
JITTER = 1e-3  # seconds, as its data loader's
CHUNK = 1024  # events a forward pass


def load(path: Path) -> Notochord:
    checkpoint = torch.load(path, map_location="cpu", weights_only=False)
    model = Notochord(**checkpoint["kw"]["model"])
    model.load_state_dict(checkpoint["model_state"])
    return model.eval()


def ordered(piece: dict[str, np.ndarray], order: str, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Instrument and pitch (n,), the time as fed and as scored (n,) in seconds, velocity (n,), in `order`."""
    at, instrument, pitch, velocity = (piece[k] for k in ("at", "instrument", "pitch", "velocity"))
    fed = at.astype(np.float64)
    if order == "canonical":
        rows = np.lexsort((pitch, instrument, velocity > 0, at))
    elif order == "prep":
        rows = np.lexsort((instrument, pitch, velocity, at))
    else:
        fed = at + rng.uniform(0, JITTER, len(at)) * np.where(velocity > 0, 1, -1)
        rows = np.argsort(fed, kind="stable")
    since = np.diff(at[rows], prepend=0.0)
    since_fed = np.maximum(0.0, np.diff(fed[rows], prepend=0.0))
    return instrument[rows].astype(np.int64) + 1, pitch[rows].astype(np.int64), since_fed, since, velocity[rows]


def subsets() -> Iterator[tuple[int, ...]]:
    """Every set of the four fields."""
    for size in range(5):
        yield from itertools.combinations(range(4), size)


def wanted(all_orders: bool) -> list[list[tuple[tuple[int, ...], float, float]]]:
    """For each field the sets of known fields to score it under, each with its weights in i-p-t-v and in the mean."""
    table = []
    for field in range(4):
        chain = tuple(range(field))
        sets = [s for s in subsets() if field not in s] if all_orders else [chain]
        weight = [math.factorial(len(s)) * math.factorial(3 - len(s)) / 24 for s in sets]
        table.append([(s, float(s == chain), w) for s, w in zip(sets, weight, strict=True)])
    return table


@torch.inference_mode()
def score_piece(model: Notochord, stream: tuple[np.ndarray, ...], table: Any, restart: int) -> np.ndarray:
    """Summed nats of one piece, shape (2, 4): in the order i-p-t-v and in the mean over orders, a column a field."""
    instrument, pitch, fed, scored, velocity = (
        np.append(s, x) for s, x in zip((*START[:2], 0.0, *START[2:]), stream, strict=True)
    )
    columns = (torch.from_numpy(instrument).long(), torch.from_numpy(pitch).long(), torch.from_numpy(fed).float())
    columns = (*columns, torch.from_numpy(velocity).float())
    target = torch.from_numpy(scored).float()
    total = np.zeros((2, 4))
    state: Any = None
    for start in range(0, len(target) - 1, restart or CHUNK):
        stop = min(len(target) - 1, start + (restart or CHUNK))
        seen = slice(start, stop)
        coming = slice(start + 1, stop + 1)
        embedded = [emb(c[None, start : stop + 1]) for emb, c in zip(model.embeddings, columns, strict=True)]
        if state is None or restart:
            state = tuple(t.contiguous() for t in model.initial_state)
        x = sum(embedded)[:, : seen.stop - seen.start]
        hidden, state = model.rnn(x, state)
        context = model.h_proj(hidden)
        following = [e[:, 1:] for e in embedded]
        for field, sets in enumerate(table):
            for known, in_chain, in_mean in sets:
                mixed = (context + sum((following[k] for k in known), torch.zeros(()))).tanh()
                parameters = model.projections[field](mixed)[0]
                if field < 2:
                    nats = torch.nn.functional.cross_entropy(parameters, columns[field][coming], reduction="sum")
                elif field == 2:
                    nats = -model.time_dist(parameters, target[coming])["log_prob"].sum()
                else:
                    nats = -model.vel_dist(parameters, columns[3][coming])["log_prob"].sum()
                total[:, field] += float(nats) * np.array([in_chain, in_mean])
    return total


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("checkpoint", type=Path)
    parse.add_argument("events", type=Path)
    parse.add_argument("--orders", nargs="+", default=["canonical", "prep", "shuffled"], help="of events at one time")
    parse.add_argument("--all-orders", action="store_true", help="also the mean over the 24 orders of the fields")
    parse.add_argument("--restart", type=int, default=0, help="forget the past every so many events (0: never)")
    parse.add_argument("--pieces", type=int, help="score only so many pieces, evenly over the file")
    parse.add_argument("--threads", type=int, default=1)
    given = parse.parse_args()
    torch.set_num_threads(given.threads)
    model = load(given.checkpoint)
    with np.load(given.events) as file:
        arrays = {k: file[k] for k in (*FIELDS[:2], "at", "velocity", "piece")}
    numbers = np.unique(arrays["piece"])
    if given.pieces and given.pieces < len(numbers):
        numbers = numbers[np.arange(given.pieces) * len(numbers) // given.pieces]
    pieces = [{k: a[arrays["piece"] == n] for k, a in arrays.items()} for n in numbers]
    events = sum(len(p["at"]) for p in pieces)
    table = wanted(given.all_orders)
    report: dict[str, Any] = {
        "checkpoint": given.checkpoint.name,
        "pieces": len(pieces),
        "events": events,
        "restart": given.restart,
    }
    report["parameters"] = sum(p.numel() for p in model.parameters())
    for order in given.orders:
        started = time.process_time()
        rng = np.random.default_rng(0)
        total = sum(score_piece(model, ordered(piece, order, rng), table, given.restart) for piece in pieces) / events
        row: dict[str, Any] = {name: round(float(n), 4) for name, n in zip(FIELDS, total[0], strict=True)}
        row["sum"] = round(float(total[0].sum()), 4)
        if given.all_orders:
            row["mean_of_orders"] = {name: round(float(n), 4) for name, n in zip(FIELDS, total[1], strict=True)}
            row["mean_of_orders"]["sum"] = round(float(total[1].sum()), 4)
        row["cpu_s"] = round(time.process_time() - started, 1)
        report[order] = row
        print(order, json.dumps(row), flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
