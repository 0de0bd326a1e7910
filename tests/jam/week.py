"""Days of playing in simulated time, with every fault of the ordeal; `python -m tests.jam.week` is a week of it."""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

from antiphon.jam.controls import CONTROLS
from antiphon.jam.turns import POLICIES
from antiphon.music.grid import Grid
from tests.jam.ordeal import Ordeal, band

WEEK = 7 * 86_400.0


def live(seconds: float, seed: int) -> dict[str, float]:
    """Play for `seconds` of simulated time, with a fault of some kind every few minutes.

    Every promise is checked at every step. Returns what happened, in numbers.
    """
    rng = np.random.default_rng(seed)
    jam, faults, most = Ordeal(), 0, 0
    jam.begin(seed=seed, policy="together", pace=0.3, ensemble=band(True, False, False))
    end = jam.now + seconds
    while jam.now < end:
        play(jam, rng)
        if rng.random() < 0.2:
            fault(jam, rng)
            faults += 1
        if rng.random() < 0.1:
            jam.somebody_gives_the_time(None)
            for control in CONTROLS:  # a new day: nobody leaves the knobs where a storm has left them
                jam.take(jam.improviser.set(control.name, control.default, jam.now))
            jam.take(jam.improviser.set("policy", rng.choice(sorted(POLICIES)), jam.now))
        jam.nothing_sounds_too_long()
        jam.memory_is_bounded()
        most = max(most, len(jam.improviser._context.memory))
    played, struck = jam.now - 100.0, jam.struck
    jam.panic(True)
    return {
        "simulated_s": played,
        "faults": faults,
        "struck": struck,
        "memory_most": most,
        "unclosed": len(jam.sounding),
    }


def play(jam: Ordeal, rng: np.random.Generator) -> None:
    """A few phrases, and then some minutes of rest."""
    for _ in range(int(rng.integers(1, 4))):
        pitches = rng.integers(40, 90, int(rng.integers(1, 12))).tolist()
        jam.player_plays_a_phrase(pitches, float(rng.uniform(0.05, 0.6)))
        jam.time_passes_attended(float(rng.uniform(0.0, 20.0)), 0.001)
    jam.time_passes_attended(float(rng.exponential(120.0)), 0.0)


def fault(jam: Ordeal, rng: np.random.Generator) -> None:
    """One of the things that go wrong on stage."""
    faults = [
        lambda: jam.a_storm_of_notes(2000, int(rng.integers(99))),
        jam.the_model_fails_and_the_host_panics,
        jam.the_clock_jumps_back,
        jam.the_player_is_unplugged,
        jam.it_is_started_again,
        lambda: jam.time_passes_unattended(float(rng.choice([0.3, 5.0, 3600.0]))),
        lambda: jam.predicting_takes(float(rng.choice([0.05, 0.8, 3.0]))),
        lambda: jam.other_strips(band(*(bool(flag) for flag in rng.integers(0, 2, 3)))),
        lambda: jam.act(str(rng.choice(["query", "undo", "again", "stop", "reset"]))),
        lambda: jam.somebody_gives_the_time(Grid(jam.now, float(rng.uniform(40, 240)))),
        lambda: [jam.turn(control, int(rng.integers(128))) for control in rng.choice(CONTROLS, 3)],
        lambda: jam.panic(True),
    ]
    faults[int(rng.integers(len(faults)))]()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=WEEK)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.perf_counter()
    figures = live(args.seconds, args.seed)
    wall = time.perf_counter() - begun
    print(json.dumps({**figures, "wall_s": round(wall, 1), "times_real_time": round(args.seconds / wall)}))
    return int(figures["unclosed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
