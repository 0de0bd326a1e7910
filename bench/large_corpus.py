"""A corpus of 200,000 files from end to end: `antiphon prep` in one process, killed half-way and begun again.

Makes short tunes at random, each a file of its own: every tenth is the one before it in another key, and every
thousandth is no MIDI. The first run is killed (SIGKILL) once half of the files are read; the second goes on. Told are
the time of each, the processor's time a file, the most memory of all its processes together, and what `antiphon corpus`
says of the corpus and takes for it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from antiphon.train.prep import CHUNK

MOST_MEMORY = 2048  # MiB
FOLDER = 2000  # files in one
DEGREES = np.array([0, 2, 4, 5, 7, 9, 11])
IN_D = np.array([2, 0, 0])  # a tone higher, as long and as loud


def tune(rng: np.random.Generator) -> np.ndarray:
    """A melody of 30 to 60 notes that wanders in a key: pitch, ticks and velocity of each, shape (notes, 3)."""
    notes = int(rng.integers(30, 61))
    steps = np.clip(np.cumsum(rng.integers(-5, 6, notes)), -14, 14)
    pitches = 60 + rng.integers(12) + 12 * (steps // 7) + DEGREES[steps % 7]
    return np.stack([pitches, rng.choice([24, 36, 48, 96], notes), rng.integers(50, 100, notes)], 1)


def midi(notes: np.ndarray) -> bytes:
    """A file of format 0 with 96 ticks a quarter; every time in it fits one byte."""
    messages = np.zeros((len(notes), 2, 4), np.uint8)
    messages[:, 0] = np.column_stack([notes[:, 0] * 0, np.full(len(notes), 0x90), notes[:, 0], notes[:, 2]])
    messages[:, 1, :3] = np.column_stack([notes[:, 1], np.full(len(notes), 0x80), notes[:, 0]])
    body = messages.tobytes() + b"\0\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(body)) + body


def write_files(folder: Path, files: int) -> None:
    rng = np.random.default_rng(1)
    notes = tune(rng)
    for number in range(files):
        notes = notes + IN_D if number % 10 == 9 else tune(rng)
        path = folder / f"{number // FOLDER:03d}" / f"{number:06d}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no music" if number % 1000 == 500 else midi(notes))


def run(arguments: list[str], said: Path, enough: Callable[[], bool] = lambda: False) -> dict[str, float]:
    """Run `antiphon`, until it ends or, once `enough` is true, is killed. Times in seconds, memory in MiB.

    What it says is written to `said`.
    """
    started, before, most = time.perf_counter(), os.times(), 0
    command = [sys.executable, "-m", "antiphon", *arguments]
    with said.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True) as child:
        while child.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.pid)
                most = max(most, sum(p.memory_info().rss for p in (process, *process.children(recursive=True))))
            if enough():
                os.killpg(child.pid, signal.SIGKILL)
                break
            time.sleep(0.25)
    if child.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"antiphon {arguments[0]}: failed: {last_line(said)}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"s": round(time.perf_counter() - started), "cpu_s": round(cpu, 1), "mib": round(most / 2**20)}


def last_line(said: Path) -> str:
    return said.read_text().strip().rpartition("\n")[2]


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--files", type=int, default=200_000)
    given = parse.parse_args()
    with tempfile.TemporaryDirectory() as room:
        midi_files, corpus, said = Path(room) / "midi", Path(room) / "corpus", Path(room) / "said"
        write_files(midi_files, given.files)
        print(f"{given.files} files written", flush=True)
        chunks = corpus.with_name("corpus.partial")
        prep = ["prep", str(midi_files), "-o", str(corpus), "--jobs", "1"]
        killed = run(prep, said, lambda: 2 * CHUNK * sum(1 for _ in chunks.glob("chunk-*")) >= given.files)
        print(f"killed:      {json.dumps(killed)}", flush=True)
        whole = run(prep, said)
        print(f"begun again: {json.dumps(whole)}\n{last_line(said)}", flush=True)
        told = run(["corpus", str(corpus), "--html", str(Path(room) / "page.html")], said)
        print(f"its page:    {json.dumps(told)}\n{said.read_text().splitlines()[0]}", flush=True)
    each = 1000 * (killed["cpu_s"] + whole["cpu_s"]) / given.files
    most = max(one["mib"] for one in (killed, whole, told))
    print(json.dumps({"cpu_ms_a_file": round(each, 2), "mib": most}))
    sys.exit(0 if most <= MOST_MEMORY else 1)


if __name__ == "__main__":
    main()
