"""What follows what, and how likely, as tables of sorted numbers: a variable-order Markov model of words, and its file.

A context of k words is a number of k digits of nine bits, its last word in the lowest. Each order's contexts stand in
ascending order with what followed them, so that a model is looked up by binary search and never unpacked. `model.bin`
is told byte for byte in docs/markov-bin.md.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec import token
from antiphon.codec.token import TICK, VOCABULARY

__all__ = [
    "BINS",
    "DIGIT",
    "HIGHEST_ORDER",
    "LEAST_REST",
    "METERS",
    "MOST_REST",
    "NGrams",
    "NGramsError",
    "read_ngrams",
    "write_ngrams",
]

CODEC: dict[str, object] = {
    "name": "token",
    "kind": "markov",
    "tick": TICK,
    "longest": token.LONGEST,
    "vocabulary": token.CODEC["vocabulary"],
}
"""What the bundle of such a model says of its codec."""
DIGIT = 9
"""Bits a word."""
HIGHEST_ORDER = 6
"""Words that a context has at most: with the word that follows they fill 63 bits."""
LEAST_REST, MOST_REST = 2.0**-40, 2.0**40
"""What is left to shorter contexts lies between these."""
METERS, BINS = 8, 16
"""Bars of 1 to 8 beats are told apart, and 16 places in each."""

VERSION = 1
MAGIC = b"ANTIGRAM"
"""How its file begins."""
_HEADER = struct.Struct("<8sIIQIIdIIIIII")
_ALIGN = 8

Array = npt.NDArray[Any]


class NGramsError(ValueError):
    """A file that is no usable model of this kind, or a model that cannot be one, in one line."""


@dataclass(frozen=True)
class NGrams:
    """The tables of orders 0 to N: C contexts, F followers.

    `levels` (N + 2,): where each order's contexts begin, and C. `keys` (C,): the contexts, ascending within an order.
    `starts` (C + 1,): where each one's followers begin, and F. `words` (F,), ascending within a context, and `chances`
    (F,): what followed, and how likely it does. `rest` (C,): what the chance of every other word, which the shorter
    contexts tell, is multiplied by.
    `rhythm` (METERS, BINS): how much likelier an onset is at a place in a bar of so many beats than anywhere.
    """

    levels: npt.NDArray[np.uint32]
    keys: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.uint32]
    rest: npt.NDArray[np.float32]
    words: npt.NDArray[np.uint16]
    chances: npt.NDArray[np.float32]
    rhythm: npt.NDArray[np.float64]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> int:
        """Words that a context has at most."""
        return len(self.levels) - 2

    def probabilities(self, history: int) -> npt.NDArray[np.float64]:
        """How likely each word is next, shape (VOCABULARY,), none of them zero.

        `history` holds the last HIGHEST_ORDER words as digits, the last in the lowest; 0 where there was none. They add
        up to one but for rounding. The order of the operations is part of the format: C++ finds the same bits.
        """
        p = np.full(VOCABULARY, 1.0 / VOCABULARY)
        for order in range(self.order + 1):
            first, last = int(self.levels[order]), int(self.levels[order + 1])
            key = np.uint64(history & (1 << DIGIT * order) - 1)
            row = first + int(np.searchsorted(self.keys[first:last], key))
            if row == last or self.keys[row] != key:
                continue
            span = slice(int(self.starts[row]), int(self.starts[row + 1]))
            p *= float(self.rest[row])
            p[self.words[span]] = self.chances[span]
        return p


def _blocks(model: NGrams) -> list[Array]:
    return [
        model.levels.astype("<u4"),
        model.keys.astype("<u8"),
        model.starts.astype("<u4"),
        model.rest.astype("<f4"),
        model.words.astype("<u2"),
        model.chances.astype("<f4"),
        model.rhythm.astype("<f8").reshape(-1),
    ]


def _shapes(order: int, contexts: int, followers: int) -> list[tuple[str, int]]:
    return [
        ("<u4", order + 2),
        ("<u8", contexts),
        ("<u4", contexts + 1),
        ("<f4", contexts),
        ("<u2", followers),
        ("<f4", followers),
        ("<f8", METERS * BINS),
    ]


def _padded(size: int) -> int:
    return -size % _ALIGN


def write_ngrams(path: Path, model: NGrams) -> None:
    """Write `model.bin`. Raises NGramsError for tables that break what `NGrams` says, OSError when it cannot write."""
    _check(model)
    body = b"".join(raw + bytes(_padded(len(raw))) for raw in (block.tobytes() for block in _blocks(model)))
    text = json.dumps(dict(model.about), ensure_ascii=False).encode()
    body += text
    size = _HEADER.size + len(body)
    sizes = (len(model.keys), len(model.words), METERS, BINS)
    head = _HEADER.pack(MAGIC, VERSION, model.order, size, VOCABULARY, len(text), TICK, *sizes, zlib.crc32(body), 0)
    beside = path.with_suffix(".partial")
    beside.write_bytes(head[:-4] + struct.pack("<I", zlib.crc32(head[:-4])) + body)
    beside.replace(path)


def read_ngrams(path: Path) -> NGrams:
    """Read `model.bin` after checking every byte. Raises NGramsError in one line, OSError when there is no file."""
    raw = path.read_bytes()
    try:
        return _read(raw)
    except (struct.error, ValueError) as error:
        raise NGramsError(f"{path}: not a readable model ({error})") from None


def _require(condition: bool, why: str) -> None:
    if not condition:
        raise NGramsError(why)


def _read(raw: bytes) -> NGrams:
    head = _HEADER.unpack_from(raw)
    magic, version, order, size, vocabulary, text_size, tick, contexts, followers, *places, body_sum, head_sum = head
    _require(magic == MAGIC, "it is of another kind")
    _require(version == VERSION, f"its format is {version}; this version reads {VERSION}")
    _require(zlib.crc32(raw[: _HEADER.size - 4]) == head_sum, "it is damaged")
    _require(size == len(raw), "it is cut off or too long")
    _require((vocabulary, tick, *places) == (VOCABULARY, TICK, METERS, BINS), "made for another codec")
    _require(order <= HIGHEST_ORDER, "its order is no model's")
    shapes = _shapes(order, contexts, followers)
    lengths = [np.dtype(kind).itemsize * n for kind, n in shapes]
    _require(_HEADER.size + sum(n + _padded(n) for n in lengths) + text_size == size, "its sizes do not fit")
    _require(zlib.crc32(raw[_HEADER.size :]) == body_sum, "it is damaged")
    at, blocks = _HEADER.size, []
    for (kind, n), length in zip(shapes, lengths, strict=True):
        blocks.append(np.frombuffer(raw, kind, n, at))
        after = at + length + _padded(length)
        _require(not any(raw[at + length : after]), "it is damaged")
        at = after
    levels, keys, starts, rest, words, chances, rhythm = blocks
    text = json.loads(raw[at:])
    model = NGrams(levels, keys, starts, rest, words, chances, rhythm.reshape(METERS, BINS), text)
    _check(model)
    return model


def _check(model: NGrams) -> None:
    """Raise NGramsError unless every table is as `NGrams` says."""
    contexts, followers = len(model.keys), len(model.words)
    levels, starts = model.levels.astype(np.int64), model.starts.astype(np.int64)
    _require(2 <= len(levels) <= HIGHEST_ORDER + 2, "its order is no model's")
    _require(bool(levels[0] == 0 and levels[1] == 1 and levels[-1] == contexts), "its orders do not fit")
    _require(bool((np.diff(levels) >= 0).all()) and len(starts) == contexts + 1, "its orders do not fit")
    for order, (first, last) in enumerate(pairwise(levels)):
        keys = model.keys[first:last]
        _require(bool((keys[1:] > keys[:-1]).all()), "its contexts are not in order")
        _require(not len(keys) or int(keys[-1]) < 1 << DIGIT * order, "a context is too long")
    _require(bool(starts[0] == 0 and starts[-1] == followers and (np.diff(starts) >= 0).all()), "its rows do not fit")
    # Limits that no product over the orders leaves the numbers by; a number that is none is beyond them as well.
    rest, chances = model.rest, model.chances
    _require(len(rest) == contexts and bool(((rest >= LEAST_REST) & (rest <= MOST_REST)).all()), "a rest is none")
    _require(len(chances) == followers and bool(((chances > 0) & (chances <= 1)).all()), "a chance is none")
    _require(not followers or int(model.words.max()) < VOCABULARY, "a word is none")
    rising = np.append(True, model.words[1:] > model.words[:-1])
    rising[starts[:-1][starts[:-1] < followers]] = True
    _require(bool(rising[:followers].all()), "its words are not in order")
    _require(model.rhythm.shape == (METERS, BINS), "its rhythm has another shape")
    _require(bool((np.isfinite(model.rhythm) & (model.rhythm > 0)).all()), "its rhythm is not made of numbers")
