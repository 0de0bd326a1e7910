"""The journal: every call that an improviser was given and what it answered, so that it can be lived through again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.improviser import Improviser
from antiphon.jam.preset import preset_from_toml, preset_to_toml
from antiphon.music.event import Event
from antiphon.music.grid import Grid

__all__ = ["ANSWER", "Journal", "Line", "events_of", "perform"]

Line = list[Any]
"""One entry, of what JSON can hold: the name of a call and its arguments, or `ANSWER` and the events of an answer."""

ANSWER = ">"
"""Begins the line that holds what the call before it was answered with."""


class Journal:
    """An improviser whose every call is written down before it is done, and what it answers after.

    It is called just like the improviser itself; `keep` is given each line. A call that raises has no answer.
    """

    def __init__(self, improviser: Improviser, keep: Callable[[Line], None]) -> None:
        self.improviser = improviser
        self._keep = keep

    @property
    def ensemble(self) -> Ensemble:
        """The strips as they are now."""
        return self.improviser.ensemble

    @property
    def settings(self) -> Settings:
        """The controls as they are now."""
        return self.improviser.settings

    def next_wake(self) -> float | None:
        """As the improviser's."""
        return self.improviser.next_wake()

    def receive(self, event: Event, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["receive", now, *_row(event)])

    def wake(self, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["wake", now])

    def took(self, seconds: float) -> None:
        """As the improviser's."""
        self._do(["took", round(seconds, 5)])

    def set(self, control: str, value: object, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["set", now, control, value])

    def act(self, action: str, argument: str, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["act", now, action, argument])

    def beat(self, grid: Grid | None, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["beat", now, *([] if grid is None else [grid.origin, grid.tempo, grid.meter])])

    def rearrange(self, ensemble: Ensemble, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["rearrange", now, preset_to_toml(ensemble, Settings(), ())])

    def recall(self, events: Sequence[Event], now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["recall", now, [_row(event) for event in events]])

    def stop(self, now: float) -> list[Event]:
        """As the improviser's."""
        return self.act("stop", "", now)

    def panic(self, now: float) -> list[Event]:
        """As the improviser's."""
        return self.act("panic", "", now)

    def _do(self, call: Line) -> list[Event]:
        self._keep(call)
        answer = perform(self.improviser, call)
        if answer:
            self._keep([ANSWER, *map(_row, answer)])
        return answer


def perform(improviser: Improviser, call: Line) -> list[Event]:
    """Give `improviser` a call out of a journal. Raises `ValueError`, one line, for what is none."""
    try:
        name, *arguments = call
        return _CALLS[name](improviser, *arguments)
    except (KeyError, TypeError):
        raise ValueError(f"a journal holds no such call: {call!r}") from None


def events_of(answer: Line) -> list[Event]:
    """The events of an `ANSWER` line."""
    return [Event(*row) for row in answer[1:]]


def _row(event: Event) -> list[float]:
    return [event.at, event.instrument, event.pitch, event.velocity]


def _took(improviser: Improviser, seconds: float) -> list[Event]:
    improviser.took(seconds)
    return []


def _ensemble(text: str) -> Ensemble:
    return preset_from_toml(text).ensemble or Ensemble({})


def _recall(improviser: Improviser, now: float, rows: Iterable[Sequence[Any]]) -> list[Event]:
    return improviser.recall([Event(*row) for row in rows], now)


_CALLS: dict[str, Callable[..., list[Event]]] = {
    "receive": lambda improviser, now, *row: improviser.receive(Event(*row), now),
    "wake": lambda improviser, now: improviser.wake(now),
    "took": _took,
    "set": lambda improviser, now, control, value: improviser.set(control, value, now),
    "act": lambda improviser, now, action, argument: improviser.act(action, argument, now),
    "beat": lambda improviser, now, *grid: improviser.beat(Grid(*grid) if grid else None, now),
    "rearrange": lambda improviser, now, text: improviser.rearrange(_ensemble(text), now),
    "recall": _recall,
}
