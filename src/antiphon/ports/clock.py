"""MIDI clock: the beat of another machine as a grid, and a grid as the beat for another machine.

24 ticks a quarter note, with start, stop, continue and the song position ("MIDI 1.0 Detailed Specification", MIDI
Manufacturers Association 1996, "System Real Time Messages"). Neither class has a thread or asks a clock: they are told
when messages came and say when messages are due, in seconds on the monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from antiphon.music.grid import Grid
from antiphon.ports.ticks import TICKS, Ticks

__all__ = ["TICKS", "ClockIn", "ClockOut"]

SIXTEENTH = TICKS // 4
"""Ticks of one step of the song position."""
POSITIONS = 1 << 14
"""Song positions that the message can name."""
TICK, START, CONTINUE, STOP, POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2

LOST = 0.5
"""Seconds without a tick after which there is no clock: the slowest ticks come every 0.125 s."""


class ClockIn:
    """Hears a clock, and says where its beats fall.

    The grid counts beats from the song's start, with `meter` beats a bar. A clock that ticks before any start was heard
    is taken for one that runs, its first tick for beat 0. Anything but messages of the clock is passed over.
    """

    def __init__(self, meter: int = 4) -> None:
        self.meter = meter
        self._ticks = Ticks()
        self._zero = 0  # the number, among the ticks heard, of the song's first
        self._next: int | None = 0  # the place in the song, in ticks, that the next tick has; None for the one after
        self.running = True
        """Whether the song runs, as far as was told."""
        self.grid: Grid | None = None
        """Where beats fall while the song runs and its tempo is known, else None."""

    @property
    def position(self) -> float:
        """The place in the song of the next tick that counts, in quarter notes from its start."""
        return self._place() / TICKS

    @property
    def deadline(self) -> float | None:
        """When `check` should be called, in seconds, unless a tick comes before; None where no clock is heard."""
        return None if self._ticks.last is None else self._ticks.last + LOST

    def take(self, message: Sequence[int], at: float) -> bool:
        """Hear `message`, one whole MIDI message, which came at `at` seconds. Returns whether the grid is a new one."""
        before = self.grid
        if not message or not math.isfinite(at):
            return False
        if message[0] == TICK:
            self.check(at)
            self._tick(at)
        elif message[0] in (START, CONTINUE, STOP) or (message[0] == POSITION and len(message) >= 3):
            self._transport(message)
        return self.grid is not before

    def check(self, now: float) -> bool:
        """Notice that the clock was lost. Returns whether the grid is a new one (None)."""
        before = self.grid
        if self._ticks.last is not None and now >= self._ticks.last + LOST:
            self._next = self._place()
            self._ticks, self.grid = Ticks(), None
        return self.grid is not before

    def _place(self) -> int:
        return self._ticks.number + 1 - self._zero if self._next is None else self._next

    def _transport(self, message: Sequence[int]) -> None:
        if message[0] == POSITION:
            self._next = SIXTEENTH * ((message[1] & 0x7F) | (message[2] & 0x7F) << 7)
        else:
            self._next = 0 if message[0] == START else self._place()
            self.running = message[0] != STOP
        if not self.running:
            self.grid = None

    def _tick(self, at: float) -> None:
        stepped = self._ticks.hear(at)
        if not self.running:
            return
        moved = self._next is not None
        if self._next is not None and stepped:
            self._zero, self._next = self._ticks.number - self._next, None
        found = self._ticks.grid(self._zero, self.meter)
        if found is not None and (moved or self._off(found, at)):
            self.grid = found

    def _off(self, found: Grid, at: float) -> bool:
        """Whether the grid that is known must be renewed: once a beat, and whenever it is wrong."""
        if self.grid is None or (self._ticks.number - self._zero) % TICKS == 0:
            return True
        beats = (found.beat(at), found.beat(at) + 1.0)
        return any(abs(found.at(beat) - self.grid.at(beat)) > RENEWED for beat in beats)


RENEWED = 0.002
"""Seconds by which a grid may be wrong now or a beat from now before it is renewed."""
BEND = 0.1
"""How much longer or shorter than even a tick may be while the clock catches up with a grid that moved."""
LEAD = 0.001
"""Seconds by which start and continue come before the tick that they are for."""
ASLEEP = 0.5
"""Seconds of ticks that are left out, rather than sent all at once, when they were not asked for in time."""


class ClockOut:
    """Gives the beat of `grid` from `begin` seconds on: ticks always, start, stop and continue when asked to.

    A receiver only counts ticks. So a grid that moved is caught up with by ticks a little shorter or longer, never by a
    burst or a gap.
    """

    def __init__(self, grid: Grid, begin: float) -> None:
        self._grid = grid
        self._begin = begin
        self._tick = math.ceil(grid.beat(begin) * TICKS)  # the next one, counted from the grid's beat 0
        self._sent: float | None = None  # when the last one was
        self._fast = self._slow = grid.period / TICKS  # the least and the most seconds from the last one to the next
        self._song: int | None = None  # the tick at which the song has its beat 0, while it runs
        self._stopped_at = 0  # sixteenths into the song
        self._asked: tuple[str, float] | None = None

    @property
    def running(self) -> bool:
        """Whether a start or continue was sent, and no stop since."""
        return self._song is not None

    def follow(self, grid: Grid) -> None:
        """Ticks go by `grid` from the next one on; its beats are caught up with, but not its count of them."""
        self._grid, tick = grid, grid.period / TICKS
        self._fast, self._slow = min(self._fast, tick), max(self._slow, tick)
        if self._sent is None:
            self._tick = math.ceil(grid.beat(self._begin) * TICKS)
        else:
            self._count_on(round(grid.beat(self._due()) - self._tick / TICKS))

    def start(self, at: float) -> None:
        """Start the song at the first bar line from `at` seconds on."""
        self._asked = ("start", at)

    def resume(self, at: float) -> None:
        """Go on with the song where it was stopped, from the first place in a beat like that one, from `at` on."""
        self._asked = ("continue", at)

    def stop(self, at: float) -> None:
        """Stop the song at `at` seconds, or as soon as it can still be told."""
        self._asked = ("stop", at)

    def messages_until(self, horizon: float) -> list[tuple[float, bytes]]:
        """What is due before `horizon` seconds and was not handed out yet, in order: when to send, and the message."""
        self._skip(horizon)
        messages: list[tuple[float, bytes]] = []
        while self.due < horizon:
            told = self._told()
            if told is None:
                messages.append((self._due(), bytes((TICK,))))
                self._advance()
            else:
                messages += [(told[0], message) for message in told[1]]
                self._obey()
        return messages

    def _told(self) -> tuple[float, tuple[bytes, ...]] | None:
        """When what was asked for can be sent, if that is before the next tick, and the messages that say it."""
        if self._asked is None:
            return None
        (action, at), due = self._asked, self._due()
        if action == "stop":
            return None if at > due else (max(at, self._sent or at), (bytes((STOP,)),))
        if due - LEAD < at or not self._fits(action):
            return None
        if action == "start":
            return due - LEAD, (bytes((START,)),)
        place = self._stopped_at % POSITIONS
        return due - LEAD, (bytes((POSITION, place & 0x7F, place >> 7)), bytes((CONTINUE,)))

    def _fits(self, action: str) -> bool:
        """Whether the next tick is where the song may start, or go on as if its bars had never stopped."""
        begun = self._stopped_at * SIXTEENTH if action == "continue" else 0
        return (self._tick - begun) % (TICKS * self._grid.meter) == 0

    def _obey(self) -> None:
        """What was asked for has been sent."""
        action = self._asked[0] if self._asked else ""
        if action == "stop":
            if self._song is not None:
                self._stopped_at = -((self._song - self._tick) // SIXTEENTH)
            self._song = None
        else:
            self._song = self._tick - (self._stopped_at * SIXTEENTH if action == "continue" else 0)
        self._asked = None

    @property
    def due(self) -> float:
        """When the next message is due, in seconds."""
        told = self._told()
        return self._due() if told is None else told[0]

    def _due(self) -> float:
        """When the next tick is due, in seconds."""
        even = self._grid.at(self._tick / TICKS)
        if self._sent is None:
            return even
        return min(max(even, self._sent + self._fast * (1.0 - BEND)), self._sent + self._slow * (1.0 + BEND))

    def _advance(self) -> None:
        self._sent = self._due()
        self._tick += 1
        self._fast = self._slow = self._grid.period / TICKS

    def _skip(self, horizon: float) -> None:
        """Leave out whole beats that should long have been sent."""
        late = horizon - ASLEEP - self._due()
        if late > 0.0:
            self._count_on(math.ceil(late / self._grid.period))
            self._sent, self._begin = None, horizon - ASLEEP

    def _count_on(self, beats: int) -> None:
        """Count `beats` more beats on the grid, which receivers do not."""
        self._tick += beats * TICKS
        if self._song is not None:
            self._song += beats * TICKS
