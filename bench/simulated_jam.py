"""How fast the improviser is without a model's cost: an hour of playing in simulated time, with a scripted model.

Run `python bench/simulated_jam.py [--seconds 3600] [--policy NAME...]` from the repository's root; every policy when
none is named. Prints one JSON line a policy; exits with 1 when a note is left open or struck twice, an event lies in
the past, or an hour takes more than a minute of the processor's time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import duet
from antiphon.jam.improviser import Improviser
from antiphon.jam.turns import POLICIES
from antiphon.music.event import EVENT, Event, Events
from antiphon.music.ledger import Ledger
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from tests.jam.scripted import RandomModel

BAR = 60.0
"""Seconds of the processor that an hour may take."""


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


def ill_paired(events: Events) -> tuple[int, int]:
    """How many notes were struck, in order of time, and never released; how many onsets struck what sounded already."""
    ledger, twice = Ledger(), 0
    for row in events.tolist():
        event = Event(*row)
        twice += event.is_onset and (event.instrument, event.pitch) in ledger
        ledger.apply(event)
    return len(ledger), twice


def jam_for(seconds: float, policy: str) -> dict[str, Any]:
    """What an hour, or so, by `policy` came to."""
    rng = np.random.default_rng(1)
    model = RandomModel(pace=0.15)
    jam = Watched(model, Settings({"policy": policy}), rng, duet())
    tune, recorder = phrases(seconds, rng), Recorder()
    begun = time.process_time()
    run_simulated(jam, tune, recorder, until=seconds)
    spent = time.process_time() - begun
    played = np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in recorder.as_it_came(MACHINE)], EVENT)
    unclosed, twice = ill_paired(played[np.argsort(played["at"], kind="stable")])
    return {
        "policy": policy,
        "simulated_s": seconds,
        "cpu_s": round(spent, 2),
        "times_real_time": round(seconds / spent),
        "heard": jam.tally.heard,
        "played": len(played),
        "onsets": int((played["velocity"] > 0).sum()),
        "fed": model.fed,
        "unclosed": unclosed,
        "struck_twice": twice,
        "in_the_past": jam.in_the_past,
        "player_events": len(recorder.events(PLAYER)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--policy", nargs="+", choices=sorted(POLICIES), default=list(POLICIES))
    args = parser.parse_args()
    failed = False
    for policy in args.policy:
        figures = jam_for(args.seconds, policy)
        print(json.dumps(figures), flush=True)
        wrong = figures["unclosed"] or figures["struck_twice"] or figures["in_the_past"]
        failed |= bool(wrong) or figures["cpu_s"] > BAR * args.seconds / 3600
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
