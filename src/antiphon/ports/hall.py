"""Halls: impulse responses that we make ourselves, and music played in them by convolution.

A hall's response is what noise that dies away sounds like, high frequencies sooner than low ones, after a few early
echoes from its walls; each side hears noise of its own (after J. A. Moorer, "About this reverberation business",
Computer Music Journal 3/2, 1979).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Stereo", "add_echoes", "impulse_response"]

Stereo = npt.NDArray[np.float32]
"""Shape (2, n), left and right."""

PREDELAY = 0.02
"""Seconds before the first echo."""
EARLY = ((0.020, 0.60), (0.027, 0.50), (0.035, 0.42), (0.046, 0.36), (0.059, 0.30), (0.075, 0.24))
"""Early echoes: seconds and levels; the right side's come a little later."""
BANDS = ((0, 500, 1.0), (500, 2000, 0.85), (2000, 6000, 0.55), (6000, 1e6, 0.3))
"""Hz from and to, and how long that band rings as a share of the whole."""


def impulse_response(seconds: float, sample_rate: int) -> npt.NDArray[np.float64]:
    """A hall that falls by 60 dB in `seconds`, shape (2, n); each side's energy is 1. The same every time."""
    n = max(2, round(seconds * sample_rate))
    t = np.arange(n) / sample_rate
    response = np.zeros((2, n))
    frequency = np.fft.rfftfreq(2 * n, 1 / sample_rate)
    for side, rng in enumerate(np.random.default_rng([1979, 3]).spawn(2)):
        white = np.fft.rfft(rng.standard_normal(2 * n))
        for low, high, share in BANDS:
            band = np.fft.irfft(white * ((frequency >= low) & (frequency < high)), 2 * n)[:n]
            response[side] += band * np.exp(-6.9 * t / (seconds * share))
        response[side, : round(PREDELAY * sample_rate)] = 0
        response[side] /= max(np.abs(response[side]).max(), 1e-12)
        for at, level in EARLY:
            place = round((at + 0.0017 * side) * sample_rate)
            if place < n:
                response[side, place] += level
        response[side] /= np.sqrt((response[side] ** 2).sum())
    return response


def add_echoes(mix: Stereo, echoes: npt.NDArray[np.float64]) -> None:
    """Add to each side of `mix` (2, n), in place, its echoes (2, m): what falls behind its end is lost."""
    size = echoes.shape[1]
    n = 1 << (4 * size - 1).bit_length()
    block = n - size
    response = np.fft.rfft(echoes, n)
    # From the end to the start: a block's echoes fall on blocks that have been dealt with.
    for start in reversed(range(0, mix.shape[1], block)):
        wet = np.fft.irfft(np.fft.rfft(mix[:, start : start + block], n) * response, n)
        end = min(start + n, mix.shape[1])
        mix[:, start:end] += wet[:, : end - start].astype(np.float32)
