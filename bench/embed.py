"""One event in C++ (feed and constrained sample) beside the Python engine and beside reading its weights once.

The floor is the time of reading, from memory or cache as it comes, as many bytes as one event reads of the weights; it
is measured after each round, in the same process, so that whatever else the machine does falls on both. Microseconds
of the thread's own CPU time; medians of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import antiphon
from antiphon.engine import Constraints, Voice, open_model
from antiphon.engine.bundle import find_bundle
from antiphon.faces.embedding import embed

HERE = Path(__file__).parent
HEADER = Path(antiphon.__file__).parent / "embed"


def in_cpp(program: Path, model: Path, events: int, rounds: int) -> tuple[float, float, float, int]:
    """Medians of feed, sample and floor (us), and the bytes that an event reads."""
    done = subprocess.run([program, model, str(events), str(rounds)], capture_output=True, text=True, check=True)
    rows = [[float(word) for word in line.split()] for line in done.stdout.splitlines()]
    feed, sample, floor, size = (statistics.median(column) for column in zip(*rows, strict=True))
    return feed, sample, floor, int(size)


def in_python(bundle: str, events: int, rounds: int) -> float:
    """Median of feed and sample (us of CPU)."""
    model, rng, last, took = open_model(bundle), np.random.default_rng(0), 0.0, []
    voices = {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)}
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(events):
            event = model.sample(Constraints(voices, earliest=last, latest=last + 2.0), rng)
            model.feed(event)
            last = event.at
        took.append((time.process_time() - began) / events * 1e6)
    return statistics.median(took)


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("bundles", nargs="*", default=["antiphon"], help="bundles that C++ plays (the model in the box)")
    parse.add_argument("--events", type=int, default=500, help="of a round")
    parse.add_argument("--rounds", type=int, default=9)
    given = parse.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; us an event")
    print("| model | compiler | precision | size, MB | feed | sample | both | floor | both / floor |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.bundles:
            python = in_python(name, given.events, given.rounds)
            print(f"| {name} | Python engine | as it is | | | | {python:.0f} | | |", flush=True)
            for precision in ("int8", "fp32"):
                out = Path(folder) / f"{Path(name).name}-{precision}"
                embed(find_bundle(name), out, precision)
                for compiler in ("g++", "clang++"):
                    program = Path(folder) / compiler
                    flags = ["-std=c++17", "-O3", "-ffp-contract=off", "-I", str(HEADER)]
                    subprocess.run([compiler, *flags, HERE / "embed.cpp", "-o", program], check=True)
                    model = out / "model.bin"
                    feed, sample, floor, _ = in_cpp(program, model, given.events, given.rounds)
                    size, both = model.stat().st_size / 1e6, feed + sample
                    rest = f"{floor:.1f} | {both / floor:.2f}" if floor > 0.1 else "|"  # nets of words have none
                    times = f"{feed:.1f} | {sample:.1f} | {both:.1f} | {rest}"
                    print(f"| {name} | {compiler} | {precision} | {size:.1f} | {times} |", flush=True)


if __name__ == "__main__":
    main()
