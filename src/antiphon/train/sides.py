"""Which pieces are near-copies of which, and which side of the split each piece goes to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from antiphon.train.facts import NO_FACTS
from antiphon.train.fingerprint import components, resembling_pairs

__all__ = ["DUPLICATE", "SAME_PIECE", "Row", "choose_sides"]

DUPLICATE = 0.8
"""Resemblance from which two files are one piece twice, in whatever key: one is kept."""

SAME_PIECE = 0.1
"""Resemblance from which two files are versions of a piece: both may be kept, on one side of the split."""


@dataclass
class Row:
    """A line of the manifest: a file and what becomes of it.

    `status` is ok, refused, duplicate, too-short, filtered or excluded, and `reason` says why; `piece` names the group
    of files that are versions of one piece; `split` is train, valid or empty; `given_side` is what the source folder
    wants; `facts`, dtype `FACTS` of shape (), tells what the piece is like, and `shifts` by how many semitones it is
    transposed, once for each time that it is stored.
    """

    path: str
    set: str
    given_side: str
    reason: str
    sha1: str
    notes: int
    seconds: float
    repairs: Sequence[str]
    facts: npt.NDArray[np.void] = field(default_factory=lambda: NO_FACTS)
    status: str = "ok"
    split: str = ""
    piece: str = ""
    shifts: Sequence[int] = (0,)


def choose_sides(
    rows: Sequence[Row], sketches: Sequence[npt.NDArray[np.uint64]], valid_fraction: float, seed: int
) -> None:
    """Fill in `piece` and `split`, and mark duplicates, of all `rows` (changed in place) whose status is "ok".

    Of near-copies one is kept: the one given to valid, if any, so that a copy in train can give nothing away, else the
    one with the most notes. All versions of a piece go to one side; where a given split tears them apart, those in
    train are dropped.
    """
    usable = [i for i, row in enumerate(rows) if row.status == "ok"]
    pairs = resembling_pairs([sketches[i] for i in usable], SAME_PIECE)
    first_of: dict[str, int] = {}
    for place, i in enumerate(usable):
        original = first_of.setdefault(rows[i].sha1, place)
        if original != place:
            pairs.append((original, place, 1.0))
    group = components(len(usable), ((i, j) for i, j, _ in pairs))
    copies = components(len(usable), ((i, j) for i, j, alike in pairs if alike >= DUPLICATE))
    groups: dict[int, list[Row]] = {}
    for place, i in enumerate(usable):
        groups.setdefault(int(group[place]), []).append(rows[i])
    for members in groups.values():
        name = min(row.sha1 for row in members)[:12]
        for row in members:
            row.piece = name
    _drop_copies([rows[i] for i in usable], copies)
    _split(list(groups.values()), valid_fraction, seed)


def _drop_copies(rows: Sequence[Row], copies: npt.NDArray[np.int64]) -> None:
    alike: dict[int, list[Row]] = {}
    for row, group in zip(rows, copies.tolist(), strict=True):
        alike.setdefault(group, []).append(row)
    for members in alike.values():
        kept = min(members, key=lambda row: (row.given_side != "valid", -row.notes, row.path))
        for row in members:
            if row is not kept:
                row.status, row.reason = "duplicate", f"of {kept.path}"


def _split(groups: Sequence[list[Row]], valid_fraction: float, seed: int) -> None:
    """Give each group its side: the one it was given, else valid for the first in a shuffled order, up to the share."""
    free = []
    for members in groups:
        given = {row.given_side for row in members} - {""}
        if given:
            _put(members, "valid" if "valid" in given else "train")
        else:
            free.append(members)
    total = sum(_used(members) for members in free)
    wanted = round(total * valid_fraction)
    if valid_fraction > 0 and len(free) > 1:
        wanted = max(wanted, 1)
    # Ordered by hash and not by a generator, so that a few new files leave most pieces on their side.
    free.sort(key=lambda members: hashlib.sha256(f"{seed} {members[0].piece}".encode()).digest())
    taken = 0
    for members in free:
        is_valid = taken + _used(members) <= wanted
        taken += _used(members) if is_valid else 0
        _put(members, "valid" if is_valid else "train")


def _used(members: Sequence[Row]) -> int:
    return sum(row.status == "ok" for row in members)


def _put(members: Sequence[Row], side: str) -> None:
    for row in members:
        if row.status != "ok":
            continue
        if row.given_side == "train" and side == "valid":
            other = next(one.path for one in members if one.given_side == "valid")
            row.status, row.reason = "duplicate", f"another version is in valid: {other}"
        else:
            row.split = side
