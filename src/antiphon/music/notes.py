"""A stream of events as notes: each onset with the time it lasts, in seconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.music.event import ANONYMOUS, ANONYMOUS_DRUMS, DRUM_KITS, Events
from antiphon.music.pairing import HANGING, end_at_restrikes, pair_notes

__all__ = ["SPAN", "drums", "notes_of"]

SPAN = np.dtype([("onset", "f8"), ("duration", "f8"), ("instrument", "u2"), ("pitch", "u1"), ("velocity", "u1")])
"""A note: seconds, seconds, instrument, MIDI pitch, velocity 1..127."""


def notes_of(events: Events) -> npt.NDArray[np.void]:
    """The notes of `events`, dtype `SPAN` of shape (n,), sorted by onset, then instrument, then pitch.

    Takes dtype `EVENT` in order of time. Striking a key again ends its note; what still sounds ends with the last one.
    """
    moments, rank = np.unique(events["at"], return_inverse=True)
    key = events["instrument"].astype(np.int64) * 128 + events["pitch"]
    paired = pair_notes(key, rank.astype(np.int64), events["velocity"] > 0)
    kept, release, _, _ = end_at_restrikes(key[paired.index], rank[paired.index], paired.release)
    struck = events[paired.index[kept]]
    notes = np.empty(len(struck), SPAN)
    for name in ("instrument", "pitch", "velocity"):
        notes[name] = struck[name]
    notes["onset"] = struck["at"]
    ends = np.append(moments, moments[-1:])[np.where(release == HANGING, len(moments) - 1, release)]
    notes["duration"] = ends - struck["at"]
    return notes[np.lexsort((notes["pitch"], notes["instrument"], notes["onset"]))]


def drums(instruments: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which of `instruments` (any shape) are drum kits or anonymous drum parts: `is_drum` for arrays."""
    number = np.asarray(instruments)
    return ((number >= DRUM_KITS) & (number < ANONYMOUS)) | (number >= ANONYMOUS_DRUMS)
