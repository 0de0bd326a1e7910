"""One event, feed and constrained sample: Antiphon's default bundle against Notochord's default size, in one run.

Each program runs in its own environment and its own process, in turn and twice, so that whatever else the machine
does falls on both. Notochord is taken at the number of threads at which its median is lowest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def measured(command: list[str]) -> dict[str, Any]:
    """The JSON that `command` prints as its last line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise SystemExit(f"{' '.join(command)}: failed: {said[-1] if said else 'no message'}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("events", type=Path, help="real events, .npz as for likelihood/notochord_nats.py")
    parse.add_argument("--notochord", required=True, metavar="PYTHON", help="the interpreter of its environment")
    parse.add_argument("--antiphon", default="antiphon", help="the command to measure")
    parse.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="for Notochord")
    parse.add_argument("--count", type=int, default=1000, help="events to time, for Notochord")
    parse.add_argument("--rounds", type=int, default=2)
    given = parse.parse_args()
    ours, theirs = [], []
    for _ in range(given.rounds):
        ours.append(measured([given.antiphon, "bench", "--json"]))
        print("antiphon ", json.dumps(ours[-1]), flush=True)
        for threads in given.threads:
            script = [given.notochord, str(HERE / "notochord_latency.py"), str(given.events)]
            theirs.append(measured([*script, "--threads", str(threads), "--count", str(given.count)]))
            print("notochord", json.dumps(theirs[-1]), flush=True)
    our, their = (min(runs, key=lambda run: run["event_p50_ms"]) for runs in (ours, theirs))
    ratio = their["event_p50_ms"] / our["event_p50_ms"]
    summary = {
        "antiphon_p50_ms": our["event_p50_ms"],
        "antiphon_p99_ms": our["event_p99_ms"],
        "notochord_p50_ms": their["event_p50_ms"],
        "notochord_p99_ms": their["event_p99_ms"],
        "times_faster": round(ratio, 2),
    }
    print(json.dumps(summary))
    sys.exit(0 if ratio >= 5 and our["event_p99_ms"] <= 5 else 1)


if __name__ == "__main__":
    main()
