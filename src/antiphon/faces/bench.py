"""`antiphon bench`: is this machine quick enough to play on?"""

from __future__ import annotations

import argparse
import json
import time

__all__ = ["add_arguments", "run"]

_COMFORTABLE = 5.0
_PLAYABLE = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="antiphon", help="a bundle's folder or a shipped model (antiphon)")
    parser.add_argument("--events", type=int, default=1000, help="events to play (1000)")
    parser.add_argument("--threads", type=int, default=1, help="(1)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from antiphon.engine import Constraints, Voice, open_model

    if args.events < 1 or args.threads < 1:
        raise ValueError("--events and --threads must be 1 or more")
    began = time.perf_counter()
    model = open_model(args.model, threads=args.threads)
    opened = time.perf_counter() - began
    rng = np.random.default_rng(0)
    voices = {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)}
    feed, sample, last = [], [], 0.0
    for _ in range(args.events + 50):
        start = time.perf_counter()
        event = model.sample(Constraints(voices, earliest=last, latest=last + 2.0), rng)
        drawn = time.perf_counter()
        model.feed(event)
        feed.append(time.perf_counter() - drawn)
        sample.append(drawn - start)
        last = event.at
    both = 1e3 * (np.array(feed) + np.array(sample))[50:]
    figures = {
        "model": model.name,
        "threads": args.threads,
        "events": args.events,
        "open_s": round(opened, 3),
        "event_p50_ms": round(float(np.quantile(both, 0.5)), 3),
        "event_p99_ms": round(float(np.quantile(both, 0.99)), 3),
        "feed_p50_ms": round(1e3 * float(np.median(feed[50:])), 3),
        "sample_p50_ms": round(1e3 * float(np.median(sample[50:])), 3),
        "events_per_s": round(1e3 / float(both.mean())),
    }
    if args.json:
        print(json.dumps(figures))
        return 0
    p99 = figures["event_p99_ms"]
    verdict = "comfortable" if p99 <= _COMFORTABLE else "playable" if p99 <= _PLAYABLE else "too slow for close playing"
    print(
        f"{model.name}, {args.threads} thread(s): hearing and answering one event takes {figures['event_p50_ms']} ms "
        f"(median), {p99} ms (99 of 100): {verdict}. {figures['events_per_s']:,} events/s; opened in {opened:.2f} s."
    )
    return 0
