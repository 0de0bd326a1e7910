"""Events to a sound file, through a soundfont given, found on the system, or made by ourselves."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from antiphon.music.event import Events, is_drum, program_of
from antiphon.music.tuning import Tuning
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.hall import Stereo, add_echoes
from antiphon.ports.sampler import SILENT, Layer, SoundfontError, SoundfontFile

__all__ = ["SoundError", "find_soundfont", "render", "render_wav", "system_soundfonts", "write_wav"]

PEAK = 0.89
"""Of full scale: one decibel below clipping."""
LONGEST_RELEASE = 4.0
"""Seconds that a note may sound on after its release (drums are played whole anyway)."""
PREFERRED = ("FluidR3_GM", "GeneralUser", "MuseScore_General", "default-GM", "TimGM6mb")
ROOM_SECONDS = 1.1
ROOM_LEVEL = 0.16


class SoundError(ValueError):
    """No sound can be made; one line says why."""


@dataclass(frozen=True)
class _Note:
    """One note in seconds; `choke` is where a later note of its exclusive class ends it."""

    at: float
    held: float
    velocity: int
    choke: float = np.inf


def _folders() -> list[Path]:
    """Where soundfonts are kept on this system."""
    home = Path.home()
    if sys.platform == "win32":
        places = [os.environ.get(name) for name in ("ProgramData", "ProgramFiles", "LOCALAPPDATA")]
        return [Path(place) / name for place in places if place for name in ("soundfonts", "SoundFonts")]
    if sys.platform == "darwin":
        return [
            home / "Library/Audio/Sounds/Banks",
            Path("/Library/Audio/Sounds/Banks"),
            Path("/opt/homebrew/share/soundfonts"),
        ]
    names = ("soundfonts", "sounds/sf2")
    return [
        base / name for base in (home / ".local/share", Path("/usr/local/share"), Path("/usr/share")) for name in names
    ]


def system_soundfonts() -> Iterator[Path]:
    """The .sf2 files in the system's usual places, well-known General MIDI sets first."""
    found = sorted(path for folder in _folders() if folder.is_dir() for path in folder.glob("*.[sS][fF]2"))
    rank = {name: n for n, name in enumerate(PREFERRED)}
    yield from sorted(
        found, key=lambda path: min((n for name, n in rank.items() if path.stem.startswith(name)), default=99)
    )


def find_soundfont(given: Path | None = None) -> Path:
    """The soundfont to play: `given`, else ANTIPHON_SOUNDFONT, else a General MIDI one of the system, else our own.

    Our own is made on first use, in the user's cache folder. Raises SoundError when the one asked for is missing.
    """
    asked = given or (Path(os.environ["ANTIPHON_SOUNDFONT"]) if os.environ.get("ANTIPHON_SOUNDFONT") else None)
    if asked is not None:
        if not asked.is_file():
            raise SoundError(f"{asked}: no such soundfont; leave it out to use the system's or our own")
        return asked
    for path in system_soundfonts():
        try:
            if SoundfontFile(path).is_general_midi:
                return path
        except (OSError, ValueError):
            continue
    try:
        return general_midi_soundfont()
    except OSError as error:
        raise SoundError(f"cannot keep a soundfont: {error}; give one with --soundfont") from None


def _notes(events: Events) -> dict[tuple[int, int], list[_Note]]:
    """The notes on each (instrument, pitch), in order of time; what is never released ends with the last event."""
    notes: dict[tuple[int, int], list[_Note]] = {}
    open_at: dict[tuple[int, int], tuple[float, int]] = {}
    end = float(events["at"].max()) if len(events) else 0.0

    def close(key: tuple[int, int], at: float) -> None:
        if key in open_at:
            start, velocity = open_at.pop(key)
            notes.setdefault(key, []).append(_Note(start, max(0.0, at - start), velocity))

    for at, instrument, pitch, velocity in events.tolist():
        close((instrument, pitch), at)
        if velocity:
            open_at[instrument, pitch] = (at, velocity)
    for key in list(open_at):
        close(key, end)
    return notes


def render(
    events: Events,
    soundfont: SoundfontFile,
    *,
    sample_rate: int = 44_100,
    programs: Mapping[int, int] | None = None,
    silence: float = 0.0,
    tuning: Tuning | None = None,
    pans: Mapping[int, float] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Stereo:
    """`events` as sound, shape (2, n), from the clock's zero to the last note's end and `silence` seconds more.

    Levels are the soundfont's own: many loud notes at once pass beyond 1.
    Each instrument sounds for itself, also where two play one program. `programs` names the program (0..127, or the
    kit) that an instrument plays; anonymous parts without one play program 0. `pans` says where from, -1 (left) to 1.
    With `tuning`, a key plays the sample that is nearest to the pitch that it has there, shifted to that very pitch;
    drums stay as they are, and a key that the tuning leaves silent is. `progress` is told the share that is done.
    """
    notes = _notes(events)
    if tuning is not None:
        notes = {key: n for key, n in notes.items() if is_drum(key[0]) or np.isfinite(tuning.frequencies[key[1]])}
    layers: dict[tuple[int, int, int], list[Layer]] = {}
    for (instrument, pitch), struck in notes.items():
        program = (programs or {}).get(instrument, program_of(instrument))
        for velocity in {note.velocity for note in struck}:
            layers[instrument, pitch, velocity] = _layers(
                soundfont, program, pitch, velocity, is_drum(instrument), tuning
            )
    _choke(notes, layers)
    end = max((n.at + n.held + LONGEST_RELEASE for struck in notes.values() for n in struck), default=0.0)
    mix = np.zeros((2, round((end + silence) * sample_rate) + 1), np.float32)
    for number, ((instrument, pitch), struck) in enumerate(sorted(notes.items())):
        progress(number / len(notes))
        by_layer: dict[tuple[float, ...], tuple[Layer, list[_Note]]] = {}
        for note in struck:
            for layer in layers[instrument, pitch, note.velocity]:
                # Velocities that share a sample share its wave.
                same = (layer.place, layer.pan, layer.shift, layer.attenuation)
                by_layer.setdefault(same, (layer, []))[1].append(note)
        for layer, played in by_layer.values():
            _play(mix, layer, played, sample_rate, (pans or {}).get(instrument, 0.0))
    return mix[:, : _sounding(mix, sample_rate) + round(silence * sample_rate)]


def _layers(
    soundfont: SoundfontFile, program: int, key: int, velocity: int, drum: bool, tuning: Tuning | None
) -> list[Layer]:
    """What a key sounds in a tuning: the samples of the key that is nearest to its pitch, moved by what is left."""
    if drum or tuning is None:
        return soundfont.layers(program, key, velocity, drum=drum)
    pitch = float(tuning.pitches[key])
    nearest = min(127, max(0, round(pitch)))
    return [layer.moved(pitch - nearest) for layer in soundfont.layers(program, nearest, velocity, drum=False)]


def _sounding(mix: Stereo, sample_rate: int) -> int:
    """Samples until the last one that can be heard."""
    for start in reversed(range(0, mix.shape[1], sample_rate)):
        loud = np.flatnonzero(np.abs(mix[:, start : start + sample_rate]).max(axis=0) > 10 ** (-SILENT / 20))
        if len(loud):
            return start + int(loud[-1]) + 1
    return 0


def _choke(notes: dict[tuple[int, int], list[_Note]], layers: Mapping[tuple[int, int, int], list[Layer]]) -> None:
    """Let each note of an exclusive class end the one before it (an open hi-hat ends when the closed one is struck)."""
    classes: dict[tuple[int, int], list[tuple[float, tuple[int, int], int]]] = {}
    for (instrument, pitch), struck in notes.items():
        for n, note in enumerate(struck):
            for choke in {layer.choke for layer in layers[instrument, pitch, note.velocity]} - {0}:
                classes.setdefault((instrument, choke), []).append((note.at, (instrument, pitch), n))
    for members in classes.values():
        members.sort()
        for (_, key, n), (following, _, _) in pairwise(members):
            note = notes[key][n]
            notes[key][n] = _Note(note.at, note.held, note.velocity, following)


def _play(mix: Stereo, layer: Layer, notes: list[_Note], sample_rate: int, pan: float) -> None:
    """Add `notes` of one key to `mix`: one wave as long as the longest needs, cut, faded and scaled for each."""
    lengths = [min(layer.length(note.held), note.held + LONGEST_RELEASE) for note in notes]
    wave = layer.wave(max(lengths), sample_rate)
    fading = layer.fading(len(wave), sample_rate)
    # Equal power: the two sides' squares add up to one everywhere.
    angle = (min(1.0, max(-1.0, layer.pan + pan)) + 1) * np.pi / 4
    sides = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)
    for note, length in zip(notes, lengths, strict=True):
        first = round(note.at * sample_rate)
        n = min(round(length * sample_rate), len(wave), mix.shape[1] - first)
        if first < 0 or n <= 0:
            continue
        sound = wave[:n] * np.float32((note.velocity / 127) ** 2)  # the specification's curve: 40 dB a decade
        held = round(note.held * sample_rate)
        if held < n:
            sound[held:] *= fading[: n - held]
        cut = round((note.choke - note.at) * sample_rate) if np.isfinite(note.choke) else n
        if cut < n:
            fade = sample_rate // 100
            sound[cut : cut + fade] *= np.linspace(1, 0, len(sound[cut : cut + fade]), dtype=np.float32)
            sound[cut + fade :] = 0
        mix[:, first : first + n] += sides * sound


def _add_room(mix: Stereo, sample_rate: int) -> None:
    """Put `mix` into a small room, in place: its echoes are noise that dies away, another on each side."""
    size = round(ROOM_SECONDS * sample_rate)
    t = np.arange(size) / sample_rate
    noise = np.random.default_rng(0).standard_normal((2, size)) * np.exp(-t * 6.9 / ROOM_SECONDS)
    echoes = np.apply_along_axis(np.convolve, 1, noise, np.hanning(12) / 6, "same")
    echoes[:, : round(0.012 * sample_rate)] = 0
    echoes *= ROOM_LEVEL / np.sqrt((echoes**2).sum(axis=1, keepdims=True))
    add_echoes(mix, echoes)


def _wav_header(frames: int, sample_rate: int) -> bytes:
    """The head of a RIFF WAVE file of `frames` stereo frames of 16-bit integers."""
    size = 4 * frames
    format_ = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, sample_rate, 4 * sample_rate, 4, 16)
    return struct.pack("<4sI4s", b"RIFF", size + 36, b"WAVE") + format_ + struct.pack("<4sI", b"data", size)


def render_wav(
    events: Events,
    path: Path,
    *,
    soundfont: Path | None = None,
    sample_rate: int = 44_100,
    programs: Mapping[int, int] | None = None,
) -> Path:
    """Write `events` to `path` as a 16-bit stereo WAV file, its loudest sample at -1 dB, and return the soundfont used.

    See `find_soundfont` for which soundfont plays, and `render` for `programs`. The file is written beside and then
    renamed. Raises SoundError when the soundfont cannot be played, OSError when the file cannot be written.
    """
    chosen = find_soundfont(soundfont)
    try:
        font = SoundfontFile(chosen)
    except SoundfontError as error:
        raise SoundError(str(error)) from None
    mix = render(events, font, sample_rate=sample_rate, programs=programs, silence=ROOM_SECONDS)
    _add_room(mix, sample_rate)
    loudest = max(float(mix.max()), -float(mix.min()))
    mix *= np.float32(PEAK / max(loudest, 1e-9))
    write_wav(mix, path, sample_rate)
    return chosen


def write_wav(mix: Stereo, path: Path, sample_rate: int) -> None:
    """Write `mix` (2, n), within -1..1, to `path` as a 16-bit stereo WAV file, beside it first and then renamed."""
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(_wav_header(mix.shape[1], sample_rate))
            for start in range(0, mix.shape[1], sample_rate):
                second = np.clip(np.rint(mix[:, start : start + sample_rate].T * 32767), -32768, 32767)
                file.write(second.astype("<i2").tobytes())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
