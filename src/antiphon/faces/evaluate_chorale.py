"""Judging a bundle of chorales: likelihoods as Coconet's were published, and the rates of counterpoint."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from tqdm import tqdm

from antiphon.codec.grid import VOICE_RANGES, encode, read_dataset
from antiphon.engine.chorale import open_chorale_model
from antiphon.engine.chorale_nats import ORDERS, UNITS, crops, judge
from antiphon.music.counterpoint import measure

__all__ = ["evaluate_chorales", "print_chorales"]


def evaluate_chorales(args: argparse.Namespace) -> dict[str, Any]:
    """Likelihoods as Coconet's were published, and the rates of counterpoint of the pieces themselves."""
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
                    model,
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


def print_chorales(figures: Mapping[str, Any]) -> None:
    """The figures of `evaluate_chorales`, one line each."""
    print(f"{figures['bundle']} on {figures['pieces']} pieces, {figures['orderings']} orders, crop {figures['crop']}")
    for unit, each in (("framewise", "step"), ("notewise", "note")):
        for order, row in figures.get(unit, {}).items():
            print(
                f"{unit}, {order}: {row['nats']:.4f} ± {row['sem']:.4f} nats a {each} "
                f"({row['units']:,} of them); over pieces {row['pieces_mean']:.4f} ± {row['pieces_sem']:.4f}"
            )
    print("the pieces themselves: " + ", ".join(f"{k} {v:.3g}" for k, v in figures["counterpoint"].items()))
