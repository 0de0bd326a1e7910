"""Frames: what the jam and the process of its ports tell each other, through two pipes.

A frame is a header of 24 bytes (payload's length, kind, port, number, owner, time) and a payload: a MIDI message, or
JSON.
"""

from __future__ import annotations

import json
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

__all__ = ["Frame", "Frames", "Kind"]

_HEADER = Struct("<IBBHIIq")


class Kind(IntEnum):
    """What a frame says. To the ports: open, routes, send, silence. From them: all others."""

    OPEN = 1
    """JSON `Wanted`: the first frame of all."""
    ROUTES = 2
    """JSON: routes of the thru, and notes that play no music."""
    SEND = 3
    """A message for the output `port`, to be sent at `at`; its departure is reported by `number`."""
    SILENCE = 4
    """Forget what waits and close what sounds; on every channel when `port` is 1."""
    READY = 5
    """JSON: the names of what was opened."""
    FAILED = 6
    """JSON: why nothing can be opened, in one line."""
    HEARD = 7
    """A message came in at the input `port`, at `at`; passing it on took `number` nanoseconds."""
    LEFT = 8
    """What was sent as `number` left at `at`."""
    FORGOTTEN = 9
    """What was sent as `number` never left."""
    NOTICE = 10
    """JSON: one line for the musician."""
    GONE = 11
    """The input `port` is gone."""
    ALIVE = 12
    """Said twice a second."""


class Frame(NamedTuple):
    """One frame; `at` in seconds of the monotonic clock, kept to the nanosecond."""

    kind: Kind
    payload: bytes = b""
    port: int = 0
    number: int = 0
    owner: int = 0
    at: float = 0.0

    @classmethod
    def saying(cls, kind: Kind, content: Any) -> Frame:
        """A frame with `content` as JSON."""
        return cls(kind, json.dumps(content).encode())

    @property
    def content(self) -> Any:
        """What a payload of JSON says."""
        return json.loads(self.payload)

    def packed(self) -> bytes:
        """The bytes that go through the pipe."""
        at = round(self.at * 1e9)
        number, owner = self.number & 0xFFFFFFFF, self.owner & 0xFFFFFFFF
        return _HEADER.pack(len(self.payload), self.kind, self.port, 0, number, owner, at) + self.payload


class Frames:
    """Bytes as they come out of a pipe, to frames."""

    def __init__(self) -> None:
        self._left = bytearray()

    def read(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        self._left += data
        frames, place = [], 0
        while len(self._left) - place >= _HEADER.size:
            length, kind, port, _, number, owner, at = _HEADER.unpack_from(self._left, place)
            end = place + _HEADER.size + length
            if len(self._left) < end:
                break
            payload = bytes(self._left[place + _HEADER.size : end])
            place = end
            frames.append(Frame(Kind(kind), payload, port, number, owner, at / 1e9))
        del self._left[:place]
        return frames
