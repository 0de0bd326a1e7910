"""Playing live: the ports, the clocks and the host of one jam."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Mapping

from antiphon.faces.company import Company
from antiphon.faces.duet import Duet
from antiphon.faces.guests import Sinks
from antiphon.music.event import Event, Events
from antiphon.ports.base import Nowhere, PortError, Sink, Source
from antiphon.ports.beats import ClockEar, ClockGiver, Metronome, SteadyBeat
from antiphon.ports.console import Console
from antiphon.ports.host import Deed, Ticker, run_live
from antiphon.ports.meter import Meter
from antiphon.ports.player import TunePlayer
from antiphon.ports.presets import find_preset
from antiphon.ports.sources import Sources
from antiphon.ports.take import new_take_path

__all__ = ["play_live"]

CLEAR = "\r\x1b[K"
"""To a terminal: back to the beginning of the line, and wipe it."""


def play_live(args: argparse.Namespace, duet: Duet, past: Events | None, company: Company) -> str:
    """Jam in real time, with `company` watching and playing.

    Returns what went wrong with a port on the way, in one line, or nothing.
    """
    meter = Meter()
    beat = _Beat(args, duet)
    duet.warm_up()
    sink, sources = _ports(args, duet, meter, beat.ear, company)
    sources += beat.sources
    problem = why = ""
    say = _say if not company.has_terminal else _nowhere
    sources.append(duet.shelf)
    if duet.watch is not None:
        sources.append(duet.watch)
    if args.console or (sys.stdin.isatty() and not company.has_terminal):
        sources.append(Console(sys.stdin))

    def started() -> None:
        if args.take is not None or not args.no_take:
            duet.begin_take(args.take or new_take_path())
        duet.origin = time.monotonic()
        if past is not None:
            duet.recall(past, duet.origin)
        company.begun(None if duet.take is None else duet.take.path)
        say(f"{duet.name} listens to {_whom(args)}. Ctrl-C ends.")

    def notice(text: str) -> None:
        say(f"antiphon jam: {text}")
        company.notice(text)

    def status(figures: Mapping[str, Mapping[str, float]]) -> None:
        if duet.take is not None:
            duet.take.figures(time.monotonic(), figures)
        company.figures(figures)
        if sys.stderr.isatty() and not company.has_terminal:
            _show(duet, figures)

    try:
        why = run_live(
            duet.partner,
            Sources(sources),
            sink,
            duet.recorder,
            meter,
            seconds=args.seconds,
            started=started,
            deeds=_deeds(duet, company, notice),
            tickers=beat.tickers,
            status=status,
            notice=notice,
            watcher=company.watcher,
        )
    except PortError as error:
        problem = str(error)
    company.ended(problem or why)
    company.close()
    _over(args, duet, meter, why or problem)
    return problem


def _over(args: argparse.Namespace, duet: Duet, meter: Meter, why: str) -> None:
    """Close the take and write the report of a jam that has ended, and `why`. Raises `OSError`."""
    if sys.stderr.isatty():
        print(CLEAR, end="", file=sys.stderr, flush=True)
    now = time.monotonic()
    if duet.take is not None:
        if duet.take.trouble is not None:
            _say(f"antiphon jam: the take is not whole: {duet.take.trouble}")
        duet.take.figures(now, meter.summary())
        duet.take.close(now, why)
    if args.report is not None:
        meter.write(args.report, ended=why, model=duet.name, **duet.tally())


class _Beat:
    """Who gives the time, and to whom it is given, as the flags say."""

    def __init__(self, args: argparse.Namespace, duet: Duet) -> None:
        settings, improviser = duet.improviser.settings, duet.improviser
        self.ear: ClockEar | None = None
        self.sources: list[Source] = []
        self.tickers: list[Ticker] = []
        if args.clock in ("in", "both"):
            self.ear = ClockEar(settings.whole("meter"))
            self.sources.append(self.ear)
        if args.clock == "link":
            from antiphon.ports.link import LinkBeat

            self.sources.append(LinkBeat(settings.number("tempo"), settings.whole("meter")))
        if (args.count_in or args.metronome or args.clock == "out") and not self.sources:
            self.sources.append(SteadyBeat(settings.number("tempo"), settings.whole("meter"), args.count_in))
        if args.count_in or args.metronome:
            self.tickers.append(Metronome(lambda: improviser.grid, None if args.metronome else 0))
        if args.clock in ("out", "both"):
            self.tickers.append(ClockGiver(lambda: improviser.grid))


def _retuning(args: argparse.Namespace) -> list[bytes]:
    """What tells synthesisers the tuning that was asked for; nothing when none was."""
    if args.tuning is None:
        return []
    from antiphon.music.key import parse_key
    from antiphon.music.mts import retuning
    from antiphon.music.scala import open_tuning

    return retuning(open_tuning(args.tuning, tonic=parse_key(args.tonic).tonic))


def _ports(
    args: argparse.Namespace, duet: Duet, meter: Meter, ear: ClockEar | None, company: Company
) -> tuple[Sink, list[Source]]:
    """Where it sounds, and who is heard. Raises `PortError`."""
    from antiphon.ports.latency import latency_of
    from antiphon.ports.stage import MidiPorts

    own = [] if args.page and not args.virtual else [None]  # virtual ports, for what was not named
    heard_by_ear = args.ear is not None and not args.inputs
    inputs = [] if duet.tune is not None or heard_by_ear else (args.inputs or own)
    outputs = args.outputs or own
    midi: MidiPorts | None = None
    if args.live and (inputs or outputs):
        midi = MidiPorts(
            inputs,
            outputs,
            duet.improviser.ensemble,
            meter,
            mapping=duet.knobs,
            thru=not args.no_thru,
            mpe=args.mpe,
            echoes=args.keep_echoes,
            clock=None if ear is None else ear.hear,
            latency=latency_of,
            retuning=_retuning(args),
        )
    try:
        guests = company.guests(duet, thru=midi.pass_on if midi is not None and outputs else None)
    except OSError:
        if midi is not None:
            midi.close()
        raise
    sources: list[Source] = [guests.source]
    if midi is not None and not outputs:
        midi.sound_by(guests.pass_on)
    sinks: list[Sink] = [guests] if midi is None else [midi, guests] if outputs else [guests, midi]
    sink = Sinks(sinks)
    if duet.tune is not None:
        return sink, [*sources, TunePlayer(duet.tune, Nowhere() if args.no_thru else sink)]
    if midi is not None:
        sources.append(midi.source)
    if args.ear is not None:
        sources.append(_ear(args, duet))
    return sink, sources


def _ear(args: argparse.Namespace, duet: Duet) -> Source:
    """One voice through an audio input, as the first of the player's strips. Raises `ValueError` when there is none."""
    from antiphon.ports.audio import AudioSource

    players = duet.improviser.ensemble.instruments("input")
    if not players:
        raise ValueError("nobody can be heard by ear: no channel of the preset has the mode input")
    device = int(args.ear) if args.ear.isdecimal() else args.ear or None
    return AudioSource(device, players[0], gain=args.ear_gain)


def _deeds(duet: Duet, company: Company, notice: Callable[[str], None]) -> dict[str, Deed]:
    def preset(name: str) -> Iterable[Event]:
        events = duet.open_preset(name, time.monotonic())
        if company.scene is not None:
            company.scene.presets(find_preset(name).stem)
        return events

    def save(name: str) -> None:
        path = duet.save_preset(name)
        notice(f"kept as {path}")
        if company.scene is not None:
            company.scene.presets(path.stem)

    def learn(control: str) -> None:
        duet.knobs.learn(control)
        notice(f"move the knob that is to turn {control}")

    def model(name: str) -> Iterable[Event] | None:
        if not duet.shelf.has(name):
            return None
        events = duet.choose_model(name, time.monotonic())
        notice(f"{duet.name} plays now")
        if company.scene is not None:
            company.scene.model(duet.name)
        return events

    return {"preset": preset, "save": save, "learn": learn, "model": model}


def _show(duet: Duet, figures: Mapping[str, Mapping[str, float]]) -> None:
    """The figures of the last seconds in one line that is written over again and again."""
    names = {"wake": "model", "queue": "queue", "lateness": "late", "end_to_end": "answer"}
    shown = [
        f"{label} {figures[name]['p50_ms']:.1f}/{figures[name]['p99_ms']:.1f} ms"
        for name, label in names.items()
        if "p50_ms" in figures.get(name, {})
    ]
    print(f"{CLEAR}{' · '.join([*_sense(duet), *shown])}", end="", file=sys.stderr, flush=True)


def _nowhere(text: str) -> None:
    """A face has the terminal."""
    del text


def _say(text: str) -> None:
    """A line for the musician, not mixed up with the line of figures."""
    print(f"{CLEAR if sys.stderr.isatty() else ''}{text}", file=sys.stderr, flush=True)


def _sense(duet: Duet) -> list[str]:
    """What it takes key, chord and tempo for, as far as it does."""
    improviser, now = duet.improviser, time.monotonic()
    key = improviser.listening.key(now, improviser.settings)
    chord = improviser.listening.chord(now)
    found = [str(key) if key else "", chord.name if chord else "", f"{improviser.grid.tempo:.0f} bpm"]
    return [what for what in found if what]


def _whom(args: argparse.Namespace) -> str:
    ear = [] if args.ear is None else [f"the audio input {args.ear}".rstrip()]
    page = ["its page"] if args.page else []
    heard = [*(args.inputs or []), *ear, *page]
    return str(args.player or (", ".join(heard) if heard else "its virtual port"))
