"""`antiphon replay`: live through a take again, event for event."""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.engine.model import Model
    from antiphon.jam.improviser import Improviser
    from antiphon.music.event import Event
    from antiphon.ports.recorder import Recorder
    from antiphon.ports.take import Take

__all__ = ["add_arguments", "run"]

LEAD = 0.3
"""Seconds from the opening of the output to the first note."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon replay` understands."""
    parser.add_argument("take", type=Path, metavar="FILE", help="the take")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.mid", help="what was played, as a MIDI file")
    parser.add_argument("--model", help="another model than the one of the take: what would it have played?")
    parser.add_argument("--out", metavar="PORT", help="hear it again on a MIDI output (part of its name will do)")


def run(args: argparse.Namespace, *, open_model: Callable[[str], Model] | None = None) -> int:
    """Give the same model the same calls and compare what it answers.

    Returns 0, or 1 when it answered otherwise. Raises `ValueError` or `OSError`, one line.
    """
    from antiphon.faces.export_take import programs_of
    from antiphon.ports.take import read_take

    take = read_take(args.take)
    improviser = _improviser(take, args.model, open_model)
    recorder, differs = _lived_again(take, improviser)
    if args.output is not None:
        recorder.write(args.output, programs_of(take), take.span[0])
    if args.out is not None:
        _sound(args.out, recorder, improviser)
    where = f": {args.output}" if args.output is not None else ""
    begin, end = take.span
    if differs is None:
        print(f"{args.take.name}: {end - begin:.0f} s lived through again, the same event for event{where}")
        return 0
    other = "it was another model" if args.model else "is the model another one now?"
    print(f"{args.take.name}: otherwise from {differs - begin:.2f} s on ({other}){where}")
    return 0 if args.model else 1


def _improviser(take: Take, other: str | None, open_model: Callable[[str], Model] | None) -> Improviser:
    """The improviser as it was when the take began."""
    import numpy as np

    from antiphon import engine
    from antiphon.faces.jam import model_named
    from antiphon.faces.shelf import Shelf
    from antiphon.jam.controls import Settings
    from antiphon.jam.ensemble import Ensemble
    from antiphon.jam.improviser import Improviser
    from antiphon.jam.preset import preset_from_toml

    header = take.header
    name, seed = header.get("model"), header.get("seed")
    if not isinstance(name, str) or not isinstance(seed, int):
        raise ValueError(f"{take.path}: its header names no model or no seed")
    preset = preset_from_toml(str(header.get("preset", "")), f"{take.path}, its preset")
    with tempfile.TemporaryDirectory() as folder:
        learned = None
        if "learned" in header:
            learned = Path(folder) / "learned"
            learned.write_bytes(base64.b64decode(str(header["learned"])))
        model, _ = model_named(other or name, learned, open_model)
    settings = preset.settings(Settings())
    shelf = Shelf(open_model or engine.open_model)
    rng = np.random.default_rng(seed)
    return Improviser(model, settings, rng, preset.ensemble or Ensemble({}), models=shelf.take)


def _lived_again(take: Take, improviser: Improviser) -> tuple[Recorder, float | None]:
    """What is played when each call is made again, and when the first answer was another one, in seconds."""
    from tqdm import tqdm

    from antiphon.jam.journal import perform
    from antiphon.music.event import Event
    from antiphon.ports.recorder import MACHINE, PLAYER, Recorder

    recorder, differs = Recorder(), None
    calls = list(take.calls())
    for place, (call, before) in enumerate(tqdm(calls, unit="call", file=sys.stderr, disable=None, leave=False)):
        if call[0] == "receive":
            event = Event(*call[2:])
            recorder.add(PLAYER, event)
        answer = perform(improviser, call)
        last = place == len(calls) - 1 and not take.whole  # its answer may not have been kept any more
        if answer != before and differs is None and not (last and not before):
            differs = float(call[1])
        recorder.extend(MACHINE, answer)
    return recorder, differs


def _sound(port: str, recorder: Recorder, improviser: Improviser) -> None:
    """Play it on a MIDI output, in its own time. Raises `PortError`."""
    from antiphon.ports.meter import Meter
    from antiphon.ports.stage import MidiPorts

    events = recorder.events()
    if not len(events):
        return
    sink = MidiPorts([], [port], improviser.ensemble, Meter())
    try:
        sink.open(_Nobody(), lambda *_: None)
        shift = time.monotonic() + LEAD - float(events["at"][0])
        sink.post(_shifted(row, shift) for row in events.tolist())
        time.sleep(float(events["at"][-1]) + shift - time.monotonic() + LEAD)
    finally:
        sink.silence()
        sink.close()


def _shifted(row: tuple[float, int, int, int], shift: float) -> Event:
    from antiphon.music.event import Event

    return Event(row[0] + shift, *row[1:])


class _Nobody:
    """A listener who is told what a sink has to say: notices go to standard error."""

    def hear(self, event: object) -> None: ...
    def turn(self, control: str, value: object) -> None: ...
    def act(self, action: str, argument: str = "") -> None: ...
    def arrange(self, channel: int, fields: object) -> None: ...
    def beat(self, grid: object) -> None: ...
    def stop(self, reason: str) -> None: ...
    def ended(self) -> None: ...

    def notice(self, text: str) -> None:
        print(f"antiphon replay: {text}", file=sys.stderr)

    def lost(self, reason: str) -> None:
        self.notice(reason)
