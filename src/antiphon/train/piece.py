"""One source file to one piece of a corpus: read, mended, trimmed, and packed for the shards."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Events
from antiphon.music.midi_read import MidiError
from antiphon.music.records import order_of
from antiphon.music.score_files import NotationError, read_score
from antiphon.train.clock import LONGEST_DELTA
from antiphon.train.corpus import STORED
from antiphon.train.facts import NOTHING, Described, describe
from antiphon.train.fingerprint import sketch
from antiphon.train.keyed import KeyedNotes, keyed_notes
from antiphon.train.wanted import ALL_PARTS, Parts

__all__ = ["SHORTEST_NOTE", "Piece", "lengthened", "prepare_piece", "stored"]

SHORTEST_NOTE = 0.01
"""Seconds. What is shorter (drum hits without length, slips of a finger) is lengthened to this."""


@dataclass(frozen=True)
class Piece:
    """What became of one file. `reason` is empty for one that can be used; else `events` and `sketch` are empty.

    `events` has dtype `STORED` and shape (2 * notes,); `sketch` is a fingerprint; `seconds` the time from the first
    onset to the last release; `described` is what it is like.
    """

    reason: str
    sha1: str
    notes: int
    seconds: float
    repairs: tuple[str, ...]
    events: npt.NDArray[np.void]
    sketch: npt.NDArray[np.uint64]
    described: Described


def prepare_piece(path: Path, *, pedal: bool, tune: int = 0, parts: Parts = ALL_PARTS) -> Piece:
    """Read and pack the `parts` of the file at `path`, of a book of tunes its number `tune`.

    Never raises for what is in the file: `Piece.reason` tells.
    """
    sha1 = ""
    try:
        data = path.read_bytes()
        which = str(tune).encode() if tune else b""  # the tunes of a book are different music
        sha1 = hashlib.sha1(data + which, usedforsecurity=False).hexdigest()
        score = parts.of(read_score(data, path.suffix, tune=tune, pedal=pedal, channels=parts.channels))
        events = score.events()
        events, notes = _lengthened(events, keyed_notes(events))
        packed, seconds = stored(events)
        said = describe(score, events, notes)
        return Piece("", sha1, len(events) // 2, seconds, score.repairs, packed, sketch(events), said)
    except (MidiError, NotationError) as error:
        reason = str(error).removeprefix("MIDI data: ")  # the manifest names the file
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except Exception as error:  # one file must not end a run over a hundred thousand, whatever is wrong with it or us
        reason = f"{type(error).__name__}: {error}".replace("\n", " ")
    return Piece(reason, sha1, 0, 0.0, (), np.empty(0, STORED), np.empty(0, np.uint64), NOTHING)


def lengthened(events: Events, shortest: float = SHORTEST_NOTE) -> Events:
    """`events` with notes shorter than `shortest` seconds made that long, or as long as their key stays free.

    Takes a closed stream, dtype `EVENT`, as `Score.events` makes it. Raises ValueError where onsets and releases do not
    alternate on a key.
    """
    return _lengthened(events, keyed_notes(events), shortest)[0]


def _lengthened(events: Events, notes: KeyedNotes, shortest: float = SHORTEST_NOTE) -> tuple[Events, KeyedNotes]:
    on, off, key = notes.on, notes.off, notes.key
    at = events["at"].copy()
    onset, release = at[on], at[off]
    short = release - onset < shortest
    if not short.any():
        return events, notes
    free = np.append(np.where(key[1:] == key[:-1], onset[1:], np.inf), np.inf)
    at[off] = np.where(short, np.maximum(release, np.minimum(onset + shortest, free)), release)
    order = _in_order(at, events)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    events = events.take(order)
    events["at"] = at[order]
    return events, KeyedNotes(place[on], place[off], key)


def _in_order(at: npt.NDArray[np.float64], events: Events) -> npt.NDArray[np.int64]:
    """The order of `events` at other times, `at` (n,): as `Score.events` has it, releases first."""
    by_time = np.argsort(at, kind="stable")
    moment = np.append(0, (at[by_time[1:]] > at[by_time[:-1]]).cumsum())
    key = (events["velocity"] > 0) * (1 << 16) + (events["instrument"] << 7) + events["pitch"]
    return by_time[order_of((moment << 17) + key[by_time])]


def stored(events: Events) -> tuple[npt.NDArray[np.void], float]:
    """`events` as dtype `STORED`, beginning with the first event at delta 0, and their duration in seconds."""
    packed = np.empty(len(events), STORED)
    if not len(events):
        return packed, 0.0
    at = events["at"] - events["at"][0]
    milliseconds = np.rint(at * 1000).astype(np.int64)
    packed["delta"][0] = 0
    packed["delta"][1:] = np.minimum(milliseconds[1:] - milliseconds[:-1], LONGEST_DELTA)
    for name in ("instrument", "pitch", "velocity"):
        packed[name] = events[name]
    return packed, float(at[-1])
