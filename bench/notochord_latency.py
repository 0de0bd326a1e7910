"""Time Notochord on one event: feed it, then sample the next under constraints, as its app homunculus does.

Runs in an environment that holds the `notochord` package. Real events (an .npz file, see
`likelihood/notochord_nats.py`) are fed at their own times to a model of the default size with random weights; after
each, the next is sampled for four automatic voices with homunculus' own default controls. Prints one line of JSON:
milliseconds of wall-clock time, and of this process's CPU time, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from pathlib import Path

import numpy as np
import torch
from notochord import EventConstraints, Notochord

WARM_UP = 100
FILL = (1, 25, 33, 49)  # voices of a piece with fewer than four instruments: piano, guitar, bass, strings
LONGEST_NOTE = 11.0  # seconds, homunculus' default


def piece_of(path: Path, events: int) -> np.ndarray:
    """Rows of (instrument, pitch, seconds since the last, velocity) from the piece with the most instruments."""
    with np.load(path) as file:
        at, instrument, pitch, velocity, piece = (file[k] for k in ("at", "instrument", "pitch", "velocity", "piece"))
    names, lengths = np.unique(piece, return_counts=True)
    enough = [n for n, length in zip(names, lengths, strict=True) if length >= events]
    if not enough:
        raise SystemExit(f"{path}: no piece holds {events} events")
    rows = piece == max(enough, key=lambda n: len(np.unique(instrument[piece == n])))
    since = np.minimum(np.diff(at[rows], prepend=at[rows][0]), 10)
    return np.stack([instrument[rows] + 1.0, pitch[rows], since, velocity[rows]], axis=1)[:events]


def constraints(voices: list[int]) -> EventConstraints:
    """What homunculus asks for four automatic voices with its controls where its settings file puts them."""
    return EventConstraints(
        {voice: range(128) for voice in voices},
        max_polyphony=dict.fromkeys(voices, 8),
        max_duration=dict.fromkeys(voices, LONGEST_NOTE),
        min_time=0.0,
        truncate_quantile_time=(0.05, 1.0),
        pitch_temp=0.9,
        rhythm_temp=1.0,
        timing_temp=0.2,
        steer_density=0.45,
    )


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("events", type=Path)
    parse.add_argument("--count", type=int, default=1000, help="events to time")
    parse.add_argument("--threads", type=int, default=1)
    given = parse.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    model = Notochord().eval()
    model.reset()
    stream = piece_of(given.events, WARM_UP + given.count)
    found = [int(i) for i in dict.fromkeys(stream[:, 0].tolist())]
    voices = [*found, *(i for i in FILL if i not in found)][:4]
    wall, cpu = [], []
    for instrument, pitch, since, velocity in stream.tolist():
        started, started_cpu = time.perf_counter(), time.process_time()
        model.feed(int(instrument), int(pitch), since, velocity)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints remarks as it samples
            model.sample(constraints(voices))
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - started_cpu))
    timed, timed_cpu = wall[WARM_UP:], cpu[WARM_UP:]
    report = {
        "event_p50_ms": round(float(np.percentile(timed, 50)), 3),
        "event_p99_ms": round(float(np.percentile(timed, 99)), 3),
        "cpu_p50_ms": round(float(np.percentile(timed_cpu, 50)), 3),
        "cpu_p99_ms": round(float(np.percentile(timed_cpu, 99)), 3),
        "model": f"notochord default, {sum(p.numel() for p in model.parameters()):,} parameters, random weights",
        "threads": given.threads,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
