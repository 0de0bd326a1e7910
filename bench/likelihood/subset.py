"""Choose the comparison's corpus: files sampled by set from the `permissive` and `groove` training sets.

A set gives files in proportion to the square root of its notes (or all it has), so that no one set is half of the
music. English hymns are left out: what is trained on them may not ship.
"""

from __future__ import annotations

import argparse
import csv
import lzma
import math
import random
import shutil
from collections import Counter, defaultdict
from pathlib import Path

SIZES = {"train": 1500, "valid": 150}
FEWEST, MOST = 100, 8000  # notes a file
LEFT_OUT = {"english_hymns"}
GROUPS = {"permissive", "groove"}


def quotas(files: dict[str, list[str]], notes: Counter[str], total: int) -> dict[str, int]:
    """Files a set, `total` in all up to rounding; what a small set cannot give is shared out among the others."""
    quota: dict[str, int] = {}
    free, left = set(files), total
    while free:
        weight = sum(math.sqrt(notes[name]) for name in free)
        share = {name: left * math.sqrt(notes[name]) / weight for name in free}
        full = {name for name in free if share[name] >= len(files[name])}
        if not full:
            return quota | {name: round(share[name]) for name in free}
        quota |= {name: len(files[name]) for name in full}
        left -= sum(quota[name] for name in full)
        free -= full
    return quota


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("data", type=Path, help="the folder that holds permissive/ and groove/")
    parse.add_argument("manifest", type=Path, help="MANIFEST.tsv.xz")
    parse.add_argument("out", type=Path)
    given = parse.parse_args()
    rng = random.Random(0)
    with lzma.open(given.manifest, "rt") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for part, total in SIZES.items():
        files: dict[str, list[str]] = defaultdict(list)
        notes: Counter[str] = Counter()
        for row in rows:
            group, split = row["path"].split("/")[:2]
            if group not in GROUPS or split != part or row["set"] in LEFT_OUT:
                continue
            notes[row["set"]] += int(row["n_notes"])
            if FEWEST <= int(row["n_notes"]) <= MOST:
                files[row["set"]].append(row["path"])
        quota = quotas(files, notes, total)
        for name in sorted(files):
            target = given.out / part / name
            target.mkdir(parents=True, exist_ok=True)
            for path in sorted(rng.sample(sorted(files[name]), quota[name])):
                shutil.copyfile(given.data / path, target / Path(path).name)
        print(part, sum(quota.values()), dict(sorted(quota.items())))


if __name__ == "__main__":
    main()
