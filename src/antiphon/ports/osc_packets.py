"""OSC packets: bytes to messages and back, after Open Sound Control 1.0 (Wright 2002) and the types of 1.1.

Python's own types stand for OSC's: int (i, or h where it needs 64 bits), float (f), str (s, S), bool (T, F), None (N),
bytes (b), list (an array), `Double` (d), `Long` (h), `Symbol` (S). What comes in as one of them goes out as the same.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Double",
    "Long",
    "Message",
    "OscError",
    "Symbol",
    "read_packet",
    "unix_time",
    "write_bundle",
    "write_message",
]

DEEPEST = 16
"""Bundles within bundles, or arrays within arrays, beyond which a packet is refused."""
_BUNDLE = b"#bundle\0"
_EPOCH = 2_208_988_800  # seconds from 1900, where NTP counts from, to 1970
_FRACTION = 1 << 32
_AT_ONCE = 1


class OscError(ValueError):
    """Bytes that are no OSC packet, or a value that OSC cannot carry; one line says why."""


class Double(float):
    """A number of 64 bits (d)."""


class Long(int):
    """A whole number of 64 bits (h)."""


class Symbol(str):
    """A string of the type S."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `due`: when it is to be carried out, seconds since 1970, as its bundle says; None for at once."""

    address: str
    args: list[Any] = field(default_factory=list)
    due: float | None = None


def read_packet(data: bytes) -> list[Message]:
    """The messages of a packet, those of bundles within bundles too, in order. Raises `OscError` for anything else."""
    try:
        return _read(data, None, 0)
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise OscError(f"not an OSC packet ({error})") from error


def _read(data: bytes, due: float | None, depth: int) -> list[Message]:
    if len(data) % 4 or not data:
        raise OscError(f"not an OSC packet ({len(data)} bytes, which is no multiple of 4)")
    if data.startswith(b"/"):
        return [_message(data, due)]
    if not data.startswith(_BUNDLE):
        raise OscError("not an OSC packet (it begins with neither / nor #bundle)")
    if depth >= DEEPEST:
        raise OscError(f"more than {DEEPEST} bundles within each other")
    (stamp,) = struct.unpack_from(">Q", data, 8)
    due = _later(due, None if stamp == _AT_ONCE else unix_time(stamp))
    messages, at = [], 16
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        if not 0 < size <= len(data) - at - 4:
            raise OscError("not an OSC packet (a part of a bundle is longer than the bundle)")
        messages += _read(data[at + 4 : at + 4 + size], due, depth + 1)
        at += 4 + size
    return messages


def _later(outer: float | None, inner: float | None) -> float | None:
    """A bundle within another is never due before it."""
    return inner if outer is None else outer if inner is None else max(outer, inner)


def unix_time(stamp: int) -> float:
    """Seconds since 1970 of an NTP time stamp of 64 bits, which begins again in 2036 (RFC 4330, section 3)."""
    again = 0 if stamp >> 63 else _FRACTION
    return (stamp >> 32) + again - _EPOCH + (stamp & (_FRACTION - 1)) / _FRACTION


def _message(data: bytes, due: float | None) -> Message:
    address, at = _string(data, 0)
    if at >= len(data):  # very old senders leave out the types of no arguments
        return Message(address, [], due)
    types, at = _string(data, at)
    if not types.startswith(","):
        raise OscError(f"{address}: not an OSC message (it does not say its arguments' types)")
    args: list[Any] = []
    open_arrays = [args]
    for kind in types[1:]:
        if kind == "[":
            if len(open_arrays) > DEEPEST:
                raise OscError(f"{address}: more than {DEEPEST} arrays within each other")
            inner: list[Any] = []
            open_arrays[-1].append(inner)
            open_arrays.append(inner)
        elif kind == "]":
            if len(open_arrays) == 1:
                raise OscError(f"{address}: an array ends that did not begin")
            open_arrays.pop()
        elif kind in _READERS:
            value, at = _READERS[kind](data, at)
            open_arrays[-1].append(value)
        else:
            raise OscError(f"{address}: arguments of the type {kind!r} are not known")
    if len(open_arrays) > 1:
        raise OscError(f"{address}: an array does not end")
    return Message(address, args, due)


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise OscError("not an OSC packet (a string does not end)")
    return data[at:end].decode(), (end // 4 + 1) * 4


def _blob(data: bytes, at: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from(">i", data, at)
    if not 0 <= size <= len(data) - at - 4:
        raise OscError("not an OSC packet (a blob is longer than the packet)")
    return data[at + 4 : at + 4 + size], at + 4 + (size + 3) // 4 * 4


def _number(form: str, of: Callable[[Any], Any]) -> Callable[[bytes, int], tuple[Any, int]]:
    layout = struct.Struct(form)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        return of(layout.unpack_from(data, at)[0]), at + layout.size

    return read


def _symbol(data: bytes, at: int) -> tuple[Symbol, int]:
    text, at = _string(data, at)
    return Symbol(text), at


_READERS: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "i": _number(">i", int),
    "f": _number(">f", float),
    "s": _string,
    "S": _symbol,
    "b": _blob,
    "h": _number(">q", Long),
    "d": _number(">d", Double),
    "t": _number(">Q", unix_time),
    "c": _number(">I", lambda code: chr(min(code, 0x10FFFF))),
    "r": _number(">4s", bytes),
    "m": _number(">4s", bytes),
    "T": lambda _, at: (True, at),
    "F": lambda _, at: (False, at),
    "N": lambda _, at: (None, at),
    "I": lambda _, at: (math.inf, at),
}


def write_message(address: str, *args: Any) -> bytes:
    """The packet of one message. Raises `OscError` for what OSC cannot carry."""
    types, body = [","], bytearray()
    for arg in args:
        _write(arg, types, body)
    return _padded(address.encode()) + _padded("".join(types).encode()) + bytes(body)


def write_bundle(packets: Iterable[bytes], due: float | None = None) -> bytes:
    """The packet of a bundle of packets, to be carried out at `due`, seconds since 1970, or at once."""
    stamp = _AT_ONCE if due is None else round((due + _EPOCH) * _FRACTION) % (1 << 64)
    return _BUNDLE + struct.pack(">Q", stamp) + b"".join(struct.pack(">i", len(p)) + p for p in packets)


def _write(arg: Any, types: list[str], body: bytearray) -> None:
    if arg is None or isinstance(arg, bool):
        types.append({None: "N", True: "T", False: "F"}[arg])
    elif isinstance(arg, int):
        wide = isinstance(arg, Long) or not -(1 << 31) <= arg < 1 << 31
        if not -(1 << 63) <= arg < 1 << 63:
            raise OscError(f"{arg} is too large for OSC")
        types.append("h" if wide else "i")
        body += struct.pack(">q" if wide else ">i", arg)
    elif isinstance(arg, float):
        wide = isinstance(arg, Double)
        types.append("d" if wide else "f")
        body += struct.pack(">d" if wide else ">f", arg)
    elif isinstance(arg, str):
        types.append("S" if isinstance(arg, Symbol) else "s")
        body += _padded(arg.replace("\0", "").encode())
    elif isinstance(arg, bytes):
        types.append("b")
        body += struct.pack(">i", len(arg)) + arg + bytes(-len(arg) % 4)
    elif isinstance(arg, (list, tuple)):
        types.append("[")
        for inner in arg:
            _write(inner, types, body)
        types.append("]")
    else:
        raise OscError(f"OSC cannot carry {type(arg).__name__}")


def _padded(text: bytes) -> bytes:
    return text + bytes(4 - len(text) % 4)
