"""A monophonic pitch tracker: sound in, notes out, for a voice, a wind instrument or a bowed string.

It knows no clock and no device: it is given samples and the time of the first of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Event
from antiphon.ports.pitch_frames import Frames
from antiphon.ports.pitch_notes import Heard, NoteFinder

__all__ = ["PitchTracker"]

GAP = 0.02
"""Seconds by which a block's time may differ from where the last one ended; beyond that, sound was lost."""


class PitchTracker:
    """What one voice plays, as events of `instrument`.

    `low` and `high` (MIDI pitches) bound what is looked for; `tuning` is the frequency of A4 in Hz; `gain` (dB) is
    added to the level before it becomes a velocity; `gate` (dB of full scale, root mean square, gain included) is the
    level below which nothing is heard. Velocity is 127 * 10 ** ((level + gain + 9) / 40). Raises ValueError where the
    sample rate cannot tell `high`, or the range is none.
    """

    def __init__(
        self,
        sample_rate: float,
        instrument: int,
        *,
        low: int = 36,
        high: int = 98,
        tuning: float = 440.0,
        gain: float = 0.0,
        gate: float = -60.0,
    ) -> None:
        self._rate = sample_rate
        self._instrument = instrument
        semitones = 12 * float(np.log2(tuning / 440))
        self._frames = Frames(sample_rate, low - 0.7 + semitones, high + 0.7 + semitones)
        self._finder = NoteFinder(self._frames.hop, tuning=semitones, gain=gain, gate=gate)
        self._heard = 0
        self._zero: float | None = None

    def hear(self, samples: npt.ArrayLike, at: float) -> list[Event]:
        block = np.asarray(samples, np.float32)
        self._zero = at - self._heard / self._rate
        self._heard += len(block)
        return [self._event(h) for frame in self._frames.hear(block) for h in self._finder.take(frame)]

    def end(self, at: float) -> list[Event]:
        if self._zero is None:
            return []
        self._zero = at - self._heard / self._rate
        return [self._event(h) for h in self._finder.end(self._heard)]

    def _event(self, heard: Heard) -> Event:
        return Event(self._zero + heard.at / self._rate, self._instrument, heard.pitch, heard.velocity)
