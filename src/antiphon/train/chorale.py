"""`python -m antiphon.train.chorale DATA [BUNDLE] -o RUN`: train the net of counterpoint and make a bundle of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from antiphon import __version__
from antiphon.train.chorale_export import export_chorale
from antiphon.train.chorale_loop import ChoraleTrainConfig, load_chorale_net, train_chorales

__all__ = ["export_run", "main"]

_DEFAULT = ChoraleTrainConfig()
_BEST = "best.safetensors"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m antiphon.train.chorale", description=__doc__)
    parser.add_argument("data", metavar="DATA", type=Path, help="chorales at sixteenths, .npz or .json")
    parser.add_argument("bundle", metavar="BUNDLE", nargs="?", type=Path, help="then write a bundle there")
    parser.add_argument("-o", "--out", metavar="RUN", type=Path, required=True, help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on with the run where it stopped")
    parser.add_argument("--from", dest="start", metavar="RUN", type=Path, help="go on from another run's best net")
    parser.add_argument(
        "--orders", type=int, default=0, help="learn the mean of so many orders, as published nets are judged (5)"
    )
    parser.add_argument("--steps", type=int, default=_DEFAULT.steps, help=f"({_DEFAULT.steps:,})")
    parser.add_argument("--minutes", type=float, help="train for so many minutes instead")
    parser.add_argument("--channels", type=int, default=_DEFAULT.net.channels, help=f"({_DEFAULT.net.channels})")
    parser.add_argument("--hidden", type=int, default=_DEFAULT.net.hidden, help=f"({_DEFAULT.net.hidden})")
    parser.add_argument("--blocks", type=int, default=_DEFAULT.net.blocks, help=f"({_DEFAULT.net.blocks})")
    parser.add_argument("--dropout", type=float, default=_DEFAULT.net.dropout, help=f"({_DEFAULT.net.dropout})")
    parser.add_argument(
        "--weight-decay", type=float, default=_DEFAULT.weight_decay, help=f"of matrices ({_DEFAULT.weight_decay})"
    )
    parser.add_argument("--rates", metavar="TIMES", type=float, default=1.0, help="times the usual learning rates (1)")
    parser.add_argument("--size", type=int, default=_DEFAULT.size, help=f"crops a batch ({_DEFAULT.size})")
    parser.add_argument("--length", type=int, default=_DEFAULT.length, help=f"sixteenths a crop ({_DEFAULT.length})")
    parser.add_argument("--seed", type=int, default=_DEFAULT.seed, help="(0)")
    parser.add_argument("--threads", type=int, default=_DEFAULT.threads, help=f"({_DEFAULT.threads})")
    parser.add_argument("--lineage", metavar="FILE.json", type=Path, help="data and licences, to be kept in the bundle")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Train, and export if asked; returns the exit code."""
    args = _parser().parse_args(argv)
    shape = {name: getattr(args, name) for name in ("channels", "hidden", "blocks", "dropout")}
    given = {
        name: getattr(args, name)
        for name in ("steps", "minutes", "size", "length", "seed", "threads", "weight_decay", "orders")
    }
    for rate in ("learning_rate", "matrix_rate"):
        given[rate] = args.rates * getattr(_DEFAULT, rate)
    given["start"] = None if args.start is None else str(args.start / _BEST)
    try:
        config = replace(_DEFAULT, net=replace(_DEFAULT.net, **shape), **given)
        progress = train_chorales(args.data, args.out, config, resume=args.resume)
        print(f"{args.out}: {progress['step']:,} steps, {progress['best']:.4f} nats a cell of validation")
        if args.bundle:
            lineage = json.loads(args.lineage.read_text()) if args.lineage else {}
            export_run(args.out, args.bundle, lineage)
    except KeyboardInterrupt as error:
        print(error, file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"{' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def export_run(run: Path, bundle: Path, lineage: dict[str, object]) -> None:
    """Write a bundle of a run's best checkpoint, named like its folder."""
    net, progress = load_chorale_net(run / _BEST)
    about = json.loads((run / "config.json").read_text())
    lineage = lineage | {"antiphon": __version__, "steps": progress["step"], "training": about}
    name = "nats_per_cell_of_orders" if about.get("orders") else "nats_per_hidden_cell"
    figures = {name: progress["best"]}
    made = export_chorale(net, bundle, name=bundle.name, lineage=lineage, validation=figures)
    size = sum(p.stat().st_size for p in bundle.iterdir()) / 1e6
    print(f"{bundle}: {made['parameters']:,} parameters, {size:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
