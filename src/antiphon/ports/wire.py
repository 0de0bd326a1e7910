"""The wire: what MIDI messages mean, which zone of an MPE instrument they belong to, and what they left sounding."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["DOUBT", "NOTE_OFF", "NOTE_ON", "WireLedger", "Zones", "is_channel_message", "is_release"]

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROL, PROGRAM, SYSEX = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xF0
DATA_ENTRY, SUSTAIN, SOSTENUTO, SOFT = 6, 64, 66, 67
SOUND_OFF, RESET, NOTES_OFF = 120, 121, 123
ENDS_NOTES = frozenset((SOUND_OFF, NOTES_OFF, 124, 125, 126, 127))
"""Channel mode messages after which no note of the channel sounds: MIDI 1.0 makes each imply All Notes Off."""
QUIET = (SUSTAIN, SOUND_OFF, NOTES_OFF)
"""Control changes that silence a channel whatever it is sounding."""


DOUBT = 2.0
"""Seconds before a loss was noticed in which a release may have been sent to nobody: it is sent again."""


def is_channel_message(message: Sequence[int]) -> bool:
    """Whether `message` is whole and well formed: a status of a channel and as many data bytes as it needs."""
    if not message or not 0x80 <= message[0] < 0xF0:
        return False
    needed = 2 if message[0] & 0xF0 in (PROGRAM, 0xD0) else 3
    return len(message) == needed and max(message[1:]) < 128


def is_release(message: Sequence[int]) -> bool:
    """Whether a whole `message` ends a note."""
    kind = message[0] & 0xF0
    return kind == NOTE_OFF or (kind == NOTE_ON and not message[2])


class WireLedger:
    """What the receiver at one output sounds, and on whose account.

    Several may play one note of the wire: the player's thru and the machine, or two pitches mapped to one. Each is an
    `owner` (any number); the note sounds until the last of them has let go.
    """

    def __init__(self) -> None:
        self._owners: dict[tuple[int, int], set[int]] = {}  # (channel 0..15, pitch) -> who holds it, longest first
        self._used: set[int] = set()

    def __len__(self) -> int:
        return len(self._owners)

    def enter(self, message: bytes, owner: int = 0) -> list[bytes]:
        """Take note of `message`, which `owner` wants to be sent. Returns what is to be sent in its place.

        A note that sounds is ended before it is struck again, and a release is withheld while somebody else holds it.
        """
        if not is_channel_message(message):
            return [message]
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        self._used.add(channel)
        if kind == NOTE_ON and message[2]:
            return self._strike(channel, message, owner)
        if kind in (NOTE_OFF, NOTE_ON):
            return self._release(channel, message, owner)
        if kind == CONTROL and message[1] in ENDS_NOTES:
            for key in [key for key in self._owners if key[0] == channel]:
                del self._owners[key]
        return [message]

    def closing(self, *, everywhere: bool = False) -> list[bytes]:
        """A release for each note that sounds; then pedal up, sound off and notes off on every channel used.

        `everywhere`: on all sixteen channels instead.
        """
        releases = [bytes((NOTE_OFF | channel, pitch, 0)) for channel, pitch in self._owners]
        channels = range(16) if everywhere else sorted(self._used)
        return releases + [bytes((CONTROL | channel, number, 0)) for channel in channels for number in QUIET]

    def clear(self) -> None:
        """Everything was closed."""
        self._owners, self._used = {}, set()

    def _strike(self, channel: int, message: bytes, owner: int) -> list[bytes]:
        key = (channel, message[1])
        holders = self._owners.pop(key, set())
        self._owners[key] = holders | {owner}
        return [bytes((NOTE_OFF | channel, message[1], 0)), message] if holders else [message]

    def _release(self, channel: int, message: bytes, owner: int) -> list[bytes]:
        key = (channel, message[1])
        holders = self._owners.get(key)
        if holders is None:
            return [message]  # of a note that was struck before we came: it is no harm to anybody
        holders.discard(owner)
        if holders:
            return []
        del self._owners[key]
        return [message]


class Zones:
    """Which channel speaks for another one (MPE 1.1): member channels belong to the manager of their zone.

    Channels are counted from 0. Without a configuration message (RPN 6 on the first or last channel) each channel
    speaks for itself; `mpe` sets up the lower zone with all fifteen members, for gear that does not send it.
    """

    def __init__(self, *, mpe: bool = False) -> None:
        self._lower, self._upper = (15 if mpe else 0), 0
        self._parameter: dict[int, tuple[int, int]] = {}
        self._managers = tuple(range(16))
        self._settle()

    def manager(self, channel: int) -> int:
        """The channel that speaks for `channel`."""
        return self._managers[channel]

    def take(self, message: Sequence[int]) -> None:
        """Take note of a control change (three bytes)."""
        channel, number, value = message[0] & 0x0F, message[1], message[2]
        msb, lsb = self._parameter.get(channel, (127, 127))
        if number == 101:
            self._parameter[channel] = (value, lsb)
        elif number == 100:
            self._parameter[channel] = (msb, value)
        elif number in (98, 99):
            self._parameter.pop(channel, None)
        elif number == DATA_ENTRY and (msb, lsb) == (0, 6) and channel in (0, 15):
            self._configure(channel, min(value, 15))

    def _configure(self, manager: int, members: int) -> None:
        """The zone set up last takes from the other one what both want."""
        if manager == 0:
            self._lower, self._upper = members, min(self._upper, max(0, 14 - members))
        else:
            self._upper, self._lower = members, min(self._lower, max(0, 14 - members))
        self._settle()

    def _settle(self) -> None:
        managers = list(range(16))
        managers[1 : 1 + self._lower] = [0] * self._lower
        managers[15 - self._upper : 15] = [15] * self._upper
        self._managers = tuple(managers)
