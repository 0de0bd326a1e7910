"""What an OSC message asks for, in the engine's terms. Instruments are counted from 1 outside and from 0 within."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.engine import Constraints, Steer, Voice
from antiphon.music.event import ANONYMOUS, INSTRUMENTS, Event, is_drum

__all__ = ["Heard", "Said", "Wish", "heard", "query_wish", "sample_wish", "velocity_of"]

_LETTERS = {"v": "velocity", "t": "time", "i": "instrument", "p": "pitch"}
_CANONICAL = ("instrument", "pitch", "time", "velocity")
_SAMPLE_ORDER = ("velocity", "time", "instrument", "pitch")
_TOUCHES = {
    "instrument": ("instrument_temp", "include_inst", "exclude_inst"),
    "pitch": ("pitch_temp", "include_pitch", "exclude_pitch", "include_drum", "truncate_quantile_pitch"),
    "time": ("min_time", "max_time", "rhythm_temp", "timing_temp", "truncate_quantile_time"),
    "velocity": ("min_vel", "max_vel", "velocity_temp"),
}
_ALWAYS_HELD = 128  # a polyphony that is never gone beyond, so that nothing is released

Said = Mapping[str, Any]
"""Keywords that were given, with their values read."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event to be fed: instrument 0..319, and `since`, seconds after the one before."""

    instrument: int
    pitch: int
    since: float
    velocity: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What the next event may be. Times are in seconds after the last event.

    `releasable`: the pitches on which a release may be drawn; None for all. `rank`: the pitch of this likelihood is
    taken, 0 for the likeliest.
    """

    voices: Mapping[int, Voice]
    after: tuple[float, float]
    fixed: Mapping[str, float]
    order: tuple[str, ...]
    steer: Mapping[str, Steer]
    onset_weight: float = 1.0
    weights: Mapping[int, float] = field(default_factory=dict)
    releasable: Mapping[int, frozenset[int]] | None = None
    rank: int | None = None

    def constraints(self, at: float) -> Constraints:
        """The constraints when the last event was at `at` seconds."""
        fixed = {name: at + value if name == "time" else value for name, value in self.fixed.items()}
        earliest, latest = (at + seconds for seconds in self.after)
        return Constraints(
            self.voices, earliest, latest, fixed, self.order, self.steer, self.onset_weight, self.weights
        )

    def allows(self, event: Event) -> bool:
        """Whether a release is one of those that were asked for."""
        if event.is_onset or self.releasable is None:
            return True
        return event.pitch in self.releasable[int(is_drum(event.instrument))]


def velocity_of(number: float) -> int:
    """The velocity of a number: whole, and 0 for nothing but 0, which is a release."""
    return 0 if number == 0 else max(1, math.floor(number + 0.5))


def heard(said: Said) -> Heard:
    """The event that was told. Raises ValueError when a part of it is missing."""
    missing = [name for name in ("inst", "pitch", "time", "vel") if said.get(name) is None]
    if missing:
        raise ValueError(f"an event needs inst, pitch, time and vel; {', '.join(missing)} is missing")
    return Heard(said["inst"] - 1, said["pitch"], said["time"], velocity_of(said["vel"]))


def query_wish(said: Said) -> Wish:
    """What Notochord's query asks for: every limit is one of any event, onset or release."""
    pitches = said.get("include_pitch")
    melodic = frozenset(range(128) if pitches is None else pitches) - said.get("exclude_pitch", frozenset())
    drums = said.get("include_drum", melodic)
    if "next_pitch" in said:
        melodic = drums = frozenset(range(128))
    low, high = said.get("min_vel", 0.0), said.get("max_vel", 127.0)
    if "next_vel" in said:
        low, high = 0.0, 127.0
    if low > high:
        raise ValueError(f"min_vel {low:g} is more than max_vel {high:g}")
    rank = said.get("index_pitch")
    steer = _steer(said)
    if rank is not None:
        steer["pitch"] = Steer(temperature=0.0)
    limited = melodic != frozenset(range(128)) or drums != melodic
    return Wish(
        _query_voices(_instruments(said), melodic, drums, math.ceil(low), math.floor(high)),
        _after(said),
        _fixed(said),
        _query_order(said, rank),
        steer,
        releasable={0: melodic, 1: drums} if limited else None,
        rank=rank,
    )


def sample_wish(said: Said) -> Wish:
    """What the engine itself can keep to: limits of new notes, by instrument, and releases that always remain."""
    weights = said.get("inst_weights", {})
    if not isinstance(weights, Mapping):
        raise ValueError('inst_weights must be given by instrument, as in %JSON:{"33": 2}')
    return Wish(
        {instrument: _voice(said, instrument + 1) for instrument in _instruments(said)},
        _after(said),
        _fixed(said),
        _sample_order(said.get("order")),
        _steer(said),
        onset_weight=4.0 ** (2 * said.get("steer_density", 0.5) - 1),
        weights={number - 1: weight for number, weight in weights.items()},
    )


def _instruments(said: Said) -> tuple[int, ...]:
    """Who may play, counted from 0. What is fixed comes before what is included."""
    if "next_inst" in said:
        return (said["next_inst"] - 1,)
    return _allowed(said.get("include_inst"), said.get("exclude_inst", frozenset()), said.get("allow_anon", True))


@lru_cache(64)
def _allowed(include: frozenset[int] | None, exclude: frozenset[int], anonymous: bool) -> tuple[int, ...]:
    numbers = range(1, INSTRUMENTS + 1) if include is None else sorted(include)
    allowed = tuple(n - 1 for n in numbers if n not in exclude and (anonymous or n - 1 < ANONYMOUS))
    if not allowed:
        raise ValueError("every instrument is excluded")
    return allowed


@lru_cache(64)
def _query_voices(
    instruments: tuple[int, ...], melodic: frozenset[int], drums: frozenset[int], softest: int, loudest: int
) -> Mapping[int, Voice]:
    voices: dict[int, Voice] = {}
    for kind, pitches in ((False, melodic), (True, drums)):
        voice = Voice(
            _mask(pitches),
            min_velocity=max(softest, 1),
            max_velocity=max(loudest, 1),
            min_polyphony=_ALWAYS_HELD if softest >= 1 else 0,
            may_start=loudest >= 1,
        )
        voices |= {instrument: voice for instrument in instruments if is_drum(instrument) is kind}
    return voices


@lru_cache(64)
def _mask(pitches: frozenset[int]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(128, np.bool_)
    mask[list(pitches)] = True
    return mask


def _voice(said: Said, number: int) -> Voice:
    def of(name: str, default: Any) -> Any:
        value = said.get(name, default)
        return value.get(number, default) if isinstance(value, Mapping) else value

    mask = _mask(of("include_pitch", frozenset(range(128)))).copy()
    mask[: of("min_pitch", 0)] = False
    mask[of("max_pitch", 127) + 1 :] = False
    return Voice(
        mask,
        of("min_vel", 1),
        of("max_vel", 127),
        of("min_polyphony", 0),
        of("max_polyphony", 128),
        of("min_duration", 0.0),
        of("max_duration", math.inf),
    )


def _after(said: Said) -> tuple[float, float]:
    if "next_time" in said:
        return 0.0, math.inf
    low, high = said.get("min_time", 0.0), said.get("max_time", math.inf)
    if low > high:
        raise ValueError(f"min_time {low:g} is more than max_time {high:g}")
    return low, high


def _fixed(said: Said) -> dict[str, float]:
    fixed: dict[str, float] = {}
    if "next_inst" in said:
        fixed["instrument"] = said["next_inst"] - 1
    if "next_pitch" in said:
        fixed["pitch"] = said["next_pitch"]
    if "next_time" in said:
        fixed["time"] = said["next_time"]
    if "next_vel" in said:
        fixed["velocity"] = velocity_of(said["next_vel"])
    return fixed


def _query_order(said: Said, rank: int | None) -> tuple[str, ...]:
    """Fields under constraints are drawn before the others; the nth likeliest pitch is one given all the rest."""
    touched = [name for name in _CANONICAL if any(word in said for word in _TOUCHES[name])]
    order = touched + [name for name in _CANONICAL if name not in touched]
    if rank is not None:
        order.remove("pitch")
        order.append("pitch")
    return tuple(order)


def _sample_order(letters: str | None) -> tuple[str, ...]:
    if letters is None:
        return _SAMPLE_ORDER
    if sorted(letters) != sorted(_LETTERS):
        raise ValueError(f"order must be the letters v, t, i and p in some order, not {letters[:20]!r}")
    return tuple(_LETTERS[letter] for letter in letters)


def _steer(said: Said) -> dict[str, Steer]:
    plain = (0.0, 1.0)
    temperature, nucleus = _temperature(said.get("rhythm_temp", 1.0))
    steer = {
        "instrument": Steer(*_temperature(said.get("instrument_temp", 1.0))),
        "pitch": Steer(*_temperature(said.get("pitch_temp", 1.0)), said.get("truncate_quantile_pitch", plain)),
        "time": Steer(temperature * said.get("timing_temp", 1.0), nucleus, said.get("truncate_quantile_time", plain)),
        "velocity": Steer(said.get("velocity_temp", 1.0), window=said.get("truncate_quantile_vel", plain)),
    }
    return {name: how for name, how in steer.items() if how != Steer()}


def _temperature(number: float) -> tuple[float, float]:
    """Temperature and nucleus of Notochord's one number: 0 is the likeliest value, above 1 the choice is wilder."""
    if number > 1:
        return number, 1.0
    return (0.0, 1.0) if number == 0 else (1.0, number)
