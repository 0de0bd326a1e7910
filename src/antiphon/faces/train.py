"""`antiphon train`: a corpus becomes a run, a folder of checkpoints."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from antiphon.engine.bundle import find_bundle
from antiphon.faces.samples import Samples
from antiphon.train.corpus import Corpus
from antiphon.train.distributed import World, joined
from antiphon.train.loop import TrainConfig, describe, train
from antiphon.train.nets import NetConfig
from antiphon.train.prep import prepare
from antiphon.train.recipe import config_of, read_recipe, recipe_names
from antiphon.train.token_markov import is_markov, markov_config, train_markov
from antiphon.train.tune import TUNINGS

__all__ = ["add_arguments", "run"]

_DEFAULT = TrainConfig()
_NET = NetConfig()
FEW = 0.1
"""The share of a folder's pieces that is held out, one at least: such folders are small."""
_FINE = {"patience": 4, "learning_rate": 2e-4, "evaluate_every": 50, "size": 8}
"""What is otherwise in fine-tuning: few pieces, looked at often, and not so fast that they wash away what it knows."""


def _weight(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write SET=NUMBER, as in pop909=2") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", type=Path, help="what `antiphon prep` wrote, or a folder of music")
    parser.add_argument("-o", "--out", metavar="RUN", type=Path, default=Path("run"), help="the run's folder (run)")
    parser.add_argument("--resume", action="store_true", help="go on with the run where it stopped")
    parser.add_argument("--no-samples", action="store_true", help="do not write what it plays after each evaluation")
    named = "; ".join(f"{name}: {about}" for name, about in recipe_names().items())
    parser.add_argument("--recipe", metavar="NAME", help=f"settings from a TOML file, or by name. {named}")
    parser.argument_default = argparse.SUPPRESS  # what is not said below is left to the recipe, then to the defaults
    tuning = parser.add_argument_group("fine-tuning")
    tuning.add_argument("--from", dest="start", metavar="MODEL", help="start from a shipped model, a bundle or a run")
    tuning.add_argument("--tune", dest="tuning", choices=TUNINGS, help="what of it may change (full)")
    tuning.add_argument("--rank", type=int, help=f"of what --tune lora adds ({_DEFAULT.rank})")
    length = parser.add_argument_group("how long")
    length.add_argument("--steps", type=int, help=f"steps ({_DEFAULT.steps:,})")
    length.add_argument("--minutes", type=float, help="train for so many minutes instead")
    length.add_argument(
        "--patience", type=int, help="stop after so many evaluations without progress (never; fine-tuning 4)"
    )
    length.add_argument(
        "--evaluate-every", type=int, help=f"steps ({_DEFAULT.evaluate_every}; fine-tuning {_FINE['evaluate_every']})"
    )
    length.add_argument(
        "--save-every",
        metavar="MINUTES",
        type=float,
        help=f"keep what --resume needs so often, beside after each evaluation ({_DEFAULT.save_every:g})",
    )
    net = parser.add_argument_group("the net")
    net.add_argument("--body", choices=("gru", "transformer"), help=f"({_NET.body})")
    net.add_argument("--width", type=int, help=f"of the body ({_NET.width})")
    net.add_argument("--layers", type=int, help=f"({_NET.layers})")
    net.add_argument("--head-width", type=int, help=f"({_NET.head_width})")
    net.add_argument("--window", type=int, help=f"events, or words, a transformer looks back ({_NET.window})")
    net.add_argument("--n-heads", type=int, help=f"of a transformer ({_NET.n_heads})")
    net.add_argument("--feed-forward", type=int, help="hidden units of a transformer's (8/3 of the width)")
    net.add_argument("--dropout", type=float, help=f"({_NET.dropout})")
    net.add_argument("--beat", action="store_true", help="tell it where beats fall, in music that has a grid")
    step = parser.add_argument_group("a step")
    step.add_argument("--size", type=int, help=f"windows a batch ({_DEFAULT.size}; fine-tuning {_FINE['size']})")
    step.add_argument("--length", type=int, help=f"events a window ({_DEFAULT.length})")
    step.add_argument("--accumulate", type=int, help="batches a step (1)")
    step.add_argument(
        "--learning-rate", type=float, help=f"({_DEFAULT.learning_rate}; fine-tuning {_FINE['learning_rate']})"
    )
    data = parser.add_argument_group("the music")
    data.add_argument(
        "--weight",
        dest="weights",
        metavar="SET=NUMBER",
        action="append",
        type=_weight,
        help="multiply a set's share, which is the square root of its events",
    )
    data.add_argument(
        "--no-augment", dest="augment", action="store_false", help="no transposition, tempo, dynamics, parts"
    )
    data.add_argument("--seed", type=int, help="(0)")
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--device", help="cpu, cuda or auto (auto)")
    machine.add_argument("--precision", choices=("auto", "bf16", "fp32"), help="(auto)")
    machine.add_argument("--compile", action="store_true", help="torch.compile, worth it on a GPU")
    machine.add_argument("--threads", type=int, help="(all cores)")
    machine.add_argument(
        "--shard", action="store_true", help="under torchrun: each process keeps only its part of the weights"
    )


def run(args: argparse.Namespace) -> int:
    given = dict(vars(args))
    settings = _stored(args.out) if args.resume else {}
    settings |= {} if args.recipe is None else read_recipe(args.recipe)
    if is_markov(settings):
        return _counted(args, settings, given)
    if "weights" in given:
        given["weights"] = dict(given["weights"])
    if "start" in given:
        given["start"] = str(_start(given["start"]))
        settings = {**_FINE, **settings}
    config = config_of(settings, given, args.recipe or str(args.out))
    with joined(config.device) as world:
        corpus = Corpus.open(_prepared(args.corpus, args.out, world))
        samples = Samples(corpus, args.out / "samples") if world.is_first and not args.no_samples else None
        progress = train(corpus, args.out, config, resume=args.resume, evaluated=samples, world=world)
    if world.is_first:
        print(f"{args.out}: " + ", ".join(f"{key} {value:.4g}" for key, value in describe(progress).items()))
        print(f"next: antiphon export {args.out} -o BUNDLE")
    return 0


def _counted(args: argparse.Namespace, settings: dict[str, Any], given: dict[str, Any]) -> int:
    """The family that is counted instead of trained."""
    if args.resume or "start" in given:
        raise ValueError("counts are made anew in minutes: --resume and --from are for nets")
    config = markov_config(settings, given, args.recipe or str(args.out))
    with joined("cpu") as world:
        corpus = Corpus.open(_prepared(args.corpus, args.out, world))
        figures = train_markov(corpus, args.out, config)
    print(
        f"{args.out}: contexts of up to {figures['order']} words, {figures['bytes'] / 1e6:.2f} MB, "
        f"{figures['nats_per_event']:.3f} nats per event, {figures['nats_per_word']:.3f} per word"
        if "words" in figures
        else f"{args.out}: contexts of up to {figures['order']} words; nothing was held out to judge them on"
    )
    print(f"next: antiphon export {args.out} -o BUNDLE")
    return 0


def _stored(out: Path) -> dict[str, Any]:
    """The settings of the run in `out`, as a recipe; none where there is no run."""
    try:
        stored = json.loads((out / "config.json").read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError as error:
        raise ValueError(f"{out}: config.json is damaged: {error}") from None
    known = {field.name for field in fields(TrainConfig)}
    return {name: value for name, value in stored.items() if name in known}


def _start(name: str) -> Path:
    """What `--from` means: a path, or the folder of a shipped model. Raises `ValueError`."""
    path = Path(name)
    if path.is_file() or (path.is_dir() and (path / "best.safetensors").exists()):
        return path
    return find_bundle(name)


def _prepared(folder: Path, out: Path, world: World) -> Path:
    """The corpus in `folder`, or made of the files of music in it, within the run's folder, by the first process."""
    if (folder / "corpus.json").exists() or not folder.is_dir():
        return folder
    corpus = out / "corpus"
    if world.is_first and not (corpus / "corpus.json").exists():
        print(prepare([folder], corpus, valid_fraction=FEW, progress=True), file=sys.stderr)
    world.wait()
    return corpus
