"""WAV files: integers of 8 to 32 bits or floating point, as one channel of samples."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["Mono", "read_wav"]

Mono = npt.NDArray[np.float32]
"""Samples of one channel, shape (n,), full scale at -1 and 1."""

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
KINDS = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
"""Bits a sample that are read, by the format's tag."""


@dataclass(frozen=True)
class _Format:
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(path: Path) -> tuple[Mono, int]:
    """The samples of a WAV file, its channels mixed into one, and how many there are a second.

    Reads the Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991) and its
    WAVE_FORMAT_EXTENSIBLE. Raises ValueError, one line, for what is not such a file, is cut off or holds no sound;
    OSError where it cannot be read.
    """
    path = Path(path)
    content = path.read_bytes()
    try:
        chunks = dict(_chunks(content))
        format_ = _format(chunks.get(b"fmt "))
        samples = _samples(chunks.get(b"data"), format_)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return np.asarray(samples.mean(axis=1), np.float32), format_.rate


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks up to the sound: name and content."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("this is no WAV file; other sound files must be converted first")
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        if at + 8 + size > len(content):
            raise ValueError("this WAV file is cut off")
        yield name, content[at + 8 : at + 8 + size]
        if name == b"data":
            return
        at += 8 + size + size % 2
    raise ValueError("this WAV file is cut off before its sound")


def _format(chunk: bytes | None) -> _Format:
    if chunk is None or len(chunk) < 16:
        raise ValueError("this WAV file does not say what it holds")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    if bits not in KINDS.get(tag, ()):
        raise ValueError(f"WAV files of format {tag} with {bits} bits are not read: integers and floating point are")
    if not channels or not rate or align != channels * bits // 8:
        raise ValueError(f"a WAV file cannot have {channels} channels of {bits} bits in {align} bytes at {rate} Hz")
    return _Format(tag, channels, rate, bits)


def _samples(data: bytes | None, format_: _Format) -> Mono:
    """Shape (n, channels)."""
    frame = format_.channels * format_.bits // 8
    if data is None or len(data) < frame:
        raise ValueError("there is no sound in this WAV file")
    data = data[: len(data) // frame * frame]
    if format_.tag == FLOAT:
        values = np.nan_to_num(np.frombuffer(data, f"<f{format_.bits // 8}"), nan=0.0, posinf=0.0, neginf=0.0)
        return np.asarray(values.reshape(-1, format_.channels), np.float32)
    if format_.bits == 8:  # the only one without a sign
        values = np.frombuffer(data, np.uint8).astype(np.float32) - 128
    elif format_.bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = (wide.view("<i4")[:, 0] >> 8).astype(np.float32)
    else:
        values = np.frombuffer(data, f"<i{format_.bits // 8}").astype(np.float32)
    return np.asarray(values.reshape(-1, format_.channels) / 2 ** (format_.bits - 1), np.float32)
