"""`antiphon evaluate`: how well a bundle predicts music that it never saw."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

__all__ = ["add_arguments", "run"]

_ORDERINGS, _CROP = 5, 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a chorale bundle's folder, or a shipped model")
    parser.add_argument("data", metavar="FILE", type=Path, help="chorales at sixteenths, .npz or .json")
    parser.add_argument("--split", default="valid", help="which of the file's splits (valid)")
    parser.add_argument("--unit", choices=("both", "framewise", "notewise"), default="both", help="(both)")
    parser.add_argument("--order", choices=("both", "random", "chronological"), default="both", help="(both)")
    parser.add_argument("--orderings", type=int, default=_ORDERINGS, help=f"orders averaged ({_ORDERINGS})")
    parser.add_argument("--crop", type=int, default=_CROP, help=f"sixteenths of each piece, 0 for all ({_CROP})")
    parser.add_argument("--sample", metavar="N", type=int, help="judge only N steps (4 N notes) of each crop: quicker")
    parser.add_argument("--seed", type=int, default=0, help="of the crops and orders (0)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")


def run(args: argparse.Namespace) -> int:
    from antiphon.engine.chorale import bundle_kind

    if args.orderings < 1 or args.crop < 0 or (args.sample is not None and args.sample < 1):
        raise ValueError("--orderings and --sample must be 1 or more, --crop 0 or more")
    if (kind := bundle_kind(args.bundle)) != "grid":
        raise ValueError(f"{args.bundle}: a model of kind {kind!r}; only models of chorales can be judged so far")
    figures = _chorales(args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    _print(figures)
    return 0


def _chorales(args: argparse.Namespace) -> dict[str, Any]:
    """Likelihoods as Coconet's were published, and the rates of counterpoint of the pieces themselves."""
    import numpy as np
    from tqdm import tqdm

    from antiphon.codec.grid import VOICE_RANGES, encode, read_dataset
    from antiphon.engine.chorale import open_chorale_model
    from antiphon.engine.chorale_nats import ORDERS, UNITS, crops, judge
    from antiphon.music.counterpoint import measure

    scores = read_dataset(args.data, args.split)
    model = open_chorale_model(args.bundle)
    pieces = crops([encode(score) for score in scores], args.crop, np.random.default_rng(args.seed))
    units = UNITS if args.unit == "both" else (args.unit,)
    orders = ORDERS if args.order == "both" else (args.order,)
    figures: dict[str, Any] = {
        "bundle": model.name,
        "split": args.split,
        "pieces": len(pieces),
        "crop": args.crop,
        "orderings": args.orderings,
    }
    with tqdm(total=len(units) * len(orders) * len(pieces) * args.orderings, unit="order") as bar:
        for unit in units:
            figures[unit] = {}
            for order in orders:
                bar.set_description(f"{unit}, {order}")
                at_most = args.sample and args.sample * (4 if unit == "notewise" else 1)
                nats = judge(
                    model.predict,
                    pieces,
                    unit,
                    order,
                    orderings=args.orderings,
                    at_most=at_most,
                    seed=args.seed,
                    progress=bar.update,
                )
                figures[unit][order] = asdict(nats)
    return figures | {"counterpoint": measure(scores, VOICE_RANGES)}


def _print(figures: Mapping[str, Any]) -> None:
    print(f"{figures['bundle']} on {figures['pieces']} pieces, {figures['orderings']} orders, crop {figures['crop']}")
    for unit, each in (("framewise", "step"), ("notewise", "note")):
        for order, row in figures.get(unit, {}).items():
            print(
                f"{unit}, {order}: {row['nats']:.4f} ± {row['sem']:.4f} nats a {each} "
                f"({row['units']:,} of them); over pieces {row['pieces_mean']:.4f} ± {row['pieces_sem']:.4f}"
            )
    print("the pieces themselves: " + ", ".join(f"{k} {v:.3g}" for k, v in figures["counterpoint"].items()))
