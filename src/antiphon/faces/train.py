"""`antiphon train`: a corpus becomes a run, a folder of checkpoints."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from antiphon.train.corpus import Corpus
from antiphon.train.loop import TrainConfig, describe, train
from antiphon.train.nets import NetConfig

__all__ = ["add_arguments", "run"]

_DEFAULT = TrainConfig()
_NET = NetConfig()


def _weight(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write SET=NUMBER, as in pop909=2") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", type=Path, help="a folder that `antiphon prep` wrote")
    parser.add_argument("-o", "--out", metavar="RUN", type=Path, default=Path("run"), help="the run's folder (run)")
    parser.add_argument("--resume", action="store_true", help="go on with the run where it stopped")
    length = parser.add_argument_group("how long")
    length.add_argument("--steps", type=int, default=_DEFAULT.steps, help=f"steps ({_DEFAULT.steps:,})")
    length.add_argument("--minutes", type=float, help="train for so many minutes instead")
    length.add_argument(
        "--patience", type=int, default=0, help="stop after so many evaluations without progress (never)"
    )
    net = parser.add_argument_group("the net")
    net.add_argument("--body", choices=("gru", "transformer"), default=_NET.body, help=f"({_NET.body})")
    net.add_argument("--width", type=int, default=_NET.width, help=f"of the body ({_NET.width})")
    net.add_argument("--layers", type=int, default=_NET.layers, help=f"({_NET.layers})")
    net.add_argument("--head-width", type=int, default=_NET.head_width, help=f"({_NET.head_width})")
    net.add_argument("--window", type=int, default=_NET.window, help=f"events a transformer looks back ({_NET.window})")
    net.add_argument("--dropout", type=float, default=_NET.dropout, help=f"({_NET.dropout})")
    step = parser.add_argument_group("a step")
    step.add_argument("--size", type=int, default=_DEFAULT.size, help=f"windows a batch ({_DEFAULT.size})")
    step.add_argument("--length", type=int, default=_DEFAULT.length, help=f"events a window ({_DEFAULT.length})")
    step.add_argument("--accumulate", type=int, default=1, help="batches a step (1)")
    step.add_argument("--learning-rate", type=float, default=_DEFAULT.learning_rate, help=f"({_DEFAULT.learning_rate})")
    data = parser.add_argument_group("the music")
    data.add_argument(
        "--weight",
        metavar="SET=NUMBER",
        action="append",
        type=_weight,
        default=[],
        help="multiply a set's share, which is the square root of its events",
    )
    data.add_argument("--no-augment", action="store_true", help="no transposition, tempo, dynamics, parts")
    data.add_argument("--seed", type=int, default=0, help="(0)")
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--device", default="auto", help="cpu, cuda or auto (auto)")
    machine.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="(auto)")
    machine.add_argument("--compile", action="store_true", help="torch.compile, worth it on a GPU")
    machine.add_argument("--threads", type=int, help="(all cores)")
    parser.add_argument("--evaluate-every", type=int, default=_DEFAULT.evaluate_every, help="steps (250)")


def run(args: argparse.Namespace) -> int:
    net = NetConfig(**{f.name: getattr(args, f.name) for f in dataclasses.fields(NetConfig) if hasattr(args, f.name)})
    given = {f.name: getattr(args, f.name) for f in dataclasses.fields(TrainConfig) if hasattr(args, f.name)}
    config = TrainConfig(**given, net=net, weights=dict(args.weight), augment=not args.no_augment)
    progress = train(Corpus.open(args.corpus), args.out, config, resume=args.resume)
    print(f"{args.out}: " + ", ".join(f"{key} {value:.4g}" for key, value in describe(progress).items()))
    print(f"next: antiphon export {args.out} -o BUNDLE")
    return 0
