"""Scores to Standard MIDI Files, and streams of events to scores."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Events, is_drum, program_of
from antiphon.music.midi_read import DRUM_CHANNEL
from antiphon.music.pairing import HANGING, end_at_restrikes, pair_notes
from antiphon.music.score import NOTE, TEMPO, Part, Score

__all__ = ["midi_bytes", "score_from_events", "write_midi"]

MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
LONGEST_DELTA = 0xFFFFFFF
"""The longest wait between two messages of a track: what a variable-length quantity of four bytes holds."""

EVENT_TICKS_PER_QUARTER = 960
EVENT_TEMPO = 500_000
"""Events carry no tempo: they are written at 120 bpm, 1920 ticks a second."""

RELEASE, PROGRAM, ONSET = 0, 1, 2
"""The order of messages at one tick."""


def write_midi(score: Score, path: str | Path) -> None:
    """Write `score` as a format 1 file: a track of tempos, meters and keys, then a track for each part.

    The file is written beside `path` and then renamed, so that no half-written file is ever seen. Drums go to channel
    10. Melodic parts take the other fifteen channels in order; when there are more of them, parts of one program share
    a channel, and when there are more programs than channels these are shared in turn, with the program sent again
    before every onset. Raises ValueError for what a MIDI file cannot hold, OSError when it cannot be written.
    """
    path = Path(path)
    data = midi_bytes(score)
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes private files; music is as public as its folder.
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def midi_bytes(score: Score) -> bytes:
    """The Standard MIDI File that `write_midi` writes. Raises ValueError for what such a file cannot hold."""
    if not 1 <= score.ticks_per_quarter <= 0x7FFF:
        raise ValueError(f"ticks a quarter must be 1..32767, not {score.ticks_per_quarter}")
    channels, shared = _assign_channels(score.parts)
    tracks = [_conductor(score)]
    tracks += [
        _part_track(part, channel, repeat_program=channel in shared)
        for part, channel in zip(score.parts, channels, strict=True)
    ]
    header = b"MThd" + b"".join(n.to_bytes(size, "big") for n, size in ((6, 4), (1, 2), (len(tracks), 2)))
    return header + score.ticks_per_quarter.to_bytes(2, "big") + b"".join(tracks)


def score_from_events(events: Events, names: Mapping[int, str] | None = None) -> Score:
    """A score at 120 bpm and 1920 ticks a second from `events`, dtype `EVENT` of shape (n,), in order of time.

    One part an instrument, named by `names` (instrument to name). Time 0 of the events is tick 0, or the first event is
    where it comes before. Striking a key again ends its note; notes still sounding end with the last event; each lasts
    a tick at least, where its key stays free.
    """
    tick = np.rint(events["at"] * (EVENT_TICKS_PER_QUARTER * 1e6 / EVENT_TEMPO)).astype(np.int64)
    tick -= min(0, int(tick.min(initial=0)))
    key = events["instrument"].astype(np.int64) * 128 + events["pitch"]
    # Of one tick's events on one key a release goes to the note before: rounding must not turn their order around.
    order = np.argsort(tick, kind="stable")
    key, tick, velocity = key[order], tick[order], events["velocity"][order]
    paired = pair_notes(key, tick, velocity > 0)
    key, onset = key[paired.index], tick[paired.index]
    kept, release, _, _ = end_at_restrikes(key, onset, paired.release)
    key, onset, velocity = key[kept], onset[kept], velocity[paired.index][kept]
    release = np.where(release == HANGING, int(tick.max(initial=0)), release)
    parts = []
    for instrument in np.unique(key >> 7):
        rows = np.flatnonzero(key >> 7 == instrument)
        notes = np.empty(len(rows), NOTE)
        notes["onset"], notes["duration"] = onset[rows], np.maximum(release[rows] - onset[rows], 1)
        notes["pitch"], notes["velocity"] = key[rows] & 127, velocity[rows]
        notes = notes[np.lexsort((notes["pitch"], notes["onset"]))]
        which = int(instrument)
        parts.append(Part(program_of(which), is_drum(which), notes, (names or {}).get(which, "")))
    return Score(EVENT_TICKS_PER_QUARTER, tuple(parts), np.array([(0, EVENT_TEMPO)], TEMPO))


def _assign_channels(parts: Iterable[Part]) -> tuple[list[int], frozenset[int]]:
    """Each part's channel, and the channels on which parts of different programs meet."""
    parts = tuple(parts)
    melodic = [part.program for part in parts if not part.is_drum]
    one_each = len(melodic) <= len(MELODIC_CHANNELS)
    of_program: dict[int, int] = {}
    channels: list[int] = []
    used = 0
    for part in parts:
        if part.is_drum:
            channels.append(DRUM_CHANNEL)
        elif one_each:
            channels.append(MELODIC_CHANNELS[used])
            used += 1
        else:
            place = of_program.setdefault(part.program, len(of_program))
            channels.append(MELODIC_CHANNELS[place % len(MELODIC_CHANNELS)])
    programs: dict[int, set[int]] = {}
    for part, channel in zip(parts, channels, strict=True):
        programs.setdefault(channel, set()).add(part.program)
    return channels, frozenset(channel for channel, those in programs.items() if len(those) > 1)


def _conductor(score: Score) -> bytes:
    events: list[tuple[int, bytes]] = []
    for tick, microseconds in score.tempos.tolist():
        if not 1 <= microseconds <= 0xFFFFFF:
            raise ValueError(f"a tempo must be 1..16777215 microseconds a quarter, not {microseconds}")
        events.append((tick, b"\xff\x51\x03" + microseconds.to_bytes(3, "big")))
    for tick, numerator, denominator in score.meters.tolist():
        power = denominator.bit_length() - 1
        if not 1 <= numerator <= 255 or denominator < 1 or 1 << power != denominator:
            raise ValueError(
                f"a meter of {numerator}/{denominator} cannot be written: its lower figure is a power of 2"
            )
        # 24 MIDI clocks to a metronome click, eight thirty-seconds to a quarter: the standard's defaults.
        events.append((tick, b"\xff\x58\x04" + bytes((numerator, power, 24, 8))))
    for tick, sharps, minor in score.keys.tolist():
        events.append((tick, b"\xff\x59\x02" + (sharps & 0xFF).to_bytes(1, "big") + bytes((minor,))))
    return _track(sorted(events, key=lambda event: event[0]))


def _part_track(part: Part, channel: int, *, repeat_program: bool) -> bytes:
    """A part's chunk: its name, its program (once, or before all onsets of a tick), its notes under running status."""
    notes = part.notes
    _check_notes(notes)
    select = bytes((0xC0 | channel, part.program))
    status = 0x90 | channel
    rows: list[tuple[int, int, int, int]] = []
    for onset, duration, pitch, velocity in notes.tolist():
        rows.append((onset, ONSET, pitch, velocity))
        rows.append((onset + duration, RELEASE, pitch, 0))
    if repeat_program:
        rows += [(onset, PROGRAM, 0, 0) for onset in np.unique(notes["onset"]).tolist()]
    rows.sort()
    events = [(0, _name_event(part.name))] if part.name else []
    if not repeat_program:
        events.append((0, select))
    running = False
    for tick, kind, pitch, velocity in rows:
        if kind == PROGRAM:
            events.append((tick, select))
            running = False
        else:
            events.append((tick, bytes((pitch, velocity)) if running else bytes((status, pitch, velocity))))
            running = True
    return _track(events)


def _check_notes(notes: npt.NDArray[np.void]) -> None:
    if not len(notes):
        return
    if notes["onset"].min() < 0 or notes["duration"].min() < 1:
        raise ValueError("a note begins before tick 0 or has no length")
    if notes["pitch"].max() > 127 or not (notes["velocity"].min() >= 1 and notes["velocity"].max() <= 127):
        raise ValueError("a pitch above 127, or a velocity outside 1..127")


def _name_event(name: str) -> bytes:
    text = name.encode("utf-8", "replace")
    return b"\xff\x03" + _quantity(len(text)) + text


def _track(events: Iterable[tuple[int, bytes]]) -> bytes:
    """A track chunk from messages in order of their ticks; it ends with the last of them."""
    body = bytearray()
    now = 0
    for tick, message in events:
        wait = tick - now
        if wait > LONGEST_DELTA:
            raise ValueError(f"{wait} ticks of waiting at tick {now} are more than a MIDI file can hold")
        body += _quantity(wait)
        body += message
        now = tick
    body += b"\0\xff\x2f\0"
    return b"MTrk" + len(body).to_bytes(4, "big") + bytes(body)


def _quantity(value: int) -> bytes:
    """A variable-length quantity of up to four bytes, seven bits each, the highest first."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
