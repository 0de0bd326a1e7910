"""`model.bin`: a GRU model's weights as one file that C++ reads, little-endian, every byte of it accounted for.

    header   64 bytes: magic, version, precision, file size, counts and sizes, two checksums (see `_HEADER`)
    index    64 bytes a tensor: name, type, rows, columns, CRC-32, offset, bytes (see `_ENTRY`)
    text     JSON for people: name, licence, lineage
    tensors  in the order of the index, each at the next multiple of 64; what lies between is zero

Which tensors there are, in which order and of which shape, follows from the sizes in the header alone (`plan`), so a
reader compares and never guesses. Checksums are zlib's CRC-32. In an `int8` file a matrix has rows of -127..127 and a
tensor of scales, one a row, after it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.sounding import CHANNELS, DECAYS, FEATURES
from antiphon.codec.stream import SIZES, TICK, TIME_LAST
from antiphon.engine.bundle import BundleError

__all__ = ["PRECISIONS", "Embedded", "Matrix", "plan", "quantised", "read_embedded", "write_embedded"]

PRECISIONS = ("fp32", "int8")
VERSION = 1
_MAGIC = b"ANTIPHON"
_HEADER = struct.Struct("<8sIIQIIIIIIIIII")  # ..., checksum of the text, checksum of header (but itself) and index
_ENTRY = struct.Struct("<32sIIIIQQ")
_ALIGN = 64
_TYPES = (np.dtype("<f4"), np.dtype("i1"), np.dtype("<i4"), np.dtype("<f8"))
_WIDEST, _DEEPEST = 8192, 64

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Matrix:
    """A matrix of eight bits: `rows` (R, C) int8 of -127..127, each to be multiplied by its own `scale` (R,)."""

    rows: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32]

    def floats(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.rows * self.scale[:, None], np.float32)


@dataclass(frozen=True)
class Embedded:
    """What a `model.bin` holds: its sizes, its text and its tensors by name."""

    width: int
    layers: int
    head_width: int
    precision: str
    about: dict[str, Any]
    tensors: dict[str, Array]


def quantised(weight: npt.NDArray[np.floating]) -> Matrix:
    """Eight bits a row, symmetric: the largest of each row becomes 127 or -127."""
    largest = np.abs(weight).max(axis=1).astype(np.float32)
    scale = largest / np.float32(127)
    rows = np.rint(weight / np.where(scale > 0, scale, 1)[:, None])
    return Matrix(np.clip(rows, -127, 127).astype(np.int8), scale)


def plan(width: int, layers: int, head_width: int) -> list[tuple[str, int, int, bool]]:
    """Every tensor of a model, in order: name, rows, columns, and whether eight bits apply to it.

    The gates of what sounds are the last rows of `out.0` (instruments) and `out.1` (pitches).
    """
    D, C = width, head_width
    tensors = [(f"embed.{f}", K, D, True) for f, K in enumerate(SIZES)]
    tensors += [("hear", FEATURES, D, True), ("start", 1, D, False)]
    for i in range(layers):
        tensors += [(f"norm.{i}.w", 1, D, False), (f"norm.{i}.b", 1, D, False)]
        for name in ("in", "rec"):
            tensors += [(f"gru.{i}.{name}", 3 * D, D, True), (f"gru.{i}.{name}.b", 1, 3 * D, False)]
    tensors += [("norm.w", 1, D, False), ("norm.b", 1, D, False), ("base", C, D, True), ("base.b", 1, C, False)]
    tensors += [(f"known.{f}", K, C, True) for f, K in enumerate(SIZES)]
    tensors += [("touch", CHANNELS, C, False), ("field", len(SIZES), C, False)]
    tensors += [("heads.w", 1, C, False), ("heads.b", 1, C, False)]
    for f, K in enumerate(SIZES):
        rows = K + (1, CHANNELS, 0, 0)[f]
        tensors += [(f"up.{f}", 2 * C, C, True), (f"up.{f}.b", 1, 2 * C, False)]
        tensors += [(f"out.{f}", rows, 2 * C, True), (f"out.{f}.b", 1, rows, False)]
    return tensors


def _codec() -> dict[str, Array]:
    return {
        "codec.tick": np.array([[TICK]], "<f8"),
        "codec.decays": np.array([DECAYS], "<f8"),
        "codec.time_last": TIME_LAST.astype("<i4")[None],
    }


def _stored(weights: Mapping[str, Array | Matrix], shape: tuple[int, int, int], precision: str) -> dict[str, Array]:
    tensors = _codec()
    for name, rows, columns, narrow in plan(*shape):
        weight = weights[name]
        if narrow and precision == "int8":
            matrix = weight if isinstance(weight, Matrix) else quantised(weight)
            tensors[name], tensors[f"{name}.scale"] = matrix.rows, matrix.scale.astype("<f4")[:, None]
        else:
            whole = weight.floats() if isinstance(weight, Matrix) else weight
            tensors[name] = np.ascontiguousarray(whole, "<f4").reshape(rows, columns)
        if tensors[name].shape != (rows, columns) or not np.isfinite(tensors[name]).all():
            raise BundleError(f"its {name} is not {rows} x {columns} numbers")
    return tensors


def write_embedded(
    path: Path,
    weights: Mapping[str, Array | Matrix],
    shape: tuple[int, int, int],
    precision: str,
    about: Mapping[str, Any],
) -> None:
    """Write `model.bin`. `weights`: by the names of `plan(*shape)`; `shape`: width, layers, head width.

    Raises BundleError when a weight is missing or is not numbers, OSError when the file cannot be written.
    """
    tensors = _stored(weights, shape, precision)
    text = json.dumps(dict(about), ensure_ascii=False).encode()
    text_at = _HEADER.size + _ENTRY.size * len(tensors)
    at, index, blocks = text_at + len(text), b"", []
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor).tobytes()
        blocks.append(bytes(-at % _ALIGN) + raw)
        at += -at % _ALIGN
        kind = _TYPES.index(tensor.dtype)
        index += _ENTRY.pack(name.encode(), kind, *tensor.shape, zlib.crc32(raw), at, len(raw))
        at += len(raw)
    fields = (_MAGIC, VERSION, PRECISIONS.index(precision), at, len(tensors), text_at, len(text), *shape)
    head = _HEADER.pack(*fields, SIZES[0], len(TIME_LAST), zlib.crc32(text), 0)[:-4]
    path.write_bytes(head + struct.pack("<I", zlib.crc32(index, zlib.crc32(head))) + index + text + b"".join(blocks))


def read_embedded(path: Path) -> Embedded:
    """Read `model.bin` after checking every byte. Raises BundleError in one line, OSError when there is no file."""
    raw = path.read_bytes()
    try:
        return _read(raw)
    except (struct.error, ValueError) as error:
        raise BundleError(f"{path}: not a readable model ({error})") from None


def _require(condition: bool, why: str) -> None:
    if not condition:
        raise ValueError(why)


def _read(raw: bytes) -> Embedded:
    magic, version, kind, size, count, text_at, text_size, D, L, C, instruments, bins, text_sum, head_sum = (
        _HEADER.unpack_from(raw)
    )
    _require(magic == _MAGIC, "it is of another kind")
    _require(version == VERSION, f"its format is {version}; this version reads {VERSION}")
    _require(size == len(raw), "it is cut off or too long")
    _require(kind < len(PRECISIONS) and (instruments, bins) == (SIZES[0], len(TIME_LAST)), "made for another codec")
    _require(1 <= D <= _WIDEST and 1 <= C <= _WIDEST and 1 <= L <= _DEEPEST, "its sizes are no model's")
    precision = PRECISIONS[kind]
    wanted = _wanted((D, L, C), precision)
    end = _HEADER.size + _ENTRY.size * len(wanted)
    _require(count == len(wanted) and text_at == end and end + text_size <= size, "its sizes do not fit")
    _require(zlib.crc32(raw[_HEADER.size : end], zlib.crc32(raw[: _HEADER.size - 4])) == head_sum, "it is damaged")
    text = raw[end : end + text_size]
    _require(zlib.crc32(text) == text_sum, "its text is damaged")
    tensors, at = {}, end + text_size
    for i, (name, dtype, rows, columns) in enumerate(wanted):
        entry = _ENTRY.unpack_from(raw, _HEADER.size + _ENTRY.size * i)
        start, length = at + -at % _ALIGN, rows * columns * dtype.itemsize
        found = (entry[0].rstrip(b"\0").decode(), entry[1], entry[2], entry[3], entry[5], entry[6])
        _require(found == (name, _TYPES.index(dtype), rows, columns, start, length), f"its {name} is not one of ours")
        block = raw[start : start + length]
        _require(not any(raw[at:start]) and zlib.crc32(block) == entry[4], f"its {name} is damaged")
        tensors[name] = np.frombuffer(block, dtype).reshape(rows, columns)
        _require(bool(np.isfinite(tensors[name]).all()), f"its {name} is not made of numbers")
        at = start + length
    _require(at == size, "it is too long")
    for name, table in _codec().items():
        _require(np.array_equal(tensors[name], table), "made for another codec")
    return Embedded(D, L, C, precision, json.loads(text), tensors)


def _wanted(shape: tuple[int, int, int], precision: str) -> list[tuple[str, np.dtype[Any], int, int]]:
    wanted = [(name, table.dtype, *table.shape) for name, table in _codec().items()]
    for name, rows, columns, narrow in plan(*shape):
        eight = narrow and precision == "int8"
        wanted.append((name, _TYPES[1] if eight else _TYPES[0], rows, columns))
        if eight:
            wanted.append((f"{name}.scale", _TYPES[0], rows, 1))
    return wanted
