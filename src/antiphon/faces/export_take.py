"""`antiphon export-take`: a take as a MIDI file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.ports.take import Take

__all__ = ["add_arguments", "programs_of", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon export-take` understands."""
    parser.add_argument("take", type=Path, metavar="FILE", help="the take")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.mid", help="a track for each voice")
    parser.add_argument("--wav", type=Path, metavar="OUT.wav", help="the same as sound")
    parser.add_argument("--roll", type=Path, metavar="OUT.png", help="the same as a piano roll")


def run(args: argparse.Namespace) -> int:
    """Write the MIDI file. Raises `ValueError` or `OSError`, one line, for what cannot be read or written."""
    from antiphon.ports.recorder import MACHINE, PLAYER
    from antiphon.ports.take import read_take

    take = read_take(args.take)
    recorder = take.recording()
    origin, programs = take.span[0], programs_of(take)
    counts = [sum(e.is_onset for e in recorder.as_it_came(group)) for group in (PLAYER, MACHINE)]
    if not sum(counts):
        raise ValueError(f"{args.take}: no note was played in it")
    recorder.write(args.output, programs, origin)
    written = [str(args.output)]
    events = recorder.events(origin=origin)
    if args.wav is not None:
        from antiphon.ports.sound import render_wav

        render_wav(events, args.wav, programs=programs)
        written.append(str(args.wav))
    if args.roll is not None:
        from antiphon.music.roll import draw_roll

        machine = {event.instrument for event in recorder.as_it_came(MACHINE)}
        groups = {int(i): MACHINE if i in machine else PLAYER for i in sorted({*events["instrument"].tolist()})}
        draw_roll(events, args.roll, groups=groups, title=args.take.stem)
        written.append(str(args.roll))
    print(f"{counts[0]} notes of yours and {counts[1]} of {take.header.get('model')}: {', '.join(written)}")
    return 0


def programs_of(take: Take) -> dict[int, int]:
    """The program (0..127) that each instrument of `take` was heard with."""
    from antiphon.jam.preset import preset_from_toml

    programs: dict[int, int] = {}
    presets = [str(take.header.get("preset", "")), *(line[2] for line in take.lines if line[0] == "rearrange")]
    for text in presets:
        ensemble = preset_from_toml(text).ensemble
        if ensemble is not None:
            strips = ensemble.strips.items()
            programs |= {
                ensemble.instrument(channel): strip.program for channel, strip in strips if strip.mode != "off"
            }
    return programs
