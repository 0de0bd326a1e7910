"""The outpost: a process of its own that holds the MIDI ports. Run as `python -m antiphon.ports.outpost`.

Nothing else runs in it, so that what the player plays passes through, and what the machine plays leaves, while the
jam's process thinks. It outlives that process: when its standard input ends, whatever killed the other end, it closes
every note on the very ports on which it sounds, and only then leaves. It can be replaced in turn: a MIDI system that
dies under it takes nothing else along.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from typing import Any

from antiphon.ports import jack
from antiphon.ports.base import PortError
from antiphon.ports.frames import Frame, Frames, Kind
from antiphon.ports.outbox import Outbox
from antiphon.ports.passage import Passage, Post, Route
from antiphon.ports.slots import Input, Output, Slot, drain
from antiphon.ports.system import first_in_line, real_time, short_switches
from antiphon.ports.wire import NOTE_OFF, NOTE_ON

__all__ = ["main"]

LOOK = 0.5
"""Seconds between two looks at which ports exist: MIDI interfaces do not tell."""
LEAVE = 5
"""Seconds that leaving may take; then the system ends this process, whatever it waits for."""
CHUNK = 1 << 16
IGNORED = frozenset((0xF1, 0xF3, 0xF6, 0xFE, 0xFF))
"""Quarter frames, song select, tune request, active sensing and reset say nothing here."""


class Outpost:
    """The ports, what passes through them, and what is told of it. `reports` are the frames for the jam."""

    def __init__(self, wanted: dict[str, Any], reports: queue.SimpleQueue[Frame | None]) -> None:
        """`wanted`: `inputs` and `outputs`, names or None; `mpe`; `echoes`, whether to drop our own notes come back;
        `owed`, for each output the messages that end what a former outpost left sounding there."""
        self._reports = reports
        self._drops_echoes = bool(wanted["echoes"])
        self._told_of_echoes = False
        self._passage = Passage(mpe=bool(wanted["mpe"]))
        self.outputs = [Output(name) for name in wanted["outputs"]]
        self.inputs = [
            Input(name, lambda message, source=source: self._arrived(source, message))  # type: ignore[misc]
            for source, name in enumerate(wanted["inputs"])
        ]
        self._outbox = Outbox(self._send, lambda number, at: self._reports.put(Frame(Kind.LEFT, number=number, at=at)))
        self._server = jack.server_socket()
        for output, messages in zip(self.outputs, wanted["owed"], strict=True):
            output.owed = [bytes(message) for message in messages]

    def open(self, *, patiently: bool) -> None:
        """Open every port. Raises `PortError` when one is not there, unless it may come later."""
        for slot in (*self.outputs, *self.inputs):
            try:
                slot.open()
            except PortError:
                if not patiently:
                    raise
                self._notice(f"the MIDI {slot.direction} {slot.name!r} is gone: waiting for it")
        self._outbox.start()

    def take(self, frame: Frame) -> None:
        """Do what the jam says."""
        match frame.kind:
            case Kind.SEND:
                self._outbox.put(frame.at, Post(frame.port, frame.payload, frame.owner), frame.number)
            case Kind.ROUTES:
                rows = frame.content["routes"]
                routes = [Route(hears, out, channel, bytes.fromhex(to), v) for hears, out, channel, to, v in rows]
                swallowed = [(channel, pitch) for channel, pitch in frame.content["swallowed"]]
                with self._outbox.turn:
                    self._passage.arrange(routes, swallowed)
            case Kind.SILENCE:
                self._silence(everywhere=bool(frame.port))
            case _:
                raise ValueError(f"nobody tells an outpost {frame.kind.name}")

    def look(self) -> None:
        """See which ports are gone and which are back; end this process when the JACK server is gone."""
        server = jack.server_socket()
        if self._server != server and any(self._is_of_jack(slot) for slot in (*self.inputs, *self.outputs)):
            self._leave_the_dead()
        self._server = server
        for slot in (*self.outputs, *self.inputs):
            was_open = slot.is_open
            with self._outbox.turn if isinstance(slot, Output) else contextlib.nullcontext():
                said = slot.look()
            if said is not None:
                self._notice(said)
                if was_open and isinstance(slot, Input):
                    self._lost_input(slot)

    def close(self) -> None:
        """Close every note, then every port."""
        self._outbox.close()
        with self._outbox.turn:
            for output in self.outputs:
                output.silence()
        drain()
        for slot in (*self.inputs, *self.outputs):
            slot.close()

    def _arrived(self, source: int, message: bytes) -> None:
        """From rtmidi's threads: pass on first, tell then."""
        at = time.monotonic()
        if not message or message[0] in IGNORED:
            return
        with self._outbox.turn:
            if self._drops_echoes and self._is_echo(source, message, at):
                return
            for post in self._passage.through(source, message):
                self._send(post, at)
        took = round((time.monotonic() - at) * 1e9)
        self._reports.put(Frame(Kind.HEARD, message, source, took, at=at))

    def _is_echo(self, source: int, message: bytes, now: float) -> bool:
        if message[0] & 0xF0 not in (NOTE_ON, NOTE_OFF):
            return False
        device = self.inputs[source].device
        if not any(output.device == device and output.is_echo(message, now) for output in self.outputs):
            return False
        if not self._told_of_echoes:
            self._told_of_echoes = True
            self._notice(f"our own notes come back on {self.inputs[source].name!r}, and are not heard again")
        return True

    def _send(self, post: Post, now: float) -> None:
        output = self.outputs[post.output]
        try:
            output.send(post.message, post.owner, now)
        except PortError:
            self._notice(output.lose())

    def _silence(self, *, everywhere: bool) -> None:
        with self._outbox.turn:
            for number in self._outbox.forget():
                self._reports.put(Frame(Kind.FORGOTTEN, number=number))
            for output in self.outputs:
                output.silence(everywhere=everywhere)

    def _lost_input(self, slot: Input) -> None:
        source = self.inputs.index(slot)
        self._outbox.put_now(self._passage.lost(source))
        self._reports.put(Frame(Kind.GONE, port=source, at=time.monotonic()))

    def _is_of_jack(self, slot: Slot) -> bool:
        return slot.opened is not None and slot.opened.interface.upper().startswith("JACK")

    def _leave_the_dead(self) -> None:
        """The clients of a dead server cannot be closed, nor used: close what is not theirs, and end at once."""
        for output in self.outputs:
            if not self._is_of_jack(output):
                output.silence()
        os._exit(1)

    def _notice(self, text: str) -> None:
        self._reports.put(Frame.saying(Kind.NOTICE, text))


def _report(reports: queue.SimpleQueue[Frame | None]) -> None:
    """Write reports as they come, all that wait in one go."""
    frame = reports.get()
    while frame is not None:
        data = bytearray(frame.packed())
        with contextlib.suppress(queue.Empty):
            while len(data) < CHUNK and (frame := reports.get_nowait()) is not None:
                data += frame.packed()
        try:
            _write(data)
        except OSError:
            return  # nobody listens any more; standard input ends as well
        if frame is not None:
            frame = reports.get()


def _write(data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def _look(outpost: Outpost, reports: queue.SimpleQueue[Frame | None], over: threading.Event) -> None:
    while not over.wait(LOOK):
        outpost.look()
        reports.put(Frame(Kind.ALIVE, at=time.monotonic()))


def _opened(outpost: Outpost, wanted: dict[str, Any], reports: queue.SimpleQueue[Frame | None]) -> bool:
    try:
        outpost.open(patiently=wanted["patiently"])
    except PortError as error:
        reports.put(Frame.saying(Kind.FAILED, str(error)))
        return False
    names = {"inputs": [i.name for i in outpost.inputs], "outputs": [o.name for o in outpost.outputs]}
    reports.put(Frame.saying(Kind.READY, names))
    return True


def main() -> int:
    """Hold the ports until standard input ends. Returns the exit code."""
    real_time()
    with first_in_line(), short_switches():
        return _hold()


def _hold() -> int:
    # The jam ends this process by closing the pipe; a signal meant for the jam must not end it before the notes.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if sys.platform == "win32":
        import msvcrt

        for file in (0, 1):
            msvcrt.setmode(file, os.O_BINARY)
    reports: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
    writer = threading.Thread(target=_report, args=(reports,), name="reports", daemon=True)
    writer.start()
    frames, over = Frames(), threading.Event()
    outpost: Outpost | None = None
    while data := os.read(0, CHUNK):
        for frame in frames.read(data):
            if outpost is not None:
                outpost.take(frame)
                continue
            outpost = Outpost(frame.content, reports)
            if not _opened(outpost, frame.content, reports):
                reports.put(None)
                writer.join()
                return 1
            threading.Thread(target=_look, args=(outpost, reports, over), name="lookout", daemon=True).start()
    if hasattr(signal, "alarm"):
        signal.alarm(LEAVE)
    over.set()
    if outpost is not None:
        outpost.close()
    return 0


if __name__ == "__main__":
    code = main()
    os._exit(code)  # rtmidi's clients would be taken down once more, and threads waited for
