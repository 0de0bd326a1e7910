"""The host: carries an improviser through real time, between a source and a sink."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.ports.base import PortError, Sink, Source
from antiphon.ports.inbox import Act, Arranged, Beat, Ended, Inbox, Message, Notice, Turn
from antiphon.ports.meter import Meter
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.system import first_in_line, short_switches, signals

__all__ = ["Deed", "Partner", "Status", "Ticker", "Watcher", "run_live"]

BURST = 0.005
"""Seconds for which messages are taken in one go: a storm of them never keeps the machine's releases waiting."""
NAP = 3600.0
"""Seconds: the longest wait that is surely short enough for every system's timers."""
FAILURES, FAILING = 3, 10.0
"""So many failures of the model within so many seconds end the jam; fewer are got over."""
AHEAD = 0.1
"""Seconds by which clocks and clicks are handed to the sink before they are due."""
TICK = 0.05
"""Seconds between two looks at what a ticker has to send."""
STATUS = 1.0
"""Seconds between two lines of live figures."""

Deed = Callable[[str], Iterable[Event] | None]
"""Does what an action asks of the face, given its argument. Returns events to be sent, if there are any. Raises
`ValueError` or `OSError`, one line, for what cannot be done."""
Status = Callable[[Mapping[str, Mapping[str, float]]], None]
"""Told the figures of the last seconds, as in `Meter.recent`."""


class Ticker(Protocol):
    """Who gives the time to others: a MIDI clock or a metronome."""

    def messages_until(self, horizon: float) -> list[tuple[float, bytes]]:
        """The messages due before `horizon`, each once, with their times in monotonic seconds."""


class Watcher(Protocol):
    """Who shows the jam to people. Told on the host's thread, after what it is told of was done: it should be quick."""

    def heard(self, event: Event) -> None:
        """The player did `event`."""

    def decided(self, events: Sequence[Event]) -> None:
        """`events` were handed to the sink, each to sound at its `at`."""

    def look(self, now: float) -> None:
        """Whatever was due has been done, and something may have changed."""


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


class ModelError(PortError):
    """The model failed too often to go on with."""


def run_live(
    partner: Partner,
    source: Source,
    sink: Sink,
    recorder: Recorder,
    meter: Meter,
    *,
    seconds: float | None = None,
    started: Callable[[], None] | None = None,
    deeds: Mapping[str, Deed] | None = None,
    tickers: Sequence[Ticker] = (),
    status: Status | None = None,
    notice: Callable[[str], None] | None = None,
    watcher: Watcher | None = None,
) -> str:
    """Jam until `seconds` have passed, the source is done and answered, or SIGINT, SIGTERM or SIGHUP comes.

    Times are those of `time.monotonic`. However it ends, every note that left has been closed on the sink, and both
    ports are closed. `started` is called once everything listens. `deeds` do what actions such as `preset` ask, by the
    action's name. `status` is told live figures once a second; `notice` gets lines for the musician; `watcher` is told
    what happens. Returns why it ended, in a few words. Raises `PortError` when no port is left, or when the model fails
    again and again.
    """
    inbox = Inbox()
    jam = _Jam(partner, inbox, sink, recorder, meter, deeds or {}, notice or (lambda _: None), watcher)
    with short_switches(), first_in_line(), signals(inbox.stop), contextlib.ExitStack() as ending:
        ending.callback(sink.close)
        ending.callback(sink.silence)
        ending.callback(source.close)
        sink.open(inbox, jam.left)
        source.start(inbox)
        if started is not None:
            started()
        return jam.run(None if seconds is None else time.monotonic() + seconds, tickers, status)


class _Jam:
    """The loop: sleep until a message comes or somebody wants to be woken, and never otherwise."""

    def __init__(
        self,
        partner: Partner,
        inbox: Inbox,
        sink: Sink,
        recorder: Recorder,
        meter: Meter,
        deeds: Mapping[str, Deed],
        notice: Callable[[str], None],
        watcher: Watcher | None,
    ) -> None:
        self._partner = partner
        self._inbox = inbox
        self._sink = sink
        self._recorder = recorder
        self._meter = meter
        self._deeds = deeds
        self._notice = notice
        self._watcher = watcher
        self._ensemble = partner.ensemble
        self._source_ended = False
        self._asked: float | None = None  # the stamp of the player's latest onset, until something is decided after it
        self._answers: dict[Event, float] = {}  # onset that was decided -> what it answers
        self._failures: deque[float] = deque(maxlen=FAILURES)

    def run(self, end: float | None, tickers: Sequence[Ticker], status: Status | None) -> str:
        """Jam until `end`. Returns why it ended."""
        tick_at, status_at = time.monotonic(), time.monotonic() + STATUS
        while True:
            wake = self._next_wake()
            if wake is None and self._source_ended:
                return "the tune is over"
            reason = self._take_until(wake, end, tick_at if tickers else None, status_at if status else None)
            if reason:
                return reason
            now = time.monotonic()
            if end is not None and now >= end:
                return "its time is over"
            if tickers and now >= tick_at:
                tick_at = now + TICK
                for ticker in tickers:
                    self._sink.tick(ticker.messages_until(now + AHEAD))
            if status is not None and now >= status_at:
                status_at = now + STATUS
                status(self._meter.recent(now))
            self._wake()
            if self._watcher is not None:
                self._watcher.look(time.monotonic())

    def left(self, event: Event, at: float) -> None:
        """The sink has sent `event`, which sounds at `at`. May be called from any thread."""
        self._recorder.add(MACHINE, Event(at, event.instrument, event.pitch, event.velocity))
        asked = self._answers.pop(event, None)
        if asked is not None:
            self._meter.end_to_end.add(at - asked, at)

    def _take_until(self, *deadlines: float | None) -> str:
        """Take what comes before the first of `deadlines`, and what comes in one go with it. Returns why to end."""
        begun = time.monotonic()
        times = [at for at in deadlines if at is not None]
        timeout = min(max(0.0, min(times) - begun), NAP) if times else None
        while (message := self._inbox.take(timeout)) is not None:
            if timeout != 0:
                begun, timeout = time.monotonic(), 0
            reason = self._take(message, time.monotonic())
            if reason or time.monotonic() - begun > BURST:
                return reason
        return ""

    def _take(self, message: Message, now: float) -> str:
        """Do what `message` says. Returns why the jam must end, or nothing."""
        match message:
            case Event():
                self._hear(message, now)
            case Turn(control, value):
                self._request(lambda: self._partner.set(control, value, now))
            case Act(action, argument):
                self._act(action, argument, now)
            case Arranged(channel, fields):
                self._request(lambda: self._rearrange(channel, fields, now))
            case Beat(grid):
                self._ask(lambda: self._partner.beat(grid, now))
            case Notice(text):
                self._notice(text)
            case Ended(reason, error):
                if error:
                    raise PortError(reason)
                self._source_ended = True
                return reason
        return ""

    def _hear(self, event: Event, now: float) -> None:
        self._meter.queue.add(now - event.at, now)
        self._recorder.add(PLAYER, event)
        if event.is_onset:
            self._asked = event.at
        self._ask(lambda: self._partner.receive(event, now))
        heard = time.monotonic()
        self._meter.feed.add(heard - event.at, heard)
        if self._watcher is not None:
            self._watcher.heard(event)

    def _act(self, action: str, argument: str, now: float) -> None:
        deed = self._deeds.get(action)
        if deed is None:
            self._request(lambda: self._partner.act(action, argument, now))
        else:
            self._request(lambda: deed(argument))
        if action == "panic":
            self._sink.panic()

    def _rearrange(self, channel: int, fields: Mapping[str, object], now: float) -> Iterable[Event]:
        return self._partner.rearrange(self._partner.ensemble.changed(channel, **fields), now)

    def _next_wake(self) -> float | None:
        try:
            return self._partner.next_wake()
        except Exception as error:
            self._got_over(error)
            return time.monotonic() + BURST

    def _wake(self) -> None:
        now = time.monotonic()
        due = self._next_wake()
        if due is not None and due <= now:
            self._ask(lambda: self._partner.wake(now))
            woken = time.monotonic()
            self._meter.wake.add(woken - now, woken)
            self._partner.took(woken - now)

    def _request(self, deed: Callable[[], Iterable[Event] | None]) -> None:
        """Ask for what may be refused: then the musician is told why, and nothing has changed."""

        def unless_refused() -> Iterable[Event] | None:
            try:
                return deed()
            except (ValueError, OSError) as error:
                self._notice(str(error))
                return None

        self._ask(unless_refused)

    def _ask(self, deed: Callable[[], Iterable[Event] | None]) -> None:
        """Send what the partner answers; what the model cannot do is got over."""
        try:
            events = list(deed() or ())
        except Exception as error:
            self._got_over(error)
            return
        if self._partner.ensemble is not self._ensemble:
            self._ensemble = self._partner.ensemble
            self._sink.arrange(self._ensemble)
        for event in events:
            if event.is_onset and self._asked is not None:
                self._answers = {event: self._asked}
                self._asked = None
        self._post(events)

    def _post(self, events: Sequence[Event]) -> None:
        self._sink.post(events)
        if self._watcher is not None and events:
            self._watcher.decided(events)

    def _got_over(self, error: Exception) -> None:
        """Close every note, as nobody knows what the failed model meant to do with them, and go on."""
        now = time.monotonic()
        self._meter.failures += 1
        self._failures.append(now)
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        with contextlib.suppress(Exception):
            self._post(self._partner.panic(now))
        self._sink.silence()
        if len(self._failures) == FAILURES and now - self._failures[0] < FAILING:
            raise ModelError(f"the model failed {FAILURES} times in {FAILING:g} s, so the jam has ended: {what}")
        self._notice(f"the model failed, so every note was closed; the jam goes on: {what}")
