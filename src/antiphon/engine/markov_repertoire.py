"""The repertoire: every onset that a Markov model has learned, and what followed which pitches.

An onset is kept with what came before it in its line (the onsets of one instrument). A context is the last pitches of
a line, packed into one integer, and the repertoire knows where each context was continued and how: the continuation
lists of F. Pachet, "The Continuator: Musical Interaction With Style", Journal of New Music Research 32 (2003), as a
table instead of a tree. Besides pitches there are contexts of pitch classes, which know the melody in any octave.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Event
from antiphon.music.ledger import Key

__all__ = ["ANYWHERE", "CLASS_ORDERS", "LONGEST_ORDER", "ONSET", "Repertoire", "contexts_of", "extended", "is_classes"]

LONGEST_ORDER = 7
"""The most pitches that a context may hold."""
CLASS_ORDERS = (2, 1)
"""Lengths of the contexts of pitch classes."""
ANYWHERE = 0
"""The empty context, which everything follows."""
NEWEST = 24
"""Continuations of one context that are kept, the newest ones: music moves on."""
UNKNOWN = 0.5
"""Seconds taken for a time that was never heard: a quarter note at 120 a minute."""

ONSET = np.dtype(
    [
        ("context", "u8"),  # the pitches before it in its line, packed
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("gap", "f4"),  # seconds since the onset before it in its line
        ("gap_before", "f4"),  # seconds between the two onsets before it
        ("duration", "f4"),  # seconds; NaN while it is not known
        ("follower", "i8"),  # the position of the onset after it in its line, -1 for none
    ]
)
_CLASSES = 1 << 64
_MASKS = [(1 << 8 * length) - 1 for length in range(LONGEST_ORDER + 1)]


def extended(context: int, pitch: int) -> int:
    """`context` with one more pitch, the newest, and no more than `LONGEST_ORDER`."""
    return ((context << 8) | (pitch + 1)) & _MASKS[LONGEST_ORDER]


def contexts_of(context: int, order: int) -> list[int]:
    """Every context that `context` ends with: the longest first, pitch classes after pitches, ANYWHERE last."""
    found = [context & _MASKS[length] for length in range(order, 0, -1) if context >> 8 * (length - 1)]
    for length in CLASS_ORDERS:
        if length <= order and context >> 8 * (length - 1):
            classes = 0
            for place in range(length):
                classes = classes << 8 | (((context >> 8 * place) & 0xFF) - 1) % 12 + 1
            found.append(_CLASSES | classes)
    return [*found, ANYWHERE]


def is_classes(context: int) -> bool:
    """Whether a context is of pitch classes."""
    return context >= _CLASSES


class Repertoire:
    """The newest `most` onsets, each known by its position, a number that is never used again.

    Times of what is learned only go forward: `is_new` tells what has been learned already from what has not, so that a
    stream may be heard again without being learned again.
    """

    def __init__(self, order: int, most: int) -> None:
        """`order`: pitches in the longest context, 1 to `LONGEST_ORDER`."""
        self.order = order
        self.most = most
        self.learned = 0
        self.transitions = np.zeros((128, 128))
        """How often each pitch (first axis) was followed by each (second axis)."""
        self.struck = np.zeros(128)
        """How often each pitch was struck."""
        self.durations = np.full(128, math.nan)
        """Seconds that each pitch lasted, the newer the weightier; NaN for what was never heard to end."""
        self._onsets = np.zeros(min(most, 1024), ONSET)
        self._pitches = bytearray()  # of the same onsets: a single one is read from here much faster
        self._continuations: dict[int, list[int]] = {}
        self.begin_session()

    def __len__(self) -> int:
        return min(self.learned, self.most)

    def begin_session(self) -> None:
        """A new clock: whatever comes next is new."""
        self._latest = -math.inf
        self._at_latest: set[Key] = set()
        self._open: dict[Key, tuple[float, int]] = {}

    def is_new(self, event: Event) -> bool:
        """Whether `event` has not been learned: it is later than all that was, or another key at the same time."""
        if event.at == self._latest:
            return (event.instrument, event.pitch) not in self._at_latest
        return event.at > self._latest

    def continuations(self, context: int) -> list[int]:
        """The positions of the newest onsets that followed `context`, oldest first."""
        return self._continuations.get(context, [])

    def onsets(self, positions: list[int]) -> npt.NDArray[np.void]:
        """The onsets at `positions`, dtype `ONSET`."""
        return self._onsets[np.array(positions, np.int64) % self.most]

    def pitch(self, position: int) -> int:
        """The pitch of the onset at `position`."""
        return self._pitches[position % self.most]

    def kinds(self, positions: list[int]) -> int:
        """How many pitches the onsets at `positions` have."""
        pitches, most = self._pitches, self.most
        return len({pitches[position % most] for position in positions})

    def follower(self, position: int) -> int:
        """The position of the onset that came next in the same line; -1 when there was none, or it is forgotten."""
        found = int(self._onsets["follower"][position % self.most]) if self._remembers(position) else -1
        return found if self._remembers(found) else -1

    def learn(self, onset: Event, context: int, gap: float, gap_before: float, leader: int) -> int:
        """Learn an onset that `is_new`, struck `gap` seconds after the one at `leader` (-1: none) in its line.

        Returns its position. O(order).
        """
        if onset.at > self._latest:
            self._latest, self._at_latest = onset.at, set()
        key = (onset.instrument, onset.pitch)
        self._at_latest.add(key)
        self._open[key] = (onset.at, self.learned)
        if self._remembers(leader):
            self._onsets["follower"][leader % self.most] = self.learned
        return self._append((context, onset.pitch, onset.velocity, gap, gap_before, math.nan, -1))

    def end(self, key: Key, since: float, at: float) -> None:
        """Learn that the note on `key`, struck at `since`, ended at `at`; nothing where that was learned before."""
        onset, position = self._open.get(key, (math.nan, -1))
        if onset == since:
            del self._open[key]
            if self._remembers(position):
                self._onsets["duration"][position % self.most] = at - since
                known = self.durations[key[1]]
                self.durations[key[1]] = at - since if math.isnan(known) else (known + at - since) / 2

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned, oldest first, to be given to `filled`."""
        first = self.learned - len(self)
        onsets = self.onsets(list(range(first, self.learned)))
        onsets["follower"] = np.where(onsets["follower"] >= first, onsets["follower"] - first, -1)
        return {"onsets": onsets, "durations": self.durations}

    def filled(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Learn what `arrays` holds. Raises ValueError where that is nothing that was ever learned."""
        onsets, durations = arrays["onsets"], arrays["durations"]
        if onsets.dtype != ONSET or onsets.ndim != 1 or durations.shape != (128,) or durations.dtype != np.float64:
            raise ValueError("it holds something else")
        times = np.concatenate([onsets["gap"], onsets["gap_before"]])
        ended = np.concatenate([onsets["duration"], durations])
        if not (
            np.isfinite(times).all() and (times >= 0).all() and not (ended < 0).any() and not np.isinf(ended).any()
        ):
            raise ValueError("it holds times that cannot be")
        if (
            (onsets["pitch"] > 127).any()
            or (onsets["velocity"] - 1 > 126).any()
            or not _are_contexts(onsets["context"])
        ):
            raise ValueError("it holds notes that cannot be")
        if (onsets["follower"] >= len(onsets)).any() or (onsets["follower"] < -1).any():
            raise ValueError("it holds lines that lead nowhere")
        shift = max(len(onsets) - self.most, 0)
        for row in onsets[shift:].tolist():
            self._append((*row[:-1], row[-1] - shift if row[-1] >= shift else -1))
        self.durations = durations.copy()

    def _append(self, onset: tuple[Any, ...]) -> int:
        position, context, pitch = self.learned, onset[0], onset[1]
        if position >= self.most:
            self._forget(position - self.most)
        elif position == len(self._onsets):
            self._onsets = np.resize(self._onsets, min(2 * position, self.most))
        self._onsets[position % self.most] = onset
        self._pitches[position % self.most : position % self.most + 1] = bytes([pitch])
        for known in contexts_of(context, self.order):
            continued = self._continuations.setdefault(known, [])
            continued.append(position)
            if len(continued) > NEWEST:
                del continued[0]
        self._count(context, pitch, 1)
        self.learned += 1
        return position

    def _forget(self, position: int) -> None:
        context, pitch = self._onsets[["context", "pitch"]][position % self.most].item()
        for known in contexts_of(context, self.order):
            continued = self._continuations.get(known)
            if continued and continued[0] == position:
                del continued[0]
                if not continued:
                    del self._continuations[known]
        self._count(context, pitch, -1)

    def _count(self, context: int, pitch: int, times: int) -> None:
        self.struck[pitch] += times
        if context:
            self.transitions[(context & 0xFF) - 1, pitch] += times

    def _remembers(self, position: int) -> bool:
        return max(self.learned - self.most, 0) <= position < self.learned


def _are_contexts(packed: npt.NDArray[np.uint64]) -> bool:
    """Whether each is some pitches, the newest in the lowest byte, without holes."""
    bytes_ = packed.astype("<u8").view(np.uint8).reshape(-1, 8)
    filled = bytes_ > 0
    return bool(
        (bytes_ <= 128).all() and not filled[:, LONGEST_ORDER:].any() and (filled[:, :-1] >= filled[:, 1:]).all()
    )
