"""The figures of a corpus as tables and as plots."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from antiphon.faces.evaluate_tables import Table
from antiphon.faces.report_plots import bars, columns

__all__ = ["corpus_plots", "corpus_tables", "summed_up"]

Figures = Mapping[str, Any]

_MOST = 15  # rows of a list that may be long
_STATUS = {
    "ok": "used",
    "duplicate": "duplicates",
    "too-short": "too short",
    "filtered": "filtered",
    "refused": "refused",
    "excluded": "excluded",
}
_CURVES = (
    ("tempo", "Tempo", "quarters a minute"),
    ("seconds", "Duration", "seconds"),
    ("density", "Density", "notes a second"),
    ("polyphony", "Polyphony", "notes together, on average"),
    ("low", "Lowest pitch", "MIDI pitch"),
    ("high", "Highest pitch", "MIDI pitch"),
    ("phrase_events", "Phrases", "events a phrase"),
)


def summed_up(figures: Figures) -> str:
    """A sentence or two on the whole corpus."""
    hours = sum(split["seconds"] for split in figures["splits"].values()) / 3600
    pieces = {side: split["pieces"] for side, split in figures["splits"].items()}
    events = sum(split["events"] for split in figures["splits"].values())
    told = ", ".join(f"{figures['files'].get(status, 0):,} {name}" for status, name in _STATUS.items())
    keys = {"common": " All pieces are in one key.", "all": " Pieces to train on are in every key."}
    return (
        f"{pieces['train']:,} pieces to train on and {pieces['valid']:,} to validate on, {events:,} events, "
        f"{hours:,.1f} hours. Of {sum(figures['files'].values()):,} files: {told}.{keys.get(figures['key'], '')}"
    )


def corpus_tables(figures: Figures) -> list[Table]:
    """All tables of `train.survey.survey`'s figures."""
    made = [_sets(figures)]
    if figures["reasons"]:
        made.append(_counts("What was left out", "reason", "files", figures["reasons"]))
    music = figures["music"]
    if music:
        made += [_facts(music), _keys(music)]
        for key, title, what in (("meters", "Meters", "meter"), ("instruments", "Instruments", "instrument")):
            made.append(_by_split(title, what, {side: split[key] for side, split in music.items()}))
        qualities = {side: split["chords"]["qualities"] for side, split in music.items()}
        made.append(_by_split("Chords", "quality", qualities))
    made.append(_longest(figures))
    return made


def _sets(figures: Figures) -> Table:
    rows = []
    for name, sides in figures["sets"].items():
        row = [name]
        for side in figures["splits"]:
            of = sides[side] or {"pieces": 0, "events": 0, "seconds": 0.0}
            row += [f"{of['pieces']:,}", f"{of['events']:,}", f"{of['seconds'] / 3600:,.1f}"]
        rows.append(row)
    heads = [f"{side} {what}" for side in figures["splits"] for what in ("pieces", "events", "hours")]
    return Table("Sets", ["set", *heads], rows, "a set is the folder that holds a file")


def _counts(title: str, what: str, unit: str, counts: Mapping[str, int]) -> Table:
    shown = list(counts.items())[:_MOST]
    rest = len(counts) - len(shown)
    note = f"and {rest} more in manifest.jsonl" if rest else ""
    return Table(title, [what, unit], [[name, f"{count:,}"] for name, count in shown], note)


def _by_split(title: str, what: str, counts: Mapping[str, Mapping[str, int]]) -> Table:
    names = sorted(
        {name for of in counts.values() for name in of}, key=lambda n: -sum(c.get(n, 0) for c in counts.values())
    )
    names = [name for name in names if sum(of.get(name, 0) for of in counts.values())]
    rows = [[name, *(f"{of.get(name, 0):,}" for of in counts.values())] for name in names[:_MOST]]
    note = f"and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return Table(title, [what, *counts], rows, note)


def _number(value: float, digits: int = 1) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def _facts(music: Figures) -> Table:
    def row(name: str, values: Iterator[str]) -> list[str]:
        return [name, *values]

    of = list(music.values())
    rows = [
        row("score-like, not performed", (f"{s['score_like']:.0%}" for s in of)),
        row("with drums", (f"{s['with_drums']:.0%}" for s in of)),
        row("all notes equally loud", (f"{s['velocity_flat']:.0%}" for s in of)),
        row("time in which nothing sounds", (f"{s['empty']:.0%}" for s in of)),
        row("no key stands out", (f"{s['no_key'] / s['pieces']:.0%}" for s in of)),
        row("confidence of the key, mean", (_number(s["key_confidence"], 2) for s in of)),
        *(
            row(f"{title.lower()}, median ({unit})", (_number(s["histograms"][key]["median"]) for s in of))
            for key, title, unit in _CURVES
        ),
        row("phrases", (f"{s['phrases']:,}" for s in of)),
        row("chords", (f"{s['chords']['count']:,}" for s in of)),
    ]
    return Table("What the pieces are like", ["", *music], rows)


def _keys(music: Figures) -> Table:
    """Keys of all splits together: a row a mode."""
    modes = list(dict.fromkeys(mode for split in music.values() for mode in split["keys"]))
    tonics = list(next(iter(next(iter(music.values()))["keys"].values()), {}))
    rows = [
        [mode, *(f"{sum(split['keys'].get(mode, {}).get(tonic, 0) for split in music.values()):,}" for tonic in tonics)]
        for mode in modes
    ]
    return Table("Keys", ["mode", *tonics], rows)


def _longest(figures: Figures) -> Table:
    rows = [[one["path"], _minutes(one["seconds"]), f"{one['notes']:,}", one["split"]] for one in figures["longest"]]
    return Table("The longest pieces", ["piece", "minutes", "notes", "split"], rows)


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def corpus_plots(figures: Figures) -> list[str]:
    """The plots of the figures, each an SVG."""
    drawn = []
    sets = {
        name: {side: (of[side] or {"seconds": 0.0})["seconds"] / 3600 for side in figures["splits"]}
        for name, of in figures["sets"].items()
    }
    drawn.append(bars("Hours in each set", dict(_largest(sets)), "h"))
    files = {_STATUS.get(status, status): {"files": float(count)} for status, count in figures["files"].items()}
    drawn.append(bars("What became of the files", files, "files"))
    music = figures["music"]
    if not music:
        return drawn
    drawn.append(_keys_drawn(music))
    drawn.append(_shares("Instruments, in how many pieces", music, "instruments"))
    drawn.append(_shares("Meters, in how many pieces", music, "meters"))
    drawn.append(
        columns("Pitches", range(129), {side: split["pitches"] for side, split in music.items()}, "MIDI pitch", "notes")
    )
    drawn.append(
        columns("Velocities", range(129), {s: split["velocities"] for s, split in music.items()}, "velocity", "notes")
    )
    for key, title, unit in _CURVES:
        edges = next(iter(music.values()))["histograms"][key]["edges"]
        counts = {side: split["histograms"][key]["counts"] for side, split in music.items()}
        if any(any(heights) for heights in counts.values()):
            drawn.append(columns(title, edges, counts, unit, "pieces"))
    return drawn


def _largest(rows: Mapping[str, Mapping[str, float]]) -> Sequence[tuple[str, Mapping[str, float]]]:
    return sorted(rows.items(), key=lambda row: -sum(row[1].values()))[:_MOST]


def _shares(title: str, music: Figures, key: str) -> str:
    names = dict.fromkeys(name for split in music.values() for name in split[key])
    rows = {name: {side: float(split[key].get(name, 0)) for side, split in music.items()} for name in names}
    return bars(title, dict(_largest(rows)), "pieces")


def _keys_drawn(music: Figures) -> str:
    """Pieces by tonic, each mode a part of the bar."""
    tonics = list(next(iter(next(iter(music.values()))["keys"].values()), {}))
    modes = list(dict.fromkeys(mode for split in music.values() for mode in split["keys"]))
    rows = {
        tonic: {
            mode: float(sum(split["keys"].get(mode, {}).get(tonic, 0) for split in music.values())) for mode in modes
        }
        for tonic in tonics
    }
    return bars("Keys", rows, "pieces")
