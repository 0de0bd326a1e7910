"""What Csound's instruments play: our tones in three strengths of playing, sampled once an octave, and our drums."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.ports.drums import drum_kit
from antiphon.ports.soundfont import Generator, Sample, Zone
from antiphon.ports.timbres import ROOTS, TONES, Spectrum, tone_sample

__all__ = [
    "STRENGTHS",
    "Drum",
    "Layer",
    "drums",
    "layers",
    "nearest_root",
    "strengths",
    "write_sample",
    "write_samples",
]

Array = npt.NDArray[np.float64]

STRENGTHS = ((30, 700.0), (70, 2200.0), (110, 12_000.0))
"""Velocity layers: the velocity that each is recorded at, and the Hz above which it is duller than the tone."""

FIRST_TABLE = 101
"""Tables below are the hall's and the synthesised instruments'."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A sample with its loop, in samples; what it sounds at unshifted, in Hz; its name tells it from all others."""

    name: str
    sample: Sample
    hertz: float

    @property
    def loop(self) -> tuple[int, int]:
        """What repeats; of a sound that is played once its last sample, which is silence."""
        n = len(self.sample.sound)
        return self.sample.loop or (n - 2, n - 1)


@dataclass(frozen=True, eq=False)
class Drum:
    layer: Layer
    choke: int


def nearest_root(pitch: float) -> int:
    """The sampled key that is nearest to a pitch: no tone is shifted by more than half an octave within 24..108."""
    return min(ROOTS, key=lambda root: abs(root - pitch))


def _softer(spectrum: Spectrum, cutoff: float) -> Spectrum:
    def softer(ratio: Array, frequency: Array) -> Array:
        level = spectrum(ratio, frequency)
        return np.asarray(level / np.sqrt(1 + (frequency / max(cutoff, frequency[0] * 1.5)) ** 4))

    return softer


@cache
def layers(tone: str, root: int) -> tuple[Layer, ...]:
    """The velocity layers of a tone at a sampled key, softest first; alike in length, loop and phase."""
    recipe = TONES[tone]
    made = []
    for velocity, cutoff in STRENGTHS:
        sample = tone_sample(tone, replace(recipe, spectrum=_softer(recipe.spectrum, cutoff)), root)
        made.append(Layer(f"{tone.replace(' ', '_')}_{root}_{velocity}", sample, 440 * 2 ** ((root - 69) / 12)))
    return tuple(made)


def strengths(velocity: int) -> tuple[int, int, float]:
    """Between which two of `STRENGTHS` a velocity lies, and how near the upper one it is, 0 to 1."""
    recorded = [at for at, _ in STRENGTHS]
    place = float(np.interp(velocity, recorded, range(len(recorded))))
    below = min(int(place), len(recorded) - 2)
    return below, below + 1, place - below


@cache
def drums() -> dict[int, Drum]:
    """The drum of each key of the kit."""
    return {zone.lowest: _drum(zone) for zone in drum_kit().zones}


def _drum(zone: Zone) -> Drum:
    shift = zone.lowest - zone.generators[Generator.ROOT_KEY]
    # Its "frequency" is that of middle C, played at middle C and so many semitones: only the ratio counts.
    layer = Layer(f"drum_{zone.sample.name.replace(' ', '_')}", zone.sample, 440 * 2 ** ((-9 - shift) / 12))
    return Drum(layer, zone.generators.get(Generator.EXCLUSIVE, 0))


def write_sample(sound: Array, rate: int, path: Path) -> None:
    """Write mono samples (n,), within -1..1, as a WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.rint(sound * 32767), -32768, 32767).astype("<i2").tobytes())


def write_samples(used: Sequence[Layer], folder: Path) -> dict[str, tuple[int, Path]]:
    """Write the samples of `used` into `folder`; returns the number of the table and the file of each, by name."""
    places: dict[str, tuple[int, Path]] = {}
    for layer in used:
        if layer.name not in places:
            path = folder / f"{layer.name}.wav"
            write_sample(layer.sample.sound, layer.sample.rate, path)
            places[layer.name] = (FIRST_TABLE + len(places), path)
    return places
