"""What a model is: three questions (feed, sample, snapshot/restore), and the constraints a sample must keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Event
from antiphon.music.grid import Grid

__all__ = ["FIELDS", "Constraints", "Learns", "Mixes", "Model", "NothingPossible", "Steer", "Voice"]

FIELDS = ("instrument", "pitch", "time", "velocity")
"""The fields of an event, in the order in which arrays hold them."""


class NothingPossible(ValueError):
    """The constraints leave no event at all."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one instrument may do.

    `pitches`: a boolean mask, shape (128,), of pitches that may be struck; None means all.
    Lengths are in seconds. Releases of what already sounds are always possible once `min_length` has passed,
    and never later than `max_length` after the onset. `may_start=False`: nothing new is struck.
    """

    pitches: npt.NDArray[np.bool_] | None = None
    min_velocity: int = 1
    max_velocity: int = 127
    min_polyphony: int = 0
    max_polyphony: int = 128
    min_length: float = 0.0
    max_length: float = np.inf
    may_start: bool = True


@dataclass(frozen=True, slots=True)
class Steer:
    """How one field is drawn: softmax `temperature`, nucleus `top_p`, and a quantile `window` of the distribution."""

    temperature: float = 1.0
    top_p: float = 1.0
    window: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the next event may be. Nothing outside has any probability.

    `voices`: instrument -> limits; other instruments do nothing. `earliest`/`latest`: seconds on the session's clock,
    both inclusive. `fixed`: fields given by name, `time` as the session's `at` in seconds.
    `order`: fields in the order in which they are drawn (fixed ones come first whatever it says).
    `onset_weight` multiplies the odds of an onset against a release; `weights`, by instrument, those of its onsets
    against the other instruments'. `beat`: where beats fall, if that is known; models that know rhythms keep to it.
    """

    voices: Mapping[int, Voice]
    earliest: float = -np.inf
    latest: float = np.inf
    fixed: Mapping[str, float] = field(default_factory=dict)
    order: tuple[str, ...] = ("velocity", "time", "instrument", "pitch")
    steer: Mapping[str, Steer] = field(default_factory=dict)
    onset_weight: float = 1.0
    weights: Mapping[int, float] = field(default_factory=dict)
    beat: Grid | None = None


class Model(Protocol):
    """Anything that can be fed events and asked for the next one. `at` of what is fed never runs backwards."""

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        """Hear one event that happened (anyone's), and where beats fell then, if that was known."""

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """The next event, not yet fed. Raises `NothingPossible` when the constraints leave none."""

    def snapshot(self) -> Any:
        """All state, to be given to `restore`; never changed afterwards."""

    def restore(self, state: Any) -> None:
        """Go back to `state`."""


@runtime_checkable
class Learns(Protocol):
    """A model that learns from what it is fed, but for the events of the instruments that it `ignores`."""

    ignores: Collection[int]


@runtime_checkable
class Mixes(Protocol):
    """A model of two: the `learner` is asked with the probability `share`, 0 to 1."""

    learner: Model
    share: float

    def exchanged(self, trained: Model) -> Model:
        """The same with another one beside the learner."""
