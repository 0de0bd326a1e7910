"""What sounds now, as numbers that a net is given beside the events.

A net that only hears onsets and releases must remember every held note by itself to know what can be released. The
ledger knows; so the net is told: for each pitch whether it sounds and how long it has (two decays of its age), and for
each instrument whether it holds anything. `FEATURES` numbers in all.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.music.event import INSTRUMENTS
from antiphon.music.ledger import Ledger

__all__ = ["CHANNELS", "DECAYS", "FEATURES", "features"]

DECAYS = (0.3, 1.5)
"""Seconds after which a held note's two age features have fallen to 1/e."""
CHANNELS = 1 + len(DECAYS)
"""Numbers a pitch: sounding, and one decay each."""
FEATURES = CHANNELS * 128 + INSTRUMENTS
"""Length of the vector: (CHANNELS, 128) flattened, then (INSTRUMENTS,)."""


def features(ledger: Ledger, now: float) -> npt.NDArray[np.float32]:
    """What `ledger` holds at `now` seconds (the last event's time), shape (FEATURES,).

    Where two instruments hold one pitch, the younger note's age counts.
    """
    vector = np.zeros(FEATURES, np.float32)
    for (instrument, pitch), since in ledger.sounding.items():  # longest first, so the younger overwrites
        age = max(now - since, 0.0)
        vector[pitch] = 1.0
        for channel, decay in enumerate(DECAYS, start=1):
            vector[channel * 128 + pitch] = math.exp(-age / decay)
        vector[CHANNELS * 128 + instrument] = 1.0
    return vector
