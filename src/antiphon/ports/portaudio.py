"""Audio inputs through PortAudio, by way of the extra `audio`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from antiphon.ports.base import PortError
from antiphon.ports.wav import Mono

__all__ = ["AudioInput", "AudioSystem", "Hear", "PortAudio", "Stream"]

BLOCK = 0.005
"""Seconds of a block."""

Hear = Callable[[Mono, float], None]
"""Is told a block of samples, shape (n,), and when the first of them sounded, in monotonic seconds; returns at once."""


@dataclass(frozen=True)
class AudioInput:
    """A device that can be listened to: its number and name, and how many samples a second it gives."""

    number: int
    name: str
    sample_rate: float


class Stream(Protocol):
    """An open input."""

    def close(self) -> None:
        """Hear nothing more."""


class AudioSystem(Protocol):
    """What audio inputs there are, and how they are opened."""

    def inputs(self) -> list[AudioInput]:
        """The inputs there are, the one that is meant when none is named at first. Raises `PortError`."""

    def open(self, chosen: AudioInput, hear: Hear) -> Stream:
        """Begin to tell `hear`, from a thread of the system's. Raises `PortError`."""


class PortAudio:
    """The inputs of this system. PortAudio is loaded when it is first asked."""

    def inputs(self) -> list[AudioInput]:
        sounddevice = _sounddevice()
        default = sounddevice.default.device[0]
        found = [
            AudioInput(number, row["name"], float(row["default_samplerate"]))
            for number, row in enumerate(sounddevice.query_devices())
            if row["max_input_channels"] > 0
        ]
        return sorted(found, key=lambda entry: entry.number != default)

    def open(self, chosen: AudioInput, hear: Hear) -> Stream:
        sounddevice = _sounddevice()

        def arrived(block: Any, frames: int, times: Any, status: object) -> None:
            del status  # an overflow shows in the times
            now = time.monotonic()
            waited = times.currentTime - times.inputBufferAdcTime
            # Some drivers leave the times empty: then the block has just ended.
            plausible = times.inputBufferAdcTime > 0 and 0 <= waited < 1
            hear(np.array(block[:, 0]), now - (waited if plausible else frames / chosen.sample_rate))

        try:
            stream = sounddevice.InputStream(
                device=chosen.number,
                channels=1,
                samplerate=chosen.sample_rate,
                blocksize=round(BLOCK * chosen.sample_rate),
                dtype="float32",
                latency="low",
                callback=arrived,
            )
            stream.start()
        except sounddevice.PortAudioError as error:
            raise PortError(f"the audio input {chosen.name!r} cannot be opened: {error}") from None
        return stream  # type: ignore[no-any-return]  # sounddevice publishes no types


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise PortError("to listen to a microphone, install what it needs: pip install 'antiphon[audio]'") from None
    except OSError:
        raise PortError(
            "to listen to a microphone, install the system's PortAudio library (libportaudio2, or portaudio)"
        ) from None
    return sounddevice
