"""Tones that are made: a sound for every pitch, and what a tracker tells of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Event
from antiphon.ports.pitch import PitchTracker

Sound = npt.NDArray[np.float32]

RATE = 44_100
LEVELS = {
    "sine": np.array([1.0]),
    "saw": 1 / np.arange(1, 21),
    "sax": np.array([0.12, 1, 0.7, 0.5, 0.5, 0.3, 0.3, 0.2, 0.15, 0.1]),
}
"""Of the harmonics; the fundamental of `sax` is weak."""


def tone(kind: str, pitch: npt.ArrayLike, seconds: float, *, peak: float = 0.3, rate: int = RATE) -> Sound:
    """A tone of one MIDI pitch, or of one for every sample, with short fades."""
    n = round(seconds * rate)
    hertz = 440 * 2 ** ((np.broadcast_to(np.asarray(pitch, float), n) - 69) / 12)
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    levels = LEVELS[kind][: max(1, int(0.45 * rate / hertz.max()))]
    sound = sum((a * np.sin(k * phase + k * k) for k, a in enumerate(levels, 1)), np.zeros(n))
    fade = np.minimum(1, np.minimum(np.arange(n) / (0.005 * rate), np.arange(n)[::-1] / (0.01 * rate)))
    return np.asarray(peak * sound * fade / np.abs(sound).max(), np.float32)


def silence(seconds: float, *, rate: int = RATE) -> Sound:
    return np.zeros(round(seconds * rate), np.float32)


def vibrato(pitch: float, seconds: float, cents: float = 50.0) -> npt.NDArray[np.float64]:
    """A pitch for every sample, swinging five and a half times a second."""
    return pitch + cents / 100 * np.sin(2 * np.pi * 5.5 * np.arange(round(seconds * RATE)) / RATE)


def told(tracker: PitchTracker, sound: Sound, *, block: int = 220, rate: int = RATE) -> list[tuple[Event, float]]:
    """The events, each with the time at which it was told: the end of its block."""
    heard = []
    for start in range(0, len(sound), block):
        part = sound[start : start + block]
        heard += [(event, (start + len(part)) / rate) for event in tracker.hear(part, start / rate)]
    return heard + [(event, len(sound) / rate) for event in tracker.end(len(sound) / rate)]


def pitches(events: Iterable[tuple[Event, float]]) -> list[int]:
    """Those of the onsets."""
    return [event.pitch for event, _ in events if event.is_onset]
