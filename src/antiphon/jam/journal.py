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

    def choose(self, name: str, now: float) -> list[Event]:
        """As the improviser's."""
        return self._do(["choose", now, name])

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
        deed = _CALLS[name](*arguments)
    except (KeyError, TypeError):
        raise ValueError(f"a journal holds no such call: {call!r}") from None
    return deed(improviser)


def events_of(answer: Line) -> list[Event]:
    """The events of an `ANSWER` line."""
    return [Event(*row) for row in answer[1:]]


def _row(event: Event) -> list[float]:
    return [event.at, event.instrument, event.pitch, event.velocity]


Deed = Callable[[Improviser], list[Event]]


def _receive(now: float, *row: Any) -> Deed:
    event = Event(*row)
    return lambda improviser: improviser.receive(event, now)


def _took(seconds: float) -> Deed:
    def took(improviser: Improviser) -> list[Event]:
        improviser.took(seconds)
        return []

    return took


def _beat(now: float, *grid: Any) -> Deed:
    beats = Grid(*grid) if grid else None
    return lambda improviser: improviser.beat(beats, now)


def _rearrange(now: float, text: str) -> Deed:
    ensemble = preset_from_toml(text).ensemble or Ensemble({})
    return lambda improviser: improviser.rearrange(ensemble, now)


def _recall(now: float, rows: Iterable[Sequence[Any]]) -> Deed:
    events = [Event(*row) for row in rows]
    return lambda improviser: improviser.recall(events, now)


def _choose(now: float, name: str) -> Deed:
    return lambda improviser: improviser.choose(name, now)


def _wake(now: float) -> Deed:
    return lambda improviser: improviser.wake(now)


def _set(now: float, control: str, value: object) -> Deed:
    return lambda improviser: improviser.set(control, value, now)


def _act(now: float, action: str, argument: str) -> Deed:
    return lambda improviser: improviser.act(action, argument, now)


_CALLS: dict[str, Callable[..., Deed]] = {
    "receive": _receive,
    "wake": _wake,
    "took": _took,
    "set": _set,
    "act": _act,
    "beat": _beat,
    "rearrange": _rearrange,
    "recall": _recall,
    "choose": _choose,
}
