"""One event, feed and constrained sample, of the model that learns, after it has learned much; and what that takes.

python bench/markov.py [TUNE.mid...] [--learned 20000] [--json]

It learns the tunes again and again, each time in another key and at another speed. Then a player and a machine play,
the same two with the machine in a low range, and four voices. Times are of the processor, so that whatever else the
computer does counts little.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from antiphon.engine.markov import MarkovModel
from antiphon.engine.model import Constraints, Voice
from antiphon.music.event import Event
from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET

VOICES = {
    "duet": {0: Voice(), 256: Voice(max_polyphony=4, max_length=4.0)},
    "duet_low": {0: Voice(), 256: Voice(np.arange(128) < 48, max_polyphony=4, max_length=4.0)},
    "four": {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)},
}
PLAYED = 1000


def lesson(tunes: list[Path], count: int) -> list[Event]:
    """`count` events on one clock."""
    pieces, events, at, turn = [read_midi(path).events().tolist() for path in tunes], [], 0.0, 0
    while len(events) < count:
        piece, shift, stretch = pieces[turn % len(pieces)], turn % 12 - 6, 1.0 + 0.03 * (turn % 9)
        events += [Event(at + stretch * e[0], e[1], min(max(e[2] + shift, 0), 127), e[3]) for e in piece]
        at, turn = events[-1].at + 10.0, turn + 1
    return events[:count]


def learning(model: MarkovModel, events: list[Event]) -> list[float]:
    """Seconds of the processor that each feed takes while `events` are learned."""
    taken = []
    for event in events:
        start = time.process_time()
        model.feed(event)
        taken.append(time.process_time() - start)
    return taken


def playing(model: MarkovModel, voices: dict[int, Voice]) -> tuple[list[float], list[float]]:
    """Seconds of the processor of each feed and of each sample while `voices` play on by themselves."""
    rng, feed, sample, last = np.random.default_rng(0), [], [], model.snapshot().at
    for _ in range(PLAYED):
        start = time.process_time()
        event = model.sample(Constraints(voices, earliest=last, latest=last + 20.0), rng)
        drawn = time.process_time()
        model.feed(event)
        feed.append(time.process_time() - drawn)
        sample.append(drawn - start)
        last = event.at
    return feed, sample


def measured(model: MarkovModel, events: list[Event]) -> dict[str, float]:
    """Milliseconds of the processor, as percentiles; the model is left having learned `events`."""
    rows, silence = {"learn": learning(model, events)}, model.snapshot()
    for name, voices in VOICES.items():
        rows[f"feed_{name}"], rows[f"sample_{name}"] = playing(model, voices)
        model.restore(silence)
    return {
        f"{name}_p{q}_ms": round(1e3 * float(np.quantile(times, q / 100)), 4)
        for name, times in rows.items()
        for q in (50, 99)
    }


def kept(model: MarkovModel) -> dict[str, float]:
    """Seconds of the processor to save and to load, and the size of the file in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "learned"
        start = time.process_time()
        model.save(path)
        saved = time.process_time()
        MarkovModel().load(path)
        loaded = time.process_time()
        return {
            "save_s": round(saved - start, 3),
            "load_s": round(loaded - saved, 3),
            "file_mb": round(path.stat().st_size / 1e6, 3),
        }


def memory(events: list[Event]) -> float:
    """MB that a model takes which has learned `events`."""
    tracemalloc.start()
    model = MarkovModel()
    for event in events:
        model.feed(event)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(taken / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tunes", nargs="*", type=Path, default=[MENUET])
    parser.add_argument("--learned", type=int, default=20_000, help="events to learn first (20000)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    args = parser.parse_args()
    events, model = lesson(args.tunes, args.learned), MarkovModel()
    figures = measured(model, events) | kept(model) | {"memory_mb": memory(events)}
    figures = {"events": len(events), "onsets": len(model)} | figures
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:34} {value}")


if __name__ == "__main__":
    main()
