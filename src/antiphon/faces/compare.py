"""`antiphon compare`: models side by side, in what they predict, what they make, and what they cost."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiphon.faces.evaluate_flags import add_measuring, measuring

if TYPE_CHECKING:
    from antiphon.engine import OpenedModel
    from antiphon.faces.evaluate_tables import Table

__all__ = ["add_arguments", "run"]

_EVENTS = 400  # that are drawn and fed for the latency
_WARM_UP = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundles", metavar="BUNDLE", nargs="+", help="bundles' folders, or shipped models")
    parser.add_argument(
        "--on",
        metavar="FOLDER",
        type=Path,
        help="a corpus, or a folder of MIDI or notation, to judge on (the tune in the box)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with plots there")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (0)")
    add_measuring(parser)


def run(args: argparse.Namespace) -> int:
    from antiphon import tunes
    from antiphon.engine import open_model
    from antiphon.faces.evaluate_pieces import Music
    from antiphon.faces.evaluate_stream import measure
    from antiphon.faces.evaluate_tables import complain, printed, tables
    from antiphon.faces.report import write_figures

    how = measuring(args)
    music = Music.open(args.on or Path(tunes.__file__).parent)
    training = Music.open(args.train) if args.train else None
    models = _named([open_model(name) for name in args.bundles])
    figures = measure(models, music, training, how)
    figures["models"] = _costs(models)
    figures["more_than_the_first"] = _differences(figures)
    costs = _table(figures)
    if args.json:
        write_figures(args.json, figures)
    if args.html:
        _write_page(args.html, figures, costs)
    complain("compare", figures)
    print("\n\n".join(printed(table) for table in (costs, *tables(figures))))
    return 0


def _named(models: Sequence[OpenedModel]) -> dict[str, OpenedModel]:
    """Models by their own names, those that share one told apart by numbers."""
    named: dict[str, OpenedModel] = {}
    for model in models:
        alike = sum(model.name == other.name for other in named.values())
        named[f"{model.name} ({alike + 1})" if alike else model.name] = model
    return named


def _costs(models: Mapping[str, OpenedModel]) -> dict[str, dict[str, Any]]:
    """What each model takes: milliseconds an event, bytes on disk and of state, and the size of its net."""
    import numpy as np

    figures = {}
    for name, milliseconds in _latencies(models).items():
        bundle = models[name].bundle
        figures[name] = {
            "folder": str(bundle.folder),
            "latency_p50_ms": float(np.quantile(milliseconds, 0.5)),
            "latency_p99_ms": float(np.quantile(milliseconds, 0.99)),
            "bytes": sum(path.stat().st_size for path in bundle.folder.iterdir() if path.is_file()),
            "state_bytes": sum(array.nbytes for array in bundle.initial().values())
            if hasattr(bundle, "initial")
            else 0,
            "parameters": bundle.about.get("parameters"),
            "precision": bundle.about.get("precision"),
        }
    return figures


def _latencies(models: Mapping[str, OpenedModel]) -> dict[str, list[float]]:
    """Milliseconds that each model takes to draw an event and hear it.

    The models take turns, so that all have the same neighbours on a machine that is shared.
    """
    import time

    import numpy as np

    from antiphon.engine.model import Constraints, Voice

    voices = {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)}
    taken: dict[str, list[float]] = {name: [] for name in models}
    last, rng = dict.fromkeys(models, 0.0), {name: np.random.default_rng(0) for name in models}
    for model in models.values():
        model.reset()
    for turn in range(_EVENTS + _WARM_UP):
        for name, model in models.items():
            began = time.perf_counter()
            event = model.sample(Constraints(voices, earliest=last[name], latest=last[name] + 2.0), rng[name])
            model.feed(event)
            if turn >= _WARM_UP:
                taken[name].append(1e3 * (time.perf_counter() - began))
            last[name] = event.at
    return taken


def _differences(figures: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """How many nats an event each model takes more than the first, with its interval: piece against the same piece."""
    from dataclasses import asdict

    import numpy as np

    from antiphon.music.statistics import bootstrap_interval

    nats = {name: np.array(figures["likelihood"][name]["by_piece"]) for name in figures["models"]}
    first, sizes = next(iter(nats.values())), figures["events_by_piece"]
    return {
        name: asdict(bootstrap_interval(own - first, sizes, np.random.default_rng(figures["seed"])))
        for name, own in nats.items()
    }


def _table(figures: Mapping[str, Any]) -> Table:
    from antiphon.faces.evaluate_tables import Table

    rows: list[tuple[str, ...]] = []
    for name, row in figures["models"].items():
        nats, more = figures["likelihood"][name]["nats_per_event"], figures["more_than_the_first"][name]
        parameters = f"{row['parameters'] / 1e6:.2f} M" if row["parameters"] else "-"
        rows.append(
            (
                name,
                f"{nats['mean']:.3f} ({nats['low']:.2f} to {nats['high']:.2f})",
                f"{more['mean']:+.3f} ({more['low']:+.3f} to {more['high']:+.3f})" if rows else "",
                f"{row['latency_p50_ms']:.2f}",
                f"{row['latency_p99_ms']:.2f}",
                f"{row['bytes'] / 1e6:.1f}",
                f"{row['state_bytes'] / 1e3:.1f}",
                parameters,
                str(row["precision"] or "-"),
            )
        )
    columns = (
        "",
        "nats an event",
        "more than the first",
        "ms, median",
        "ms, p99",
        "MB on disk",
        "kB of state",
        "parameters",
        "precision",
    )
    return Table("Models", columns, rows, "ms: an event drawn and heard, on one thread of this processor")


def _write_page(path: Path, figures: Mapping[str, Any], costs: Table) -> None:
    from antiphon.faces.report import write_report
    from antiphon.faces.report_plots import dots

    points = {
        name: (row["latency_p50_ms"], figures["likelihood"][name]["nats_per_event"]["mean"])
        for name, row in figures["models"].items()
    }
    plot = dots("Likelihood against latency", points, "ms an event, median", "nats an event")
    names = ", ".join(figures["models"])
    write_report(path, f"Compared: {names}", f"On {figures['data']}.", figures, first=[plot], more=[costs])
