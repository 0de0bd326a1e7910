"""Batch encoding: real events, already parsed, to the stream codec's arrays, in events a second on one core."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from antiphon.codec.stream import encode
from antiphon.music.event import EVENT

WANTED = 5e6


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("events", type=Path, help="real events, .npz as for likelihood/notochord_nats.py")
    parse.add_argument("--rounds", type=int, default=5)
    given = parse.parse_args()
    with np.load(given.events) as file:
        bounds = np.flatnonzero(np.diff(file["piece"])) + 1
        events = np.empty(len(file["at"]), EVENT)
        for name in EVENT.names or ():
            events[name] = file[name]
    pieces = np.split(events, bounds)
    times = []
    for _ in range(given.rounds):
        started = time.process_time()
        for piece in pieces:
            encode(piece)
        times.append(time.process_time() - started)
    rate = len(events) / min(times)
    print(json.dumps({"events": len(events), "pieces": len(pieces), "events_per_cpu_s": round(rate)}))
    sys.exit(0 if rate >= WANTED else 1)


if __name__ == "__main__":
    main()
