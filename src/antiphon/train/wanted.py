"""Which music is wanted in a corpus: filters of quality, each with a name and a limit, and wishes of whoever asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphon.music.beats import ON_GRID
from antiphon.music.score import Part, Score

__all__ = ["ALL_PARTS", "DRUMS", "QUALITIES", "TOO_SHORT", "Parts", "Quality", "Wanted"]

Facts = npt.NDArray[np.void]

TOO_SHORT = "too-short"

DRUMS = ("yes", "no", "only")
"""With drums, without them, or them alone."""


@dataclass(frozen=True)
class Quality:
    """A filter of quality: its `name`, its usual `limit`, what it leaves out, and what it says with `{value}` and
    `{limit}`. `measured` is what it looks at; too little of it is bad with `at_least`, else too much."""

    name: str
    limit: float
    help: str
    says: str
    measured: Callable[[Facts], float]
    at_least: bool = False

    def reason(self, facts: Facts, limit: float) -> str:
        """Why a piece of these `facts` is left out by this filter at this `limit`; "" where it is not."""
        value = self.measured(facts)
        bad = value < limit if self.at_least else value > limit
        return f"{self.name}: {self.says.format(value=value, limit=limit)}" if bad else ""


def _pitches(facts: Facts) -> float:
    """How many pitches there are; of music with drums enough of them, for there the pitch is not the point."""
    return math.inf if facts["drums"] > 0 else float(facts["pitches"])


QUALITIES: tuple[Quality, ...] = (
    Quality(TOO_SHORT, 16, "fewer notes than LIMIT", "{value:.0f} notes, fewer than {limit:g}",
            lambda facts: float(facts["notes"]), at_least=True),
    Quality("one-pitch", 3, "fewer different pitches than LIMIT, and no drums", "{value:.0f} different pitches",
            _pitches, at_least=True),
    Quality("machine-gun", 0.5, "more than a share LIMIT of the notes strike again within 0.06 s what was just struck",
            "{value:.0%} of the notes repeat a key within 0.06 s", lambda facts: float(facts["machine_gun"])),
    Quality("stuck-notes", 0.1, "more than a share LIMIT of the notes last longer than 20 s",
            "{value:.0%} of the notes last longer than 20 s", lambda facts: float(facts["stuck"])),
    Quality("mostly-silence", 0.6, "more than a share LIMIT of the time lies in rests of 3 s and more",
            "{value:.0%} of the time lies in long rests", lambda facts: float(facts["silence"])),
    Quality("too-dense", 100, "more than LIMIT notes a second", "{value:.0f} notes a second",
            lambda facts: float(facts["density"])),
    Quality("too-long", 14400, "more than LIMIT seconds", "{value:.0f} seconds", lambda facts: float(facts["seconds"])),
)  # fmt: skip

_USUAL: Mapping[str, float] = MappingProxyType({quality.name: quality.limit for quality in QUALITIES})


@dataclass(frozen=True)
class Wanted:
    """What a piece must be like to be kept.

    `limits` are those of `QUALITIES`, by name; a filter without a limit is off. `tempo` is a range in quarters a
    minute, `meters` are ("4/4", ...), `style` is "score-like", "performed" or "" for both; of a piece whose file does
    not say its tempo or its meter nothing is known to be as wanted.
    """

    limits: Mapping[str, float] = field(default_factory=lambda: dict(_USUAL))
    tempo: tuple[float, float] | None = None
    meters: tuple[str, ...] = ()
    style: Literal["", "score-like", "performed"] = ""

    def __post_init__(self) -> None:
        unknown = set(self.limits) - set(_USUAL)
        if unknown:
            raise ValueError(f"no filter is called {min(unknown)!r}: there are {', '.join(_USUAL)}")

    def reason_against(self, facts: Facts) -> str:
        """Why a piece of these facts, dtype `FACTS` of shape (), is not wanted, in a few words; "" where it is."""
        for quality in QUALITIES:
            if quality.name in self.limits:
                reason = quality.reason(facts, self.limits[quality.name])
                if reason:
                    return reason
        return self._wish_against(facts)

    def _wish_against(self, facts: Facts) -> str:
        tempo = float(facts["tempo"])
        if self.tempo and not self.tempo[0] <= tempo <= self.tempo[1]:
            return "tempo: none in the file" if math.isnan(tempo) else f"tempo: {tempo:.0f}"
        meter = f"{facts['numerator']}/{facts['denominator']}"
        if self.meters and meter not in self.meters:
            return f"meter: {meter}" if facts["numerator"] else "meter: none in the file"
        is_score = bool(facts["grid"] >= ON_GRID)
        if self.style and is_score != (self.style == "score-like"):
            return "performed" if not is_score else "score-like"
        return ""


@dataclass(frozen=True)
class Parts:
    """Which parts of a piece are read: melodic ones of `programs` 0..127 (None for all), `drums` "yes", "no" or "only",
    and, of MIDI files, `channels` 0..15 (None for all)."""

    programs: Sequence[int] | None = None
    drums: str = "yes"
    channels: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if self.drums not in DRUMS:
            raise ValueError(f"drums are {', '.join(DRUMS)}, not {self.drums!r}")

    def of(self, score: Score) -> Score:
        """`score` with these parts alone. The channels have been chosen when it was read."""
        if self.programs is None and self.drums == "yes":
            return score
        return replace(score, parts=tuple(part for part in score.parts if self._keeps(part)))

    def _keeps(self, part: Part) -> bool:
        if part.is_drum:
            return self.drums != "no"
        return self.drums != "only" and (self.programs is None or part.program in self.programs)


ALL_PARTS = Parts()
