"""The figures of a judgement as tables, for the terminal and for a page alike."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.engine.model import FIELDS

__all__ = ["Table", "complain", "printed", "tables"]

_MEASURES = {
    "pitch_class_entropy": "pitch-class entropy, bits",
    "scale_consistency": "scale consistency",
    "pitch_in_key": "in the key of what came before",
    "part_in_key": "beside a part: in its key",
    "note_in_chord": "beside a part: in its chord",
    "groove_consistency": "groove consistency",
    "polyphony": "notes together",
    "note_density": "onsets a second",
    "note_length": "median note length, s",
    "silence_share": "share of silence",
    "repetition": "repetition",
    "longest_repeat": "longest run on a pitch",
    "machine_gun_rate": "machine-gun rate",
}
_DISTANCES = {
    "overlap": "overlap area",
    "kl": "KL divergence, nats",
    "distance_overlap": "overlap area of distances",
    "distance_kl": "KL divergence of distances",
}
_SPREADS = {"note_length": "note lengths", "onset_interval": "onset intervals"}

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table: its title, the names of its columns (the first one names the rows), its rows, and a word to it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def complain(verb: str, figures: Figures) -> None:
    """Say on the terminal what was wrong with each piece that was left out."""
    for line in figures["refused"]:
        print(f"antiphon {verb}: left out: {line}", file=sys.stderr)


def printed(table: Table) -> str:
    """A table as text, numbers to the right."""
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    text = [table.title]
    for line in lines:
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  " + "  ".join(cells).rstrip())
    return "\n".join([*text, *([f"  ({table.note})"] if table.note else [])])


def tables(figures: Figures) -> list[Table]:
    """All tables of what `faces.evaluate_stream.measure` found."""
    found = [_likelihood(figures), _guesses(figures)]
    if "words" in figures:
        found.append(_words(figures["words"]))
    if "orders" in figures:
        found.append(_orders(figures["orders"]))
    found += [_by(figures, "by_set", "set"), _by(figures, "by_family", "instruments")]
    made = figures.get("generated")
    if made:
        found += [_measured(made), _distances(made)]
    if made and "copies" in made:
        found.append(_copies(made))
    return found


def _number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def _interval(found: Figures, digits: int = 2) -> str:
    if math.isnan(found["mean"]):
        return "-"
    if found["low"] == found["high"]:
        return _number(found["mean"], digits)  # of one piece, which says nothing of others
    return f"{found['mean']:.{digits}f} ({found['low']:.{digits}f} to {found['high']:.{digits}f})"


def _likelihood(figures: Figures) -> Table:
    return Table(
        "Nats an event",
        ("", *FIELDS, "sum"),
        [
            (name, *(_interval(row["nats"][f]) for f in FIELDS), _interval(row["nats_per_event"]))
            for name, row in figures["likelihood"].items()
        ],
        f"events: {figures['events']:,}, pieces: {figures['pieces']}; in the order of the columns; lower is better; "
        "in brackets what the mean may be with 95 % confidence, by the bootstrap over pieces",
    )


def _guesses(figures: Figures) -> Table:
    tops = list(next(iter(figures["likelihood"].values()))["top"][FIELDS[0]])
    rows = [
        (
            f"{field}: {name}",
            _number(row["perplexity"][field]),
            *(f"{100 * row['top'][field][k]:.1f} %" for k in tops),
            f"{100 * row['calibration'][field]['error']:.1f} %",
        )
        for field in FIELDS
        for name, row in figures["likelihood"].items()
    ]
    columns = (
        "",
        "perplexity",
        *(f"in the first {k}" if k != "1" else "first guess" for k in tops),
        "calibration error",
    )
    return Table("Guesses", columns, rows, "perplexity of time counts steps of 10 ms; the error is the expected one")


def _words(found: Figures) -> Table:
    tops = list(next(iter(found.values()))["top"])
    rows = [
        (
            name,
            _number(row["nats_per_word"], 3),
            _number(row["perplexity"]),
            *(f"{100 * row['top'][k]:.1f} %" for k in tops),
            _number(row["words_per_event"]),
            _number(row["nats_per_event"], 3),
        )
        for name, row in found.items()
    ]
    columns = (
        "",
        "nats a word",
        "perplexity",
        *(f"in the first {k}" if k != "1" else "first guess" for k in tops),
        "words an event",
        "nats an event",
    )
    note = "of the words as they are; above, times are counted by 10 ms and velocities one by one"
    return Table("Words", columns, rows, note)


def _orders(found: Figures) -> Table:
    columns = found["nats_per_event"]
    names = list(next(iter(columns.values())))
    rows = [(order, *(_number(column[order], 3) for column in columns.values())) for order in names]
    rows.append(("mean", *(_number(sum(column.values()) / len(column), 3) for column in columns.values())))
    note = f"{found['events']:,} events; i instrument, p pitch, t time, v velocity, each given those before it"
    return Table("Nats an event in each order of the fields", ("", *columns), rows, note)


def _by(figures: Figures, key: str, what: str) -> Table:
    systems = figures["likelihood"]
    labels = next(iter(systems.values()))[key]
    rows = [
        (
            label,
            f"{row['events']:,}",
            str(row["pieces"]),
            *(_interval(system[key][label]["nats_per_event"]) for system in systems.values()),
        )
        for label, row in labels.items()
    ]
    return Table(f"Nats an event by {what}", ("", "events", "pieces", *systems), rows)


def _systems(made: Figures) -> list[str]:
    """The data first, to which all others are held."""
    return ["data", *(name for name in made["systems"] if name != "data")]


def _measured(made: Figures) -> Table:
    names = _systems(made)
    rows = [
        (label, *(_interval(made["systems"][name]["measures"][key]) for name in names))
        for key, label in _MEASURES.items()
    ]
    return Table(
        "Music that is made",
        ("", *names),
        rows,
        f"{made['pieces']} pieces, heard for {made['prompt']:g} s and gone on with for {made['seconds']:g}; data: how "
        "they really go on, learner: the Markov model that knows only what came before, copy: the last two bars over "
        "and over; nearer to the data is better",
    )


def _distances(made: Figures) -> Table:
    names = _systems(made)
    rows = [
        (f"{spread}: {label}", *(_number(made["systems"][name]["distances"][key][kind]) for name in names))
        for key, spread in _SPREADS.items()
        for kind, label in _DISTANCES.items()
    ]
    rows.append(("Frechet distance", *(_number(made["frechet"][name]) for name in names)))
    note = (
        "overlap 1, divergence and distance 0: alike; of distances, as Yang and Lerch (2020) have them; Frechet: in "
        "what the model antiphon has in mind, which flatters itself and its kin"
    )
    return Table("Distributions against the data's", ("", *names), rows, note)


def _copies(made: Figures) -> Table:
    names, searched = _systems(made), made["searched"]
    rows = [
        (label, *(_number(made["copies"][name][key], digits) for name in names))
        for key, label, digits in (("mean", "notes, mean", 1), ("longest", "notes, most", 0))
    ]
    note = f"searched: {searched['notes']:,} notes of {searched['pieces']:,} pieces, in any key and tempo"
    return Table("The longest passage found in the training music", ("", *names), rows, note)
