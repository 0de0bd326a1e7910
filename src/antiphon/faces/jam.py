"""`antiphon jam`: play a duet, live through MIDI ports or with a tune that plays the human part."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.jam.controls import CONTROLS, Control, Value

if TYPE_CHECKING:
    from antiphon.engine.model import Model
    from antiphon.faces.company import Company
    from antiphon.jam.ensemble import Ensemble
    from antiphon.jam.preset import Preset
    from antiphon.music.event import Events

__all__ = ["add_arguments", "model_named", "run"]

DUET = ("duet.mid", "duet.wav", "duet.png")
"""What a simulated duet leaves when it is not told what to leave."""
HERE = "127.0.0.1"
CLOCKS = ("off", "in", "out", "both", "link")


class UsageError(Exception):
    """Arguments that do not go together: one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon jam` understands: where to play, what to leave, and a flag for each control."""
    model = parser.add_argument_group("the machine")
    model.add_argument("--model", default="antiphon", help="a shipped model's name, a bundle's folder, or markov")
    model.add_argument(
        "--learned", type=Path, metavar="FILE", help="what the learner has learned: read, and kept again"
    )
    model.add_argument("--preset", metavar="NAME", help="strips and controls: a preset's name or a TOML file")
    model.add_argument("--program", type=_within(0, 127), default=0, help="its General MIDI program, 0 to 127")
    model.add_argument("--channel", type=_within(1, 16), default=16, help="the MIDI channel on which it plays")
    model.add_argument("--seed", type=_within(0, 2**63 - 1), help="makes a duet with a tune play the same again")
    model.add_argument(
        "--from", dest="past", type=Path, metavar="FILE", help="go on where a take or a piece ends, or one of a folder"
    )
    model.add_argument("--cast", action="store_true", help="the parts of --from are the strips: the busiest is yours")
    player = parser.add_argument_group("the player")
    player.add_argument(
        "--in", dest="inputs", action="append", metavar="PORT", help="MIDI input (part of its name will do; repeatable)"
    )
    player.add_argument("--out", dest="outputs", action="append", metavar="PORT", help="MIDI output (repeatable)")
    player.add_argument("--tuning", metavar="NAME", help="tell the outputs a temperament or a Scala file (MTS)")
    player.add_argument("--tonic", metavar="KEY", default="C", help="the note on which --tuning begins (C)")
    player.add_argument("--virtual", action="store_true", help="make virtual ports for what is not named")
    player.add_argument("--no-thru", action="store_true", help="do not pass what the player does on to the output")
    player.add_argument("--mpe", action="store_true", help="the inputs are MPE controllers")
    player.add_argument("--keep-echoes", action="store_true", help="hear our own notes when they come back at once")
    player.add_argument("--ear", nargs="?", const="", metavar="DEVICE", help="listen to one voice by an audio input")
    player.add_argument("--ear-gain", type=float, default=0.0, metavar="DB", help="make a soft microphone louder")
    player.add_argument(
        "--player", type=Path, metavar="TUNE.mid", help="MIDI, notation or a WAV file plays the human part"
    )
    player.add_argument("--player-program", type=_within(0, 127), default=0, help="what a player without one plays")
    player.add_argument("--fast", action="store_true", help="simulated time: as fast as the machine can")
    player.add_argument("--seconds", type=_positive, help="end after so many seconds")
    player.add_argument("--console", action="store_true", help="read actions and controls from standard input")
    faces = parser.add_argument_group("the faces")
    faces.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        help="a page to play, hear and see it in a browser; there is one where no output is named",
    )
    faces.add_argument("--page-port", type=_within(0, 65535), metavar="PORT", help="its port (8844, or the next free)")
    faces.add_argument("--page-host", default=HERE, metavar="HOST", help="beyond this machine: needs its token")
    faces.add_argument("--no-browser", dest="browser", action="store_false", help="do not open the page in a browser")
    faces.add_argument("--tui", action="store_true", help="strips, controls and a piano roll in this terminal")
    faces.add_argument(
        "--osc",
        nargs="?",
        type=_within(0, 65535),
        const=9999,
        metavar="PORT",
        help="controls, actions, notes and news over OSC (9999)",
    )
    faces.add_argument("--osc-host", default="127.0.0.1", metavar="HOST", help="beyond this machine: needs its token")
    clock = parser.add_argument_group("the time")
    clock.add_argument("--clock", choices=CLOCKS, default="off", help="follow a MIDI clock, give one, or Ableton Link")
    clock.add_argument("--count-in", type=_within(0, 16), default=0, metavar="BARS", help="click so many bars at first")
    clock.add_argument("--metronome", action="store_true", help="click on every beat, on channel 10")
    left = parser.add_argument_group("what it leaves")
    left.add_argument("--take", type=Path, metavar="FILE", help="the session as it happens (live: in your data folder)")
    left.add_argument("--no-take", action="store_true", help="keep no take of a live session")
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
    from antiphon.faces.company import Company

    with contextlib.closing(Company(args)) as company:
        return _play(args, open_model or _engine, company)


def _settle(args: argparse.Namespace) -> None:
    """Fill in what was not said. Raises `UsageError`."""
    hears = bool(args.inputs) or args.ear is not None
    live = hears or bool(args.outputs or args.virtual)
    if hears and args.player:
        raise UsageError("either --in, --ear or --player plays the human part, not two of them")
    if args.cast and (args.past is None or args.preset is not None):
        raise UsageError("--cast makes strips of the parts of --from FILE, so it needs that and no --preset")
    if args.tuning is not None and not (args.outputs or args.virtual):
        raise UsageError("--tuning is told to synthesisers: give --out PORT or --virtual")
    if args.take and args.no_take:
        raise UsageError("either --take or --no-take, not both")
    if live and args.fast:
        raise UsageError("--fast leaves real time, so it plays on no port: leave out --in, --ear, --out and --virtual")
    if args.page is False and (args.page_port is not None or args.page_host != HERE):
        raise UsageError("--no-page leaves out the page: leave out --page-port and --page-host as well")
    if args.fast and (args.page or args.tui or args.osc is not None):
        raise UsageError("--fast leaves real time, so nobody can watch it: leave out --page, --tui and --osc")
    if args.page is None:  # where it would be heard nowhere else
        args.page = not (args.outputs or args.virtual or args.player or args.fast)
    if not (live or args.player or args.fast):
        live = _settle_on_devices(args) or args.tui
    if live and not (hears or args.inputs or args.player or args.virtual or args.page or args.tui):
        raise UsageError("whom to listen to? give --in PORT, --ear, --player TUNE.mid, --virtual or --page")
    if live and not (args.outputs or args.virtual or args.page):
        raise UsageError("where to play? give --out PORT, --virtual or --page")
    args.live = live
    if not live and not args.player:
        args.fast = True
    if args.fast and (args.clock != "off" or args.count_in or args.metronome):
        raise UsageError("--fast leaves real time, so there is no clock: leave out --clock, --count-in and --metronome")
    if args.fast and not (args.record or args.wav or args.roll):
        args.record, args.wav, args.roll = (Path(name) for name in DUET)
    for path in (args.record, args.wav, args.roll, args.report, args.take, args.learned):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path} cannot be written: there is no folder {path.absolute().parent}")
    if args.take is not None and args.take.exists():
        raise UsageError(f"{args.take} is there already, and a take is never written over")


def _settle_on_devices(args: argparse.Namespace) -> bool:
    """With nothing said, play on the first devices there are. Returns whether that is enough to play live.

    A page makes the sound itself, and needs no device to be played on either.
    """
    from antiphon.ports.midi import list_ports

    # A "through" port is the system's own loop: nobody plays it.
    first = {
        direction: [port.name for port in list_ports(direction) if "through" not in port.name.lower()][:1]
        for direction in ("input", "output")
    }
    if not args.page and not all(first.values()):
        return False
    args.inputs = first["input"] or None
    args.outputs = None if args.page else first["output"]
    return True


def _play(args: argparse.Namespace, open_model: Callable[[str], Model], company: Company) -> int:
    import numpy as np

    from antiphon.faces.duet import Duet, read_tune
    from antiphon.faces.past import cast_of, read_past
    from antiphon.jam.controls import Settings
    from antiphon.jam.preset import Preset
    from antiphon.ports.presets import PresetWatch, find_preset, read_preset
    from antiphon.ports.sound import find_soundfont
    from antiphon.tunes import MENUET

    if args.wav is not None:
        find_soundfont(args.soundfont)
    path = args.player or (None if args.live else MENUET)
    tune = None if path is None else read_tune(path, args.player_program, args.ear_gain, seconds=args.seconds)
    preset_path = None if args.preset is None else find_preset(args.preset)
    preset = Preset() if preset_path is None else read_preset(preset_path)
    seed = secrets.randbits(63) if args.seed is None else args.seed
    past = None if args.past is None else read_past(args.past, np.random.default_rng(seed))
    if past is not None and args.cast:
        preset = Preset(ensemble=cast_of(past))
    given = {control.name: getattr(args, control.name) for control in CONTROLS}
    settings = preset.settings(Settings())
    settings = Settings({**settings, **{name: value for name, value in given.items() if value is not None}})
    ensemble, tune = _band(args, preset, tune)
    model, keep_learned = model_named(args.model, args.learned, open_model)
    duet = Duet(
        model,
        settings,
        ensemble,
        model_name=args.model,
        seed=seed,
        tune=tune,
        tune_name="" if path is None else path.stem,
        learned=args.learned,
        watch=None if preset_path is None or args.fast else PresetWatch(preset_path),
        open_model=open_model,
    )
    if preset.knobs is not None:
        duet.knobs.knobs = preset.knobs
    if args.fast:
        if args.take is not None:
            duet.begin_take(args.take)
        if past is not None:
            duet.recall(past, 0.0)
        duet.simulate(args.seconds)
        problem = ""
    else:
        from antiphon.faces.live import play_live

        problem = play_live(args, duet, past, company)
    if args.learned is not None:
        keep_learned(args.learned)
    written = duet.leave(record=args.record, wav=args.wav, roll=args.roll, soundfont=args.soundfont)
    if duet.take is not None:
        written.append(duet.take.path)
    print(duet.summary() + (f": {', '.join(map(str, written))}" if written else ""))
    return _complain(problem, 1) if problem else 0


def _band(args: argparse.Namespace, preset: Preset, tune: Events | None) -> tuple[Ensemble, Events | None]:
    """The strips, and the tune as the player's strips play it."""
    from antiphon.faces.band import band_for, played_by
    from antiphon.jam.ensemble import duet

    if preset.ensemble is not None:
        ensemble = preset.ensemble
    elif tune is not None:
        ensemble = band_for(tune, args.program, args.channel)
    else:
        ensemble = duet(args.program, args.channel, args.player_program)
    return ensemble, None if tune is None else played_by(ensemble, tune)


def model_named(
    name: str, learned: Path | None, open_model: Callable[[str], Model] | None = None
) -> tuple[Model, Callable[[Path], None]]:
    """The model called `name`, mixed with one that learns while it plays, and what keeps what that has learned.

    `learned`: what it learned before, where there is such a file. `markov` is the learner alone. Raises `ValueError`.
    """
    from antiphon.engine.markov import MarkovModel
    from antiphon.engine.mixture import Mixture

    learner = MarkovModel()
    if learned is not None and learned.exists():
        learner.load(learned)
        learner.begin_session()
    if name == "markov":
        return learner, learner.save
    return Mixture((open_model or _engine)(name), learner, 0.0), learner.save


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
