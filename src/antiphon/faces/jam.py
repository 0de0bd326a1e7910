"""`antiphon jam`: play a duet, live through MIDI ports or with a tune that plays the human part."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.jam.controls import CONTROLS, Control, Value

if TYPE_CHECKING:
    from antiphon.engine.model import Model
    from antiphon.faces.duet import Duet
    from antiphon.ports.base import Sink, Source
    from antiphon.ports.meter import Meter

__all__ = ["add_arguments", "run"]

DUET = ("duet.mid", "duet.wav", "duet.png")
"""What a simulated duet leaves when it is not told what to leave."""


class UsageError(Exception):
    """Arguments that do not go together: one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon jam` understands: where to play, what to leave, and a flag for each control."""
    model = parser.add_argument_group("the machine")
    model.add_argument("--model", default="antiphon", help="a shipped model's name or a bundle's folder")
    model.add_argument("--program", type=_within(0, 127), default=0, help="its General MIDI program, 0 to 127")
    model.add_argument("--channel", type=_within(1, 16), default=16, help="the MIDI channel on which it plays")
    model.add_argument("--seed", type=_within(0, 2**63 - 1), help="makes a duet with a tune play the same again")
    player = parser.add_argument_group("the player")
    player.add_argument("--in", dest="input", metavar="PORT", help="MIDI input to listen to (part of its name will do)")
    player.add_argument("--out", dest="output", metavar="PORT", help="MIDI output to play on")
    player.add_argument("--virtual", action="store_true", help="make virtual ports for what is not named")
    player.add_argument("--no-thru", action="store_true", help="do not pass the player's own notes on to the output")
    player.add_argument("--player", type=Path, metavar="TUNE.mid", help="a MIDI file plays the human part")
    player.add_argument("--player-program", type=_within(0, 127), default=0, help="what a player without one plays")
    player.add_argument("--fast", action="store_true", help="simulated time: as fast as the machine can")
    player.add_argument("--seconds", type=_positive, help="end after so many seconds")
    left = parser.add_argument_group("what it leaves")
    left.add_argument("--record", type=Path, metavar="DUET.mid", help="both parts as a MIDI file")
    left.add_argument("--wav", type=Path, metavar="DUET.wav", help="both parts as sound")
    left.add_argument("--roll", type=Path, metavar="DUET.png", help="both parts as a piano roll")
    left.add_argument("--soundfont", type=Path, metavar="FILE.sf2", help="what --wav sounds like")
    left.add_argument("--report", type=Path, metavar="FILE.json", help="latencies as percentiles")
    controls = parser.add_argument_group("controls", "what can be turned while it plays, by MIDI control change")
    for control in CONTROLS:
        _add_control(controls, control)


def run(args: argparse.Namespace, *, open_model: Callable[[str], Model] | None = None) -> int:
    """Play. Returns the exit code: 0; 1 when a port was lost on the way; 2 for arguments that do not go together.

    `open_model` opens what `--model` names; the engine's own when it is None. Raises `ValueError` or `OSError`, one
    line, for what cannot be read, opened or written; before anything was played where that can be known.
    """
    try:
        _settle(args)
    except UsageError as error:
        return _complain(str(error), 2)
    return _play(args, open_model or _engine)


def _settle(args: argparse.Namespace) -> None:
    """Fill in what was not said. Raises `UsageError`."""
    live = bool(args.input or args.output or args.virtual)
    if args.input and args.player:
        raise UsageError("either --in or --player plays the human part, not both")
    if live and args.fast:
        raise UsageError("--fast leaves real time, so it plays on no port: leave out --in, --out and --virtual")
    if not live and not args.player and not args.fast:
        live = _settle_on_devices(args)
    if live and not (args.input or args.player or args.virtual):
        raise UsageError("whom to listen to? give --in PORT, --player TUNE.mid or --virtual")
    if live and not (args.output or args.virtual):
        raise UsageError("where to play? give --out PORT or --virtual")
    args.live = live
    if not live and not args.player:
        args.fast = True
    if args.fast and not (args.record or args.wav or args.roll):
        args.record, args.wav, args.roll = (Path(name) for name in DUET)
    for path in (args.record, args.wav, args.roll, args.report):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path} cannot be written: there is no folder {path.absolute().parent}")


def _settle_on_devices(args: argparse.Namespace) -> bool:
    """With nothing said, play on the first device that can be listened to and played on, if there is one."""
    from antiphon.ports.midi import list_ports

    # A "through" port is the system's own loop: nobody plays it.
    first: dict[str, str] = {}
    for direction in ("input", "output"):
        names = [port.name for port in list_ports(direction) if "through" not in port.name.lower()]
        if not names:
            return False
        first[direction] = names[0]
    args.input, args.output = first["input"], first["output"]
    return True


def _play(args: argparse.Namespace, open_model: Callable[[str], Model]) -> int:
    from antiphon.faces.duet import Duet, read_tune
    from antiphon.jam.controls import Settings
    from antiphon.ports.sound import find_soundfont
    from antiphon.tunes import MENUET

    if args.wav is not None:
        find_soundfont(args.soundfont)
    path = args.player or (None if args.live else MENUET)
    tune = None if path is None else read_tune(path, seconds=args.seconds)
    given = {control.name: getattr(args, control.name) for control in CONTROLS}
    settings = Settings({name: value for name, value in given.items() if value is not None})
    duet = Duet(
        model=open_model(args.model),
        settings=settings,
        program=args.program,
        player_program=args.player_program,
        seed=args.seed,
        tune=tune,
        tune_name="" if path is None else path.stem,
    )
    if args.fast:
        duet.simulate(args.seconds)
        problem = ""
    else:
        problem = _play_live(args, duet)
    written = duet.leave(record=args.record, wav=args.wav, roll=args.roll, soundfont=args.soundfont)
    print(duet.summary() + (f": {', '.join(map(str, written))}" if written else ""))
    return _complain(problem, 1) if problem else 0


def _play_live(args: argparse.Namespace, duet: Duet) -> str:
    """Jam in real time. Returns what went wrong with a port on the way, in one line, or nothing."""
    from antiphon.ports.base import PortError
    from antiphon.ports.host import run_live
    from antiphon.ports.meter import Meter

    meter = Meter()
    sink = _sink(args, duet)
    try:
        source = _source(args, duet, sink, meter)
    except PortError:
        sink.close()
        raise
    problem = why = ""
    duet.warm_up()

    def started() -> None:
        duet.origin = time.monotonic()
        print(f"{duet.name} listens to {_whom(args)}. Ctrl-C ends.", file=sys.stderr, flush=True)

    try:
        why = run_live(duet.improviser, source, sink, duet.recorder, meter, seconds=args.seconds, started=started)
    except PortError as error:
        problem = str(error)
    if args.report is not None:
        meter.write(args.report, ended=why or problem, model=duet.name, **duet.tally())
    return problem


def _sink(args: argparse.Namespace, duet: Duet) -> Sink:
    from antiphon.ports.base import Nowhere

    if not args.live:
        return Nowhere()
    from antiphon.ports.midi import MidiSink, open_output
    from antiphon.ports.wire import Encoder

    return MidiSink(open_output(args.output), Encoder(duet.channels(args.channel - 1)))


def _source(args: argparse.Namespace, duet: Duet, sink: Sink, meter: Meter) -> Source:
    from antiphon.ports.base import Nowhere

    if duet.tune is not None:
        from antiphon.ports.player import TunePlayer

        return TunePlayer(duet.tune, Nowhere() if args.no_thru else sink)
    from antiphon.ports.midi import MidiSink, MidiSource, open_input
    from antiphon.ports.wire import Decoder

    decoder = Decoder(args.player_program, duet.improviser.parts.machine)
    thru = None if args.no_thru or not isinstance(sink, MidiSink) else sink.send_message
    return MidiSource(open_input(args.input), decoder, thru, meter.thru)


def _whom(args: argparse.Namespace) -> str:
    return str(args.player or args.input or "its virtual port")


def _engine(name: str) -> Model:
    from antiphon.engine import open_model

    return open_model(name)


def _add_control(group: argparse._ArgumentGroup, control: Control) -> None:
    by = f"; CC {control.cc}" if control.cc is not None else ""
    group.add_argument(
        f"--{control.name.replace('_', '-')}",
        dest=control.name,
        type=_value_of(control),
        metavar=control.kind.upper(),
        help=f"{control.help} ({control.range}; {control.default}{by})".replace("%", "%%"),
    )


def _value_of(control: Control) -> Callable[[str], Value]:
    def value(text: str) -> Value:
        try:
            return control.check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return value


def _within(low: int, high: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return whole


def _positive(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _complain(what: str, code: int) -> int:
    print(f"antiphon jam: {what}", file=sys.stderr)
    return code
