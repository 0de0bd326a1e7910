"""Bytes of a Standard MIDI File to raw tracks: chunks found, events decoded, damage stepped over and counted.

Standard MIDI Files 1.0 (RP-001). Nothing here pairs onsets with releases or knows instruments: see `pairing` and
`midi_read`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Header", "Meta", "MidiError", "RawTrack", "find_tracks", "read_header", "read_track"]

LATEST_TICK = 1 << 38
"""A raw event is one int64: tick, status, two data bytes; so many bits are left for the tick."""

KEPT_CONTROLLERS = frozenset({64, 120, 121, 123})
"""Sustain pedal, all sound off, reset all controllers, all notes off: the controllers that bear on notes' lengths."""

STRAY_STATUS_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""System messages have no place in a file; those that bring data bytes take them along when they are skipped."""


class MidiError(ValueError):
    """A file that cannot be read as MIDI; the message is one line: file, what, where."""


@dataclass(frozen=True, slots=True)
class Header:
    """`MThd`: format 0, 1 or 2 as written, the tracks announced, the raw division, and where the chunks begin."""

    format: int
    tracks: int
    division: int
    body: int


@dataclass(frozen=True, slots=True)
class Meta:
    """A meta event: its tick, its type byte and its payload."""

    tick: int
    kind: int
    payload: bytes


@dataclass(frozen=True)
class RawTrack:
    """One track's channel events, each packed as ``tick << 24 | status << 16 | data1 << 8 | data2``, in file order.

    `words` is int64 of shape (n,); `end` the tick of the end of the track; `damage` counts what was stepped over.
    """

    words: npt.NDArray[np.int64]
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


def read_track(data: bytes) -> RawTrack:
    """Decode one track's bytes up to its end-of-track event or its last whole event. Never raises.

    The loop is the one place of the reader that costs time for every event, hence its plainness: no calls but
    `append`, and running past the end is noticed by the IndexError rather than tested for.
    """
    words: list[int] = []
    metas: list[Meta] = []
    damage: Counter[str] = Counter()
    append = words.append
    at = 0  # tick << 24, ready to be joined with an event's bytes
    i = 0
    status = 0  # the running status, and the same shifted into place
    shifted = 0
    interrupted = 0  # a running status that a meta or system exclusive event has ended, by the book
    start = 0
    ended = False
    try:
        while True:
            start = i
            byte = data[i]
            i += 1
            if byte < 0x80:
                at += byte << 24
            else:
                delta = byte & 0x7F
                while byte > 0x7F:
                    byte = data[i]
                    i += 1
                    delta = delta << 7 | byte & 0x7F
                at += (delta & 0xFFFFFFF) << 24
            byte = data[i]
            if byte > 0x7F:
                i += 1
                if byte < 0xF0:
                    status = byte
                    shifted = byte << 16
            elif status == 0 and interrupted:
                damage["running statuses kept across a meta event"] += 1
                status, shifted, interrupted = interrupted, interrupted << 16, 0
            elif status == 0:
                damage["data bytes without a status skipped"] += 1
                while byte < 0x80:
                    i += 1
                    byte = data[i]
                i += 1
                status, shifted = (byte, byte << 16) if byte < 0xF0 else (0, 0)
            if byte < 0xF0:
                if status < 0xA0:
                    append(at | shifted | data[i] << 8 | data[i + 1])
                    i += 2
                elif 0xC0 <= status < 0xE0:
                    if status < 0xD0:
                        append(at | shifted | data[i] << 8)
                    i += 1
                else:
                    if data[i] in KEPT_CONTROLLERS and 0xB0 <= status < 0xC0:
                        append(at | shifted | data[i] << 8 | data[i + 1])
                    i += 2
            elif byte == 0xFF:
                kind = data[i]
                if kind == 0x2F:
                    ended = True
                    break
                length, i = _length(data, i + 1)
                if i + length <= len(data):
                    metas.append(Meta(at >> 24, kind, data[i : i + length]))
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
    if at >> 24 >= LATEST_TICK:
        words, at = _before_latest(words), (LATEST_TICK - 1) << 24
        metas = [meta for meta in metas if meta.tick < LATEST_TICK]
        damage["tracks cut at the last tick that can be counted"] += 1
    return RawTrack(np.array(words, np.int64), metas, at >> 24, damage)


def _length(data: bytes, i: int) -> tuple[int, int]:
    """A variable-length quantity at `i`, and the index after it. Raises IndexError at the end of the bytes."""
    value = 0
    while True:
        byte = data[i]
        i += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, i


def _before_latest(words: list[int]) -> list[int]:
    return [word for word in words if word >> 24 < LATEST_TICK]
