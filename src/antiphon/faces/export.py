"""`antiphon export`: a run's best checkpoint becomes a bundle; a run or a bundle, a folder for C++ or the web."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from antiphon import __version__
from antiphon.faces.onnx_export import add_precision_arguments, bundle_of, export_onnx

__all__ = ["add_arguments", "run"]

_EMBEDDED = ("int8", "fp32")
"""Precisions in which models go to C++ and browsers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        metavar="RUN",
        type=Path,
        help="a folder that `antiphon train` wrote, a checkpoint, a bundle of fp32 or int8, or a shipped model's name",
    )
    parser.add_argument("-o", "--out", metavar="BUNDLE", required=True, type=Path, help="the folder to write")
    parser.add_argument("--target", choices=("onnx", "cpp", "js"), default="onnx", help="what is to play it (onnx)")
    add_precision_arguments(parser)
    parser.add_argument("--name", help="the model's name (the bundle folder's)")
    parser.add_argument("--corpus", type=Path, help="take the reference events from this corpus")
    parser.add_argument("--lineage", metavar="FILE.json", type=Path, help="data and licences, to be kept in the bundle")
    parser.add_argument("--npm", action="store_true", help="with --target js: fetch what else it needs with npm")
    parser.add_argument("--single-file", action="store_true", help="with --target js: one HTML file, made with npm")


def run(args: argparse.Namespace) -> int:
    if (args.npm or args.single_file) and args.target != "js":
        raise ValueError("--npm and --single-file are for --target js")
    if args.target != "onnx":
        args.precision = args.precision or _EMBEDDED[0]
        if args.precision not in _EMBEDDED or args.one_graph or args.report or args.json:
            raise ValueError(f"--target {args.target} takes --precision int8 or fp32, and nothing of --target onnx")
        print(_embedded(args))
        return 0
    if _is_counted(args.run):
        print(_counted(args, args.out))
        return 0
    print(export_onnx(args))
    return 0


def _embedded(args: argparse.Namespace) -> str:
    """A folder for C++ or browsers, from a bundle as it is or from a run by way of a bundle in full precision."""
    from antiphon.engine.bundle import find_bundle, shipped_models
    from antiphon.faces.embedding import embed
    from antiphon.faces.web_embedding import embed_for_web

    def written(bundle: Path) -> str:
        if args.target == "cpp":
            return embed(bundle, args.out, args.precision)
        return embed_for_web(bundle, args.out, args.precision, npm=args.npm, single_file=args.single_file)

    if (args.run / "bundle.json").is_file() or str(args.run) in shipped_models():
        if args.name or args.corpus or args.lineage:
            raise ValueError(f"{args.run} is a bundle, which has its name, events and lineage already")
        return written(find_bundle(args.run))
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / (args.name or args.out.name)
        if _is_counted(args.run):
            _counted(args, whole)
        else:
            bundle_of(args, whole, "fp32")
        return written(whole)


def _is_counted(run: Path) -> bool:
    """Whether a run is of the family that is counted: it has its tables already, and needs no torch."""
    return (run / "model.bin").is_file() and (run / "config.json").is_file()


def _counted(args: argparse.Namespace, out: Path) -> str:
    """Write the bundle of a counted run; returns a line for people."""
    from antiphon.train.token_markov import export_markov

    about = json.loads((args.run / "config.json").read_text())
    lineage = json.loads(args.lineage.read_text()) if args.lineage else {}
    training = {key: value for key, value in about.items() if key not in ("corpus", "validation")}
    lineage |= {"antiphon": __version__, "training": training, "corpus": about["corpus"]}
    bundle = export_markov(args.run, out, name=args.name or args.out.name, lineage=lineage)
    size = sum(p.stat().st_size for p in out.iterdir()) / 1e6
    return f"{out}: contexts of up to {bundle['order']} words, {bundle['parameters']:,} numbers, {size:.1f} MB"
