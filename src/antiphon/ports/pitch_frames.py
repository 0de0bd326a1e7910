"""Sound in frames of five milliseconds: how loud each is, and which periods it may have.

The measure of periodicity is the normalised square difference function of P. McLeod and G. Wyvill, "A smarter way to
find pitch", ICMC 2005, by way of the Fourier transform: 1 for a lag after which the window repeats itself exactly. Two
windows are used, each a little more than two of its longest periods: a short one, which answers soon, and a long one
for the lags that do not fit into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["HOP", "SHORT", "Candidate", "Frame", "Frames", "hertz"]

HOP = 0.005
"""Seconds from frame to frame."""
SHORT = 0.0135
"""Seconds of the short window."""
PERIODS = 2.2
"""Longest periods in a window."""
LEAST_CLARITY = 0.4
"""What is less periodic is no candidate."""
LEAST_SHARE = 0.75
"""Of the best clarity of the frame; what has less is no candidate."""
BATCH = 64
"""Frames that are worked out together at most: it bounds memory."""
RUMBLE = 0.05
"""Seconds of the moving mean that is taken away: it removes an offset and what lies below hearing."""
SILENCE = 1e-6
"""Added to root mean squares, so that silence has a level: -120 dB."""

Sound = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pitch that a frame may have: `pitch` in MIDI numbers with fractions, at A4 = 440 Hz, `clarity` 0..1."""

    pitch: float
    clarity: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that ends before sample `end`; its levels are in dB of full scale (root mean square).

    `recent` is that of the last `HOP` seconds, `level` that of the short window, `slow` that of the long one, and
    `bright` that of the steps from sample to sample in the short one, where what is high counts for more. `candidates`
    are sorted from high to low pitch.
    """

    end: int
    level: float
    recent: float
    slow: float
    bright: float
    candidates: tuple[Candidate, ...]

    @property
    def clarity(self) -> float:
        """That of the best candidate; 0 where there is none."""
        return max((c.clarity for c in self.candidates), default=0.0)


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch, at A4 = 440 Hz."""
    return float(440 * 2 ** ((pitch - 69) / 12))


class _Window:
    """The clarity of the lags from `first` to `last` samples, over the last `size` samples of each frame."""

    def __init__(self, size: int, first: int, last: int) -> None:
        self.size = size
        self._lags = np.arange(first - 1, last + 2)
        self._fft = _quick_length(size + last + 2)

    def peaks(self, frames: Sound) -> tuple[npt.NDArray[np.int64], Sound, Sound]:
        """The maxima of clarity in `frames`, shape (F, size): frame, lag in samples with fractions, clarity; (n,)."""
        clarity = self._clarity(frames)
        middle = clarity[:, 1:-1]
        there = (middle > LEAST_CLARITY) & (middle > clarity[:, :-2]) & (middle >= clarity[:, 2:])
        frame, place = np.nonzero(there)
        before, at, after = (clarity[frame, place + i] for i in range(3))
        # The top of the parabola through the maximum and its neighbours.
        shift = 0.5 * (before - after) / np.minimum(before - 2 * at + after, -1e-12)
        return frame, self._lags[place + 1] + shift, np.minimum(at - 0.25 * (before - after) * shift, 1.0)

    def _clarity(self, frames: Sound) -> Sound:
        """Shape (F, L): twice the autocorrelation over the energy of the two parts that are compared."""
        spectrum = np.fft.rfft(frames, self._fft, axis=1)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, self._fft, axis=1)[:, self._lags]
        energy = np.zeros((len(frames), self.size + 1))
        np.cumsum(frames * frames, axis=1, out=energy[:, 1:])
        both = energy[:, self.size - self._lags] + energy[:, -1:] - energy[:, self._lags]
        return np.asarray(2 * correlation / (both + self.size * SILENCE**2))


class Frames:
    """A stream of samples as frames, for pitches from `low` to `high` (MIDI numbers)."""

    def __init__(self, sample_rate: float, low: float, high: float) -> None:
        self.hop = round(HOP * sample_rate)
        self._rate = sample_rate
        first, last = int(sample_rate / hertz(high)), int(sample_rate / hertz(low)) + 1
        reach = min(last, int(SHORT * sample_rate / PERIODS))
        self._short = _Window(round(SHORT * sample_rate), first, reach)
        self._windows = [self._short]
        if last > reach:
            self._windows.append(_Window(max(round(PERIODS * last), self._short.size), reach + 1, last))
        self._mean = round(RUMBLE * sample_rate)
        self._raw = np.zeros(self._mean)
        self._sound = np.zeros(max(w.size for w in self._windows))
        self._waiting: list[Sound] = []
        self._count = 0
        self._end = 0

    def hear(self, samples: npt.ArrayLike) -> Iterator[Frame]:
        """The frames that `samples`, shape (n,), complete."""
        block = np.asarray(samples, np.float64)
        self._waiting.append(block)
        self._count += len(block)
        if self._count < self.hop:
            return
        sound = np.concatenate(self._waiting)
        whole = self._count // self.hop * self.hop
        self._waiting, self._count = [sound[whole:]], self._count - whole
        for start in range(0, whole, BATCH * self.hop):
            yield from self._batch(sound[start : min(start + BATCH * self.hop, whole)])

    def _batch(self, block: Sound) -> Iterator[Frame]:
        raw = np.concatenate([self._raw, block])
        total = np.cumsum(raw)
        sound = np.concatenate([self._sound, block - (total[self._mean :] - total[: -self._mean]) / self._mean])
        self._raw, self._sound = raw[-self._mean :], sound[-len(self._sound) :]
        ends = np.arange(self.hop, len(block) + 1, self.hop) + len(self._sound)
        found = [(window, window.peaks(_last(sound, ends, window.size))) for window in self._windows]
        short = _last(sound, ends, self._short.size)
        levels = [
            _decibels(frames).tolist()
            for frames in (
                short,
                short[:, -self.hop :],
                _last(sound, ends, self._windows[-1].size),
                np.diff(short, axis=1),
            )
        ]
        candidates: list[list[Candidate]] = [[] for _ in ends]
        for _, (frame, lag, clarity) in found:
            pitch = 69 + 12 * np.log2(self._rate / lag / 440)
            for f, p, c in zip(frame.tolist(), pitch.tolist(), clarity.tolist(), strict=True):
                candidates[f].append(Candidate(p, c))
        for level, recent, slow, bright, among in zip(*levels, candidates, strict=True):
            self._end += self.hop
            least = LEAST_SHARE * max((c.clarity for c in among), default=0.0)
            kept = tuple(c for c in among if c.clarity >= least)
            yield Frame(self._end, level, recent, slow, bright, kept)


def _last(sound: Sound, ends: npt.NDArray[np.int64], size: int) -> Sound:
    """The `size` samples of `sound` before each of `ends`, shape (F, size)."""
    return np.asarray(sound[ends[:, None] - size + np.arange(size)])


def _decibels(frames: Sound) -> Sound:
    return np.asarray(20 * np.log10(np.sqrt((frames * frames).mean(axis=1)) + SILENCE))


def _quick_length(least: int) -> int:
    """The smallest number from `least` on without prime factors above 5: Fourier transforms of it are quick."""
    lengths: Iterator[int] = (2**a * 3**b * 5**c for a in range(18) for b in range(4) for c in range(3))
    return min(length for length in lengths if length >= least)
