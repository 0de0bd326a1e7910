"""The wire: MIDI messages to events and back, and which instrument is on which channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from antiphon.jam.controls import Value, by_cc
from antiphon.jam.ensemble import apart_from
from antiphon.music.event import Event, instrument_of
from antiphon.music.ledger import Ledger

__all__ = ["DRUM_CHANNEL", "Decoder", "Encoder", "WireLedger", "control_turned"]

DRUM_CHANNEL = 9
"""Channel 10 of General MIDI, counted from 0 as on the wire."""

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
SUSTAIN, SOUND_OFF, NOTES_OFF = 64, 120, 123


class Decoder:
    """The player's messages to events. Each channel plays the program that was last sent on it.

    A release goes to the instrument that was struck, whatever program has come since. `program` (0..127) is what a
    channel plays before any was sent; instruments of the `machine` are never given to the player.
    """

    def __init__(self, program: int, machine: Sequence[int]) -> None:
        self._programs = [program] * 16
        self._programs[DRUM_CHANNEL] = 0
        self._machine = frozenset(machine)
        self._struck: dict[tuple[int, int], int] = {}  # (channel, pitch) -> instrument

    def decode(self, message: Sequence[int], at: float) -> list[Event]:
        """The events in one message (bytes, no running status), all at `at` seconds; none where it is not of notes."""
        if len(message) < 2 or not 0x80 <= message[0] < 0xF0:
            return []
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == PROGRAM:
            self._programs[channel] = message[1] & 0x7F
        if len(message) < 3:
            return []
        data, value = message[1] & 0x7F, message[2] & 0x7F
        if kind == NOTE_ON and value:
            return [*self._release(channel, data, at), self._strike(channel, data, value, at)]
        if kind in (NOTE_OFF, NOTE_ON):
            return self._release(channel, data, at)
        if kind == CONTROL and data in (SOUND_OFF, NOTES_OFF):
            return self.release_all(at, channel)
        return []

    def release_all(self, at: float, channel: int | None = None) -> list[Event]:
        """Releases for all that sounds, on one channel or on every one."""
        keys = [key for key in self._struck if channel in (None, key[0])]
        return [event for key in keys for event in self._release(*key, at)]

    def _strike(self, channel: int, pitch: int, velocity: int, at: float) -> Event:
        named = instrument_of(self._programs[channel], drum=channel == DRUM_CHANNEL)
        instrument = self._struck[channel, pitch] = apart_from(self._machine, named)
        return Event(at, instrument, pitch, velocity)

    def _release(self, channel: int, pitch: int, at: float) -> list[Event]:
        instrument = self._struck.pop((channel, pitch), None)
        return [] if instrument is None else [Event(at, instrument, pitch, 0)]


class Encoder:
    """Events to messages, each instrument on its channel. `channels`: instrument -> (channel 0..15, program 0..127)."""

    def __init__(self, channels: Mapping[int, tuple[int, int]]) -> None:
        self._channels = dict(channels)

    def opening(self) -> list[bytes]:
        """The program changes to be sent before anything else."""
        return [bytes((PROGRAM | channel, program)) for channel, program in sorted(set(self._channels.values()))]

    def encode(self, event: Event) -> bytes:
        """The message for `event`. Raises `KeyError` for an instrument without a channel."""
        channel, _ = self._channels[event.instrument]
        return bytes(((NOTE_ON if event.is_onset else NOTE_OFF) | channel, event.pitch, event.velocity))


class WireLedger:
    """What a receiver of these messages is still sounding, so that it can always be closed."""

    def __init__(self) -> None:
        self._notes = Ledger()  # with the channel in the instrument's place
        self._used: set[int] = set()

    def __len__(self) -> int:
        return len(self._notes)

    def sent(self, message: Sequence[int]) -> None:
        """Enter a message that was sent."""
        if len(message) < 3 or not 0x80 <= message[0] < 0xF0:
            return
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        self._used.add(channel)
        if kind in (NOTE_OFF, NOTE_ON):
            velocity = message[2] if kind == NOTE_ON else 0
            self._notes.apply(Event(0.0, channel, message[1], velocity))

    def closing(self) -> list[bytes]:
        """A release for each note that sounds; then pedal up, sound off and notes off on every channel used."""
        releases = [bytes((NOTE_OFF | event.instrument, event.pitch, 0)) for event in self._notes.closing(0.0)]
        quiet = (SUSTAIN, SOUND_OFF, NOTES_OFF)
        return releases + [bytes((CONTROL | channel, number, 0)) for channel in sorted(self._used) for number in quiet]

    def clear(self) -> None:
        """Everything was closed."""
        self._notes, self._used = Ledger(), set()


def control_turned(message: Sequence[int]) -> tuple[str, Value] | None:
    """The control and its value when `message` is a control change that turns one by default."""
    if len(message) < 3 or message[0] & 0xF0 != CONTROL:
        return None
    control = by_cc(message[1])
    return None if control is None else (control.name, control.from_cc(message[2]))
