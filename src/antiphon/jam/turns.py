"""Turn-taking: who may strike notes now, as one small class a policy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from antiphon.jam.controls import Settings
from antiphon.music.event import Event
from antiphon.music.grid import Grid

__all__ = ["Accompany", "Answer", "Loop", "Moment", "Solo", "Together", "Trade", "Turns", "turns_named"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: seconds on the session's clock, which never runs backwards, the settings, and where the beats fall."""

    now: float
    settings: Settings
    grid: Grid

    def bars_from(self, at: float, bars: int) -> float:
        """When `bars` bars have passed since `at`, in seconds."""
        return at + bars * self.grid.meter * self.grid.period


class Turns(Protocol):
    """When the machine may strike notes."""

    shared: bool
    """Whether the player plays in the machine's turn too."""
    texture: str | None
    """The texture that this policy asks for whatever the control says; None for the control's."""
    repeats: bool
    """Whether what the machine played in its turn goes round and round when the turn is over."""

    def heard(self, event: Event, held: int, moment: Moment) -> None:
        """The player did something and now holds `held` notes."""

    def plays(self, moment: Moment) -> bool:
        """True while the machine may strike notes."""

    def changes(self, moment: Moment) -> float | None:
        """When `plays` will answer otherwise if the player does nothing; None for never."""

    def rest(self) -> None:
        """Silence until the player plays again."""


class Together:
    """It plays with you: from your first note until `answer` seconds after your last."""

    shared = True
    texture: str | None = None
    repeats = False

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self._last, self._held = -math.inf, 0

    def heard(self, event: Event, held: int, moment: Moment) -> None:
        # Letting go keeps it playing, but only a struck note wakes it.
        if event.is_onset or self._held:
            self._last, self._held = moment.now, held

    def plays(self, moment: Moment) -> bool:
        return self._held > 0 or moment.now < self._end(moment)

    def changes(self, moment: Moment) -> float | None:
        return self._end(moment) if not self._held and moment.now < self._end(moment) else None

    def _end(self, moment: Moment) -> float:
        return _turn_end(self._last, moment)


class Accompany(Together):
    """You solo, it plays chords."""

    texture: str | None = "chords"


class Solo(Together):
    """You play chords, it solos: one note at a time."""

    texture: str | None = "lines"


class Answer:
    """It waits for your phrase to end (`silence` with nothing held), then answers once, for `answer` seconds.

    Playing takes the turn back. A phrase is answered once: silence is never answered.
    """

    shared = False
    texture: str | None = None
    repeats = False

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self._last, self._held, self._unanswered, self._until = -math.inf, 0, False, -math.inf

    def heard(self, event: Event, held: int, moment: Moment) -> None:
        self._last, self._held = moment.now, held
        if event.is_onset:
            self._unanswered, self._until = True, -math.inf

    def plays(self, moment: Moment) -> bool:
        if self._waits() and moment.now >= self._phrase_end(moment):
            self._unanswered, self._until = False, _turn_end(moment.now, moment)
        return moment.now < self._until

    def changes(self, moment: Moment) -> float | None:
        if self._waits():
            return self._phrase_end(moment)
        return self._until if moment.now < self._until else None

    def _waits(self) -> bool:
        return self._unanswered and not self._held

    def _phrase_end(self, moment: Moment) -> float:
        return self._last + moment.settings.number("silence")


class Trade:
    """Fours, eights, ...: `turn_bars` bars are yours, from the bar of your first note on, as many are its, and so on.

    It plays its bars only when you played in yours.
    """

    shared = False
    texture: str | None = None
    repeats = False

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self._first: int | None = None  # the bar in which the player's first turn began
        self._asked: int | None = None  # the last of the player's turns in which they played, counted from 0

    def heard(self, event: Event, held: int, moment: Moment) -> None:
        if not event.is_onset:
            return
        if self._first is None:
            self._first = moment.grid.bar(moment.now)
        turn = self._turn(moment)
        if turn % 2 == 0:
            self._asked = turn
        elif self._asked is None or self._asked < turn - 1:
            # They came in where it rests: their turn begins now.
            self._first, self._asked = moment.grid.bar(moment.now), 0

    def plays(self, moment: Moment) -> bool:
        if self._first is None or self._asked is None:
            return False
        turn = self._turn(moment)
        return turn % 2 == 1 and self._asked == turn - 1

    def changes(self, moment: Moment) -> float | None:
        if self._first is None:
            return None
        turn = self._turn(moment)
        if self._asked is None or self._asked < turn - 1:
            return None
        boundary = self._first + (turn + 1) * moment.settings.whole("turn_bars")
        return max(moment.grid.bar_at(boundary), math.nextafter(moment.now, math.inf))

    def _turn(self, moment: Moment) -> int:
        assert self._first is not None
        return max(0, moment.grid.bar(moment.now) - self._first) // moment.settings.whole("turn_bars")


class Loop:
    """It plays with you for `turn_bars` bars; what it played then goes round and round, and the rest is yours.

    Asked to think again, or stopped, it begins anew with your next note.
    """

    shared = True
    texture: str | None = None
    repeats = True

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self._begun: float | None = None

    def heard(self, event: Event, held: int, moment: Moment) -> None:
        if event.is_onset and self._begun is None:
            self._begun = moment.now

    def plays(self, moment: Moment) -> bool:
        return self._begun is not None and moment.now < self._end(moment)

    def changes(self, moment: Moment) -> float | None:
        return self._end(moment) if self.plays(moment) else None

    def _end(self, moment: Moment) -> float:
        assert self._begun is not None
        return moment.bars_from(self._begun, moment.settings.whole("turn_bars"))


def _turn_end(begin: float, moment: Moment) -> float:
    """When a turn that began at `begin` is over: after `answer` seconds, or `answer_bars` bars if that is sooner."""
    bars = moment.settings.whole("answer_bars")
    limit = moment.bars_from(begin, bars) if bars else math.inf
    return min(begin + moment.settings.number("answer"), limit)


POLICIES: dict[str, type[Turns]] = {
    "together": Together,
    "answer": Answer,
    "trade": Trade,
    "loop": Loop,
    "accompany": Accompany,
    "solo": Solo,
}


def turns_named(policy: str) -> Turns:
    """A fresh policy, at rest, for a value of the control `policy`."""
    return POLICIES[policy]()
