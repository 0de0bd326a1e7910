"""`antiphon export`: a run's best checkpoint becomes a bundle; a run or a bundle becomes a folder for C++ or the web."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from antiphon import __version__

__all__ = ["add_arguments", "run"]

_PRECISIONS = ("int8", "fp32")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        metavar="RUN",
        type=Path,
        help="a folder that `antiphon train` wrote, or a checkpoint; for C++ and the web also a bundle or a shipped one",
    )
    parser.add_argument("-o", "--out", metavar="BUNDLE", required=True, type=Path, help="the folder to write")
    parser.add_argument("--target", choices=("onnx", "cpp", "js"), default="onnx", help="what is to play it (onnx)")
    parser.add_argument("--precision", choices=_PRECISIONS, default="int8", help="of the weights (int8)")
    parser.add_argument("--name", help="the model's name (the bundle folder's)")
    parser.add_argument("--corpus", type=Path, help="take the reference events from this corpus")
    parser.add_argument("--lineage", metavar="FILE.json", type=Path, help="data and licences, to be kept in the bundle")
    parser.add_argument("--npm", action="store_true", help="with --target js: fetch what else it needs with npm")
    parser.add_argument("--single-file", action="store_true", help="with --target js: one HTML file, made with npm")


def run(args: argparse.Namespace) -> int:
    if (args.npm or args.single_file) and args.target != "js":
        raise ValueError("--npm and --single-file are for --target js")
    if args.target != "onnx":
        print(_embedded(args))
        return 0
    bundle = _bundle(args, args.out, args.precision)
    size = sum(p.stat().st_size for p in args.out.iterdir()) / 1e6
    print(
        f"{args.out}: {bundle['parameters']:,} parameters, {args.precision}, {size:.1f} MB; its graphs' answers differ "
        f"from the net's by at most {bundle['largest_difference']:.2g}"
    )
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
        _bundle(args, whole, "fp32")
        return written(whole)


def _bundle(args: argparse.Namespace, out: Path, precision: str) -> dict[str, Any]:
    """Write the bundle of a run; returns its `bundle.json`."""
    try:
        from antiphon.train.checkpoint import load_net
        from antiphon.train.corpus import Corpus
        from antiphon.train.export import export
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("antiphon"):
            raise
        message = f"exporting a run needs {error.name}, which is not installed: pip install 'antiphon[train]'"
        raise ValueError(message) from error
    folder = args.run if args.run.is_dir() else args.run.parent
    net, progress = load_net(folder / "best.safetensors" if args.run.is_dir() else args.run)
    lineage = json.loads(args.lineage.read_text()) if args.lineage else {}
    config = folder / "config.json"
    lineage |= {"antiphon": __version__, "steps": progress["step"], "minutes": round(progress["seconds"] / 60, 1)}
    if config.exists():
        about = json.loads(config.read_text())
        lineage |= {"training": {k: v for k, v in about.items() if k != "corpus"}, "corpus": about["corpus"]}
    return export(
        net,
        out,
        name=args.name or args.out.name,
        precision=precision,
        lineage=lineage,
        validation=progress["validation"],
        split=Corpus.open(args.corpus).split("valid") if args.corpus else None,
    )
