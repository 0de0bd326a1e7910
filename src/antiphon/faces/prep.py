"""`antiphon prep`: folders of MIDI files become a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path, help="a folder with MIDI files, at any depth")
    parser.add_argument("-o", "--out", metavar="CORPUS", required=True, type=Path, help="the folder to write")
    parser.add_argument("-j", "--jobs", type=int, help="processes (default: all cores)")
    parser.add_argument("--valid", metavar="SHARE", type=float, default=0.03, help="share of pieces set aside (0.03)")
    parser.add_argument("--seed", type=int, default=0, help="which pieces are set aside (0)")
    parser.add_argument("--min-notes", type=int, default=16, help="shorter files are left out (16)")
    parser.add_argument("--no-pedal", action="store_true", help="do not turn the sustain pedal into longer notes")
    parser.add_argument("--exclude", metavar="SET", action="append", default=[], help="leave out folders of this name")


def run(args: argparse.Namespace) -> int:
    from antiphon.train.prep import prepare

    summary = prepare(
        args.folders,
        args.out,
        jobs=args.jobs,
        valid_fraction=args.valid,
        seed=args.seed,
        min_notes=args.min_notes,
        pedal=not args.no_pedal,
        exclude=args.exclude,
        progress=True,
    )
    print(summary)
    return 0
