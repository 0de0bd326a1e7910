"""Playing a SoundFont 2 file: which samples a key sounds, and their waves at any pitch and length.

After the SoundFont Technical Specification 2.04, as far as notes need it: key and velocity ranges, tuning, loops,
volume envelopes, attenuation, pan, a fixed filter and exclusive classes. Low-frequency oscillators, modulation
envelopes and modulators of the file's own are left out. (symusic's synthesiser, measured on 0.5.9, leaves out velocity,
envelopes and tuning as well: everything sounds equally loud.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.ports.soundfont import Generator

__all__ = ["Layer", "SoundfontError", "SoundfontFile"]

Wave = npt.NDArray[np.float32]

_PRESET = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")])
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_AMOUNT = np.dtype([("kind", "<u2"), ("amount", "<i2")])
_HEADER = np.dtype(
    [
        ("name", "S20"),
        *((point, "<u4") for point in ("start", "end", "first", "last", "rate")),
        ("key", "u1"),
        ("cents", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ]
)
_TABLES = {
    "phdr": _PRESET,
    "pbag": _BAG,
    "pgen": _AMOUNT,
    "inst": _INSTRUMENT,
    "ibag": _BAG,
    "igen": _AMOUNT,
    "shdr": _HEADER,
}

_VELOCITIES, _COARSE_TUNE, _ATTENUATION, _SCALE, _DELAY = 44, 51, 48, 56, 33
_HOLD_BY_KEY, _DECAY_BY_KEY = 39, 40
_OFFSETS = {"start": (0, 4), "end": (1, 12), "first": (2, 45), "last": (3, 50)}
"""Generators that move a sample's points: by samples, and by 32,768 samples."""
_COMPRESSED = 0x10
_RANGES = (Generator.KEYS, _VELOCITIES)
_DEFAULTS = {Generator.FILTER_CUTOFF: 13_500, _SCALE: 100, Generator.ROOT_KEY: -1} | dict.fromkeys(
    (_DELAY, Generator.ATTACK, Generator.HOLD, Generator.DECAY, Generator.RELEASE), -12_000
)
_NOT_ADDED = {Generator.INSTRUMENT, Generator.SAMPLE, Generator.LOOPS, Generator.ROOT_KEY, Generator.EXCLUSIVE}
_HARDWARE = 0.4
"""Fonts are voiced for the synthesisers that played a tenth of a decibel of attenuation as 0.04 dB."""
SILENT = 90.0
"""dB below full at which a decaying note has ended."""


class SoundfontError(ValueError):
    """The file cannot be played; one line says why."""


def _seconds(timecents: float) -> float:
    return 0.0 if timecents <= -12_000 else float(2 ** (min(timecents, 8000) / 1200))


@dataclass(frozen=True, eq=False)
class Layer:
    """One sample as one key plays it: `sound`, from sample `place` of the file on.

    Times in seconds, levels in dB below full, `pan` from -1 (left) to 1, `cutoff` in Hz.
    """

    place: int
    sound: npt.NDArray[np.int16]
    loop: tuple[int, int] | None
    rate: float
    shift: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float
    attenuation: float
    pan: float
    cutoff: float
    choke: int

    def moved(self, semitones: float) -> Layer:
        """The same sample, played so many semitones higher, which may be a fraction."""
        return replace(self, shift=self.shift * 2 ** (semitones / 12))

    def length(self, held: float) -> float:
        """Seconds that a note sounds which is held for `held`: until its release, its sample or its decay has ended."""
        sounding = held + self.release * SILENT / 100
        if self.sustain >= SILENT:
            sounding = min(sounding, self.attack + self.hold + self.decay * SILENT / 100)
        if self.loop is None:
            sounding = min(sounding, len(self.sound) / (self.rate * self.shift))
        return sounding

    def wave(self, seconds: float, sample_rate: int) -> Wave:
        """The first `seconds` of the note as if it were held for ever, shape (n,), 1 being full level."""
        n = max(1, round(seconds * sample_rate))
        at = np.arange(n) * (self.rate * self.shift / sample_rate)
        if self.loop:
            first, last = self.loop
            at = np.where(at >= last, first + (at - first) % (last - first), at)
        whole = at.astype(np.int64)
        part = (at - whole).astype(np.float32)
        top = len(self.sound) - 1
        a, b, c, d = (self.sound[np.clip(whole + k, 0, top)].astype(np.float32) for k in (-1, 0, 1, 2))
        # Catmull-Rom: four points, continuous slope.
        wave = b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)))
        wave *= np.where(whole < top, np.float32(10 ** (-self.attenuation / 20) / 32768), np.float32(0))
        if self.cutoff < 0.45 * sample_rate:
            wave = _dulled(wave, self.cutoff, sample_rate)
        return np.asarray(wave * self._envelope(n, sample_rate), np.float32)

    def _envelope(self, n: int, sample_rate: int) -> Wave:
        t = np.arange(n, dtype=np.float32) / sample_rate
        rise = np.minimum(1, t / max(self.attack, 1e-3))
        fallen = np.clip((t - self.attack - self.hold) * (100 / max(self.decay, 1e-3)), 0, self.sustain)
        return np.asarray(rise * 10 ** (-fallen / 20), np.float32)

    def fading(self, n: int, sample_rate: int) -> Wave:
        """How the level falls after the release, shape (n,), from 1."""
        t = np.arange(n, dtype=np.float32) / sample_rate
        return np.asarray(10 ** (t * np.float32(-5 / max(self.release, 0.01))), np.float32)


def _dulled(wave: Wave, cutoff: float, sample_rate: int) -> Wave:
    """`wave` through a low-pass of two poles at `cutoff` Hz."""
    n = 1 << (len(wave) + 256).bit_length()
    frequency = np.fft.rfftfreq(n, 1 / sample_rate)
    response = 1 / (1 + 1j * frequency / cutoff) ** 2
    return np.asarray(np.fft.irfft(np.fft.rfft(wave, n) * response, n)[: len(wave)], np.float32)


class SoundfontFile:
    """A soundfont on disk; the sound stays there until a key asks for it.

    Raises SoundfontError when `path` is not a SoundFont 2 file, or one that holds compressed samples; OSError when it
    cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        chunks = dict(self._chunks())
        try:
            self._tables = {
                tag: np.fromfile(path, kind, chunks[tag][1] // kind.itemsize, offset=chunks[tag][0])
                for tag, kind in _TABLES.items()
            }
            start, size = chunks["smpl"]
        except KeyError as missing:
            raise SoundfontError(f"{path}: not a soundfont, its chunk {missing} is missing") from None
        if (self._tables["shdr"]["type"][:-1] & _COMPRESSED).any():
            raise SoundfontError(f"{path}: holds compressed samples (.sf3); give an uncompressed .sf2")
        self._sound = np.memmap(path, "<i2", "r", start, (size // 2,)) if size >= 2 else np.zeros(1, "<i2")

    def _chunks(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Each chunk's tag with where its body starts and how long it is."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            head = file.read(12)
            if head[:4] != b"RIFF" or head[8:] != b"sfbk":
                raise SoundfontError(f"{self.path}: not a SoundFont 2 file")
            at = 12
            while at + 8 <= size:
                file.seek(at)
                tag, length = struct.unpack("<4sI", file.read(8))
                if tag == b"LIST":  # its chunks follow, after four letters that name it
                    at += 12
                    continue
                if at + 8 + length > size:
                    raise SoundfontError(f"{self.path}: cut short inside its chunk {tag.decode('latin-1')!r}")
                yield tag.decode("latin-1"), (at + 8, length)
                at += 8 + length + length % 2

    @cached_property
    def presets(self) -> Mapping[tuple[int, int], int]:
        """(bank, program) of every preset, with its row in the file's table."""
        rows = self._tables["phdr"][:-1]
        return {(int(row["bank"]), int(row["program"])): n for n, row in enumerate(rows)}

    @property
    def is_general_midi(self) -> bool:
        """True when there is at least a first program and a drum kit."""
        return (0, 0) in self.presets and (128, 0) in self.presets

    def layers(self, program: int, key: int, velocity: int, *, drum: bool) -> list[Layer]:
        """What sounds when `key` is struck with `velocity` 1..127; empty where the preset has no sample for it.

        A missing program is played by program 0 of its bank, a missing drum kit by the first.
        """
        wanted = [(128, program), (128, 0)] if drum else [(0, program), (0, 0)]
        row = next((self.presets[place] for place in wanted if place in self.presets), None)
        if row is None:
            return []
        found = []
        for preset in self._zones("p", row, Generator.INSTRUMENT):
            if not _takes(preset, key, velocity):
                continue
            for zone in self._zones("i", preset[Generator.INSTRUMENT], Generator.SAMPLE):
                if _takes(zone, key, velocity):
                    found.append(self._layer(zone, preset, key))
        return [layer for layer in found if len(layer.sound) > 1]

    def _zones(self, kind: str, row: int, target: Generator) -> Iterator[dict[int, int]]:
        """The zones of a preset ("p") or instrument ("i") as generators, the global zone's merged in."""
        bags, generators = self._tables[f"{kind}bag"]["generator"], self._tables[f"{kind}gen"]
        bounds = self._tables["phdr" if kind == "p" else "inst"]["bag"]
        shared: dict[int, int] = {}
        for bag in range(int(bounds[row]), int(bounds[row + 1])):
            rows = generators[int(bags[bag]) : int(bags[bag + 1])]
            zone = dict(zip(rows["kind"].tolist(), rows["amount"].tolist(), strict=True))
            if target in zone:
                yield shared | zone
            elif bag == bounds[row]:
                shared = zone

    def _layer(self, zone: Mapping[int, int], preset: Mapping[int, int], key: int) -> Layer:
        def value(kind: int) -> int:
            added = preset.get(kind, 0) if kind not in _NOT_ADDED else 0
            return zone.get(kind, _DEFAULTS.get(kind, 0)) + added

        header = self._tables["shdr"][zone[Generator.SAMPLE]]
        start, end, first, last = (
            int(header[point]) + value(fine) + 32_768 * value(coarse) for point, (fine, coarse) in _OFFSETS.items()
        )
        looped = value(Generator.LOOPS) & 1 and start <= first < last <= end
        root = value(Generator.ROOT_KEY) if value(Generator.ROOT_KEY) >= 0 else int(header["key"])
        cents = (
            (key - root) * value(_SCALE) + 100 * value(_COARSE_TUNE) + value(Generator.FINE_TUNE) + int(header["cents"])
        )
        return Layer(
            place=start,
            # A few samples behind the end serve the interpolation.
            sound=self._sound[start : end + 3] if looped else self._sound[start:end],
            loop=(first - start, last - start) if looped else None,
            rate=float(header["rate"]),
            shift=2 ** (cents / 1200),
            attack=_seconds(value(Generator.ATTACK)) + _seconds(value(_DELAY)),
            hold=_seconds(value(Generator.HOLD) + value(_HOLD_BY_KEY) * (60 - key)),
            decay=_seconds(value(Generator.DECAY) + value(_DECAY_BY_KEY) * (60 - key)),
            sustain=min(100.0, max(0.0, value(Generator.SUSTAIN) / 10)),
            release=_seconds(value(Generator.RELEASE)),
            attenuation=_HARDWARE * max(0, value(_ATTENUATION)) / 10,
            pan=min(1.0, max(-1.0, value(Generator.PAN) / 500)),
            cutoff=8.176 * 2 ** (min(13_500, max(1500, value(Generator.FILTER_CUTOFF))) / 1200),
            choke=value(Generator.EXCLUSIVE),
        )


def _takes(zone: Mapping[int, int], key: int, velocity: int) -> bool:
    """True when the zone's ranges, two bytes each, hold `key` and `velocity`."""
    return all(
        (bounds := zone.get(kind, 0x7F00) & 0xFFFF) & 0xFF <= value <= bounds >> 8
        for kind, value in zip(_RANGES, (key, velocity), strict=True)
    )
