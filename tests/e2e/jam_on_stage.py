"""A jam on any number of ports, with the model in the box or one that plays at random, without the command line.

Run as `python jam_on_stage.py REPORT.json [--in PORT ...] [--out PORT ...] [--model random|box] [CONTROL=VALUE ...]`;
a PORT that is `-` is a virtual one. Everything that the musician should know goes to standard output.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from antiphon.engine import Model, open_model
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble, Strip, duet
from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event
from antiphon.ports.host import run_live
from antiphon.ports.meter import Meter
from antiphon.ports.recorder import MACHINE, Recorder
from antiphon.ports.stage import MidiPorts
from tests.jam.scripted import RandomModel


class Counter(Recorder):
    """Counts only: what is recorded grows with each note, which is not what a long jam is to show."""

    machine = 0

    def add(self, group: str, event: Event) -> None:
        self.machine += group == MACHINE


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path)
    parser.add_argument("--in", dest="inputs", action="append", default=[])
    parser.add_argument("--out", dest="outputs", action="append", default=[])
    parser.add_argument("--model", default="random")
    parser.add_argument("--two", action="store_true", help="channel 2 sounds on the second output, a machine's too")
    parser.add_argument("settings", nargs="*")
    args = parser.parse_intermixed_args()
    settings = Settings(dict(word.split("=") for word in args.settings))
    model: Model = RandomModel(0.05) if args.model == "random" else open_model("antiphon")
    meter, recorder = Meter(), Counter()
    inputs, outputs = ([None if name == "-" else name for name in names] for names in (args.inputs, args.outputs))
    ensemble = duet()
    if args.two:
        second = {2: Strip("input", port=outputs[1]), 15: Strip("auto", program=40, port=outputs[1])}
        ensemble = Ensemble({**ensemble.strips, **second})
    ports = MidiPorts(inputs, outputs, ensemble, meter)
    partner = Improviser(model, settings, np.random.default_rng(1), ensemble)

    def say(text: str) -> None:
        print(text, flush=True)

    def ready() -> None:
        say(f"listens to {ports.inputs}, plays on {ports.outputs}, its ports are held by {ports.holder}")

    why = run_live(partner, ports.source, ports, recorder, meter, started=ready, notice=say)
    meter.write(args.report, ended=why, machine=recorder.machine)


if __name__ == "__main__":
    main()
