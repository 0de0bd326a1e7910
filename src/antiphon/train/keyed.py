"""A stream of events as notes, key by key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Events

__all__ = ["KeyedNotes", "keyed_notes"]


@dataclass(frozen=True)
class KeyedNotes:
    """Where the notes of a stream begin and end, (n,) each: `on` and `off` number its events, `key` is instrument * 128
    + pitch. They are sorted by key, then by time."""

    on: npt.NDArray[np.int64]
    off: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]


def keyed_notes(events: Events) -> KeyedNotes:
    """The notes of a closed stream, dtype `EVENT`, as `Score.events` makes it.

    Raises ValueError where onsets and releases do not alternate on a key.
    """
    key = (events["instrument"] << 7) + events["pitch"]  # 320 * 128 keys: 16 bits, which are sorted the fastest
    order = np.argsort(key, kind="stable")
    on, off = order[0::2], order[1::2]
    velocity = events["velocity"]
    if len(on) != len(off) or not velocity[on].all() or velocity[off].any():
        raise ValueError("onsets and releases do not alternate")
    return KeyedNotes(on, off, key[on])
