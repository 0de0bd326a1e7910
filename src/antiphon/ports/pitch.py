"""A monophonic pitch tracker: sound in, notes out, for a voice, a wind instrument or a bowed string.

It knows no clock and no device: it is given samples and the time of the first of them, and it is causal.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Event
from antiphon.ports.pitch_frames import Frames
from antiphon.ports.pitch_notes import Heard, NoteFinder

__all__ = ["HIGHEST", "LOWEST", "PitchTracker"]

LOWEST, HIGHEST = 36, 98
"""MIDI pitches that are looked for where nothing else is said: C2 to D7."""
GAP = 0.02
"""Seconds by which a block's time may differ from where the last one ended; beyond that, sound was lost."""
SAMPLES_A_PERIOD = 8
"""Fewer do not tell a pitch to a quarter of a semitone."""


class PitchTracker:
    """What one voice plays, as events of `instrument`.

    `low` and `high` are the MIDI pitches that are looked for (`high` None: D7, or what the sample rate can tell where
    that is less), `tuning` the frequency of A4 in Hz. `gain` (dB) is added
    to every level; `gate` (dB of full scale, root mean square, gain included) is the level below which nothing is
    heard, or 8 dB above the noise floor where that is higher. The velocity is 127 * 10 ** ((level + gain + 9) / 40), of
    the loudest moment up to when the note was told: -9 dB is 127, and 40 dB less a tenth of it.

    Raises ValueError for a range or a sample rate with which nothing can be told.
    """

    def __init__(
        self,
        sample_rate: float,
        instrument: int,
        *,
        low: int = LOWEST,
        high: int | None = None,
        tuning: float = 440.0,
        gain: float = 0.0,
        gate: float = -60.0,
    ) -> None:
        if not 8_000 <= sample_rate <= 192_000:
            raise ValueError(f"a pitch can be told at 8000 to 192000 samples a second, not at {sample_rate:g}")
        if not 220 <= tuning <= 880:
            raise ValueError(f"A4 cannot be {tuning:g} Hz: 220 to 880 can be")
        semitones = 12 * math.log2(tuning / 440)
        top = math.floor(_highest(sample_rate) - semitones)
        high = min(HIGHEST, top) if high is None else high
        if not 12 <= low < high <= top:
            raise ValueError(f"from {low} to {high} is no range: pitches from 12 to {top} can be told")
        self._rate = sample_rate
        self._instrument = instrument
        self._range = (low - 0.7 + semitones, high + 0.7 + semitones)
        self._tuned = {"tuning": semitones, "gain": gain, "gate": gate}
        self._told = -math.inf
        self._started = False
        self._count = 0
        self._zero = 0.0
        self._begin(0.0)

    def hear(self, samples: npt.ArrayLike, at: float) -> list[Event]:
        """What `samples`, float, shape (n,) of any n, make known; the first of them sounded at `at` seconds.

        An event's `at` is where the note is thought to have begun or ended. That lies up to 0.16 s before the end of
        the block, so possibly before its beginning, but never before an earlier event. Where `at` is not where the last
        block ended, by more than `GAP`, sound was lost: what sounds is closed, and the tracker begins anew.
        """
        block = np.nan_to_num(np.asarray(samples, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        if block.ndim != 1:
            raise ValueError(f"one channel of samples is heard, not an array of shape {block.shape}")
        events: list[Event] = []
        expected = self._zero + self._count / self._rate
        if not self._started:
            self._begin(at)
        elif abs(at - expected) > GAP:
            events = self.end(expected)
            self._begin(at)
        self._started = True
        self._zero = at - self._count / self._rate
        self._count += len(block)
        return events + [self._event(note) for frame in self._frames.hear(block) for note in self._finder.take(frame)]

    def end(self, at: float) -> list[Event]:
        """Close what sounds, at `at` seconds. Sound may follow."""
        return [self._event(note, at) for note in self._finder.end(self._count)]

    def _begin(self, at: float) -> None:
        """Know nothing of what came before `at`."""
        self._frames = Frames(self._rate, *self._range)
        self._finder = NoteFinder(self._frames.hop, **self._tuned)
        self._count = 0
        self._zero = at

    def _event(self, heard: Heard, at: float | None = None) -> Event:
        self._told = max(self._told, self._zero + heard.at / self._rate if at is None else at)
        return Event(self._told, self._instrument, heard.pitch, heard.velocity)


def _highest(sample_rate: float) -> float:
    """The highest MIDI pitch that can be told at `sample_rate` (Hz)."""
    return 69 + 12 * math.log2(sample_rate / SAMPLES_A_PERIOD / 440) - 0.7
