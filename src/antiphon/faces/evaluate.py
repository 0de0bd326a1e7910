"""`antiphon evaluate`: how well a bundle predicts music that it never saw, and what the music that it makes is like."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from antiphon.faces.evaluate_flags import add_measuring, measuring

__all__ = ["add_arguments", "run"]

_ORDERINGS, _CROP = 5, 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a bundle's folder, or a shipped model")
    parser.add_argument(
        "data",
        metavar="DATA",
        type=Path,
        help="a corpus, or a folder of MIDI or notation; for a chorale bundle, chorales at sixteenths, .npz or .json",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with plots there (of a stream model)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (0)")
    add_measuring(parser)
    chorales = parser.add_argument_group("chorale bundles")
    chorales.add_argument("--split", default="valid", help="which of the file's splits (valid)")
    chorales.add_argument("--unit", choices=("both", "framewise", "notewise"), default="both", help="(both)")
    chorales.add_argument("--order", choices=("both", "random", "chronological"), default="both", help="(both)")
    chorales.add_argument("--orderings", type=int, default=_ORDERINGS, help=f"orders averaged ({_ORDERINGS})")
    chorales.add_argument("--crop", type=int, default=_CROP, help=f"sixteenths of each piece, 0 for all ({_CROP})")
    chorales.add_argument(
        "--sample", metavar="N", type=int, help="judge only N steps (4 N notes) of each crop: quicker"
    )


def run(args: argparse.Namespace) -> int:
    from antiphon.engine.chorale import bundle_kind

    return _chorales(args) if bundle_kind(args.bundle) == "grid" else _stream(args)


def _chorales(args: argparse.Namespace) -> int:
    if args.orderings < 1 or args.crop < 0 or (args.sample is not None and args.sample < 1):
        raise ValueError("--orderings and --sample must be 1 or more, --crop 0 or more")
    if args.html:
        raise ValueError("--html is for stream models; a chorale bundle's figures are written by --json")
    from antiphon.faces.evaluate_chorale import evaluate_chorales, print_chorales

    figures = evaluate_chorales(args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print_chorales(figures)
    return 0


def _stream(args: argparse.Namespace) -> int:
    how = measuring(args)
    from antiphon.engine import open_model
    from antiphon.faces.evaluate_pieces import Music
    from antiphon.faces.evaluate_stream import measure
    from antiphon.faces.evaluate_tables import complain, printed, tables
    from antiphon.faces.report import write_figures, write_report

    if args.data.is_file():
        what = f"{args.bundle}: a model of kind 'stream'; only models of chorales are judged on a file"
        raise ValueError(f"{what}: give a corpus or a folder of files of music instead of {args.data}")
    music = Music.open(args.data)
    training = Music.open(args.train) if args.train else None
    model = open_model(args.bundle)
    figures = measure({model.name: model}, music, training, how)
    own = figures["likelihood"][model.name]
    nats = {field: row["mean"] for field, row in own["nats"].items()}
    figures = {"bundle": model.name, "nats_per_event": own["nats_per_event"]["mean"], "nats": nats} | figures
    if args.json:
        write_figures(args.json, figures)
    if args.html:
        write_report(args.html, model.name, f"Judged on {figures['data']}.", figures)
    complain("evaluate", figures)
    print("\n\n".join(printed(table) for table in tables(figures)))
    return 0
