"""Voicing: whose instruments are whose, and what the settings let the machine's voices do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from antiphon.engine.model import Constraints, Steer, Voice
from antiphon.jam.controls import Settings
from antiphon.music.event import ANONYMOUS, ANONYMOUS_DRUMS, ANONYMOUS_PARTS, INSTRUMENTS, is_drum

__all__ = ["Parts", "Voicing", "apart_from"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The machine's instruments (0..319, at least one, no two alike); every other instrument is the player's."""

    machine: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.machine or len(set(self.machine)) < len(self.machine):
            raise ValueError(f"the machine needs one or more different instruments, not {self.machine}")
        if not all(0 <= instrument < INSTRUMENTS for instrument in self.machine):
            raise ValueError(f"instruments go from 0 to {INSTRUMENTS - 1}, so the machine cannot play {self.machine}")


def apart_from(taken: Iterable[int], instrument: int) -> int:
    """`instrument`, or, where it is among `taken`, the first free anonymous part of its kind (melodic or drums).

    Raises `ValueError` when all of them are taken.
    """
    others = set(taken)
    first = ANONYMOUS_DRUMS if is_drum(instrument) else ANONYMOUS
    candidates: tuple[int, ...] = (instrument, *range(first, first + ANONYMOUS_PARTS))
    for candidate in candidates:
        if candidate not in others:
            return candidate
    raise ValueError(f"no anonymous part is left to play apart from {len(others)} others")


_ANYTHING = Voice()


class Voicing:
    """The machine's voices under some settings. Ranges given the wrong way round are taken the right way round."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.shortest, self.longest = sorted((settings.number("length_min"), settings.number("length_max")))
        self._voices = {
            may_start: {i: self._voice(settings, drum=is_drum(i), may_start=may_start) for i in parts.machine}
            for may_start in (True, False)
        }
        self._steer = {
            "pitch": Steer(settings.number("pitch_temperature"), settings.number("pitch_nucleus")),
            "time": Steer(settings.number("time_temperature"), settings.number("time_nucleus")),
            "velocity": Steer(settings.number("velocity_temperature")),
        }
        self._onset_weight = 2.0 ** settings.number("density")

    def constraints(
        self,
        *,
        earliest: float,
        latest: float,
        may_start: bool,
        partners: Collection[int] = (),
        weights: Mapping[int, float] | None = None,
    ) -> Constraints:
        """What the next event may be, between two times in seconds on the session's clock.

        It is the machine's, or anything by the instruments of `partners`; `weights` as in `Constraints`.
        """
        return Constraints(
            voices=self._voices[may_start] | dict.fromkeys(partners, _ANYTHING),
            earliest=earliest,
            latest=latest,
            steer=self._steer,
            onset_weight=self._onset_weight,
            weights=weights or {},
        )

    def _voice(self, settings: Settings, *, drum: bool, may_start: bool) -> Voice:
        low, high = sorted((settings.whole("pitch_low"), settings.whole("pitch_high")))
        softest, loudest = sorted((settings.whole("velocity_low"), settings.whole("velocity_high")))
        pitch = np.arange(128)
        return Voice(
            pitches=None if drum else (low <= pitch) & (pitch <= high),
            min_velocity=softest,
            max_velocity=loudest,
            max_polyphony=settings.whole("polyphony"),
            min_length=self.shortest,
            max_length=self.longest,
            may_start=may_start,
        )
