"""Preparing a folder of MIDI: `antiphon prep` against `notochord prep`, the same files and cores, in one run.

Takes files spread evenly over the folder, copies them once, and times both programs from start to end, with their
start-up, in turn and twice. (`notochord prep` reads only `*.mid`, so only those are taken.)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall-clock and CPU time of `command` and its children; it must succeed."""
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise SystemExit(f"{' '.join(command)}: failed: {said[-1] if said else 'no message'}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cpu


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("midi", type=Path, help="a folder of MIDI files")
    parse.add_argument("--notochord", default="notochord", help="its command")
    parse.add_argument("--antiphon", default="antiphon", help="our command")
    parse.add_argument("--files", type=int, default=500)
    parse.add_argument("--jobs", type=int, default=2)
    parse.add_argument("--rounds", type=int, default=2)
    given = parse.parse_args()
    every = sorted(given.midi.rglob("*.mid"))
    if len(every) < given.files:
        raise SystemExit(f"{given.midi}: holds {len(every)} files; {given.files} are wanted (--files)")
    chosen = [every[i * len(every) // given.files] for i in range(given.files)]
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as room:
        source = Path(room) / "midi"
        for number, path in enumerate(chosen):
            target = source / path.parent.name / f"{number:04d}.mid"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        for turn in range(given.rounds):
            out = [str(Path(room) / f"{name}{turn}") for name in ("antiphon", "notochord")]
            ours.append(seconds([given.antiphon, "prep", str(source), "-o", out[0], "--jobs", str(given.jobs)]))
            print(f"antiphon  {ours[-1][0]:6.1f} s, {ours[-1][1]:6.1f} s of CPU", flush=True)
            theirs.append(seconds([given.notochord, "prep", str(source), out[1], "--n_jobs", str(given.jobs)]))
            print(f"notochord {theirs[-1][0]:6.1f} s, {theirs[-1][1]:6.1f} s of CPU", flush=True)
    our, their = ([min(column) for column in zip(*runs, strict=True)] for runs in (ours, theirs))
    ratio = their[0] / our[0]
    rates = {
        "files": given.files,
        "jobs": given.jobs,
        "antiphon_files_per_s": round(given.files / our[0], 1),
        "notochord_files_per_s": round(given.files / their[0], 1),
        "times_faster": round(ratio, 2),
        "times_less_cpu": round(their[1] / our[1], 2),
    }
    print(json.dumps(rates))
    sys.exit(0 if ratio >= 10 else 1)


if __name__ == "__main__":
    main()
