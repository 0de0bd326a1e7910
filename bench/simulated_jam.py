"""How fast the improviser is without a model's cost: an hour of playing in simulated time, with a scripted model.

Run `python bench/simulated_jam.py [--seconds 3600] [--policy together|answer]` from the repository's root. Prints one
JSON line; exits with 1 when a note is left open, an event lies in the past, or an hour takes more than a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.jam.voicing import Parts
from antiphon.music.event import EVENT, Event, Events
from antiphon.music.ledger import Ledger
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from tests.jam.scripted import RandomModel

BAR = 60.0
"""Seconds that an hour may take."""


class Watched(Improviser):
    """Counts what it hands out before its time."""

    in_the_past = 0

    def receive(self, event: Event, now: float) -> list[Event]:
        return self._watch(super().receive(event, now), now)

    def wake(self, now: float) -> list[Event]:
        return self._watch(super().wake(now), now)

    def _watch(self, played: list[Event], now: float) -> list[Event]:
        self.in_the_past += sum(event.at < now for event in played)
        return played


def phrases(seconds: float, rng: np.random.Generator) -> Events:
    """A player who plays phrases of three to twenty notes, some of them chords, and then waits a while."""
    notes, at = [], 1.0
    while at < seconds:
        for _ in range(int(rng.integers(3, 20))):
            length = float(rng.uniform(0.1, 0.8))
            notes += [(at, at + length, 48 + int(p)) for p in rng.choice(36, int(rng.integers(1, 4)), replace=False)]
            at += float(rng.uniform(0.1, 0.6))
        at += float(rng.uniform(0.0, 8.0))
    rows = [(on, 0, pitch, 80) for on, _, pitch in notes] + [(off, 0, pitch, 0) for _, off, pitch in notes]
    return np.array(sorted(row for row in rows if row[0] < seconds), EVENT)


def unclosed(events: Events) -> int:
    """Notes that were struck, in order of time, and never released."""
    ledger = Ledger()
    for row in events.tolist():
        ledger.apply(Event(*row))
    return len(ledger)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--policy", default="together")
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    model = RandomModel(pace=0.15)
    jam = Watched(model, Settings({"policy": args.policy}), rng, Parts((256,)))
    tune, recorder = phrases(args.seconds, rng), Recorder()
    begun = time.perf_counter()
    run_simulated(jam, tune, recorder, until=args.seconds)
    wall = time.perf_counter() - begun
    played = np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in recorder.as_it_came(MACHINE)], EVENT)
    played = played[np.argsort(played["at"], kind="stable")]
    figures = {
        "policy": args.policy,
        "simulated_s": args.seconds,
        "wall_s": round(wall, 2),
        "times_real_time": round(args.seconds / wall),
        "heard": jam.tally.heard,
        "played": len(played),
        "fed": model.fed,
        "unclosed": unclosed(played),
        "in_the_past": jam.in_the_past,
        "player_events": len(recorder.events(PLAYER)),
    }
    print(json.dumps(figures))
    too_slow = wall > BAR * args.seconds / 3600
    return int(bool(figures["unclosed"] or figures["in_the_past"] or too_slow))


if __name__ == "__main__":
    sys.exit(main())
