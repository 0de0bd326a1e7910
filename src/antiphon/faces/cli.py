"""The command line: `antiphon COMMAND`. Imports a command's room only when that command runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from antiphon import __version__

__all__ = ["main"]


@dataclass(frozen=True)
class Command:
    """A command: `module` has `add_arguments(parser)` and `run(args) -> exit code`; `extra` is what it may lack."""

    name: str
    module: str
    help: str
    extra: str | None = None


COMMANDS = (
    Command("jam", "antiphon.faces.jam", "play live with a musician, or with a MIDI file that plays the human part"),
    Command("ports", "antiphon.faces.ports", "list the MIDI ports, and say what this system is missing"),
    Command("calibrate", "antiphon.faces.calibrate", "find out how late an output sounds, so that it is sent earlier"),
    Command("presets", "antiphon.faces.presets", "the presets that can be named, or one of them"),
    Command("takes", "antiphon.faces.takes", "the sessions that were kept"),
    Command("export-take", "antiphon.faces.export_take", "a kept session as a MIDI file"),
    Command("replay", "antiphon.faces.replay", "live through a kept session again, event for event"),
    Command("continue", "antiphon.faces.continuation", "go on where a MIDI file ends"),
    Command("chorale", "antiphon.faces.chorale", "write, harmonise, complete and re-voice four-part music"),
    Command("vary", "antiphon.faces.vary", "vary a piece: stretch, arpeggiate, shift, thin out, double, join"),
    Command("render", "antiphon.faces.render", "make a recording of a piece, in any tuning"),
    Command("evaluate", "antiphon.faces.evaluate", "tell how well a bundle predicts music that it never saw"),
    Command("compare", "antiphon.faces.compare", "put models side by side: what they predict, make and cost"),
    Command("verify", "antiphon.faces.verify", "tell whether a bundle is whole and answers as where it was made"),
    Command("server", "antiphon.faces.server", "answer over OSC, as Notochord's server does and more"),
    Command("bench", "antiphon.faces.bench", "tell whether this machine is quick enough"),
    Command("prep", "antiphon.faces.prep", "prepare folders of music as a corpus to train on"),
    Command("corpus", "antiphon.faces.corpus", "tell what a corpus holds, in tables, figures and plots"),
    Command("train", "antiphon.faces.train", "train a model on a corpus", extra="train"),
    Command("export", "antiphon.faces.export", "turn a run into a bundle that plays without torch, or in C++", "train"),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="antiphon",
        description="A musical partner: it listens over MIDI, answers in time, and learns from your own music.",
        epilog="`antiphon COMMAND --help` tells more; `antiphon jam` alone opens a page to play on.",
    )
    parser.add_argument("--version", action="version", version=f"antiphon {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        commands.add_parser(
            command.name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}."
        )
    return parser


def _runner(command: Command, parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Fill in a command's own arguments; returns what runs it."""
    try:
        module = import_module(command.module)
    except ModuleNotFoundError as error:
        if command.extra is None or (error.name or "").startswith("antiphon"):
            raise
        message = f"{command.name} needs {error.name}, which is not installed: pip install 'antiphon[{command.extra}]'"
        raise ValueError(message) from error
    module.add_arguments(parser)
    runner: Callable[[argparse.Namespace], int] = module.run
    return runner


def _subparser(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    chosen: argparse.ArgumentParser = action.choices[name]
    return chosen


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit code: 0, 1 for a failure, 2 for wrong usage, 130 when interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    # Only the arguments of the command that was named are worth building.
    named = next((c for word in argv[:2] for c in COMMANDS if c.name == word), None)
    debug = "--debug" in argv[:1]
    try:
        run = _runner(named, _subparser(parser, named.name)) if named else None
        args = parser.parse_args(argv)
        assert run is not None
        return run(args)
    except KeyboardInterrupt as error:
        print(f"antiphon: {str(error) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has gone; that is no error
        return 0
    except (ValueError, OSError) as error:
        # Everything that a user can cause is one of these, with its message made for people.
        if debug:
            raise
        print(f"antiphon: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
