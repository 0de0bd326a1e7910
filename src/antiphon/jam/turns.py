"""Turn-taking: who may strike notes now, as one small class a policy."""

from __future__ import annotations

import math
from typing import Protocol

from antiphon.jam.controls import Settings
from antiphon.music.event import Event

__all__ = ["Answer", "Together", "Turns", "turns_named"]


class Turns(Protocol):
    """When the machine may strike notes. Times are seconds on the session's clock and never run backwards."""

    shared: bool
    """Whether the player plays in the machine's turn too."""

    def heard(self, event: Event, held: int, now: float) -> None:
        """The player did something and now holds `held` notes."""

    def plays(self, now: float, settings: Settings) -> bool:
        """True while the machine may strike notes."""

    def changes(self, now: float, settings: Settings) -> float | None:
        """When `plays` will answer otherwise if the player does nothing; None for never."""

    def rest(self) -> None:
        """Silence until the player plays again."""


class Together:
    """It plays with you: from your first note until `answer` seconds after your last."""

    shared = True

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self._last, self._held = -math.inf, 0

    def heard(self, event: Event, held: int, now: float) -> None:
        # Letting go keeps it playing, but only a struck note wakes it.
        if event.is_onset or self._held:
            self._last, self._held = now, held

    def plays(self, now: float, settings: Settings) -> bool:
        return self._held > 0 or now < self._end(settings)

    def changes(self, now: float, settings: Settings) -> float | None:
        return self._end(settings) if not self._held and now < self._end(settings) else None

    def _end(self, settings: Settings) -> float:
        return self._last + settings.number("answer")


class Answer:
    """It waits for your phrase to end (`silence` with nothing held), then answers once, for `answer` seconds.

    Playing takes the turn back. A phrase is answered once: silence is never answered.
    """

    shared = False

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self._last, self._held, self._unanswered, self._until = -math.inf, 0, False, -math.inf

    def heard(self, event: Event, held: int, now: float) -> None:
        self._last, self._held = now, held
        if event.is_onset:
            self._unanswered, self._until = True, -math.inf

    def plays(self, now: float, settings: Settings) -> bool:
        if self._waits() and now >= self._phrase_end(settings):
            self._unanswered, self._until = False, now + settings.number("answer")
        return now < self._until

    def changes(self, now: float, settings: Settings) -> float | None:
        if self._waits():
            return self._phrase_end(settings)
        return self._until if now < self._until else None

    def _waits(self) -> bool:
        return self._unanswered and not self._held

    def _phrase_end(self, settings: Settings) -> float:
        return self._last + settings.number("silence")


def turns_named(policy: str) -> Turns:
    """A fresh policy, at rest, for a value of the control `policy`."""
    named: dict[str, type[Turns]] = {"together": Together, "answer": Answer}
    return named[policy]()
