"""`antiphon export`: the best checkpoint of a run becomes a bundle."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from antiphon import __version__
from antiphon.train.checkpoint import load_net
from antiphon.train.corpus import Corpus
from antiphon.train.export import PRECISIONS, export

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="a folder that `antiphon train` wrote, or a checkpoint")
    parser.add_argument("-o", "--out", metavar="BUNDLE", required=True, type=Path, help="the folder to write")
    parser.add_argument("--precision", choices=PRECISIONS, default="int8", help="of the weights (int8)")
    parser.add_argument("--name", help="the model's name (the bundle folder's)")
    parser.add_argument("--corpus", type=Path, help="take the reference events from this corpus")
    parser.add_argument("--lineage", metavar="FILE.json", type=Path, help="data and licences, to be kept in the bundle")


def run(args: argparse.Namespace) -> int:
    folder = args.run if args.run.is_dir() else args.run.parent
    net, progress = load_net(folder / "best.safetensors" if args.run.is_dir() else args.run)
    lineage = json.loads(args.lineage.read_text()) if args.lineage else {}
    config = folder / "config.json"
    lineage |= {"antiphon": __version__, "steps": progress["step"], "minutes": round(progress["seconds"] / 60, 1)}
    if config.exists():
        about = json.loads(config.read_text())
        lineage |= {"training": {k: v for k, v in about.items() if k != "corpus"}, "corpus": about["corpus"]}
    bundle = export(
        net,
        args.out,
        name=args.name or args.out.name,
        precision=args.precision,
        lineage=lineage,
        validation=progress["validation"],
        split=Corpus.open(args.corpus).split("valid") if args.corpus else None,
    )
    size = sum(p.stat().st_size for p in args.out.iterdir()) / 1e6
    print(
        f"{args.out}: {bundle['parameters']:,} parameters, {args.precision}, {size:.1f} MB; its graphs' answers differ "
        f"from the net's by at most {bundle['largest_difference']:.2g}"
    )
    return 0
