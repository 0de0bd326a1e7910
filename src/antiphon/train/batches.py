"""Batches of windows: what is drawn from the corpus, how it is varied, and what sounds before each event.

A batch is a pure function of (seed, step), so that resuming a run continues its data bit for bit; and each window of it
of its place as well, so that several processes draw the parts of one batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from antiphon.codec import stream
from antiphon.codec.beats import BEAT_FEATURES, beat_features
from antiphon.codec.sounding import DECAYS
from antiphon.music.beats import Beats, beats_moved, stretched
from antiphon.music.event import (
    ANONYMOUS,
    ANONYMOUS_DRUMS,
    ANONYMOUS_PARTS,
    INSTRUMENTS,
    Events,
    is_drum,
)
from antiphon.train.corpus import CorpusError, Split, Window

__all__ = ["Augment", "Batch", "Batches", "beats_before", "collate", "sounding_before"]

WITHHELD = 0.25
"""The share of windows whose beats a net that knows of beats is not told, so that it plays without a clock as well."""


@dataclass(frozen=True)
class Augment:
    """How a window is varied. Probabilities are of a window; ranges are symmetric."""

    transpose: int = 6  # semitones
    tempo: float = 0.22  # natural log
    velocity: float = 0.33  # log2 of the curve's exponent, one standard deviation
    jitter: float = 0.004  # seconds; onsets later, releases earlier, in `jittered` of the windows
    jittered: float = 0.4
    anonymous: float = 0.15  # of the instruments
    divide: float = 0.2  # one instrument split in two at a pitch, the lower part anonymous
    off_beat: float = 0.03  # seconds; beats are told early or late by a share, even from 0 to 1, of a normal deviation

    def apply(self, window: Window, rng: np.random.Generator) -> Window:
        """A varied copy of a window."""
        events = window.events.copy()
        instruments = np.unique(events["instrument"])
        melodic = ~np.isin(events["instrument"], [i for i in instruments if is_drum(int(i))])
        self._transpose(events, melodic, rng)
        slower = np.exp(rng.uniform(-self.tempo, self.tempo))
        events["at"] *= slower
        on = events["velocity"] > 0
        curve = 2.0 ** rng.normal(0, self.velocity)
        bent = np.rint(127 * (events["velocity"] / 127.0) ** curve)
        events["velocity"] = np.where(on, np.clip(bent, 1, 127), 0)
        self._rename(events, instruments, rng)
        if rng.random() < self.jittered:
            shift = rng.uniform(0, self.jitter, len(events))
            events["at"] += np.where(on, shift, -shift)
            events = events[np.argsort(events["at"], kind="stable")]
        return Window(events, self._off_beat(stretched(window.beats, slower), rng))

    def _off_beat(self, beats: Beats, rng: np.random.Generator) -> Beats:
        """A beat that is found by ear is never quite where the notes are: a net must not take it at its word."""
        return beats_moved(beats, rng.normal(0, self.off_beat) * rng.random()) if len(beats) else beats

    def _transpose(self, events: Events, melodic: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
        if self.transpose and melodic.any():
            pitch = events["pitch"][melodic].astype(np.int64)
            shift = int(rng.integers(-self.transpose, self.transpose, endpoint=True))
            events["pitch"][melodic] = pitch + min(max(shift, -int(pitch.min())), 127 - int(pitch.max()))

    def _rename(self, events: Events, instruments: npt.NDArray[np.uint16], rng: np.random.Generator) -> None:
        """Make some parts anonymous, and sometimes two players out of one."""
        free = rng.permutation(ANONYMOUS_PARTS).tolist()
        source = events["instrument"].copy()
        for i in instruments.tolist():
            first = ANONYMOUS_DRUMS if is_drum(i) else ANONYMOUS
            if i < ANONYMOUS and rng.random() < self.anonymous:
                events["instrument"][source == i] = first + free.pop() if free else i
        melodic = [i for i in instruments.tolist() if not is_drum(i)]
        if melodic and free and rng.random() < self.divide:
            own = source == rng.choice(melodic)
            low = events["pitch"] < rng.choice(events["pitch"][own])
            events["instrument"][own & low] = ANONYMOUS + free.pop()


@dataclass(frozen=True)
class Batch:
    """codes (B, T, 4) int64; sounding (B, T, F) before each event; real (B, T) false where padded."""

    codes: Tensor
    sounding: Tensor
    real: Tensor

    @property
    def events(self) -> Tensor:
        """How many there are."""
        return self.real.sum()

    def to(self, device: str) -> Batch:
        return Batch(self.codes.to(device), self.sounding.to(device), self.real.to(device))


def sounding_before(events: list[Events], length: int) -> Tensor:
    """What sounds before each event of each window, (B, length, FEATURES); as `codec.sounding` counts it.

    A note that is only released inside the window is taken to sound since long before it.
    """
    B = len(events)
    pitch, instrument = (torch.zeros(B, length, dtype=torch.long) for _ in range(2))
    sign, at = torch.zeros(B, length), torch.zeros(B, length, dtype=torch.float64)
    for b, window in enumerate(events):
        n = len(window)
        pitch[b, :n] = torch.from_numpy(window["pitch"].astype(np.int64))
        instrument[b, :n] = torch.from_numpy(window["instrument"].astype(np.int64))
        sign[b, :n] = torch.from_numpy(np.where(window["velocity"] > 0, 1.0, -1.0).astype(np.float32))
        at[b, :n] = torch.from_numpy(window["at"].copy())
    held = _held(pitch, sign, 128)
    ages = _ages(pitch, sign, at)
    decays = [held * torch.exp(-ages / d) for d in DECAYS]
    return torch.cat([held, *decays, _held(instrument, sign, INSTRUMENTS)], dim=-1)


def _held(index: Tensor, sign: Tensor, size: int) -> Tensor:
    """1 where `index` is held before each event: (B, T) -> (B, T, size)."""
    steps = torch.zeros(*index.shape, size).scatter_(-1, index[..., None], sign[..., None])
    after = steps.cumsum(1)
    unseen = after.amin(1, keepdim=True).clamp(max=0)  # released without an onset: held from the start
    return ((after - steps - unseen) > 0.5).float()


def _ages(pitch: Tensor, sign: Tensor, at: Tensor) -> Tensor:
    """Seconds from each pitch's last onset to the last event before each event: (B, T) -> (B, T, 128)."""
    B, T = pitch.shape
    onset = torch.full((B, T, 128), -1e9).scatter_(
        -1, pitch[..., None], torch.where(sign > 0, at, -1e9).float()[..., None]
    )
    latest = torch.cat([torch.full((B, 1, 128), -1e9), onset.cummax(1).values[:, :-1]], dim=1)
    now = torch.cat([torch.zeros(B, 1), at.float()[:, :-1]], dim=1)
    return (now[..., None] - latest).clamp(min=0)  # padding has no time


def beats_before(windows: list[Window], length: int) -> Tensor:
    """Where the last event before each event falls in its beat, (B, length, BEAT_FEATURES); see `codec.beats`.

    Before the first one nothing is known.
    """
    told = np.zeros((len(windows), length, BEAT_FEATURES), np.float32)
    for row, window in zip(told, windows, strict=True):
        last = window.events["at"][:-1]
        row[1 : len(last) + 1] = beat_features(window.beats, last)
    return torch.from_numpy(told)


class Batches:
    """Draws batches from a split; `weights` multiplies the square-root-of-events share of named sets.

    `beats`: whether they are told where beats fall, in all windows but the share `WITHHELD`.

    Of the `size` windows of each batch, those in `part` (all) are drawn.
    """

    def __init__(
        self,
        split: Split,
        *,
        length: int,
        size: int,
        seed: int = 0,
        weights: Mapping[str, float] | None = None,
        augment: Augment | None = None,
        part: slice | None = None,
        beats: bool = False,
    ) -> None:
        if beats and not split.has_beats:
            raise CorpusError(
                f"{split.folder}: does not tell where beats fall: it was made by an older version; prepare it again, "
                "or train without `beat`"
            )
        self.split, self.length, self.seed, self.augment, self.beats = split, length, seed, augment, beats
        self.places = range(size)[part or slice(None)]
        lengths = split.index["length"].astype(np.float64)
        per_set = np.bincount(split.index["set"], lengths, minlength=len(split.sets))
        unknown = set(weights or {}) - set(split.sets)
        if unknown:
            raise ValueError(f"no set is called {min(unknown)!r}: there are {', '.join(split.sets)}")
        share = np.sqrt(per_set) * [(weights or {}).get(name, 1.0) for name in split.sets]
        if not (share >= 0).all() or not 0 < share.sum() < np.inf:
            raise ValueError("weights must be 0 or more, and leave something to train on")
        share = share / share.sum()
        chance = share[split.index["set"]] * lengths / np.maximum(per_set[split.index["set"]], 1)
        self._cumulative = np.cumsum(chance / chance.sum())
        self.shares = dict(zip(split.sets, share.tolist(), strict=True))

    def window(self, rng: np.random.Generator) -> Window:
        """One random window of at most `length` events, varied."""
        i = int(np.searchsorted(self._cumulative, rng.random()).clip(0, len(self._cumulative) - 1))
        length = int(self.split.index["length"][i])
        # Short pieces, and beginnings, are heard from the first event; others from anywhere.
        start = int(rng.integers(-self.length // 4, max(length - self.length // 2, 1))) if length else 0
        window = self.split.window(i, max(start, 0), self.length, beats=self.beats)
        window = self.augment.apply(window, rng) if self.augment else window
        return Window(window.events) if self.beats and rng.random() < WITHHELD else window

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        generators = (np.random.default_rng([self.seed, step, place]) for place in self.places)
        return collate([self.window(rng) for rng in generators], self.length, beats=self.beats)


def collate(windows: list[Window], length: int, *, beats: bool = False) -> Batch:
    """Windows of at most `length` events as one batch, for nets that are told where `beats` fall or for others."""
    codes = np.zeros((len(windows), length, 4), np.int64)
    real = np.zeros((len(windows), length), np.bool_)
    for b, window in enumerate(windows):
        codes[b, : len(window.events)] = stream.encode(window.events)
        real[b, : len(window.events)] = True
    sounding = sounding_before([window.events for window in windows], length)
    if beats:
        sounding = torch.cat([sounding, beats_before(windows, length)], dim=-1)
    return Batch(torch.from_numpy(codes), sounding, torch.from_numpy(real))
