"""Tunings as MIDI messages, for synthesisers that are played live: the MIDI Tuning Standard (MMA CA-020 and CA-021).

A tuning that repeats at the octave and stays within a semitone of equal temperament is told as twelve distances; any
other key by key, as a tuning program that every channel then selects. Channel 10, the drums', is left alone.
"""

from __future__ import annotations

import numpy as np

from antiphon.music.tuning import KEYS, Tuning

__all__ = ["retuning"]

REAL_TIME, EVERY_DEVICE, TUNING, END = 0x7F, 0x7F, 0x08, 0xF7
SINGLE_NOTES, OCTAVE = 0x02, 0x09
"""Sub-ids: changes of single notes; scale/octave tuning with two bytes a key."""
BUT_DRUMS = bytes((0x03, 0x7B, 0x7F))
"""A bit for each channel, 16 first, but for channel 10."""
MELODIC = tuple(channel for channel in range(16) if channel != 9)
AT_ONCE = 32
"""Keys that one message changes: some receivers' buffers are short."""
PROGRAM_SELECT, BANK_SELECT = 3, 4
"""Registered parameters that choose a channel's tuning."""


def retuning(tuning: Tuning) -> list[bytes]:
    """The messages after which a receiver is in `tuning`. Keys that are silent in it stay as the receiver has them."""
    deviations = tuning.deviations
    octave = deviations[60:72]
    repeats = np.isfinite(deviations).all() and np.allclose(deviations, np.resize(octave, KEYS), atol=1e-6)
    if repeats and np.abs(octave).max() < 99.9:
        return [_octave(octave.tolist())]
    return [*_single_notes(tuning.pitches.tolist()), *(m for channel in MELODIC for m in _selecting(channel))]


def _exclusive(*body: bytes) -> bytes:
    return bytes((0xF0, REAL_TIME, EVERY_DEVICE, TUNING)) + b"".join(body) + bytes((END,))


def _seven_bits(value: int) -> bytes:
    """14 bits, the upper seven first."""
    return bytes((value >> 7, value & 0x7F))


def _octave(cents: list[float]) -> bytes:
    """Distances of C to B from equal temperament, in steps of 100/8192 cents."""
    steps = (min(16383, max(0, round(8192 + c * 81.92))) for c in cents)
    return _exclusive(bytes((OCTAVE,)), BUT_DRUMS, *map(_seven_bits, steps))


def _single_notes(pitches: list[float]) -> list[bytes]:
    """Pitches of keys, in steps of 100/16384 cents above a semitone of equal temperament; 128 is out of reach."""
    rows = []
    for key, pitch in enumerate(pitches):
        if np.isfinite(pitch):
            steps = min(KEYS * 16384 - 2, max(0, round(pitch * 16384)))
            rows.append(bytes((key, steps >> 14)) + _seven_bits(steps & 0x3FFF))
    chunks = [rows[n : n + AT_ONCE] for n in range(0, len(rows), AT_ONCE)]
    return [_exclusive(bytes((SINGLE_NOTES, 0, len(chunk))), *chunk) for chunk in chunks]


def _selecting(channel: int) -> list[bytes]:
    """A channel takes tuning program 0 of bank 0; then no parameter is selected, so that no later one is changed."""
    settings = [(101, 0), (100, BANK_SELECT), (6, 0), (101, 0), (100, PROGRAM_SELECT), (6, 0), (101, 127), (100, 127)]
    return [bytes((0xB0 | channel, *setting)) for setting in settings]
