"""The stage: all MIDI inputs and outputs of a jam, held by a process of their own (see `outpost`)."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from antiphon.jam.ensemble import Ensemble
from antiphon.jam.mapping import Mapping
from antiphon.music.event import Event
from antiphon.ports.base import Listener, PortError
from antiphon.ports.child import Child
from antiphon.ports.ear import Clock, Ear
from antiphon.ports.frames import Frame, Kind
from antiphon.ports.meter import Meter
from antiphon.ports.passage import Passage, Post
from antiphon.ports.sending import Sending, output_named, routes_of
from antiphon.ports.wire import DOUBT, NOTE_ON, WireLedger, is_channel_message, is_release

__all__ = ["MidiPorts", "MidiSource"]

WATCH = 0.5
"""Seconds between two looks at whether the process of the ports lives."""
TOO_OFTEN = 5
"""So many deaths of it within `LATELY` seconds cannot be helped by starting it again."""
LATELY = 30.0


class _Waiting(NamedTuple):
    """A message that has been handed over and not reported yet; `event` where it is the last one of an event."""

    at: float
    since: float
    post: Post
    event: Event | None


class MidiPorts:
    """A sink on several outputs; `source` is what comes in at several inputs.

    Names are parts of ports' names, or None for virtual ports of our own; with no output it sounds nothing, for a jam
    that is heard elsewhere. Where a process of the ports dies it is
    started again, and what the dead one left sounding is closed.
    """

    def __init__(
        self,
        inputs: Sequence[str | None],
        outputs: Sequence[str | None],
        ensemble: Ensemble,
        meter: Meter,
        *,
        mapping: Mapping | None = None,
        clock: Clock | None = None,
        thru: bool = True,
        mpe: bool = False,
        echoes: bool = False,
        latency: Callable[[str], float] | None = None,
        retuning: Sequence[bytes] = (),
    ) -> None:
        """Open the ports and set up the receivers.

        `mapping`: what knobs turn; `clock`: who hears a MIDI clock that comes in; `thru`: whether the player is heard
        through the outputs; `mpe`: see `Zones`; `echoes`: whether our own notes are heard when a device sends them
        back; `latency`: by an output's name, the seconds by which it sounds late; `retuning`: messages that every
        output is sent first. Raises `PortError`, one line, for ports that are not there.
        """
        self._wanted = {"inputs": list(inputs), "outputs": list(outputs), "mpe": mpe, "echoes": not echoes}
        self._ensemble, self._meter = ensemble, meter
        self._mapping = mapping or Mapping()
        self._ear = Ear(ensemble, self._mapping, clock, mpe=mpe)
        self._thru = thru
        self._retuning = tuple(retuning)
        self._listener: Listener | None = None
        self._left: Callable[[Event, float], None] | None = None
        self._closed = threading.Event()
        self._turn = threading.RLock()  # for everything below, which the host and the reader of reports share
        self._numbers = itertools.cycle(range(1, 1 << 32))
        self._waiting: dict[int, _Waiting] = {}
        self._passage = Passage(mpe=mpe)  # the same as the outpost's, so that we know what it has passed on
        self._ledgers = [WireLedger() for _ in outputs]
        self._released = deque[tuple[float, Post]]()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for run, name in ((self._listen, "ports"), (self._watch, "watch"))
        ]
        self._deaths: list[float] = []
        self._child = self._started(patiently=False)
        self.outputs = self._child.names["outputs"]
        self.inputs = self._child.names["inputs"]
        self._latencies = [0.0 if latency is None else latency(name) for name in self.outputs]
        self._sending = Sending(ensemble, self.outputs)
        self._set_up()

    @property
    def source(self) -> MidiSource:
        """The player on all inputs."""
        return MidiSource(self)

    @property
    def holder(self) -> int:
        """The number of the process that holds the ports now."""
        return self._child.number

    # What the host asks of a sink

    def open(self, listener: Listener, left: Callable[[Event, float], None]) -> None:
        """Begin to report, from a thread of our own."""
        self._listener, self._left = listener, left
        self._tell_of_strips_without_output()
        self._child.heard_of = time.monotonic()  # until now nobody listened
        for thread in self._threads:
            thread.start()

    def post(self, events: Iterable[Event]) -> None:
        """Sound each of `events` at its `at`, by sending it as much earlier as its output sounds late."""
        with self._turn:
            for event in events:
                posts = self._sending.posts(event)
                for post in posts:
                    self._send(post, event.at, event if post is posts[-1] else None)

    def pass_on(self, event: Event) -> None:
        """Sound an event of the player's at once."""
        with self._turn:
            for post in self._sending.posts(event):
                self._send(post, 0.0, None)

    def tick(self, messages: Iterable[tuple[float, bytes]]) -> None:
        """Send clocks to every output and notes to the first, each at its time."""
        with self._turn:
            for at, message in messages:
                outputs = range(len(self.outputs)) if message[0] >= 0xF0 else (0,)
                for output in outputs:
                    self._send(Post(output, message), at, None)

    def arrange(self, ensemble: Ensemble) -> None:
        """Take other strips, for what is heard, passed on and sent from now on."""
        with self._turn:
            self._ensemble = ensemble
            self._ear.arrange(ensemble)
            for post in self._sending.arrange(ensemble):
                self._send(post, 0.0, None)
            self._tell_routes()
        self._tell_of_strips_without_output()

    def silence(self) -> None:
        """Forget what waits and close every note."""
        self._silence(everywhere=False)

    def panic(self) -> None:
        """The same, and pedals up, sound off and notes off on all channels of all outputs."""
        self._silence(everywhere=True)

    def close(self) -> None:
        """Close every note, let go of the ports and end their process."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._child.close()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(timeout=2.0)
        self._child.forget()

    def sound_by(self, thru: Callable[[Event], None]) -> None:
        """Have `thru` sound what the player does, where there is no output to pass it on to."""
        self._ear.thru = thru

    def tell(self, teller: Listener | None) -> None:
        """Whom to tell what the player does; nobody when it is None."""
        self._ear.listener = teller

    # Sending

    def _send(self, post: Post, at: float, event: Event | None) -> None:
        if not self.outputs:
            return
        number = next(self._numbers)
        at -= self._latencies[post.output]
        self._waiting[number] = _Waiting(at, time.monotonic(), post, event)
        self._child.tell(Frame(Kind.SEND, post.message, post.output, number, post.owner, max(at, 0.0)))

    def _silence(self, *, everywhere: bool) -> None:
        with self._turn:
            self._sending.clear()
            self._child.tell(Frame(Kind.SILENCE, port=int(everywhere)))
            for ledger in self._ledgers:
                ledger.clear()

    def _set_up(self) -> None:
        self._tell_routes()
        tuning = [Post(output, message) for output in range(len(self.outputs)) for message in self._retuning]
        for post in [*tuning, *self._sending.opening()]:
            self._send(post, 0.0, None)

    def _tell_routes(self) -> None:
        routes = routes_of(self._ensemble, self.outputs) if self._thru and self.outputs else []
        pads = [knob for knob in self._mapping.knobs if knob.kind == "note"]
        swallowed = [(None if pad.channel is None else pad.channel - 1, pad.number) for pad in pads]
        self._passage.arrange(routes, swallowed)
        rows = [(r.hears, r.output, r.channel, r.pitches.hex(), r.velocity) for r in routes]
        self._child.tell(Frame.saying(Kind.ROUTES, {"routes": rows, "swallowed": swallowed}))

    def _tell_of_strips_without_output(self) -> None:
        for channel, strip in self._ensemble.strips.items() if self.outputs else ():
            if strip.mode != "off" and output_named(strip.port, self.outputs) is None and self._listener is not None:
                self._listener.notice(f"channel {channel} asks for the output {strip.port!r}, which is not open here")

    # Reports

    def _listen(self) -> None:
        while True:
            child = self._child
            for frame in child.frames():
                with self._turn:
                    self._take(frame)
            if self._closed.is_set() or not self._revive(child):
                return

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.HEARD:
                self._meter.thru.add(frame.number * 1e-9, frame.at)
                for post in self._passage.through(frame.port, frame.payload):
                    self._enter(post, frame.at)
                self._ear.hear(frame.port, frame.payload, frame.at)
            case Kind.LEFT:
                self._has_left(self._waiting.pop(frame.number, None), frame.at)
            case Kind.FORGOTTEN:
                self._waiting.pop(frame.number, None)
            case Kind.GONE:
                self._ear.lost(frame.port, frame.at)
                self._passage.lost(frame.port)
            case Kind.NOTICE:
                self._notice(frame.content)
            case _:
                pass  # signs of life

    def _has_left(self, waited: _Waiting | None, at: float) -> None:
        if waited is None:
            return
        self._enter(waited.post, at)
        if waited.event is not None and self._left is not None:
            self._meter.lateness.add(at - waited.at, at)
            self._meter.scheduler.add(at - max(waited.at, waited.since), at)
            self._left(waited.event, at + self._latencies[waited.post.output])

    def _enter(self, post: Post, at: float) -> None:
        """Keep the ledgers, and the releases of late, which may have been sent to nobody."""
        self._ledgers[post.output].enter(post.message, post.owner)
        if is_channel_message(post.message) and is_release(post.message):
            self._released.append((at, post))
        while self._released and self._released[0][0] < at - DOUBT:
            self._released.popleft()

    def _notice(self, text: str) -> None:
        if self._listener is not None:
            self._listener.notice(text)

    # The process of the ports

    def _started(self, *, patiently: bool) -> Child:
        owed = [[list(message) for message in ledger.closing()] for ledger in self._ledgers]
        for at, post in self._released:
            if at > time.monotonic() - DOUBT:
                owed[post.output].append(list(post.message))
        return Child({**self._wanted, "owed": owed, "patiently": patiently})

    def _watch(self) -> None:
        while not self._closed.wait(WATCH):
            if self._child.is_stuck:
                self._child.kill()

    def _revive(self, dead: Child) -> bool:
        """Start another process of the ports. Returns whether that worked; the listener is told when it did not."""
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < LATELY] + [now]
        with self._turn:
            for source in range(len(self.inputs)):
                self._ear.lost(source, now)
                self._passage.lost(source)
            for waited in self._waiting.values():  # it may have left, or not: to close it is right in both cases
                if waited.post.message[0] & 0xF0 == NOTE_ON:
                    self._ledgers[waited.post.output].enter(waited.post.message, waited.post.owner)
            self._waiting.clear()
            self._sending.clear()
        dead.forget()
        if len(self._deaths) >= TOO_OFTEN:
            self._give_up("the process that holds the MIDI ports dies again and again")
            return False
        self._notice("the MIDI ports are opened again")
        return self._start_again()

    def _start_again(self) -> bool:
        try:
            child = self._started(patiently=True)
        except PortError as error:
            self._give_up(str(error))
            return False
        with self._turn:
            self._child = child
            for ledger in self._ledgers:
                ledger.clear()
            self._set_up()
        if self._closed.is_set():
            with contextlib.suppress(OSError):
                child.close()
        return True

    def _give_up(self, reason: str) -> None:
        if self._listener is not None:
            self._listener.lost(reason)


class MidiSource:
    """The player, on all inputs of some MIDI ports."""

    def __init__(self, ports: MidiPorts) -> None:
        self._ports = ports

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`, from a thread of the ports'."""
        self._ports.tell(listener)

    def close(self) -> None:
        """Tell nothing more."""
        self._ports.tell(None)
