"""The host: carries an improviser through real time, between a source and a sink."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from antiphon.jam.controls import Settings, Value
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.ports.base import PortError, Sink, Source
from antiphon.ports.meter import Meter
from antiphon.ports.outbox import Outbox
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder

__all__ = ["Partner", "run_live"]

BURST = 64
"""Messages taken in one go, so that a storm of them never keeps the machine's releases waiting."""
SWITCH = 0.0001
"""Seconds for which Python lets one thread run while others wait; its default of 5 ms would be heard as jitter."""
NICENESS = -11
"""What audio servers ask for too. Systems that make music usually grant it, others do not, which is no error."""

LOOKOUT = 1.0
"""Seconds between two looks at whether the ports still exist: MIDI interfaces do not tell."""
NAP = 3600.0
"""Seconds: the longest wait that is surely short enough for every system's timers."""


class Partner(Protocol):
    """Whom the host carries: told what happens and when, it answers with events to be sent, each at its `at`.

    `now` is always a time of the one monotonic clock, in seconds. Never called from two threads at once.
    """

    @property
    def ensemble(self) -> Ensemble:
        """The strips as they are now."""

    @property
    def settings(self) -> Settings:
        """The controls as they are now."""

    def receive(self, event: Event, now: float) -> list[Event]:
        """The player did `event`."""

    def next_wake(self) -> float | None:
        """When `wake` has something to do; the past for at once, None for never."""

    def wake(self, now: float) -> list[Event]:
        """Do what is due."""

    def set(self, control: str, value: object, now: float) -> list[Event]:
        """A control was turned. Raises `ValueError`, and changes nothing, for what is not allowed."""

    def act(self, action: str, argument: str, now: float) -> list[Event]:
        """An action of the controls table was asked for. Raises `ValueError` for what cannot be done."""

    def beat(self, grid: Grid | None, now: float) -> list[Event]:
        """Where beats fall from now on; None when nobody gives the time."""

    def rearrange(self, ensemble: Ensemble, now: float) -> list[Event]:
        """Play with other strips from now on."""

    def stop(self, now: float) -> list[Event]:
        """Close the machine's notes and rest until the player plays."""

    def panic(self, now: float) -> list[Event]:
        """Close everyone's notes and rest."""

    def took(self, seconds: float) -> None:
        """How long the last wake took, so that it can do less where the machine is too slow."""


@dataclass(frozen=True, slots=True)
class _Turned:
    control: str
    value: Value


@dataclass(frozen=True, slots=True)
class _Ended:
    """The source is done (`reason` is empty), or the jam must end now and why."""

    reason: str = ""
    error: bool = False


_Message = Event | _Turned | _Ended


class _Inbox:
    """The host's ear: what sources tell, and signals, in the order in which it came.

    A `SimpleQueue` may be put into from a signal's handler, where a lock could be held already.
    """

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()

    def hear(self, event: Event) -> None:
        self._messages.put(event)

    def turn(self, control: str, value: Value) -> None:
        self._messages.put(_Turned(control, value))

    def ended(self) -> None:
        self._messages.put(_Ended())

    def lost(self, reason: str) -> None:
        self._messages.put(_Ended(reason, error=True))

    def stop(self, reason: str) -> None:
        self._messages.put(_Ended(reason))

    def take(self, timeout: float | None) -> list[_Message]:
        """What has come, a burst at most; waits for the first message, `timeout` seconds at most (None: for ever)."""
        taken: list[_Message] = []
        with contextlib.suppress(queue.Empty):
            taken.append(self._messages.get(timeout=timeout))
            while len(taken) < BURST:
                taken.append(self._messages.get_nowait())
        return taken


def run_live(
    improviser: Improviser,
    source: Source,
    sink: Sink,
    recorder: Recorder,
    meter: Meter,
    *,
    seconds: float | None = None,
    started: Callable[[], None] | None = None,
) -> str:
    """Jam until `seconds` have passed, the source is done and answered, or SIGINT, SIGTERM or SIGHUP comes.

    Times are those of `time.monotonic`. However it ends, every note that left has been closed on the sink, and both
    ports are closed. `started` is called once everything listens. Returns why it ended, in a few words.
    Raises `PortError` when a port was lost.
    """
    inbox = _Inbox()
    outbox = Outbox(sink, meter.lateness, lambda event: recorder.add(MACHINE, event), inbox.lost)
    with _short_switches(), _first_in_line(), _signals(inbox.stop), contextlib.ExitStack() as ending:
        ending.callback(sink.close)
        ending.callback(sink.silence)
        ending.callback(outbox.close)
        ending.callback(source.close)
        outbox.start()
        source.start(inbox)
        ending.enter_context(_lookout(source, sink, inbox.lost))
        if started is not None:
            started()
        end = None if seconds is None else time.monotonic() + seconds
        return _Jam(improviser, inbox, outbox, recorder, meter).run(end)


class _Jam:
    """The loop: sleep until a message comes or the improviser wants to be woken, and never otherwise."""

    def __init__(self, improviser: Improviser, inbox: _Inbox, outbox: Outbox, recorder: Recorder, meter: Meter) -> None:
        self._improviser = improviser
        self._inbox = inbox
        self._outbox = outbox
        self._recorder = recorder
        self._meter = meter
        self._source_ended = False

    def run(self, end: float | None) -> str:
        while True:
            wake = self._improviser.next_wake()
            if wake is None and self._source_ended:
                return "the tune is over"
            deadlines = [at for at in (wake, end) if at is not None]
            timeout = min(max(0.0, min(deadlines) - time.monotonic()), NAP) if deadlines else None
            for message in self._inbox.take(timeout):
                reason = self._take(message)
                if reason:
                    return reason
            now = time.monotonic()
            if end is not None and now >= end:
                return "its time is over"
            self._wake(now)

    def _take(self, message: _Message) -> str:
        """Do what `message` says. Returns why the jam must end, or nothing."""
        match message:
            case Event():
                self._recorder.add(PLAYER, message)
                self._outbox.put(self._improviser.receive(message, time.monotonic()))
                self._meter.feed.add(time.monotonic() - message.at)
            case _Turned(control, value):
                self._improviser.set(control, value)
            case _Ended(reason, error):
                if error:
                    raise PortError(reason)
                self._source_ended = True
                return reason
        return ""

    def _wake(self, now: float) -> None:
        due = self._improviser.next_wake()
        if due is not None and due <= now:
            self._outbox.put(self._improviser.wake(now))
            self._meter.wake.add(time.monotonic() - now)


@contextlib.contextmanager
def _signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Turn the signals that end a program into a word in the inbox, while within; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    for name in names:
        signal.signal(getattr(signal, name), lambda number, _: stop(f"stopped by {signal.Signals(number).name}"))
    try:
        yield
    finally:
        for name, previous in before.items():
            signal.signal(getattr(signal, name), previous)


@contextlib.contextmanager
def _lookout(source: Source, sink: Sink, lost: Callable[[str], None]) -> Iterator[None]:
    """Tell `lost`, once, when a port has gone, while within."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOKOUT):
            reason = source.missing() or sink.missing()
            if reason:
                lost(reason)
                return

    thread = threading.Thread(target=look, name="lookout", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1.0)


@contextlib.contextmanager
def _first_in_line() -> Iterator[None]:
    """Let this thread, and those that it starts, run before ordinary ones while within, where the system allows it."""
    if not hasattr(os, "setpriority"):
        yield
        return
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, min(before, NICENESS))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


@contextlib.contextmanager
def _short_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
