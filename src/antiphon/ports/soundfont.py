"""SoundFont 2 files: samples, zones, instruments and presets, written as one RIFF of form `sfbk`.

After the SoundFont Technical Specification, version 2.04. Nothing here knows what an instrument sounds like; see
`antiphon.ports.timbres` for the sounds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

__all__ = ["Generator", "Instrument", "Preset", "Sample", "Zone", "centibels", "soundfont", "timecents"]

_GUARD = 46
"""Zero samples that must follow each sample, by the specification."""


class Generator(IntEnum):
    """The parameters of a zone that we use, by their numbers in the file."""

    FILTER_CUTOFF = 8  # absolute cents above 8.176 Hz
    PAN = 17  # tenths of a percent, -500 left to 500 right
    VIBRATO_DELAY = 23  # timecents
    VIBRATO_RATE = 24  # absolute cents
    VIBRATO_DEPTH = 6  # cents
    ATTACK = 34  # timecents
    HOLD = 35  # timecents
    DECAY = 36  # timecents for a fall by 100 dB
    SUSTAIN = 37  # centibels below full
    RELEASE = 38  # timecents for a fall by 100 dB
    INSTRUMENT = 41
    KEYS = 43  # low byte: lowest key, high byte: highest
    FINE_TUNE = 52  # cents
    SAMPLE = 53
    LOOPS = 54  # 1: the sample loops for as long as it sounds
    EXCLUSIVE = 57  # a note of this class ends the others of its class
    ROOT_KEY = 58


def timecents(seconds: float) -> int:
    """A duration in the file's unit, 1200 a doubling, 0 for one second; never less than 1 ms."""
    return round(1200 * float(np.log2(max(seconds, 1e-3))))


def centibels(ratio: float) -> int:
    """An amplitude ratio in (0, 1] as centibels of attenuation, at most 1000 (silence)."""
    return min(1000, round(-200 * float(np.log10(max(ratio, 1e-5)))))


@dataclass(frozen=True, eq=False)
class Sample:
    """Mono sound: shape (n,), within -1..1, at `rate` Hz; `key` is the MIDI key that it sounds at unshifted.

    `loop` is the half-open range of samples that repeats, or None for a sound that is played once.
    """

    name: str
    sound: npt.NDArray[np.float64]
    rate: int
    key: int
    loop: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Zone:
    """A sample over the keys `lowest..highest`, with generators in the file's units."""

    sample: Sample
    lowest: int = 0
    highest: int = 127
    generators: Mapping[Generator, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Instrument:
    """Zones under one name; zones that share a key sound together."""

    name: str
    zones: Sequence[Zone]


@dataclass(frozen=True, eq=False)
class Preset:
    """What a program change selects: `instrument` at `program` 0..127 of `bank` (128: drum kits)."""

    name: str
    bank: int
    program: int
    instrument: Instrument


def _chunk(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _list(kind: bytes, chunks: Iterable[bytes]) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


def _text(tag: bytes, text: str) -> bytes:
    body = text.encode("ascii") + b"\0"
    return _chunk(tag, body + b"\0" * (len(body) % 2))


def _name(text: str) -> bytes:
    return text.encode("ascii")[:19].ljust(20, b"\0")


def _generator(kind: Generator, amount: int) -> bytes:
    return struct.pack("<HH", kind, amount & 0xFFFF)


def _zone(zone: Zone, sample: int) -> list[bytes]:
    """A zone's generators in the order that the specification wants: keys first, the sample last."""
    return [
        _generator(Generator.KEYS, zone.lowest | zone.highest << 8),
        *(_generator(kind, amount) for kind, amount in sorted(zone.generators.items())),
        *([_generator(Generator.LOOPS, 1)] if zone.sample.loop else []),
        _generator(Generator.SAMPLE, sample),
    ]


def _bags(owners: Sequence[Sequence[Sequence[bytes]]]) -> tuple[bytes, bytes, list[int]]:
    """Owners' zones' generators as the file's tables of bags and generators, and each owner's first bag.

    Each ends with a record that says where the last one stops.
    """
    first_bag, first_generator = [0], [0]
    generators: list[bytes] = []
    for zones in owners:
        for zone in zones:
            generators += zone
            first_generator.append(len(generators))
        first_bag.append(len(first_generator) - 1)
    bags = b"".join(struct.pack("<HH", first, 0) for first in first_generator)
    return bags, b"".join([*generators, bytes(4)]), first_bag


def _sample_chunks(samples: Sequence[Sample]) -> tuple[bytes, bytes]:
    """The sound of all samples end to end as 16-bit integers, and the headers that find each in it."""
    sounds, headers, start = [], [], 0
    for sample in samples:
        whole = np.clip(np.rint(sample.sound * 32767), -32768, 32767).astype("<i2")
        end = start + len(whole)
        first, last = sample.loop or (0, 0)
        places = (start, end, start + first, start + last, sample.rate)
        headers.append(_name(sample.name) + struct.pack("<5IBbHH", *places, sample.key, 0, 0, 1))
        sounds += [whole.tobytes(), b"\0" * 2 * _GUARD]
        start = end + _GUARD
    headers.append(_name("EOS") + bytes(26))
    return b"".join(sounds), b"".join(headers)


def soundfont(name: str, presets: Sequence[Preset], *, comment: str = "") -> bytes:
    """A SoundFont file of `presets`; instruments and samples that they share are stored once."""
    presets = sorted(presets, key=lambda preset: (preset.bank, preset.program))
    instruments = list({id(p.instrument): p.instrument for p in presets}.values())
    samples = list({id(z.sample): z.sample for i in instruments for z in i.zones}.values())
    instrument_at = {id(i): n for n, i in enumerate(instruments)}
    sample_at = {id(s): n for n, s in enumerate(samples)}
    sound, sample_headers = _sample_chunks(samples)

    preset_zones = [[[_generator(Generator.INSTRUMENT, instrument_at[id(p.instrument)])]] for p in presets]
    preset_bags, preset_generators, preset_first = _bags(preset_zones)
    preset_heads = [(_name(p.name), p.program, p.bank) for p in presets] + [(_name("EOP"), 0, 0)]
    instrument_zones = [[_zone(zone, sample_at[id(zone.sample)]) for zone in i.zones] for i in instruments]
    instrument_bags, instrument_generators, instrument_first = _bags(instrument_zones)
    instrument_heads = [_name(i.name) for i in instruments] + [_name("EOI")]

    about = [_chunk(b"ifil", struct.pack("<HH", 2, 1)), _text(b"isng", "EMU8000"), _text(b"INAM", name)]
    tables = {
        b"phdr": b"".join(
            head + struct.pack("<3H12x", program, bank, first)
            for (head, program, bank), first in zip(preset_heads, preset_first, strict=True)
        ),
        b"pbag": preset_bags,
        b"pmod": bytes(10),
        b"pgen": preset_generators,
        b"inst": b"".join(
            head + struct.pack("<H", first) for head, first in zip(instrument_heads, instrument_first, strict=True)
        ),
        b"ibag": instrument_bags,
        b"imod": bytes(10),
        b"igen": instrument_generators,
        b"shdr": sample_headers,
    }
    lists = [
        _list(b"INFO", [*about, _text(b"ICMT", comment)] if comment else about),
        _list(b"sdta", [_chunk(b"smpl", sound)]),
        _list(b"pdta", [_chunk(tag, rows) for tag, rows in tables.items()]),
    ]
    return _chunk(b"RIFF", b"sfbk" + b"".join(lists))
