"""Voicing: what the strips and the controls let the machine's voices do at this moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.engine.model import Constraints, Steer, Voice
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.listening import Listening
from antiphon.music.event import is_drum
from antiphon.music.grid import Grid

__all__ = ["Mask", "Voicing", "nearest_allowed", "pitches_within"]

Mask = npt.NDArray[np.bool_]

CLOSE = 24
"""Velocity steps around the player's loudness that are left when `dynamics` is 1."""

_ANYTHING = Voice()
_PITCH = np.arange(128)


@dataclass(frozen=True, slots=True)
class _Limits:
    """One voice's limits that hold whatever the player does."""

    pitches: Mask | None
    polyphony: tuple[int, int]
    length: tuple[float, float]
    velocity: tuple[int, int]


class Voicing:
    """The machine's voices under some settings. Ranges given the wrong way round are taken the right way round."""

    def __init__(self, settings: Settings, ensemble: Ensemble, texture: str) -> None:
        """`texture`: free, chords or lines."""
        self._settings = settings
        self.texture = texture
        self._limits = {
            instrument: _limits(settings, ensemble.strip_of(instrument), texture, drum=is_drum(instrument))
            for instrument in ensemble.instruments("auto", "follow")
        }
        self._steer = {
            "pitch": Steer(
                settings.number("pitch_temperature"),
                settings.number("pitch_nucleus"),
                _window(settings.number("steer_pitch")),
            ),
            "time": Steer(
                settings.number("time_temperature"),
                settings.number("time_nucleus"),
                _window(1.0 - settings.number("steer_rate")),
            ),
            "velocity": Steer(
                settings.number("velocity_temperature"), window=_window(settings.number("steer_velocity"))
            ),
        }

    def longest(self, instrument: int) -> float:
        """The longest that a note of `instrument` may last, in seconds."""
        return self._limits[instrument].length[1]

    def most(self, instrument: int) -> int:
        """The most notes that `instrument` may hold at once."""
        return self._limits[instrument].polyphony[1]

    def pitches(self, instrument: int, now: float, listening: Listening, *, avoiding: bool = True) -> Mask | None:
        """Where `instrument` may strike now, shape (128,); None for anywhere."""
        mask = self._limits[instrument].pitches
        if is_drum(instrument):
            return mask
        settings = self._settings
        if settings.choice("snap") in ("key", "chord"):
            scale = listening.scale(now, settings)
            if scale is not None:
                mask = scale if mask is None else mask & scale
        if avoiding and (semitones := settings.whole("avoid")):
            free = ~listening.crowded(now, semitones) if mask is None else mask & ~listening.crowded(now, semitones)
            mask = free if free.any() else mask  # nowhere left: closeness is better than silence
        return mask

    def voice(self, instrument: int, now: float, listening: Listening, *, may_start: bool) -> Voice:
        """What `instrument` may do now."""
        limits = self._limits[instrument]
        softest, loudest = self._velocities(limits.velocity, now, listening)
        return Voice(
            pitches=self.pitches(instrument, now, listening),
            min_velocity=softest,
            max_velocity=loudest,
            min_polyphony=min(limits.polyphony),
            max_polyphony=limits.polyphony[1],
            min_length=limits.length[0],
            max_length=limits.length[1],
            may_start=may_start,
        )

    def constraints(
        self,
        voices: Mapping[int, Voice],
        *,
        earliest: float,
        latest: float,
        partners: Collection[int] = (),
        weights: Mapping[int, float] | None = None,
        doublings: float = 0.0,
        beat: Grid | None = None,
    ) -> Constraints:
        """What the next event may be, between two times in seconds on the session's clock.

        It is one of `voices`, or anything by the instruments of `partners`; `weights` and `beat` as in `Constraints`.
        `doublings` are added to the control `density`.
        """
        return Constraints(
            voices={**voices, **dict.fromkeys(partners, _ANYTHING)},
            earliest=earliest,
            latest=latest,
            steer=self._steer,
            onset_weight=2.0 ** (self._settings.number("density") + doublings),
            weights=weights or {},
            beat=beat,
        )

    def snapped(self, instrument: int, pitch: int, now: float, listening: Listening, taken: Collection[int]) -> int:
        """`pitch`, or with `snap` at `nearest` the nearest allowed one of the key that is not `taken`."""
        if self._settings.choice("snap") != "nearest" or is_drum(instrument):
            return pitch
        scale = listening.scale(now, self._settings)
        if scale is None:
            return pitch
        own = self.pitches(instrument, now, listening, avoiding=False)
        return nearest_allowed(pitch, scale if own is None else scale & own, taken)

    def _velocities(self, limits: tuple[int, int], now: float, listening: Listening) -> tuple[int, int]:
        """The velocities allowed: drawn in around the player's loudness as far as `dynamics` says."""
        closeness, loudness = self._settings.number("dynamics"), listening.loudness(now)
        low, high = limits
        if not closeness or loudness is None:
            return low, high
        centre = min(max(loudness, low), high)
        near_low, near_high = max(low, centre - CLOSE / 2), min(high, centre + CLOSE / 2)
        return round(low + closeness * (near_low - low)), round(high + closeness * (near_high - high))


def nearest_allowed(pitch: int, mask: Mask, taken: Collection[int] = ()) -> int:
    """The pitch of `mask` nearest to `pitch` that is not `taken`, the lower of two; `pitch` where there is none."""
    allowed = mask.copy()
    allowed[list(taken)] = False
    if not allowed.any():
        return pitch
    return int(np.where(allowed, np.abs(_PITCH - pitch), 1000).argmin())


def pitches_within(low: float, high: float) -> Mask:
    """The pitches from `low` to `high`, both included, shape (128,)."""
    return (_PITCH >= low) & (_PITCH <= high)  # noqa: SIM300 - the array is what is compared


def _window(position: float) -> tuple[float, float]:
    """Which part of a distribution is left, from its lower half at 0 over all of it at 0.5 to its upper half at 1."""
    return max(0.0, position - 0.5), min(1.0, position + 0.5)


def _limits(settings: Settings, strip: Strip, texture: str, *, drum: bool) -> _Limits:
    """The strip's own limits, for voices that play by themselves those of the controls too.

    Where the two have nothing in common, the strip's hold.
    """
    softest, loudest = _common((settings.whole("velocity_low"), settings.whole("velocity_high")), strip.velocity)
    (low, high), most, length = strip.range, strip.polyphony[1], strip.length
    if strip.mode == "auto":
        most = min(most, 1 if texture == "lines" else settings.whole("polyphony"))
        length = _common((settings.number("length_min"), settings.number("length_max")), length)
        if not drum:
            ends = _common((settings.whole("pitch_low"), settings.whole("pitch_high")), strip.range)
            low, high = int(ends[0]), int(ends[1])
    return _Limits(
        pitches=None if (low, high) == (0, 127) else pitches_within(low, high),
        polyphony=(min(strip.polyphony[0], most), most),
        length=length,
        velocity=(int(softest), int(loudest)),
    )


def _common(ends: tuple[float, float], limits: tuple[float, float]) -> tuple[float, float]:
    low, high = sorted(ends)
    both = max(low, limits[0]), min(high, limits[1])
    return both if both[0] <= both[1] else limits
