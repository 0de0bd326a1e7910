"""Beats: who gives the time to the jam, and how the jam gives it to others."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence

from antiphon.music.grid import Grid
from antiphon.ports.base import Listener
from antiphon.ports.clock import LOST, ClockIn, ClockOut

__all__ = ["ClockEar", "ClockGiver", "Metronome", "SteadyBeat"]

LEAD = 0.3
"""Seconds until the first beat of a jam that gives its own time."""
BAR_CLICK, BEAT_CLICK = 76, 77
"""High and low wood block, in General MIDI."""
CLICK = 0.05
"""Seconds that a click lasts."""
NOTE_ON, NOTE_OFF, DRUMS = 0x90, 0x80, 9


class ClockEar:
    """A source that follows the MIDI clock on the inputs: its beats are the jam's, and its stop stops the machine."""

    def __init__(self, meter: int) -> None:
        self._clock = ClockIn(meter)
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._listener: Listener | None = None

    def hear(self, message: bytes, at: float) -> None:
        """A timing message came at `at`, monotonic seconds; from any thread."""
        with self._turn:
            ran = self._clock.running
            changed = self._clock.take(message, at)
            if self._listener is None:
                return
            if changed:
                self._listener.beat(self._clock.grid)
            if ran and not self._clock.running:
                self._listener.act("stop")

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`, and to notice, in a thread, when the clock is lost."""
        self._listener = listener
        threading.Thread(target=self._watch, name="clock", daemon=True).start()

    def close(self) -> None:
        """Tell nothing more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(LOST):
            with self._turn:
                if self._clock.check(time.monotonic()) and self._listener is not None:
                    self._listener.beat(None)
                    self._listener.notice("the clock has stopped ticking: beats are found by ear again")


class SteadyBeat:
    """A source that gives the jam a tempo of its own from its start on, after `bars` bars of count-in."""

    def __init__(self, tempo: float, meter: int, bars: int) -> None:
        self._tempo, self._meter, self._bars = tempo, meter, bars

    def start(self, listener: Listener) -> None:
        """The beats begin now; bar 0 is the first one after the count-in."""
        count = self._bars * self._meter * 60.0 / self._tempo
        listener.beat(Grid(time.monotonic() + LEAD + count, self._tempo, self._meter))

    def close(self) -> None:
        """There is nothing to let go of."""


class ClockGiver:
    """Sends a MIDI clock that follows `grid()`, with a start at the next bar line."""

    def __init__(self, grid: Callable[[], Grid]) -> None:
        self._grid = grid
        self._clock: ClockOut | None = None

    def messages_until(self, horizon: float) -> list[tuple[float, bytes]]:
        """The ticks due before `horizon`, monotonic seconds, each once."""
        grid = self._grid()
        if self._clock is None:
            self._clock = ClockOut(grid, horizon)
            self._clock.start(horizon)
        self._clock.follow(grid)
        return self._clock.messages_until(horizon)


class Metronome:
    """Clicks on the beats of `grid()`, higher on the first of a bar; with `bars` only before bar `bars`."""

    def __init__(self, grid: Callable[[], Grid], bars: int | None = None) -> None:
        self._grid = grid
        self._bars = bars
        self._clicked = -math.inf

    def messages_until(self, horizon: float) -> list[tuple[float, bytes]]:
        """The clicks due before `horizon`, monotonic seconds, each once, with their ends."""
        grid = self._grid()
        if self._clicked == -math.inf:
            self._clicked = horizon - LEAD
        messages: list[tuple[float, bytes]] = []
        at = grid.line_after(math.nextafter(self._clicked, math.inf), 1)
        while at < horizon and not self._is_over(grid, at):
            messages += _click(at, round(grid.beat(at)) % grid.meter == 0)
            self._clicked = at
            at = grid.line_after(math.nextafter(at + CLICK, math.inf), 1)
        return messages

    def _is_over(self, grid: Grid, at: float) -> bool:
        return self._bars is not None and round(grid.beat(at)) >= self._bars * grid.meter


def _click(at: float, accented: bool) -> Sequence[tuple[float, bytes]]:
    pitch, velocity = (BAR_CLICK, 110) if accented else (BEAT_CLICK, 80)
    return (
        (at, bytes((NOTE_ON | DRUMS, pitch, velocity))),
        (at + CLICK, bytes((NOTE_OFF | DRUMS, pitch, 0))),
    )
