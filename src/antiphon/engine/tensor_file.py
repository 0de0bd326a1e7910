"""A model's numbers as one file that C++ reads, little-endian, every byte of it accounted for.

    header   64 bytes: magic, version, precision, file size, counts, five sizes, two checksums (see `_HEADER`)
    index    64 bytes a tensor: name, type, rows, columns, CRC-32, offset, bytes (see `_ENTRY`)
    text     JSON for people: name, licence, lineage
    tensors  in the order of the index, each at the next multiple of 64; what lies between is zero

Which tensors there are, in which order and of which shape, follows from the magic and the sizes in the header alone
(`Layout`), so a reader compares and never guesses. Checksums are zlib's CRC-32. In an `int8` file a matrix has rows of
-127..127 and a tensor of scales, one a row, after it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.engine.bundle_file import BundleError

__all__ = [
    "DEEPEST",
    "PRECISIONS",
    "WIDEST",
    "Layout",
    "Matrix",
    "Stored",
    "quantised",
    "read_tensors",
    "write_tensors",
]

PRECISIONS = ("fp32", "int8")
VERSION = 1
WIDEST, DEEPEST = 8192, 64
"""The most that a width and a number of layers may be."""
_HEADER = struct.Struct("<8sIIQIIIIIIIIII")  # ..., checksum of the text, checksum of header (but itself) and index
_ENTRY = struct.Struct("<32sIIIIQQ")
_ALIGN = 64
_TYPES = (np.dtype("<f4"), np.dtype("i1"), np.dtype("<i4"), np.dtype("<f8"))

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Matrix:
    """A matrix of eight bits: `rows` (R, C) int8 of -127..127, each to be multiplied by its own `scale` (R,)."""

    rows: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32]

    def floats(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.rows * self.scale[:, None], np.float32)


@dataclass(frozen=True)
class Layout:
    """What a file of a kind holds: the codec's tables by name, then the tensors of the plan.

    `sizes`: five numbers, of the net and of its codec. A tensor of the plan is its name, its rows, its columns, and
    whether eight bits apply to it.
    """

    magic: bytes
    sizes: tuple[int, ...]
    tables: Mapping[str, Array]
    plan: Sequence[tuple[str, int, int, bool]]

    def tensors(self, precision: str) -> list[tuple[str, np.dtype[Any], int, int]]:
        """All that is stored: name, type, rows, columns."""
        wanted = [(name, table.dtype, *table.shape) for name, table in self.tables.items()]
        for name, rows, columns, narrow in self.plan:
            eight = narrow and precision == "int8"
            wanted.append((name, _TYPES[1] if eight else _TYPES[0], rows, columns))
            if eight:
                wanted.append((f"{name}.scale", _TYPES[0], rows, 1))
        return wanted


@dataclass(frozen=True)
class Stored:
    """What such a file held: its sizes, its text and its tensors by name."""

    sizes: tuple[int, ...]
    precision: str
    about: dict[str, Any]
    tensors: dict[str, Array]


def quantised(weight: npt.NDArray[np.floating]) -> Matrix:
    """Eight bits a row, symmetric: the largest of each row becomes 127 or -127."""
    largest = np.abs(weight).max(axis=1).astype(np.float32)
    scale = largest / np.float32(127)
    rows = np.rint(weight / np.where(scale > 0, scale, 1)[:, None])
    return Matrix(np.clip(rows, -127, 127).astype(np.int8), scale)


def _stored(layout: Layout, weights: Mapping[str, Array | Matrix], precision: str) -> dict[str, Array]:
    tensors = dict(layout.tables)
    for name, rows, columns, narrow in layout.plan:
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


def write_tensors(
    path: Path, layout: Layout, weights: Mapping[str, Array | Matrix], precision: str, about: Mapping[str, Any]
) -> None:
    """Write `path`. `weights`: by the names of the plan.

    Raises BundleError when a weight is missing or is not numbers, OSError when the file cannot be written.
    """
    tensors = _stored(layout, weights, precision)
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
    fields = (layout.magic, VERSION, PRECISIONS.index(precision), at, len(tensors), text_at, len(text), *layout.sizes)
    head = _HEADER.pack(*fields, zlib.crc32(text), 0)[:-4]
    path.write_bytes(head + struct.pack("<I", zlib.crc32(index, zlib.crc32(head))) + index + text + b"".join(blocks))


def read_tensors(path: Path, magic: bytes, layout_of: Callable[[tuple[int, ...]], Layout]) -> Stored:
    """Read `path` after checking every byte. Raises BundleError in one line, OSError when there is no file.

    `layout_of` is given the header's sizes, and raises ValueError where they are no model's.
    """
    raw = path.read_bytes()
    try:
        return _read(raw, magic, layout_of)
    except (struct.error, ValueError) as error:
        raise BundleError(f"{path}: not a readable model ({error})") from None


def _require(condition: bool, why: str) -> None:
    if not condition:
        raise ValueError(why)


def _read(raw: bytes, wanted_magic: bytes, layout_of: Callable[[tuple[int, ...]], Layout]) -> Stored:
    magic, version, kind, size, count, text_at, text_size, *sizes, text_sum, head_sum = _HEADER.unpack_from(raw)
    _require(magic == wanted_magic, "it is of another kind")
    _require(version == VERSION, f"its format is {version}; this version reads {VERSION}")
    _require(size == len(raw), "it is cut off or too long")
    _require(kind < len(PRECISIONS), "made for another codec")
    layout, precision = layout_of(tuple(sizes)), PRECISIONS[kind]
    wanted = layout.tensors(precision)
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
    for name, table in layout.tables.items():
        _require(np.array_equal(tensors[name], table), "made for another codec")
    return Stored(tuple(sizes), precision, json.loads(text), tensors)
