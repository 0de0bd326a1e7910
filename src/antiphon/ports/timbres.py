"""What our General MIDI instruments sound like: recipes of partials, and the looped samples made of them.

A tone is a sum of partials whose frequencies are whole multiples of one loop's, so that the loop closes without a
seam. A lead-in of tables, each the tone a little later, takes the attack into the loop: bright strings and struck bars
grow dull, brass and synthesisers open. Partials wider than one line are spread over neighbouring lines with fixed
random phases, as a section of players is (after P. N. Octavian, "PADsynth", 2006). Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.ports.soundfont import Sample

__all__ = ["ROOTS", "TONES", "Tone", "tone_sample"]

Array = npt.NDArray[np.float64]

ROOTS = (30, 42, 54, 66, 78, 90, 102)
"""Keys that are sampled: one an octave, each played at most half an octave up or down within 36..107."""
RATE = 24_000
"""About how many samples a second are stored; an octave's harmonics then stay below 17 kHz wherever they are played."""
LOW_RATE = 14_000
"""The same below middle C, where little sounds above 7 kHz."""
FRACTIONS = 20
"""A bar's partials lie on twentieths of its fundamental."""
HIGHEST = 9_500.0
"""Hz; no partial is made above it."""
TABLES = 8
"""Steps of the lead-in."""
PEAK = 0.5
HELD = 0.7
"""Tones that do not die away are louder than struck ones of the same peak; this much less of it makes up for that."""
GUARD = 16
"""Samples kept behind the loop for a player's interpolation."""

Spectrum = Callable[[Array, Array], Array]
"""Amplitudes (n,) of partials, from their multiples of the fundamental (n,) and their frequencies in Hz (n,)."""


@dataclass(frozen=True)
class Tone:
    """A recipe: `spectrum` over `ratios` (None: the harmonics), and how it moves.

    `damping` (1/s a kHz): how much faster a partial dies for each kHz that it lies higher. `bloom` (1/kHz): how dull
    the onset is. `lead` seconds long is the lead-in, `loop` seconds the loop (0: as short as the partials allow).
    `width` cents (one standard deviation) spreads each partial. `breath` and `knock` are noise beside the tone and at
    its onset, as a share of it. `level` is its peak, as a share of `PEAK`.
    """

    spectrum: Spectrum
    ratios: tuple[float, ...] | None = None
    damping: float = 0.0
    bloom: float = 0.0
    lead: float = 0.0
    loop: float = 0.0
    width: float = 0.0
    breath: float = 0.0
    knock: float = 0.0
    level: float = 1.0


def tone_sample(name: str, tone: Tone, key: int) -> Sample:
    """`tone` at MIDI `key` as one looped sample, at its level."""
    rng = np.random.default_rng([key, *name.encode()])
    fundamental = 440 * 2 ** ((key - 69) / 12)
    period = max(16, 2 * round((RATE if key > 60 else LOW_RATE) / fundamental / 2))
    rate = round(period * fundamental)
    # High tones move faster: an octave up, everything takes the square root of two less time.
    hurry = min(1.0, (fundamental / 110) ** -0.5)
    fractions = FRACTIONS if tone.ratios else 1
    periods = fractions * max(1, round(tone.loop * hurry * fundamental / fractions))
    length = periods * period
    ratios = np.array(tone.ratios) if tone.ratios else np.arange(1.0, period // 2)
    ratios = ratios[(ratios == 1) | (ratios * fundamental < min(HIGHEST, rate * 0.45))]
    frequencies = ratios * fundamental
    levels = tone.spectrum(ratios, frequencies)

    lead = round(tone.lead * hurry * rate)
    late = np.linspace(0, 1, TABLES if lead else 1) ** 2 * (lead / rate)
    higher = (frequencies - fundamental) / 1000
    fading = -tone.damping * np.outer(late, higher)
    if lead:
        fading -= tone.bloom * np.outer(1 - late / late[-1], higher)
    moving = np.zeros((len(late), length // 2 + 1), np.complex128)
    for place, level, fade in zip(np.rint(ratios * periods).astype(int), levels, np.exp(fading).T, strict=True):
        near, lines = _lines(int(place), level, tone.width, length, rng)
        moving[:, near] += np.outer(fade, lines)
    if tone.breath:
        moving += _breath(length, rate, fundamental, tone.breath * np.hypot.reduce(levels), rng)
    tables = np.fft.irfft(moving, length, axis=1) * (length / 2)

    at = np.arange(lead + length + GUARD)
    place_in = np.interp(at / rate, late, np.arange(len(late)))
    before = place_in.astype(np.int64)
    mix = place_in - before
    after = np.minimum(before + 1, len(late) - 1)
    sound = (1 - mix) * tables[before, at % length] + mix * tables[after, at % length]
    if tone.knock:
        sound = sound + _knock(len(sound), rate, tone.knock * np.abs(sound).max(), lead, rng)
    return Sample(name, sound * (tone.level * PEAK / np.abs(sound).max()), rate, key, (lead, lead + length))


def _lines(
    place: int, level: float, width: float, length: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.complex128]]:
    """A partial at line `place` of the loop's spectrum: the lines it is spread over, and their amplitudes."""
    spread = place * (2 ** (width / 1200) - 1)
    reach = int(2.5 * spread)
    near = np.arange(max(1, place - reach), min(length // 2, place + reach) + 1)
    # Alike on both sides, so that the tone swells and wavers but stays in tune; less beside the middle line than in it.
    away = np.abs(near - place)
    side = np.exp(-0.5 * (away / max(spread, 1e-9)) ** 2) * rng.uniform(0.3, 1.0, reach + 1)[away]
    side[away == 0] = 0
    side *= 0.6 * level / max(float(np.sqrt((side**2).sum())), 1e-9)
    side[away == 0] = level
    return near, side * np.exp(2j * np.pi * rng.random(len(near)))


def _breath(
    length: int, rate: int, fundamental: float, level: float, rng: np.random.Generator
) -> npt.NDArray[np.complex128]:
    """Noise around and above the fundamental that closes with the loop, its root mean square a share of the tone's."""
    frequency = np.fft.rfftfreq(length, 1 / rate)
    shape = (frequency > 0.7 * fundamental) / (1 + (frequency / (3 * fundamental + 1500)) ** 2)
    noise = shape * (rng.standard_normal(len(shape)) + 1j * rng.standard_normal(len(shape)))
    return np.asarray(noise * (level / np.sqrt((np.abs(noise) ** 2).sum())))


def _knock(n: int, rate: int, level: float, until: int, rng: np.random.Generator) -> Array:
    """A short thump of dark noise over the first `until` samples, silent before the loop begins."""
    seconds = np.arange(n) / rate
    noise = np.convolve(rng.standard_normal(n), np.hanning(24) / 5, "same")
    return np.asarray(level * noise * np.exp(-seconds / 0.012) * (np.arange(n) < until))


def _bump(frequencies: Array, *peaks: tuple[float, float, float]) -> Array:
    """A body's resonances: 1 plus, for each (Hz, octaves wide, gain), a bell curve on the logarithmic axis."""
    octaves = np.log2(np.maximum(frequencies, 1.0))
    bells = [gain * np.exp(-0.5 * ((octaves - np.log2(hz)) / wide) ** 2) for hz, wide, gain in peaks]
    return np.asarray(1 + np.sum(bells, axis=0))


def _string(slope: float, plucked_at: float, cutoff: float) -> Spectrum:
    """A string plucked at a share `plucked_at` of its length, `slope` its roll-off, dull above `cutoff` Hz."""

    def spectrum(ratio: Array, frequency: Array) -> Array:
        comb = np.abs(np.sin(np.pi * ratio * plucked_at)) / np.sin(np.pi * plucked_at)
        level = (0.08 + comb) * ratio**-slope / np.sqrt(1 + (frequency / cutoff) ** 4)
        return np.asarray(np.where(ratio == 1, np.maximum(level, 0.6 * level.max()), level))

    return spectrum


def _bowed(slope: float, *peaks: tuple[float, float, float], cutoff: float = 6000, even: float = 1.0) -> Spectrum:
    """A driven tone: harmonics rolling off by `slope`, a body's resonances, `even` the share of even harmonics."""

    def spectrum(ratio: Array, frequency: Array) -> Array:
        level = ratio**-slope * _bump(frequency, *peaks) / np.sqrt(1 + (frequency / cutoff) ** 4)
        level = level * np.where(ratio % 2 == 0, even, 1.0)
        return np.asarray(np.where(ratio == 1, np.maximum(level, 0.4 * level.max()), level))

    return spectrum


def _bars(*levels: float) -> Spectrum:
    """Fixed levels, one a partial; partials beyond are silent."""

    def spectrum(ratio: Array, frequency: Array) -> Array:
        del frequency
        padded = np.zeros(max(len(ratio), len(levels)))
        padded[: len(levels)] = levels
        return padded[: len(ratio)]

    return spectrum


TONES: Mapping[str, Tone] = {
    # Struck and plucked.
    "piano": Tone(_string(0.95, 0.12, 3200), damping=1.6, lead=0.5, loop=0.35, width=2.0, knock=0.5),
    "bright piano": Tone(_string(0.75, 0.12, 5000), damping=1.6, lead=0.4, loop=0.1, width=5.0, knock=0.5),
    "electric piano": Tone(_bars(1, 0.3, 0.12, 0.06, 0, 0, 0.05, 0, 0, 0, 0, 0, 0, 0.12), damping=2.5, lead=0.3),
    "harpsichord": Tone(_string(0.5, 0.17, 6000), damping=1.0, lead=0.3, knock=0.3),
    "clavinet": Tone(_string(0.7, 0.35, 4000), damping=3.0, lead=0.25, knock=0.3),
    "celesta": Tone(_bars(1, 0.25, 0.1, 0.06), (1, 4, 6.25, 10), damping=3.0, lead=0.25),
    "vibraphone": Tone(_bars(1, 0.3, 0.08), (1, 4, 10), damping=2.0, lead=0.3),
    "marimba": Tone(_bars(1, 0.35, 0.12), (1, 4, 9.2), damping=8.0, lead=0.15, knock=0.4),
    "tubular bell": Tone(_bars(1, 0.5, 0.6, 0.45, 0.3, 0.2), (1, 1.5, 2, 2.75, 4.1, 5.4), damping=1.2, lead=0.4),
    "gong bell": Tone(_bars(1, 0.7, 0.5, 0.4, 0.3), (1, 1.35, 2.7, 3.9, 5.2), damping=4.0, lead=0.3),
    "nylon string": Tone(_string(1.2, 0.25, 2200), damping=3.0, lead=0.35, knock=0.4),
    "steel string": Tone(_string(0.8, 0.15, 4500), damping=2.0, lead=0.35, knock=0.3),
    "electric guitar": Tone(_string(1.0, 0.22, 3000), damping=1.5, lead=0.3),
    "buzzing string": Tone(_string(0.45, 0.1, 4500), damping=0.8, lead=0.3, knock=0.3),
    "upright bass": Tone(_string(1.4, 0.3, 900), damping=5.0, lead=0.3, knock=0.5),
    "electric bass": Tone(_string(1.1, 0.2, 1800), damping=3.5, lead=0.3, knock=0.2),
    "synth bass": Tone(_bowed(0.9, cutoff=2500), damping=9.0, lead=0.3),
    "drum skin": Tone(_bars(1, 0.5, 0.35, 0.2), (1, 1.5, 2, 2.45), damping=12.0, lead=0.2, knock=0.9),
    "steel drum": Tone(_bars(1, 0.7, 0.35, 0.15, 0.1), (1, 2, 3, 4.05, 5.9), damping=3.0, lead=0.25, width=3),
    "wood": Tone(_bars(1, 0.4, 0.25), (1, 2.45, 4.6), damping=12.0, lead=0.08, knock=0.6),
    # Blown, bowed and driven.
    "drawbar organ": Tone(_bars(1, 0.8, 0.6, 0.45, 0, 0.3, 0, 0.25), loop=0.02, level=HELD),
    "pipe organ": Tone(
        _bars(1, 0.6, 0.3, 0.4, 0.1, 0.2, 0, 0.25, 0, 0, 0, 0.1), loop=0.4, width=2.0, breath=0.02, level=HELD
    ),
    "free reed": Tone(_bowed(0.7, (800, 0.8, 0.8), cutoff=4500), loop=0.3, width=5.0, level=HELD),
    "distortion": Tone(
        _bowed(0.6, (900, 0.7, 1.0), (2500, 0.5, 1.0), cutoff=4500),
        loop=0.3,
        width=4.0,
        lead=0.1,
        damping=2,
        level=HELD,
    ),
    "violin": Tone(
        _bowed(1.0, (480, 0.3, 0.8), (1000, 0.4, 0.8), (2800, 0.4, 1.2)),
        loop=0.4,
        width=4.0,
        lead=0.12,
        bloom=0.4,
        level=HELD,
    ),
    "strings": Tone(_bowed(1.1, (500, 0.4, 0.5), (2500, 0.6, 0.6), cutoff=4500), loop=0.6, width=12.0, level=HELD),
    "choir": Tone(
        _bowed(1.2, (700, 0.25, 3.0), (1150, 0.2, 2.0), (2700, 0.2, 1.5), cutoff=4000),
        loop=0.5,
        width=10.0,
        breath=0.04,
        level=HELD,
    ),
    "trumpet": Tone(_bowed(0.5, (1200, 0.8, 1.2), cutoff=3200), loop=0.3, width=1.5, lead=0.12, bloom=1.5, level=HELD),
    "horn": Tone(_bowed(1.3, (420, 0.6, 1.0), cutoff=1800), loop=0.3, width=1.5, lead=0.15, bloom=2.5, level=HELD),
    "brass": Tone(_bowed(0.6, (900, 0.8, 0.8), cutoff=3000), loop=0.4, width=7.0, lead=0.15, bloom=1.5, level=HELD),
    "saxophone": Tone(
        _bowed(0.9, (620, 0.4, 1.2), (1500, 0.4, 1.0), (2800, 0.3, 0.6)),
        loop=0.4,
        width=2.0,
        lead=0.1,
        bloom=0.8,
        breath=0.05,
        level=HELD,
    ),
    "oboe": Tone(
        _bowed(0.7, (1100, 0.35, 2.0), (3000, 0.3, 1.2)), loop=0.3, width=1.5, lead=0.06, bloom=0.5, level=HELD
    ),
    "bassoon": Tone(
        _bowed(1.0, (450, 0.3, 2.0), (1150, 0.3, 1.0), cutoff=2500),
        loop=0.3,
        width=1.5,
        lead=0.06,
        bloom=0.5,
        level=HELD,
    ),
    "clarinet": Tone(
        _bowed(0.9, (1500, 0.6, 0.5), cutoff=3500, even=0.12), loop=0.3, width=1.0, lead=0.06, bloom=0.6, level=HELD
    ),
    "flute": Tone(_bars(1, 0.4, 0.16, 0.06, 0.03), loop=0.3, width=2.0, breath=0.1, level=HELD),
    "whistle": Tone(_bars(1, 0.06, 0.03), loop=0.3, width=1.5, breath=0.12, level=HELD),
    "square": Tone(_bowed(1.0, cutoff=7000, even=0.0), level=HELD),
    "saw": Tone(_bowed(1.0, cutoff=7000), level=HELD),
    "warm pad": Tone(_bowed(1.3, cutoff=2200), loop=0.5, width=14.0, level=HELD),
    "glass pad": Tone(_bars(1, 0.35, 0.05, 0.25, 0, 0.1, 0, 0.15, 0, 0.06), loop=0.6, width=9.0, level=0.85),
    "wind": Tone(_bars(1, 0.1), loop=0.4, width=3.0, breath=1.2, level=0.85),
}
