"""Standard MIDI Files to scores: reads any file that holds music, mends what is broken in it and says what it mended.

The parser (`midi_tracks`) and the pairing of onsets with releases (`pairing`) are our own: a file must neither lose
hanging notes, nor be refused over a stray byte, nor be read with another track's tempo missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.music.midi_metas import keys_in, merged_metas, meters_in, tempos_in
from antiphon.music.midi_tracks import (
    Header,
    Messages,
    MidiError,
    RawTrack,
    find_tracks,
    read_header,
    read_tracks,
)
from antiphon.music.pairing import HANGING, Ints, end_at_restrikes, pair_notes
from antiphon.music.records import order_of, starts_of
from antiphon.music.score import NOTE, TEMPO, Part, Score

__all__ = ["DRUM_CHANNEL", "MidiError", "read_midi"]

DRUM_CHANNEL = 9
"""General MIDI's percussion channel, counted from 0."""

DEFAULT_DIVISION = 480
"""Ticks a quarter where the header says 0."""

NAME, PORT = 0x03, 0x21
SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
_IS_PEDAL = np.isin(np.arange(128), (SUSTAIN, RESET_CONTROLLERS))


@dataclass(frozen=True)
class _Stream:
    """All tracks' channel events as columns of shape (n,), track by track, in each by time.

    `place` numbers the events of the whole file. `channel` tells ports apart (16 channels each); in a format 2 file
    every track is a port of its own.
    """

    place: Ints
    track: Ints
    tick: Ints
    channel: Ints
    message: Ints
    first: Ints
    second: Ints

    def where(self, selected: npt.NDArray[np.bool_] | Ints) -> _Stream:
        columns = (self.place, self.track, self.tick, self.channel, self.message, self.first, self.second)
        return _Stream(*(column[selected] for column in columns))


@dataclass(frozen=True)
class _Notes:
    """Paired notes as columns of shape (n,), sorted by `key`: track, channel and pitch in one number.

    `place` is that of the onset in the file, as in `_Stream`.
    """

    key: Ints
    place: Ints
    track: Ints
    channel: Ints
    onset: Ints
    release: Ints
    pitch: Ints
    velocity: Ints


def read_midi(source: str | Path | bytes, *, pedal: bool = False, channels: Sequence[int] | None = None) -> Score:
    """Read a Standard MIDI File (a path, or its bytes), mending what is mendable; `Score.repairs` tells what was.

    Channel state is global, as in a sequencer: a note plays the program in force on its channel at its onset, whichever
    track set it, and there is a part for every (track, channel, program) that has notes. Channel 10 is drums. All
    tempos, meters and key signatures are merged by tick. Format 2's tracks are laid one after the other. SMPTE division
    becomes a constant tempo. A division of 0 is read as 480 ticks a quarter. With `pedal`, notes released while their
    channel's sustain pedal is down last until it comes up or their key is struck again. Of `channels` (0..15) alone is
    anything read, where they are given.

    A file without notes is a score without parts. Raises `MidiError`, in one line, for what is not MIDI, is empty or
    cannot be opened.
    """
    data, name = _bytes_of(source)
    header = read_header(data, name)
    damage: Counter[str] = Counter()
    tracks, messages = read_tracks(list(find_tracks(data, header.body, damage)))
    for what, count in (one for track in tracks for one in track.damage.items()):
        damage[what] += count
    if header.tracks != len(tracks):
        damage["tracks more or fewer than the header says"] += abs(header.tracks - len(tracks))
    offsets = _track_offsets(header, tracks)
    stream = _stream(messages, tracks, offsets, header, damage)
    if channels is not None:
        stream = stream.where(np.isin(stream.channel % 16, channels))
    end = max((o + t.end for o, t in zip(offsets, tracks, strict=True)), default=0)
    division, tempo = _division(header.division, damage)
    metas = merged_metas(tracks, offsets, header)
    notes = _notes(stream, offsets, tracks, division, damage)
    if pedal:
        notes = _with_pedal(notes, stream, end)
    return Score(
        ticks_per_quarter=division,
        parts=_parts(notes, _programs(notes, stream), [_track_name(track) for track in tracks]),
        tempos=tempos_in(metas, damage) if tempo is None else np.array([(0, tempo)], TEMPO),
        meters=meters_in(metas, damage),
        keys=keys_in(metas, damage),
        repairs=tuple(f"{what}: {count}" for what, count in sorted(damage.items())),
    )


def _bytes_of(source: str | Path | bytes) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, "MIDI data"
    try:
        return Path(source).read_bytes(), str(source)
    except OSError as error:
        raise MidiError(f"{source}: cannot be read: {error.strerror}") from error


def _division(division: int, damage: Counter[str]) -> tuple[int, int | None]:
    """Ticks a quarter, and the constant tempo when the division is SMPTE (so many ticks a second)."""
    if division == 0 or (division & 0x8000 and not division & 0xFF):
        damage[f"division of 0 read as {DEFAULT_DIVISION} ticks a quarter"] += 1
        return DEFAULT_DIVISION, None
    if not division & 0x8000:
        return division, None
    frames, ticks = 256 - (division >> 8), division & 0xFF
    # 29 stands for 30 drop-frame, 30000 / 1001 frames a second; a quarter is made to be one second (or 1.001).
    return (30 * ticks, 1_001_000) if frames == 29 else (frames * ticks, 1_000_000)


def _track_offsets(header: Header, tracks: Sequence[RawTrack]) -> list[int]:
    """The tick at which each track begins: 0, but in format 2, where they follow one another."""
    if header.format != 2:
        return [0] * len(tracks)
    ends = np.cumsum([0] + [track.end for track in tracks])
    return [int(end) for end in ends[:-1]]


def _stream(
    messages: Messages, tracks: Sequence[RawTrack], offsets: Sequence[int], header: Header, damage: Counter[str]
) -> _Stream:
    ports = range(len(tracks)) if header.format == 2 else [_port(track) for track in tracks]
    track, tick, channel = messages.track, messages.tick, messages.status & 0xF
    if any(offsets):
        tick = tick + np.array(offsets, np.int64)[track]
    if any(ports):
        channel = channel + np.array(ports, np.int64)[track] * 16
    first, second = messages.first, messages.second
    beyond = int(np.count_nonzero((first | second) > 127))
    if beyond:
        # A set top bit in a pitch or a program is a slip of one bit; a loudness beyond the loudest means the loudest.
        damage["data bytes above 127 brought into range"] += beyond
        first, second = first & 0x7F, np.minimum(second, 127)
    return _Stream(np.arange(len(track)), track, tick, channel, messages.status >> 4, first, second)


def _port(track: RawTrack) -> int:
    return next((meta.payload[0] for meta in track.metas if meta.kind == PORT and meta.payload), 0)


def _notes(
    stream: _Stream, offsets: Sequence[int], tracks: Sequence[RawTrack], division: int, damage: Counter[str]
) -> _Notes:
    """Pair onsets with releases on each (track, channel, pitch), and give every note an end after its beginning."""
    sounding = (stream.message <= 9).nonzero()[0]
    channels = int(stream.channel.max(initial=0)) + 1
    key, tick = ((stream.track * channels + stream.channel) * 128 + stream.first)[sounding], stream.tick[sounding]
    paired = pair_notes(key, tick, ((stream.message == 9) & (stream.second > 0))[sounding])
    key, onset = key[paired.index], tick[paired.index]
    hanging = int(np.count_nonzero(paired.release == HANGING))
    kept, release, early, dropped = end_at_restrikes(key, onset, paired.release)
    index = sounding[paired.index[kept]]
    if dropped:
        key, onset = key[kept], onset[kept]
    track, channel = stream.track[index], stream.channel[index]
    if hanging:
        ends = np.array([o + t.end for o, t in zip(offsets, tracks, strict=True)], np.int64)
        release = np.where(release == HANGING, _last_resort(stream, channel, onset, ends[track]), release)
    empty = int(np.count_nonzero(release <= onset))
    if empty:
        release = _lengthened(key, onset, release, max(1, division // 32))
    damage.update(
        {
            what: count
            for what, count in {
                "releases of silent keys dropped": paired.orphans,
                "notes without a release closed": hanging,
                "notes ended where their key is struck again": early,
                "notes doubled at one moment merged": dropped,
                "notes of no length lengthened": empty,
            }.items()
            if count
        }
    )
    return _Notes(key, stream.place[index], track, channel, onset, release, stream.first[index], stream.second[index])


def _last_resort(stream: _Stream, channel: Ints, onset: Ints, end: Ints) -> Ints:
    """Where to close notes that nothing releases: the channel's next "all notes off", else the track's end."""
    silencing = stream.where((stream.message == 0xB) & np.isin(stream.first, (ALL_SOUND_OFF, ALL_NOTES_OFF)))
    for one in np.flatnonzero(np.bincount(silencing.channel)):
        ticks = np.sort(silencing.tick[silencing.channel == one])
        following = np.searchsorted(ticks, onset, side="right")
        silenced = (channel == one) & (following < len(ticks))
        end = np.where(silenced, np.minimum(end, ticks[np.minimum(following, len(ticks) - 1)]), end)
    return end


def _lengthened(key: Ints, onset: Ints, release: Ints, duration: int) -> Ints:
    """Notes without length made `duration` ticks long, or as long as their key stays free (onsets on a key differ)."""
    free = np.append(np.where(key[1:] == key[:-1], onset[1:], HANGING), HANGING)[: len(key)]
    return np.where(release <= onset, np.minimum(onset + duration, free), release)


def _with_pedal(notes: _Notes, stream: _Stream, end: int) -> _Notes:
    """Prolong the notes that end while their channel's sustain pedal is down. One that is never lifted is none."""
    controllers = (stream.message == 0xB).nonzero()[0]
    chosen = controllers[_IS_PEDAL[stream.first[controllers]]]
    if not len(chosen):
        return notes
    pedals = stream.where(chosen)
    release = notes.release.copy()
    for channel in np.flatnonzero(np.bincount(pedals.channel)):
        here = pedals.where(pedals.channel == channel)
        order = np.argsort(here.tick, kind="stable")
        tick = here.tick[order]
        down = ((here.first == SUSTAIN) & (here.second >= 64))[order]
        change = np.append(True, down[1:] != down[:-1])
        tick, down = tick[change], down[change]
        if not (down[:-1] & ~down[1:]).any():
            continue  # pressed and never lifted: no foot does that, and it would blur the whole piece into one chord
        mine = np.flatnonzero(notes.channel == channel)
        # The state just before the release counts: a pedal pressed as the keys come up catches nothing.
        state = np.searchsorted(tick, notes.release[mine], side="left") - 1
        held = (state >= 0) & down[np.maximum(state, 0)]
        up = np.append(tick, max(end, int(tick[-1])))[state + 1]
        release[mine] = np.where(held, np.maximum(up, notes.release[mine]), notes.release[mine])
    _, release, _, _ = end_at_restrikes(notes.key, notes.onset, release)
    return replace(notes, release=release)


def _programs(notes: _Notes, stream: _Stream) -> Ints:
    """The program in force for each note, shape (n,); 0 where none was selected.

    At one tick a track hears its own programs in their order among its notes. What other tracks select at that tick
    counts too, whichever track comes first in the file: sequencers send programs before notes.
    """
    changes = stream.where((stream.message == 0xC).nonzero()[0])
    if not len(changes.place):
        return np.zeros(len(notes.onset), np.int64)
    ticks = int(max(changes.tick.max(), notes.onset.max(initial=0))) + 1
    when = changes.channel * ticks + changes.tick
    order = np.argsort(when, kind="stable")
    changes, when = changes.where(order), when[order]
    onset = notes.channel * ticks + notes.onset
    before, until = when.searchsorted(onset, side="left"), when.searchsorted(onset, side="right")
    for tied in (before < until).nonzero()[0]:
        among = slice(before[tied], until[tied])
        until[tied] = before[tied] + _last_heard(
            changes.place[among], changes.track[among], notes.place[tied], notes.track[tied]
        )
    heard = (until > 0) & (changes.channel[until - 1] == notes.channel)
    return np.where(heard, changes.first[until - 1], 0)


def _last_heard(places: Ints, tracks: Ints, place: int, track: int) -> int:
    """Of program changes at a note's own tick, how far (from 1) the one is that it hears; 0 for none of them."""
    own = np.flatnonzero((tracks == track) & (places < place))
    heard = own if len(own) else np.flatnonzero(tracks != track)
    return int(heard[-1]) + 1 if len(heard) else 0


def _parts(notes: _Notes, program: Ints, names: Sequence[str]) -> tuple[Part, ...]:
    """A part for each (track, channel, program), in that order; its notes sorted by onset, then pitch."""
    if not len(program):
        return ()
    part = notes.key - notes.pitch + program
    order = _order_in_parts(part, notes)
    part, track, channel, program = part[order], notes.track[order], notes.channel[order], program[order]
    table = np.empty(len(order), NOTE)
    table["onset"], table["duration"] = notes.onset[order], (notes.release - notes.onset)[order]
    table["pitch"], table["velocity"] = notes.pitch[order], notes.velocity[order]
    starts = starts_of(part[1:] != part[:-1])
    of = zip(program[starts].tolist(), channel[starts].tolist(), track[starts].tolist(), strict=True)
    ends = np.append(starts[1:], len(order)).tolist()
    return tuple(
        Part(program, channel % 16 == DRUM_CHANNEL, table[a:b], names[track])
        for (program, channel, track), a, b in zip(of, starts.tolist(), ends, strict=True)
    )


def _order_in_parts(part: Ints, notes: _Notes) -> Ints:
    """Notes by the number of their `part`, then onset, then pitch, of which no two have all in common."""
    moments = int(notes.onset.max()) + 1
    if int(part.max()) * moments >= 1 << 55:
        return np.lexsort((notes.pitch, notes.onset, part))
    return order_of((part * moments + notes.onset) * 128 + notes.pitch)


def _track_name(track: RawTrack) -> str:
    payload = next((meta.payload for meta in track.metas if meta.kind == NAME and meta.payload.strip(b"\0 ")), b"")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        text = payload.decode("latin-1")  # what the files of the eighties and nineties hold; it cannot fail
    return text.strip("\0 \t\r\n")
