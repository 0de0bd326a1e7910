"""`antiphon prep`: folders of music become a corpus."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from antiphon.train.transposition import KEYS
from antiphon.train.wanted import DRUMS, QUALITIES, Parts, Wanted

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    music = "a folder with MIDI files, at any depth; with the extra scores also MusicXML, ABC and kern"
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path, help=music)
    parser.add_argument("-o", "--out", metavar="CORPUS", required=True, type=Path, help="the folder to write")
    parser.add_argument("-j", "--jobs", type=int, help="processes (default: all cores)")
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="read on a Dask cluster: its scheduler's address, or dask for one of this machine's processes",
    )
    parser.add_argument("--valid", metavar="SHARE", type=float, default=0.03, help="share of pieces set aside (0.03)")
    parser.add_argument("--seed", type=int, default=0, help="which pieces are set aside (0)")
    parser.add_argument("--no-pedal", action="store_true", help="do not turn the sustain pedal into longer notes")
    parser.add_argument("--exclude", metavar="SET", action="append", default=[], help="leave out folders of this name")
    keys = (
        "transpose all pieces to C major or A minor (common), or those to train on to all twelve keys (all); "
        "training transposes at random anyway, unless it is told not to (as-is)"
    )
    parser.add_argument("--key", choices=KEYS, default=KEYS[0], help=keys)
    _add_wishes(parser.add_argument_group("which music"))
    known = "; ".join(f"{quality.name}={quality.limit:g}, {quality.help}" for quality in QUALITIES)
    _add_filters(parser.add_argument_group("filters of quality", f"on with these limits: {known}"))


def _add_wishes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--program", metavar="N", help="read only parts of these programs 0 to 127, such as 0-7,24")
    group.add_argument("--drums", choices=DRUMS, default=DRUMS[0], help="read drums, leave them out, or read only them")
    group.add_argument("--channel", metavar="N", help="read only these channels 1 to 16 of MIDI files, such as 1-4")
    group.add_argument("--tempo", metavar="LOW-HIGH", help="only pieces of such a tempo, in quarters a minute")
    group.add_argument("--meter", metavar="METER", help="only pieces in such meters, such as 4/4 or 3/4,6/8")
    style = group.add_mutually_exclusive_group()
    style.add_argument("--score-like", action="store_true", help="only pieces whose notes lie on the beat's grid")
    style.add_argument("--performed", action="store_true", help="only pieces whose notes do not: played freely")


def _add_filters(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--min-notes", metavar="N", type=int, help="the limit of too-short")
    group.add_argument("--filter", metavar="NAME=LIMIT", action="append", default=[], help="change a filter's limit")
    group.add_argument("--no-filter", metavar="NAME", action="append", default=[], help="turn a filter off, or all")


def run(args: argparse.Namespace) -> int:
    from antiphon.train.prep import prepare

    summary = prepare(
        args.folders,
        args.out,
        jobs=args.jobs,
        valid_fraction=args.valid,
        seed=args.seed,
        pedal=not args.no_pedal,
        exclude=args.exclude,
        wanted=_wanted(args),
        parts=_parts(args),
        key=args.key,
        cluster=args.cluster,
        progress=True,
    )
    print(summary)
    return 0


def _wanted(args: argparse.Namespace) -> Wanted:
    return Wanted(
        limits=_limits(args),
        tempo=None if args.tempo is None else _tempo(args.tempo),
        meters=tuple(args.meter.split(",")) if args.meter else (),
        style="score-like" if args.score_like else "performed" if args.performed else "",
    )


def _limits(args: argparse.Namespace) -> dict[str, float]:
    limits = {quality.name: quality.limit for quality in QUALITIES}
    for wish in args.filter:
        name, _, limit = wish.partition("=")
        try:
            limits[name] = float(limit)
        except ValueError as error:
            raise ValueError(f"--filter takes a name and a limit, such as too-dense=60, not {wish!r}") from error
    if args.min_notes is not None:
        limits["too-short"] = args.min_notes
    for name in args.no_filter:
        if name == "all":
            return {}
        if name not in limits:
            raise ValueError(f"no filter is called {name!r}: there are {', '.join(limits)}")
        del limits[name]
    return limits


def _tempo(text: str) -> tuple[float, float]:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", text)
    if found is None or float(found[1]) > float(found[2]):
        raise ValueError(f"a range of tempos is written 60-180, not {text!r}")
    return float(found[1]), float(found[2])


def _parts(args: argparse.Namespace) -> Parts:
    programs = None if args.program is None else _numbers(args.program, 0, 127, "programs")
    channels = None if args.channel is None else _numbers(args.channel, 1, 16, "channels")
    return Parts(programs, args.drums, None if channels is None else tuple(channel - 1 for channel in channels))


def _numbers(text: str, low: int, high: int, what: str) -> Sequence[int]:
    """The numbers that `text` lists, such as 0-7,24, in order. Raises ValueError for any outside of low..high."""
    found: set[int] = set()
    for item in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", item)
        if ends is None:
            raise ValueError(f"{what} are written as {low}-{min(low + 7, high)},{high}, not {text!r}")
        found |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    if not found or min(found) < low or max(found) > high:
        raise ValueError(f"{what} are {low} to {high}, not {text!r}")
    return tuple(sorted(found))
