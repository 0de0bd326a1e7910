"""A run, a checkpoint or a bundle of ours becomes an ONNX bundle, and what its precision costs is measured."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from antiphon import __version__

__all__ = ["add_precision_arguments", "bundle_of", "export_onnx"]

EXAMPLE = ("ort_duet.cpp", "midi.hpp", "antiphon.hpp")
"""What shows a C++ developer how the one graph is called."""
PRECISIONS = ("int8", "fp32", "int8-static", "int4w")


def add_precision_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said of an ONNX bundle's precision."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the weights (int8, or fp32 for a net that eight bits do not carry); int8-static and int4w (four bits) "
        "are for --target onnx",
    )
    parser.add_argument(
        "--one-graph", action="store_true", help="add a graph that hears and draws an event in one call"
    )
    parser.add_argument("--report", action="store_true", help="measure all precisions, and print a table of them")
    parser.add_argument("--events", metavar="N", type=int, default=5000, help="of the corpus to be judged on (5000)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what was measured to this file")


def export_onnx(args: argparse.Namespace) -> str:
    """Write `args.out`; returns what there is to say of it."""
    if args.events < 1:
        raise ValueError("--events must be 1 or more")
    about, lines = _bundle(args)
    if args.one_graph:
        for name in EXAMPLE:
            shutil.copy(Path(__file__).parent.parent / "embed" / name, args.out / name)
    if about["codec"]["name"] == "stream":
        figures, refused = _measured(args, about["precision"])
        _remember(args.out, about, figures[about["precision"]])
        if args.json:
            args.json.write_text(
                json.dumps({"name": about["name"], "precisions": figures, "refused": refused}, indent=1)
            )
        if args.report:
            from antiphon.faces.evaluate_tables import printed
            from antiphon.faces.precisions import precision_table

            lines.append(printed(precision_table(figures, refused)))
    elif args.report or args.json:
        raise ValueError(f"{args.run}: only models of streams are measured by export; see antiphon evaluate")
    size = sum(p.stat().st_size for p in args.out.iterdir()) / 1e6
    lines.append(
        f"{args.out}: {about['parameters']:,} parameters, {about['precision']}, {size:.1f} MB; its graphs' answers "
        f"differ from the net's by at most {about['largest_difference']:.2g}"
    )
    return "\n".join(lines)


def _bundle(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Write the bundle in the precision that was asked for, else in eight bits or, where these are too few, in full.

    Returns its `bundle.json`, and a line for people where it is not what they would expect.
    """
    from antiphon.train.errors import TooCoarse

    try:
        return bundle_of(args, args.out, args.precision or PRECISIONS[0], one_graph=args.one_graph), []
    except TooCoarse as error:
        if args.precision:
            raise
        why = str(error).partition(": ")[2].partition(";")[0]
    return bundle_of(args, args.out, "fp32", one_graph=args.one_graph), [f"in full precision, since {why}"]


def _measured(args: argparse.Namespace, made: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Figures by precision, of the one that was `made` and fp32, or of all; and why others were refused."""
    from antiphon.faces.precisions import measured
    from antiphon.train.checkpoint import RunError
    from antiphon.train.corpus import Corpus

    bundles, refused = {made: args.out}, {}
    split = Corpus.open(args.corpus).split("valid") if args.corpus else None
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS if args.report else ("fp32",):
            if precision not in bundles:
                try:
                    bundle_of(args, Path(folder) / precision, precision)
                    bundles[precision] = Path(folder) / precision
                except RunError as error:
                    refused[precision] = str(error).partition(": ")[2]
        return measured(bundles["fp32"], bundles, split, args.events), refused


def _remember(bundle: Path, about: dict[str, Any], figures: dict[str, Any]) -> None:
    """Keep what was measured in `bundle.json`."""
    beside = bundle / "bundle.json.partial"
    beside.write_text(json.dumps(about | {"measured": figures}, indent=1) + "\n")
    beside.replace(bundle / "bundle.json")


def bundle_of(args: argparse.Namespace, out: Path, precision: str, *, one_graph: bool = False) -> dict[str, Any]:
    """Write a bundle of the run, checkpoint or bundle that is named; returns its `bundle.json`."""
    try:
        from antiphon.train.bundles import export_net
        from antiphon.train.corpus import Corpus
        from antiphon.train.nets import StreamNet
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("antiphon"):
            raise
        message = f"exporting a run needs {error.name}, which is not installed: pip install 'antiphon[train]'"
        raise ValueError(message) from error
    net, known = _source(args)
    more: dict[str, Any] = {}
    if one_graph:
        if not isinstance(net, StreamNet):
            raise ValueError("--one-graph is for models of streams")
        more["one_graph"] = True
    if args.lineage:
        known["lineage"] = json.loads(args.lineage.read_text()) | known["lineage"]
    split = Corpus.open(args.corpus).split("valid") if args.corpus else None
    name = args.name or known.pop("name", None) or args.out.name
    return export_net(net, out, name=name, precision=precision, split=split, **known, **more)


def _source(args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The net, and its lineage and validation; of a bundle its name, too."""
    from antiphon.engine.bundle import find_bundle, shipped_models

    if (args.run / "bundle.json").is_file() or str(args.run) in shipped_models():
        from antiphon.train.thaw import thawed

        folder = find_bundle(args.run)
        about = json.loads((folder / "bundle.json").read_text())
        known = {"lineage": about["lineage"] | {"source": {key: about[key] for key in ("precision", "files")}}}
        return thawed(folder), {**known, "validation": about["validation"], "name": about["name"]}
    from antiphon.train.checkpoint import load_net

    folder = args.run if args.run.is_dir() else args.run.parent
    net, progress = load_net(folder / "best.safetensors" if args.run.is_dir() else args.run)
    lineage = {"antiphon": __version__, "steps": progress["step"], "minutes": round(progress["seconds"] / 60, 1)}
    config = folder / "config.json"
    if config.exists():
        about = json.loads(config.read_text())
        lineage |= {"training": {k: v for k, v in about.items() if k != "corpus"}, "corpus": about["corpus"]}
    return net, {"lineage": lineage, "validation": progress["validation"]}
