"""A line: what one instrument has struck lately, as far as a Markov model goes by it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from antiphon.engine.markov_repertoire import UNKNOWN, Repertoire, contexts_of, extended

__all__ = ["PHRASE", "TOGETHER", "Line"]

PHRASE = 8.0
"""Seconds of silence after which nothing continues what was before."""
TOGETHER = 0.03
"""Seconds that hands are apart when they mean to be together."""
PERIODS = 16
"""Onsets in the longest loop that is noticed."""
SHORTEST_LOOP = 6
"""Onsets that must have come again before a loop shorter than that is one."""
TRACED = 8
"""Places of the repertoire at most that a copy is traced in."""
SEED = 2
"""Pitches that must be the same before a copy is traced."""


@dataclass(frozen=True, slots=True)
class Line:
    """The end of a line. Never changes: `struck` gives the next one.

    `context` packs its last pitches; `at` is its last onset and `gap` the time before that, in seconds; `chord` is how
    many of the last onsets came together; `position` is where the repertoire has the last one, -1 where it was not
    learned.
    """

    context: int = 0
    at: float = -math.inf
    gap: float = UNKNOWN
    chord: int = 0
    position: int = -1
    recent: tuple[int, ...] = ()  # the last pitches, newest first
    again: tuple[int, ...] = (0,) * PERIODS  # how many onsets in a row were those one, two, three... before
    traced: tuple[int, ...] = ()  # where in the repertoire its end stands note by note
    copied: int = 0  # and for how many onsets

    def gap_to(self, at: float) -> float:
        """Seconds from its last onset to one at `at`; the usual time when a phrase begins."""
        return at - self.at if at - self.at <= PHRASE else UNKNOWN

    def struck(self, pitch: int, at: float, repertoire: Repertoire | None) -> Line:
        """This line after one more onset, of which `repertoire` (None: do not compare) tells where it is a copy."""
        if at - self.at > PHRASE:
            return Line(extended(0, pitch), at, chord=1, recent=(pitch,))
        again = tuple(
            count + 1 if before == pitch else 0
            for count, before in zip(self.again, self.recent, strict=False)  # periods longer than the line: none
        )
        line = Line(
            extended(self.context, pitch),
            at,
            gap=at - self.at,
            chord=self.chord + 1 if at - self.at <= TOGETHER else 1,
            recent=(pitch, *self.recent[: PERIODS - 1]),
            again=again + (0,) * (PERIODS - len(again)),
        )
        return line if repertoire is None else self._traced_by(line, pitch, repertoire)

    def _traced_by(self, line: Line, pitch: int, repertoire: Repertoire) -> Line:
        places = self.following(repertoire)
        copied = self.copied + 1
        places = [place for place in places if repertoire.pitch(place) == pitch]
        if not places:
            longest = contexts_of(self.context, SEED)[0]
            places = [
                place for place in repertoire.continuations(longest)[-TRACED:] if repertoire.pitch(place) == pitch
            ]
            copied = SEED + 1
        return replace(line, traced=tuple(places), copied=copied if places else 0)

    def following(self, repertoire: Repertoire) -> list[int]:
        """The positions that would go on with the copy that its end is."""
        return [after for place in self.traced if (after := repertoire.follower(place)) >= 0]

    def looping(self) -> int | None:
        """The pitch that would go on with a loop, when the last onsets are some three rounds of one; else None."""
        for period, count in enumerate(self.again, start=1):
            if count >= max(2 * period, SHORTEST_LOOP):
                return self.recent[period - 1]
        return None
