"""The drum kit of our General MIDI soundfont: forty-seven sounds of sines and filtered noise, keys 35 to 81."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.ports.soundfont import Generator, Instrument, Sample, Zone, timecents

__all__ = ["DRUMS", "Drum", "drum_kit"]

Array = npt.NDArray[np.float64]
RATE = 24_000
PEAK = 0.6
RING = 12.0
"""Seconds of release: a struck thing sounds on when its key is let go."""


def _seconds(duration: float) -> Array:
    return np.arange(round(duration * RATE)) / RATE


def _noise(name: str, duration: float, low: float, high: float) -> Array:
    """Noise between `low` and `high` Hz (second-order skirts), its root mean square 1."""
    n = round(duration * RATE)
    spectrum = np.fft.rfft(np.random.default_rng([*name.encode()]).standard_normal(n))
    hertz = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 1.0)
    sound = np.fft.irfft(spectrum / np.sqrt((1 + (low / hertz) ** 8) * (1 + (hertz / high) ** 8)), n)
    return np.asarray(sound / np.sqrt((sound**2).mean()))


def _falling(duration: float, start: float, end: float, glide: float, fade: float) -> Array:
    """A sine gliding from `start` to `end` Hz with time constant `glide`, dying with time constant `fade`."""
    t = _seconds(duration)
    phase = end * t + (start - end) * glide * (1 - np.exp(-t / glide))
    return np.asarray(np.sin(2 * np.pi * phase) * np.exp(-t / fade))


def _partials(duration: float, fade: float, *hertz: float) -> Array:
    """Sines at `hertz`, higher ones dying sooner."""
    t = _seconds(duration)
    sines = [np.sin(2 * np.pi * f * t + n) * np.exp(-t / fade * (1 + 0.3 * n)) for n, f in enumerate(hertz)]
    return np.asarray(np.sum(sines, axis=0))


def _fade(sound: Array, fade: float, rise: float = 0.0) -> Array:
    t = np.arange(len(sound)) / RATE
    return np.asarray(sound * np.exp(-t / fade) * (1 - np.exp(-t / rise) if rise else 1.0))


def _kick() -> Array:
    return _falling(0.35, 160, 52, 0.03, 0.11) + 0.1 * _fade(_noise("kick", 0.35, 800, 5000), 0.004)


def _snare() -> Array:
    return 0.5 * _falling(0.28, 240, 185, 0.02, 0.06) + 0.28 * _fade(_noise("snare", 0.28, 1200, 9000), 0.06)


def _tom() -> Array:
    return _falling(0.5, 160, 110, 0.06, 0.14) + 0.06 * _fade(_noise("tom", 0.5, 300, 4000), 0.02)


def _metal(name: str, duration: float, fade: float, low: float) -> Array:
    """Cymbals: noise above `low` Hz with a cloud of unrelated partials."""
    cloud = np.random.default_rng([*name.encode(), 1]).uniform(low, 9000, 24)
    return _fade(_noise(name, duration, low, 10_000), fade) + 0.25 * _partials(duration, fade, *cloud)


def _clap() -> Array:
    noise = _noise("clap", 0.25, 900, 4500)
    t = _seconds(0.25)
    hands = sum(np.exp(-np.maximum(t - at, 0) / 0.004) * (t >= at) for at in (0.0, 0.011, 0.021))
    return np.asarray(noise * (hands + np.exp(-np.maximum(t - 0.03, 0) / 0.05) * (t >= 0.03)))


def _cowbell() -> Array:
    t = _seconds(0.35)
    tone = np.sign(np.sin(2 * np.pi * 562 * t)) + np.sign(np.sin(2 * np.pi * 845 * t))
    smooth = np.convolve(tone, np.hanning(7) / 3, "same")
    return np.asarray(smooth * np.exp(-t / 0.08))


def _shaker(name: str, duration: float, fade: float, rise: float, low: float = 4000) -> Array:
    return _fade(_noise(name, duration, low, 10_000), fade, rise)


def _scrape(name: str, duration: float, rate: float) -> Array:
    """A guiro or a vibraslap: clicks at `rate` a second."""
    t = _seconds(duration)
    clicks = np.exp(-((t * rate) % 1.0) / (rate * 0.004))
    return np.asarray(_noise(name, duration, 1500, 7000) * clicks * np.exp(-t / (duration / 3)))


def _whistle(duration: float) -> Array:
    t = _seconds(duration)
    trill = 2350 * t + 20 * np.sin(2 * np.pi * 28 * t) / 28
    edge = np.minimum(1, np.minimum(t / 0.01, (duration - t) / 0.02))
    return np.asarray((np.sin(2 * np.pi * trill) + 0.1 * _noise("whistle", duration, 1500, 5000)) * edge)


@dataclass(frozen=True)
class Drum:
    """A sound, on the key that it is tuned for, and at the keys it is played from (`shift` semitones away each)."""

    name: str
    sound: Callable[[], Array]
    keys: tuple[tuple[int, int], ...]
    level: float = 1.0
    choke: int = 0


def _at(key: int, shift: int = 0) -> tuple[tuple[int, int], ...]:
    return ((key, shift),)


DRUMS: tuple[Drum, ...] = (
    Drum("kick", _kick, ((35, -2), (36, 0))),
    Drum("side stick", lambda: _partials(0.08, 0.012, 1700, 480, 2600), _at(37), 0.7),
    Drum("snare", _snare, ((38, 0), (40, 3))),
    Drum("clap", _clap, _at(39), 0.8),
    Drum("tom", _tom, ((41, -6), (43, -3), (45, 0), (47, 3), (48, 6), (50, 9))),
    Drum("closed hat", lambda: _fade(_noise("hat", 0.12, 6500, 10_500), 0.025), ((42, 0), (44, -2)), 0.5, choke=1),
    Drum("open hat", lambda: _fade(_noise("open", 0.5, 6000, 10_500), 0.16), _at(46), 0.5, choke=1),
    Drum("crash", lambda: _metal("crash", 1.2, 0.35, 2500), ((49, 0), (57, -2), (52, -4)), 0.7),
    Drum(
        "ride",
        lambda: _metal("ride", 0.8, 0.3, 4500) + 0.5 * _partials(0.8, 0.2, 3050, 4120, 5380),
        ((51, 0), (59, 2)),
        0.5,
    ),
    Drum("ride bell", lambda: _partials(0.6, 0.18, 1180, 2010, 3150, 4330, 5480), _at(53), 0.5),
    Drum("splash", lambda: _metal("splash", 0.7, 0.18, 3500), _at(55), 0.6),
    Drum("tambourine", lambda: _shaker("tambourine", 0.3, 0.06, 0.001, 5500), _at(54), 0.6),
    Drum("cowbell", _cowbell, _at(56), 0.6),
    Drum("vibraslap", lambda: _scrape("vibraslap", 0.7, 24), _at(58), 0.6),
    Drum("bongo", lambda: _falling(0.2, 430, 380, 0.01, 0.05), ((60, 0), (61, -5)), 0.8),
    Drum("conga", lambda: _falling(0.35, 260, 225, 0.02, 0.1), ((62, 3), (63, 0), (64, -5)), 0.8),
    Drum(
        "timbale",
        lambda: _partials(0.35, 0.09, 300, 520, 780) + 0.3 * _fade(_noise("timbale", 0.35, 800, 6000), 0.02),
        ((65, 4), (66, 0)),
        0.8,
    ),
    Drum("agogo", lambda: _partials(0.35, 0.11, 900, 1390, 2320), ((67, 5), (68, 0)), 0.6),
    Drum("cabasa", lambda: _shaker("cabasa", 0.15, 0.03, 0.008), _at(69), 0.6),
    Drum("maracas", lambda: _shaker("maracas", 0.1, 0.02, 0.004, 5000), _at(70), 0.6),
    Drum("short whistle", lambda: _whistle(0.12), _at(71), 0.4),
    Drum("long whistle", lambda: _whistle(0.4), _at(72), 0.4),
    Drum("short guiro", lambda: _scrape("guiro", 0.12, 70), _at(73), 0.6),
    Drum("long guiro", lambda: _scrape("long guiro", 0.4, 50), _at(74), 0.6),
    Drum("claves", lambda: _partials(0.1, 0.02, 2500, 3600), _at(75), 0.6),
    Drum("wood block", lambda: _partials(0.12, 0.02, 820, 1510, 2600), ((76, 5), (77, 0)), 0.7),
    Drum("cuica", lambda: _falling(0.25, 320, 520, 0.08, 0.08), ((78, 5), (79, 0)), 0.6),
    Drum("mute triangle", lambda: _partials(0.15, 0.03, 4300, 6600, 9100), _at(80), 0.5, choke=2),
    Drum("open triangle", lambda: _partials(0.7, 0.25, 4300, 6600, 9100), _at(81), 0.5, choke=2),
)


def drum_kit() -> Instrument:
    """The kit as an instrument: one zone a key, played whole; open and closed hats and triangles cut each other off."""
    zones = []
    for drum in DRUMS:
        sound = drum.sound()
        edge = np.minimum(1, np.arange(len(sound))[::-1] / (0.01 * RATE))
        sound = sound * edge * (PEAK * drum.level / np.abs(sound).max())
        for key, shift in drum.keys:
            generators = {Generator.RELEASE: timecents(RING)} | (
                {Generator.EXCLUSIVE: drum.choke} if drum.choke else {}
            )
            generators[Generator.ROOT_KEY] = key - shift
            zones.append((Sample(drum.name, sound, RATE, key), key, generators))
    # Keys of one drum share its sound: one sample, tuned by each zone's root key.
    shared = {sample.name: sample for sample, _, _ in reversed(zones)}
    return Instrument("Drums", [Zone(shared[s.name], key, key, g) for s, key, g in sorted(zones, key=lambda z: z[1])])
