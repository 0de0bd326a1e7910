"""MIDI files made byte by byte, so that a test can hold exactly the damage it is about."""

from __future__ import annotations

END = b"\0\xff\x2f\0"


def header(format_: int = 1, tracks: int = 1, division: int = 480) -> bytes:
    return b"MThd\0\0\0\6" + b"".join(n.to_bytes(2, "big") for n in (format_, tracks, division))


def chunk(body: bytes, kind: bytes = b"MTrk") -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


def track(*events: bytes, end: bytes = END) -> bytes:
    return chunk(b"".join(events) + end)


def file(*tracks: bytes, format_: int = 1, division: int = 480) -> bytes:
    return header(format_, len(tracks), division) + b"".join(tracks)


def wait(ticks: int) -> bytes:
    groups = [ticks & 0x7F]
    while ticks := ticks >> 7:
        groups.append(ticks & 0x7F | 0x80)
    return bytes(reversed(groups))


def on(delta: int, pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return wait(delta) + bytes((0x90 | channel, pitch, velocity))


def off(delta: int, pitch: int, channel: int = 0) -> bytes:
    return wait(delta) + bytes((0x80 | channel, pitch, 64))


def program(delta: int, number: int, channel: int = 0) -> bytes:
    return wait(delta) + bytes((0xC0 | channel, number))


def control(delta: int, controller: int, value: int, channel: int = 0) -> bytes:
    return wait(delta) + bytes((0xB0 | channel, controller, value))


def meta(delta: int, kind: int, payload: bytes) -> bytes:
    return wait(delta) + bytes((0xFF, kind)) + wait(len(payload)) + payload


def tempo(delta: int, microseconds: int) -> bytes:
    return meta(delta, 0x51, microseconds.to_bytes(3, "big"))
