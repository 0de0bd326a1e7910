"""A page of tables and plots in one file: no script, nothing from elsewhere, for dark rooms and light ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from antiphon.engine.model import FIELDS
from antiphon.faces.evaluate_generated import CURVES
from antiphon.faces.evaluate_tables import Table, tables
from antiphon.faces.report_plots import bars, lines

__all__ = ["plots", "write_figures", "write_page", "write_report"]

_FEWEST_GUESSES = 20  # that make a point of a curve
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --quiet: #5c666d; --paper: #fcfcfa; --line: #d9dcd8;
  --c0: #2f6f9f; --c1: #c2622d; --c2: #4d8a4a; --c3: #8a5a9e; --c4: #a08a1f; --c5: #6b7379;
  --c6: #b0467a; --c7: #2f8f8a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e3; --quiet: #9aa3a8; --paper: #171a1c; --line: #363c40;
  --c0: #6db1e0; --c1: #eb9460; --c2: #86c482; --c3: #c295d6; --c4: #d6c04f; --c5: #a4adb3;
  --c6: #e88ab5; --c7: #62cbc4; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { color: var(--quiet); margin: .3rem 0; max-width: 60rem; }
.wide { overflow-x: auto; } .plots { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); align-items: start; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; } td:first-child, th:first-child { text-align: left; padding-left: 0; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .title { font-weight: 600; font-size: 14px; } svg .grid { stroke: var(--line); }
svg .ideal { stroke: var(--quiet); stroke-dasharray: 4 4; } svg path { fill: none; stroke-width: 2; }
""" + "\n".join(f".f{i} {{ fill: var(--c{i}); }} .l{i} {{ stroke: var(--c{i}); }}" for i in range(8))


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write all figures to `path` as JSON; what could not be measured is null. Raises OSError."""
    path.write_text(json.dumps(_told(figures), indent=1) + "\n", encoding="utf-8")


def _told(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def write_report(path: Path, title: str, words: str, figures: Mapping[str, Any], *, first: Sequence[str] = (),
                 more: Sequence[Table] = ()) -> None:  # fmt: skip
    """Write the page of `figures` (as `faces.evaluate_stream.measure` found them) to `path`. Raises OSError.

    `first` are plots and `more` tables that stand before the others.
    """
    write_page(path, title, words, [*first, *plots(figures)], [*more, *tables(figures)])


def write_page(path: Path, title: str, words: str, drawn: Sequence[str], told: Sequence[Table]) -> None:
    """Write a page of plots, each an SVG, and below them tables. Raises OSError."""
    body = [f"<h1>{escape(title)}</h1>", f"<p>{escape(words)}</p>"]
    body.append('<div class="plots">\n' + "\n".join(drawn) + "\n</div>")
    body += [_table(table) for table in told]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>'
    page = f'<!doctype html>\n<html lang="en">\n{head}\n<style>{_STYLE}\n</style>\n' + "\n".join(body) + "\n</html>\n"
    path.write_text(page, encoding="utf-8")


def plots(figures: Mapping[str, Any]) -> list[str]:
    """The plots of figures, each an SVG."""
    systems = figures["likelihood"]
    drawn = [
        bars(
            "Nats an event: lower is better",
            {name: {f: row["nats"][f]["mean"] for f in FIELDS} for name, row in systems.items()},
            "nats",
        )
    ]
    drawn += [_calibration(name, row) for name, row in systems.items() if name not in ("markov", "uniform")]
    made = figures.get("generated")
    if made:
        drawn += [
            lines(
                title,
                {name: _curve(system, key) for name, system in made["systems"].items()},
                "seconds",
                "share",
                log_x=True,
            )
            for key, title in (("note_length", "How long notes last"), ("onset_interval", "Time between onsets"))
        ]
    if "orders" in figures:
        drawn += [
            _orders(name, row)
            for name, row in figures["orders"]["nats_per_event"].items()
            if name not in ("markov", "uniform")
        ]
    return drawn


def _calibration(name: str, row: Mapping[str, Any]) -> str:
    series = {
        field: [
            (sure, right)
            for sure, right, count in zip(found["confidence"], found["accuracy"], found["count"], strict=True)
            if count >= _FEWEST_GUESSES
        ]
        for field, found in row["calibration"].items()
    }
    return lines(f"{name}: how often its first guess is right", series, "how sure it is", "right", diagonal=True)


def _orders(name: str, row: Mapping[str, float]) -> str:
    best = sorted(row, key=row.__getitem__)
    return bars(f"{name}: nats an event by order of the fields", {order: {"sum": row[order]} for order in best}, "nats")


def _curve(system: Mapping[str, Any], key: str) -> list[tuple[float, float]]:
    return list(zip(CURVES, system["curves"][key], strict=True))


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    title = f"<h2>{escape(table.title)}</h2>"
    return f'{title}\n<div class="wide"><table>\n<tr>{head}</tr>\n{rows}\n</table></div>\n{note}'
