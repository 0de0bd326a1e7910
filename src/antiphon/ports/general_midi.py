"""Our own small General MIDI soundfont: which tone and envelope each of the 128 programs has, and where it is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from antiphon.ports.drums import drum_kit
from antiphon.ports.folders import cache_folder
from antiphon.ports.soundfont import Generator, Instrument, Preset, Sample, Zone, centibels, soundfont, timecents
from antiphon.ports.timbres import ROOTS, TONES, tone_sample

__all__ = ["PROGRAM_VOICES", "Voice", "general_midi_bytes", "general_midi_soundfont"]

VERSION = 1
"""Goes up whenever the sounds change, so that a file kept by an older version is not used."""


@dataclass(frozen=True)
class Voice:
    """A tone with its envelope: `attack` and `release` in seconds; `fall` is the time in which middle C dies by 60 dB.

    Without a `fall` the tone holds for as long as its key.
    """

    tone: str
    attack: float = 0.002
    fall: float | None = None
    release: float = 0.25


def _decays(tone: str, fall: float, release: float = 0.25) -> Voice:
    return Voice(tone, fall=fall, release=release)


def _holds(tone: str, attack: float, release: float = 0.25) -> Voice:
    return Voice(tone, attack=attack, release=release)


PROGRAM_VOICES: tuple[Voice, ...] = (
    # Pianos
    _decays("piano", 6.0, 0.3),
    _decays("piano", 5.0, 0.3),
    _decays("electric piano", 6.0),
    _decays("bright piano", 5.0, 0.3),
    _decays("electric piano", 5.0),
    _decays("electric piano", 4.0),
    _decays("harpsichord", 3.0, 0.15),
    _decays("clavinet", 2.0, 0.1),
    # Chromatic percussion
    _decays("celesta", 2.5, 0.8),
    _decays("celesta", 3.0, 1.5),
    _decays("celesta", 2.5, 1.0),
    _decays("vibraphone", 5.0, 0.8),
    _decays("marimba", 0.8, 0.5),
    _decays("marimba", 0.5, 0.4),
    _decays("tubular bell", 6.0, 3.0),
    _decays("steel string", 3.0, 0.8),
    # Organs
    _holds("drawbar organ", 0.005, 0.06),
    _holds("drawbar organ", 0.003, 0.06),
    _holds("drawbar organ", 0.003, 0.06),
    _holds("pipe organ", 0.06, 0.4),
    _holds("free reed", 0.05, 0.15),
    _holds("free reed", 0.04, 0.12),
    _holds("free reed", 0.03, 0.12),
    _holds("free reed", 0.04, 0.12),
    # Guitars
    _decays("nylon string", 3.0, 0.2),
    _decays("steel string", 4.0, 0.2),
    _decays("electric guitar", 4.0, 0.2),
    _decays("electric guitar", 5.0, 0.2),
    _decays("electric guitar", 0.35, 0.1),
    _holds("distortion", 0.004, 0.15),
    _holds("distortion", 0.004, 0.15),
    _decays("vibraphone", 3.0, 0.3),
    # Basses
    _decays("upright bass", 2.5, 0.15),
    _decays("electric bass", 4.0, 0.15),
    _decays("electric bass", 4.0, 0.15),
    _decays("electric bass", 5.0, 0.15),
    _decays("electric guitar", 3.0, 0.12),
    _decays("electric guitar", 3.0, 0.12),
    _decays("synth bass", 4.0, 0.12),
    _decays("synth bass", 3.0, 0.12),
    # Strings
    _holds("violin", 0.06, 0.2),
    _holds("violin", 0.07, 0.2),
    _holds("violin", 0.08, 0.25),
    _holds("violin", 0.09, 0.25),
    _holds("strings", 0.06, 0.3),
    _decays("nylon string", 0.6, 0.3),
    _decays("nylon string", 4.0, 1.0),
    _decays("drum skin", 2.0, 1.5),
    # Ensembles
    _holds("strings", 0.12, 0.4),
    _holds("strings", 0.25, 0.6),
    _holds("warm pad", 0.12, 0.4),
    _holds("warm pad", 0.25, 0.6),
    _holds("choir", 0.12, 0.4),
    _holds("choir", 0.08, 0.3),
    _holds("choir", 0.1, 0.3),
    _decays("saw", 1.2, 0.3),
    # Brass
    _holds("trumpet", 0.03, 0.15),
    _holds("brass", 0.04, 0.15),
    _holds("horn", 0.05, 0.2),
    _holds("trumpet", 0.04, 0.15),
    _holds("horn", 0.06, 0.25),
    _holds("brass", 0.05, 0.2),
    _holds("saw", 0.03, 0.15),
    _holds("brass", 0.06, 0.25),
    # Reeds
    _holds("saxophone", 0.03, 0.15),
    _holds("saxophone", 0.03, 0.15),
    _holds("saxophone", 0.03, 0.15),
    _holds("saxophone", 0.04, 0.15),
    _holds("oboe", 0.03, 0.12),
    _holds("oboe", 0.04, 0.15),
    _holds("bassoon", 0.04, 0.15),
    _holds("clarinet", 0.035, 0.15),
    # Pipes
    _holds("flute", 0.03, 0.12),
    _holds("flute", 0.05, 0.15),
    _holds("flute", 0.04, 0.15),
    _holds("flute", 0.06, 0.2),
    _holds("flute", 0.05, 0.15),
    _holds("flute", 0.06, 0.2),
    _holds("whistle", 0.04, 0.12),
    _holds("whistle", 0.03, 0.12),
    # Leads
    _holds("square", 0.004, 0.1),
    _holds("saw", 0.004, 0.1),
    _holds("flute", 0.02, 0.15),
    _holds("flute", 0.01, 0.15),
    _holds("distortion", 0.004, 0.12),
    _holds("choir", 0.02, 0.2),
    _holds("saw", 0.004, 0.12),
    _holds("saw", 0.004, 0.12),
    # Pads
    _holds("glass pad", 0.3, 1.0),
    _holds("warm pad", 0.4, 1.0),
    _holds("warm pad", 0.1, 0.6),
    _holds("choir", 0.4, 1.0),
    _holds("glass pad", 0.4, 1.0),
    _holds("glass pad", 0.3, 1.0),
    _holds("choir", 0.5, 1.0),
    _holds("warm pad", 0.8, 1.2),
    # Effects that are played as notes
    _decays("glass pad", 4.0, 1.5),
    _holds("warm pad", 0.5, 1.0),
    _decays("celesta", 3.0, 1.5),
    _holds("glass pad", 0.3, 1.2),
    _decays("glass pad", 5.0, 1.0),
    _holds("choir", 0.5, 1.2),
    _decays("glass pad", 3.0, 1.5),
    _holds("glass pad", 0.2, 1.0),
    # Instruments of the world
    _decays("buzzing string", 4.0, 0.5),
    _decays("steel string", 1.2, 0.2),
    _decays("buzzing string", 1.0, 0.2),
    _decays("steel string", 2.5, 0.6),
    _decays("marimba", 1.5, 0.6),
    _holds("free reed", 0.03, 0.1),
    _holds("violin", 0.04, 0.15),
    _holds("oboe", 0.02, 0.1),
    # Percussion with a pitch
    _decays("celesta", 2.0, 1.5),
    _decays("gong bell", 0.6, 0.5),
    _decays("steel drum", 1.5, 0.6),
    _decays("wood", 0.2, 0.15),
    _decays("drum skin", 1.0, 0.8),
    _decays("drum skin", 0.7, 0.5),
    _decays("drum skin", 0.5, 0.4),
    _holds("wind", 1.0, 0.1),
    # Noises
    _decays("steel string", 0.3, 0.1),
    _decays("wind", 0.4, 0.1),
    _holds("wind", 0.8, 1.0),
    _decays("whistle", 0.4, 0.2),
    _decays("celesta", 1.0, 0.3),
    _holds("wind", 0.1, 0.3),
    _holds("wind", 0.3, 0.5),
    _decays("wind", 0.8, 0.5),
)


@cache
def _samples(tone: str) -> tuple[Sample, ...]:
    return tuple(tone_sample(tone, TONES[tone], root) for root in ROOTS)


def _instrument(voice: Voice) -> Instrument:
    """A zone for each sampled key, from half an octave below it to half an octave above."""
    zones = []
    for sample in _samples(voice.tone):
        lowest = 0 if sample.key == ROOTS[0] else sample.key - 6
        highest = 127 if sample.key == ROOTS[-1] else sample.key + 5
        envelope = {Generator.ATTACK: timecents(voice.attack), Generator.RELEASE: timecents(voice.release * 100 / 60)}
        if voice.fall is not None:
            # Low strings ring longer: the time doubles in about an octave and a half.
            fall = voice.fall * 2 ** ((60 - sample.key) / 18)
            envelope |= {Generator.DECAY: timecents(fall * 100 / 60), Generator.SUSTAIN: centibels(0)}
        zones.append(Zone(sample, lowest, highest, envelope))
    return Instrument(voice.tone, zones)


def general_midi_bytes() -> bytes:
    """The whole soundfont: 128 programs on bank 0 and one drum kit on bank 128; the same bytes every time."""
    shared = {voice: _instrument(voice) for voice in dict.fromkeys(PROGRAM_VOICES)}
    presets = [Preset(f"{n:03d} {v.tone}", 0, n, shared[v]) for n, v in enumerate(PROGRAM_VOICES)]
    presets.append(Preset("Drums", 128, 0, drum_kit()))
    return soundfont("Antiphon General MIDI", presets, comment="Synthesised by Antiphon; Apache-2.0")


def general_midi_soundfont(folder: Path | None = None) -> Path:
    """The path of our soundfont in `folder` (default: the user's cache), made there when it is not there yet.

    Raises OSError when it can be neither read nor written.
    """
    folder = cache_folder() if folder is None else folder
    path = folder / f"general-midi-{VERSION}.sf2"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"{path.name}.{os.getpid()}.part"
        try:
            beside.write_bytes(general_midi_bytes())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return path
