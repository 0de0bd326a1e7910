"""Bytes of a Standard MIDI File to raw tracks: chunks found, events decoded, damage stepped over and counted.

Standard MIDI Files 1.0 (RP-001). Nothing here pairs onsets with releases or knows instruments: see `pairing` and
`midi_read`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Header", "Messages", "Meta", "MidiError", "RawTrack", "find_tracks", "read_header", "read_tracks"]

Ints = npt.NDArray[np.int64]

LATEST_TICK = 1 << 38
"""What is said to come later is damage, and no number made of ticks may overflow."""

KEPT_CONTROLLERS = frozenset({64, 120, 121, 123})
"""Sustain pedal, all sound off, reset all controllers, all notes off: the controllers that bear on notes' lengths."""

PLAIN_MESSAGES = re.compile(
    rb"(?:[\x80-\xff]{0,3}+[\x00-\x7f]([\x80-\xbf\xe0-\xef])[\x00-\x7f]{2}+"
    rb"(?:[\x80-\xff]{0,3}+[\x00-\x7f]{3}+)*+)++"
)
"""Messages of two data bytes, each after its delta time, the first with a status byte: most of any track. The group is
the last status byte. No quantifier ever gives back, so that a long track takes neither time nor memory twice."""

STAND_IN = b"\xf0\x00\x00"
"""Behind a delta time it makes a plain message of what is none: nothing plain has this status."""

STRAY_STATUS_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""System messages have no place in a file; those that bring data bytes take them along when they are skipped."""


_IS_KEPT = np.zeros(1 << 16, np.bool_)
"""By ``status << 8 | data1``: releases, onsets, programs, and the controllers that are kept."""
_IS_KEPT[0x8000:0xA000] = _IS_KEPT[0xC000:0xD000] = True
_IS_KEPT.reshape(256, 256)[0xB0:0xC0, list(KEPT_CONTROLLERS)] = True
_STAND_IN = int.from_bytes(STAND_IN, "big")


class MidiError(ValueError):
    """A file that cannot be read as MIDI; the message is one line: file, what, where."""


@dataclass(frozen=True, slots=True)
class Header:
    """`MThd`: format 0, 1 or 2 as written, the tracks announced, the raw division, and where the chunks begin."""

    format: int
    tracks: int
    division: int
    body: int


class Meta(NamedTuple):
    """A meta event: its tick, its type byte and its payload."""

    tick: int
    kind: int
    payload: bytes


@dataclass(frozen=True)
class Messages:
    """Channel messages as columns of shape (n,), track by track and in file order: the number of the track, the tick,
    the status byte and two data bytes."""

    track: Ints
    tick: Ints
    status: Ints
    first: Ints
    second: Ints


@dataclass(frozen=True)
class RawTrack:
    """What is beside the messages of a track: `metas`, `end`, the tick of its end, and `damage`, which counts what was
    stepped over."""

    metas: list[Meta]
    end: int
    damage: Counter[str]


def read_header(data: bytes, name: str) -> Header:
    """Find and read `MThd`, wherever it is (RIFF wrappers and junk may come before). Raises `MidiError`."""
    if not data:
        raise MidiError(f"{name}: empty file")
    at = data.find(b"MThd")
    if at < 0:
        raise MidiError(f"{name}: not a Standard MIDI File: no MThd; it begins with {data[:12]!r}")
    if len(data) < at + 14:
        raise MidiError(f"{name}: header cut short at byte {len(data)}: 14 bytes are needed from byte {at}")
    length = int.from_bytes(data[at + 4 : at + 8], "big")
    format_, tracks, division = (int.from_bytes(data[i : i + 2], "big") for i in (at + 8, at + 10, at + 12))
    body = at + 8 + length
    if length < 6 or body > len(data):
        # A wrong length must not hide the tracks: look for the first by its name.
        first = data.find(b"MTrk", at + 8)
        body = first if first >= 0 else len(data)
    return Header(format_, tracks, division, body)


def find_tracks(data: bytes, start: int, damage: Counter[str]) -> Iterator[bytes]:
    """Yield the bytes of each track from `start` on.

    Chunks of other types are skipped. Where a length points past the end, or at something that is no chunk, the track
    is taken to reach the next `MTrk` or the end of the file.
    """
    at, size = start, len(data)
    while at + 8 <= size:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        end = at + 8 + length
        if kind == b"MTrk":
            if end > size or (end + 8 <= size and not _is_chunk_type(data[end : end + 4])):
                following = data.find(b"MTrk", at + 8)
                end = following if following >= 0 else size
                damage["track lengths wrong or the file cut short"] += 1
            yield data[at + 8 : end]
            at = end
        elif _is_chunk_type(kind) and end <= size:
            damage["chunks of another type skipped"] += 1
            at = end
        else:
            following = data.find(b"MTrk", at + 1)
            if following < 0:
                return
            damage["stretches of junk between tracks skipped"] += 1
            at = following


def _is_chunk_type(four: bytes) -> bool:
    return four.isascii() and four.decode("ascii").isprintable()


def read_tracks(chunks: Sequence[bytes]) -> tuple[list[RawTrack], Messages]:
    """Decode tracks' bytes, each up to its end-of-track event or its last whole event. Never raises.

    Each track is spelt as plain messages, with stand-ins for what is none; those of all tracks are decoded at once.
    """
    spelt = [_spell(chunk) for chunk in chunks]
    plain = [b"".join(one.plain) for one in spelt]
    ends, tick, word = _decode(b"".join(plain), list(accumulate(map(len, plain))))
    begins = np.append(0, ends)[:-1]
    counts = ends - begins
    tick -= np.append(0, tick)[begins].repeat(counts)  # each track counts from 0
    last = np.where(counts > 0, np.append(0, tick)[ends], 0).tolist()
    stand_ins = (word == _STAND_IN).nonzero()[0]
    word[stand_ins] = [word for one in spelt for word in one.others]
    at = iter(tick[stand_ins].tolist())
    tracks = [_raw_track(one, end, list(islice(at, len(one.others)))) for one, end in zip(spelt, last, strict=True)]
    chosen = (_IS_KEPT[word >> 8] & (tick < LATEST_TICK)).nonzero()[0]
    word = word[chosen]
    track = np.arange(len(chunks)).repeat(counts)[chosen]
    return tracks, Messages(track, tick[chosen], word >> 16, word >> 8 & 0xFF, word & 0xFF)


def _raw_track(spelt: _Spelt, end: int, at: Sequence[int]) -> RawTrack:
    """A track that ends at tick `end`; `at` are the ticks of all that a stand-in stands for."""
    metas = [Meta(at[number], kind, payload) for number, kind, payload in spelt.metas]
    if end >= LATEST_TICK:
        metas, end = [meta for meta in metas if meta.tick < LATEST_TICK], LATEST_TICK - 1
        spelt.damage["tracks cut at the last tick that can be counted"] += 1
    return RawTrack(metas, end, spelt.damage)


def _decode(plain: bytes, lengths: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Plain messages to ticks that are counted through and ``status << 16 | data1 << 8 | data2``, both (n,).

    Also how many of them there are in the first so many bytes, for each of `lengths`. Of the bytes below 128 each
    message has three: the last of its delta time and two of data. What is 128 or more is the status between the first
    and the second of them, or else begins a delta time.
    """
    byte = np.frombuffer(plain, np.uint8)
    delta_at, first_at, second_at = (byte < 0x80).nonzero()[0].reshape(-1, 3).T
    value = byte.astype(np.int64)
    delta, before = value[delta_at], delta_at.copy()
    before[1:] -= second_at[:-1] + 1
    longer = (before > 0).nonzero()[0]
    for further in (1, 2, 3):
        longer = longer[before[longer] >= further]
        delta[longer] += (value[delta_at[longer] - further] & 0x7F) << 7 * further
    told = (first_at - delta_at > 1).nonzero()[0]
    until = np.append(told, len(delta))
    status = value[delta_at[told] + 1].repeat(until[1:] - until[:-1])
    word = status << 16 | value[first_at] << 8 | value[second_at]
    return second_at.searchsorted(lengths), delta.cumsum(), word


@dataclass
class _Spelt:
    """A track as plain messages, in pieces. `others` has for each stand-in the message as a number, 0 where it is none
    that is kept; `metas` the number of the stand-in, the type and the payload."""

    plain: list[bytes] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    metas: list[tuple[int, int, bytes]] = field(default_factory=list)
    damage: Counter[str] = field(default_factory=Counter)


def _spell(data: bytes) -> _Spelt:
    """Find the messages of a track.

    What plain messages leave over is read byte by byte, and that they end is noticed by the IndexError rather than
    tested for: there are tracks of nothing but controllers' and pressure's odd messages.
    """
    spelt = _Spelt()
    plain, others, damage = spelt.plain, spelt.others, spelt.damage
    i = 0
    status = 0  # the running status
    interrupted = 0  # a running status that a meta or system exclusive event has ended, by the book
    start = 0
    ended = False
    try:
        while True:
            start = i
            run = PLAIN_MESSAGES.match(data, i)
            if run:
                plain.append(run[0])
                start = i = run.end()
                status = data[run.start(1)]
            while data[i] > 0x7F:
                i += 1
            i += 1
            plain.append(data[max(start, i - 4) : i] + STAND_IN)  # of a longer delta time four bytes count
            others.append(0)
            byte = data[i]
            if byte > 0x7F:
                i += 1
                if byte < 0xF0:
                    status = byte
            elif status == 0 and interrupted:
                damage["running statuses kept across a meta event"] += 1
                status, interrupted = interrupted, 0
            elif status == 0:
                damage["data bytes without a status skipped"] += 1
                while byte < 0x80:
                    i += 1
                    byte = data[i]
                i += 1
                status = byte if byte < 0xF0 else 0
            if byte < 0xF0:
                if 0xC0 <= status < 0xE0:
                    others[-1] = status << 16 | data[i] << 8
                    i += 1
                else:
                    others[-1] = status << 16 | data[i] << 8 | data[i + 1]
                    i += 2
            elif byte == 0xFF:
                kind = data[i]
                if kind == 0x2F:
                    ended = True
                    break
                length, i = _length(data, i + 1)
                if i + length <= len(data):
                    spelt.metas.append((len(others) - 1, kind, data[i : i + length]))
                i += length
                interrupted, status = status or interrupted, 0
            elif byte in (0xF0, 0xF7):
                length, i = _length(data, i)
                i += length
                interrupted, status = status or interrupted, 0
            else:
                damage["system messages skipped"] += 1
                i += STRAY_STATUS_BYTES.get(byte, 0)
    except IndexError:
        if start != len(data):
            damage["tracks cut short in the middle of an event"] += 1
    if not ended:
        damage["tracks without an end"] += 1
    return spelt


def _length(data: bytes, i: int) -> tuple[int, int]:
    """A variable-length quantity at `i`, and the index after it. Raises IndexError at the end of the bytes."""
    value = 0
    while True:
        byte = data[i]
        i += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, i
