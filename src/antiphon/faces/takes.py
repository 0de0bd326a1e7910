"""`antiphon takes`: the takes that were kept."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon takes` understands."""
    parser.add_argument("folder", type=Path, nargs="?", help="where to look (your data folder)")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def run(args: argparse.Namespace) -> int:
    """List the takes, the oldest first. Returns 0; takes that cannot be read are named on standard error."""
    from antiphon.ports.take import SUFFIX, takes_folder

    folder = takes_folder() if args.folder is None else args.folder
    if args.folder is not None and not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    rows = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            rows.append(_row(path))
        except (ValueError, OSError) as error:
            print(f"antiphon takes: {error}", file=sys.stderr)
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        print(_table(rows) if rows else f"no takes in {folder}")
    return 0


def _row(path: Path) -> dict[str, object]:
    from antiphon.ports.recorder import MACHINE, PLAYER
    from antiphon.ports.take import read_take

    take = read_take(path)
    recorder = take.recording()
    begin, end = take.span
    onsets = {group: sum(e.is_onset for e in recorder.as_it_came(group)) for group in (PLAYER, MACHINE)}
    return {
        "file": str(path),
        "began": take.header.get("began", ""),
        "seconds": round(end - begin, 1),
        "yours": onsets[PLAYER],
        "its": onsets[MACHINE],
        "model": take.header.get("model", ""),
        "tune": take.header.get("tune", ""),
        "whole": take.whole,
    }


def _table(rows: list[dict[str, object]]) -> str:
    lines = [f"{'began':<17} {'length':>8} {'yours':>7} {'its':>7}  {'model':<12} file"]
    for row in rows:
        began = datetime.fromisoformat(str(row["began"])).astimezone().strftime("%Y-%m-%d %H:%M")
        minutes, seconds = divmod(round(float(str(row["seconds"]))), 60)
        cut = "" if row["whole"] else "  (cut off, whole up to there)"
        length = f"{minutes}:{seconds:02d}"
        lines.append(
            f"{began:<17} {length:>8} {row['yours']:>7} {row['its']:>7}  {row['model']:<12} {row['file']}{cut}"
        )
    return "\n".join(lines)
