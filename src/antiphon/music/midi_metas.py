"""What a MIDI file says beside its notes: tempos, meters and key signatures, merged from all of its tracks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiphon.music.midi_tracks import Header, Meta, RawTrack
from antiphon.music.score import KEY, METER, TEMPO

__all__ = ["keys_in", "merged_metas", "meters_in", "tempos_in"]

DEFAULT_TEMPO = 500_000
"""Microseconds a quarter until a file says otherwise (SMF 1.0): 120 bpm."""

LARGEST_DENOMINATOR_POWER = 7
"""A meter's denominator is written as a power of two; more than 128 is damage."""

SET_TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59


def merged_metas(tracks: Sequence[RawTrack], offsets: Sequence[int], header: Header) -> list[Meta]:
    """Every track's meta events in order of time. In format 2 each track begins at the default tempo anew."""
    merged: list[Meta] = []
    for track, offset in zip(tracks, offsets, strict=True):
        if header.format == 2 and offset:
            merged.append(Meta(offset, SET_TEMPO, DEFAULT_TEMPO.to_bytes(3, "big")))
        merged += [meta._replace(tick=meta.tick + offset) for meta in track.metas] if offset else track.metas
    return sorted(merged, key=lambda meta: meta.tick)


def _last_at_each_tick(rows: list[tuple[int, ...]], dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    return np.array(list({row[0]: row for row in rows}.values()), dtype)


def tempos_in(metas: Sequence[Meta], damage: Counter[str]) -> npt.NDArray[np.void]:
    """Tempos, dtype `TEMPO`, of metas in order of time; what cannot be is counted in `damage`."""
    rows: list[tuple[int, ...]] = []
    for meta in metas:
        if meta.kind == SET_TEMPO:
            microseconds = int.from_bytes(meta.payload, "big")
            if len(meta.payload) == 3 and microseconds:
                rows.append((meta.tick, microseconds))
            else:
                damage["impossible tempos ignored"] += 1
    return _last_at_each_tick(rows or [(0, DEFAULT_TEMPO)], TEMPO)


def meters_in(metas: Sequence[Meta], damage: Counter[str]) -> npt.NDArray[np.void]:
    """Meters, dtype `METER`, as `tempos_in`."""
    rows: list[tuple[int, ...]] = []
    for meta in metas:
        if meta.kind == TIME_SIGNATURE:
            if len(meta.payload) >= 2 and meta.payload[0] and meta.payload[1] <= LARGEST_DENOMINATOR_POWER:
                rows.append((meta.tick, meta.payload[0], 1 << meta.payload[1]))
            else:
                damage["impossible meters ignored"] += 1
    return _last_at_each_tick(rows, METER)


def keys_in(metas: Sequence[Meta], damage: Counter[str]) -> npt.NDArray[np.void]:
    """Key signatures, dtype `KEY`, as `tempos_in`."""
    rows: list[tuple[int, ...]] = []
    for meta in metas:
        if meta.kind == KEY_SIGNATURE:
            sharps = int.from_bytes(meta.payload[:1], "big", signed=True)
            if len(meta.payload) == 2 and abs(sharps) <= 7 and meta.payload[1] <= 1:
                rows.append((meta.tick, sharps, meta.payload[1]))
            else:
                damage["impossible key signatures ignored"] += 1
    return _last_at_each_tick(rows, KEY)
