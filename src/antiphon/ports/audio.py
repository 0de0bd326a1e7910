"""Audio in: a recording or a microphone as the notes of one player."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from antiphon.music.event import EVENT, Event, Events
from antiphon.ports.base import Listener, PortError
from antiphon.ports.pitch import PitchTracker
from antiphon.ports.portaudio import AudioInput, AudioSystem, PortAudio, Stream
from antiphon.ports.wav import Mono, read_wav

__all__ = ["AudioSource", "Tracking", "choose_input", "read_wav", "transcribe"]

STEP = 1.0
"""Seconds of a recording that are heard at once."""
GONE = 1.0
"""Seconds without a block after which a device is gone."""
LOST = 0.05
"""Seconds by which a block may seem early or late, and nothing was lost."""
WAITING = 400
"""Blocks that may wait; more are dropped, and the tracker begins anew."""
DRIFT = 0.02
"""The share of each block's deviation by which the device's clock is followed."""


class Tracking(TypedDict, total=False):
    """What can be told a `PitchTracker`: MIDI pitches, Hz, dB, dB."""

    low: int
    high: int
    tuning: float
    gain: float
    gate: float


def transcribe(path: Path, instrument: int, **tracking: Unpack[Tracking]) -> Events:
    """What is played in a WAV file of one voice, dtype `EVENT`, in order of time, each note released.

    Times count from the file's beginning. Raises ValueError, one line, for what cannot be read; OSError where there is
    no such file.
    """
    samples, rate = read_wav(path)
    try:
        tracker = PitchTracker(rate, instrument, **tracking)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    step, events = round(STEP * rate), []
    for start in range(0, len(samples), step):
        events += tracker.hear(samples[start : start + step], start / rate)
    events += tracker.end(len(samples) / rate)
    return np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in events], EVENT)


def choose_input(system: AudioSystem, wanted: str | int | None) -> AudioInput:
    """The input that `wanted` means: its number, its name or a part of it, or the system's own choice for None.

    Raises `PortError`, which lists what there is.
    """
    inputs = system.inputs()
    if not inputs:
        raise PortError("there is no audio input on this system")
    if wanted is None:
        return inputs[0]
    number = int(wanted) if isinstance(wanted, int) or wanted.isdecimal() else None
    named = [i for i in inputs if i.number == number or i.name == wanted]
    named = named or [i for i in inputs if number is None and str(wanted).lower() in i.name.lower()]
    if len(named) == 1:
        return named[0]
    there = ", ".join(f"{i.number} {i.name!r}" for i in sorted(inputs, key=lambda i: i.number))
    raise PortError(
        f"{'several audio inputs are' if named else 'no audio input is'} named {wanted!r}: there are {there}"
    )


class AudioSource:
    """One player heard through a microphone, as events of `instrument`.

    `device` is a number, a name or a part of one, or None for the system's own choice; `tracking` is told the
    `PitchTracker`. `system` is where the devices are, PortAudio's where nothing else is said. What is heard sounds by
    itself, so that nothing is passed on to an output.
    """

    def __init__(
        self,
        device: str | int | None,
        instrument: int,
        *,
        system: AudioSystem | None = None,
        **tracking: Unpack[Tracking],
    ) -> None:
        self._device = device
        self._instrument = instrument
        self._system = PortAudio() if system is None else system
        self._tracking = tracking
        self._blocks: queue.SimpleQueue[tuple[Mono, float] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._thread: threading.Thread | None = None

    def start(self, listener: Listener) -> None:
        """Open the device and tell `listener` what is played. Raises `PortError`."""
        chosen = choose_input(self._system, self._device)
        try:
            tracker = PitchTracker(chosen.sample_rate, self._instrument, **self._tracking)
        except ValueError as error:
            raise PortError(f"the audio input {chosen.name!r}: {error}") from None
        self._thread = threading.Thread(
            target=self._listen, args=(listener, chosen, tracker), name="microphone", daemon=True
        )
        self._stream = self._system.open(chosen, self._arrived)
        self._thread.start()

    def close(self) -> None:
        """Let go of the device and tell nothing more."""
        self._closed.set()
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.close()
        self._blocks.put(None)
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _arrived(self, samples: Mono, at: float) -> None:
        if self._blocks.qsize() < WAITING:
            self._blocks.put((samples, at))

    def _listen(self, listener: Listener, chosen: AudioInput, tracker: PitchTracker) -> None:
        ends, gone = 0.0, False
        while not self._closed.is_set():
            try:
                block = self._blocks.get(timeout=GONE)
            except queue.Empty:
                if not gone:
                    self._tell(listener, tracker.end(ends))
                    listener.notice(f"the audio input {chosen.name!r} is gone")
                gone = True
                continue
            if block is None:
                return
            if gone:
                listener.notice(f"the audio input {chosen.name!r} is back")
                gone = False
            samples, at = block
            # A callback may come late; the device's own clock runs evenly.
            at = ends + DRIFT * (at - ends) if abs(at - ends) < LOST else at
            ends = at + len(samples) / chosen.sample_rate
            self._tell(listener, tracker.hear(samples, at))

    def _tell(self, listener: Listener, events: Iterable[Event]) -> None:
        for event in events:
            if not self._closed.is_set():
                listener.hear(event)
