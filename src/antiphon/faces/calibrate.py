"""`antiphon calibrate`: find out how late an output sounds, by loop-back or by ear, and keep it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.ports.midi import Opened

__all__ = ["add_arguments", "run"]

LOOPS, CLICKS = 100, 16
LEAD_IN = 2
"""Taps that are not counted: one has to find the beat first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon calibrate` understands."""
    parser.add_argument(
        "--out", dest="output", metavar="PORT", help="MIDI output to measure (part of its name will do)"
    )
    parser.add_argument("--in", dest="input", metavar="PORT", help="MIDI input where it comes back, or for --ear, taps")
    parser.add_argument("--ear", action="store_true", help="by ear even with --in: tap a key along with the clicks")
    parser.add_argument("--count", type=int, help=f"notes to send round ({LOOPS}), or clicks to tap with ({CLICKS})")
    parser.add_argument(
        "--input-share",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="how much of a loop is the input's, 0 to 1 (0.5)",
    )
    parser.add_argument("--show", action="store_true", help="show what is kept, and measure nothing")
    parser.add_argument("--forget", action="store_true", help="keep nothing for --out any more")


def run(args: argparse.Namespace) -> int:
    """Measure, say and keep. Returns the exit code. Raises `ValueError` or `OSError`, one line."""
    from antiphon.ports.latency import keep_latency, kept_latencies

    if args.show:
        kept = kept_latencies()
        for name, seconds in sorted(kept.items()):
            print(f"{name}: {seconds * 1e3:.1f} ms")
        if not kept:
            print("no output has been calibrated: each is taken to sound at once")
        return 0
    if not args.output:
        print("antiphon calibrate: which output? give --out PORT (`antiphon ports` lists them)", file=sys.stderr)
        return 2
    if args.forget:
        return _forget(args.output)
    _check(args)
    with contextlib.ExitStack() as ending:
        output, source = _opened(args, ending)
        measure = _by_loop if source is not None and not args.ear else _by_ear
        latency = measure(args, output, source)
        name = output.name or args.output
    path = keep_latency(name, latency)
    print(f"{latency * 1e3:.1f} ms are kept for {name!r} in {path}: notes will be sent so much earlier")
    return 0


def _check(args: argparse.Namespace) -> None:
    if not 0.0 <= args.input_share <= 1.0:
        raise ValueError(f"--input-share cannot be {args.input_share:g}: it must be 0 to 1")
    if args.count is not None and not 4 <= args.count <= 5000:
        raise ValueError(f"--count cannot be {args.count}: it must be 4 to 5000")


def _opened(args: argparse.Namespace, ending: contextlib.ExitStack) -> tuple[Opened, Opened | None]:
    from antiphon.ports.midi import open_input, open_output

    output = open_output(args.output)
    ending.callback(output.close)
    source = None if args.input is None else open_input(args.input)
    if source is not None:
        ending.callback(source.close)
    return output, source


def _by_loop(args: argparse.Namespace, output: Opened, source: Opened | None) -> float:
    from antiphon.ports.calibration import loop_back
    from antiphon.ports.latency import spread

    assert source is not None
    taken, lost = loop_back(output, source, args.count or LOOPS)
    if not taken:
        raise ValueError(f"nothing that was sent to {output.name!r} came back at {source.name!r}: are they connected?")
    found = spread(taken)
    latency = found.median * (1.0 - args.input_share)
    print(
        f"{found.count} notes came back and {lost} did not: there and back takes {found.median * 1e3:.2f} ms (median), "
        f"{found.p95 * 1e3:.2f} ms (95 of 100), jitter {found.jitter * 1e3:.2f} ms.\n"
        f"That is the output and the input together; the output's share is taken to be {1 - args.input_share:.0%}."
    )
    return float(latency)


def _by_ear(args: argparse.Namespace, output: Opened, source: Opened | None) -> float:
    from antiphon.ports.calibration import tap_along
    from antiphon.ports.latency import offsets, spread, steady

    what = "Enter" if source is None else f"a key of {source.name!r}"
    print(f"Tap {what} together with each click.", flush=True)
    beats, taps = tap_along(output, args.count or CLICKS, source or sys.stdin)
    found = spread(steady(offsets(beats, taps[LEAD_IN:])).tolist())
    print(
        f"{found.count} taps count, of {len(taps)}: they come {found.median * 1e3:.0f} ms after the clicks were sent "
        f"(median), jitter {found.jitter * 1e3:.0f} ms.\n"
        "That is the sound's way to your ear and your hand's together; most hands are 20 to 50 ms early."
    )
    return max(found.median, 0.0)


def _forget(output: str) -> int:
    from antiphon.ports.latency import forget_latency, kept_latencies

    names = [name for name in kept_latencies() if output.lower() in name.lower()]
    if len(names) != 1:
        raise ValueError(f"{output!r} does not name one output that is kept: there are {', '.join(names) or 'none'}")
    forget_latency(names[0])
    print(f"nothing is kept for {names[0]!r} any more")
    return 0
