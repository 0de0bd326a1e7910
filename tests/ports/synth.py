"""A receiver that knows what it sounds, written without the code that it tests."""

from __future__ import annotations


class Synth:
    """Notes by (channel, pitch); `pedals` are the sustain pedals that are down."""

    def __init__(self) -> None:
        self.sounding: set[tuple[int, int]] = set()
        self.pedals: set[int] = set()
        self.struck_twice = 0

    def take(self, message: bytes) -> None:
        if len(message) != 3 or not 0x80 <= message[0] < 0xF0 or max(message[1:]) > 127:
            return
        kind, channel = message[0] >> 4, message[0] & 15
        if kind == 9 and message[2]:
            self.struck_twice += (channel, message[1]) in self.sounding
            self.sounding.add((channel, message[1]))
        elif kind in (8, 9):
            self.sounding.discard((channel, message[1]))
        elif kind == 11 and message[1] in (120, 123, 124, 125, 126, 127):
            self.sounding = {key for key in self.sounding if key[0] != channel}
        elif kind == 11 and message[1] == 64:
            (self.pedals.add if message[2] >= 64 else self.pedals.discard)(channel)
