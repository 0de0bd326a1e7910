"""What the net of counterpoint is shown: crops of the chorales in many keys, and which of their cells are hidden.

The masks are those in which it will be asked. Single cells in any order (NADE's orderless masks: Uria et al. 2014,
Huang et al. 2017), whole steps at random or from one on, as the published likelihoods ask, and whole voices, as in a
harmonisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import REST, STEPS_PER_BEAT, Cells

__all__ = ["Batch", "Chorales", "hidden_cells", "hidden_steps", "voice_ranges"]

Mask = npt.NDArray[np.bool_]

_CELLS, _STEPS = 0.45, 0.4  # shares of the kinds of mask; the rest are of voices
_IN_TIME = 0.3  # of the masks of steps: share that hides all from a step on, as in going on
_BEGUN = 0.25  # of the steps hidden for the mean of several orders: share that are being filled, voice by voice


@dataclass(frozen=True)
class Batch:
    """B crops, arrays (B, V, T): the cells, which are known and which hidden, to be predicted.

    A crop longer than its piece is neither known nor hidden after the piece's end. `edges`, (B, beats, 2): the piece's
    first beat and its last, where the crop holds them.
    """

    cells: Cells
    known: Mask
    hidden: Mask
    edges: Mask


def voice_ranges(pieces: Sequence[Cells]) -> npt.NDArray[np.int64]:
    """The lowest and the highest pitch class of each voice, shape (voices, 2)."""
    sounding = [np.concatenate([piece[v][piece[v] != REST] for piece in pieces]) for v in range(len(pieces[0]))]
    return np.array([(voice.min(), voice.max()) for voice in sounding])


def _transpositions(piece: Cells, ranges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """By how many semitones a piece can be moved with every voice in the range that it has in the corpus."""
    own = voice_ranges([piece])
    return np.arange((ranges[:, 0] - own[:, 0]).max(), (ranges[:, 1] - own[:, 1]).min() + 1)


def hidden_cells(length: int, voices: int, rng: np.random.Generator) -> Mask:
    """Cells to hide among (voices, length), at least one."""
    kind = rng.random()
    hidden = np.zeros((voices, length), bool)
    if kind < _CELLS:
        hidden.flat[rng.permutation(hidden.size)[: rng.integers(1, hidden.size + 1)]] = True
    elif kind < _CELLS + _STEPS:
        order = np.arange(length) if rng.random() < _IN_TIME else rng.permutation(length)
        steps = order[rng.integers(length) :]
        hidden[:, steps] = True
        if rng.random() < 0.5:  # one of them is being filled, voice by voice
            hidden[rng.permutation(voices)[: rng.integers(voices)], steps[0]] = False
    else:
        chosen = rng.permutation(voices)[: rng.integers(1, voices + 1)]
        hidden[chosen] = rng.random((len(chosen), length)) < rng.choice([1.0, rng.random()])
        hidden[chosen[0], rng.integers(length)] = True
    return hidden


def hidden_steps(length: int, voices: int, rng: np.random.Generator) -> Mask:
    """Cells to hide among (voices, length): those of the steps after a random place in a random order, at least one."""
    hidden = np.zeros((voices, length), bool)
    steps = rng.permutation(length)[rng.integers(length) :]
    hidden[:, steps] = True
    for step in steps[rng.random(len(steps)) < _BEGUN]:
        hidden[rng.permutation(voices)[: rng.integers(1, voices)], step] = False
    return hidden


class Chorales:
    """Batches without end: batch `step` is the same whenever it is asked for, which is what a resume needs.

    pieces: classes (voices, steps) each, of any length of at least one beat. Longer pieces are drawn more often.
    """

    def __init__(self, pieces: Sequence[Cells], *, length: int, size: int, seed: int, transpose: bool = True) -> None:
        if length % STEPS_PER_BEAT or length < STEPS_PER_BEAT:
            raise ValueError(f"a crop must be a multiple of {STEPS_PER_BEAT} steps, not {length}")
        self.pieces, self.length, self.size, self.seed = list(pieces), length, size, seed
        ranges = voice_ranges(self.pieces)
        self.shifts = [_transpositions(p, ranges) if transpose else np.zeros(1, np.int64) for p in self.pieces]
        steps = np.array([piece.shape[1] for piece in self.pieces], float)
        self.share = steps / steps.sum()

    def batch(self, step: int, size: int | None = None) -> Batch:
        """Batch `step` of `size` crops (as many as usual), each hidden in its own way by `hidden_cells`."""
        return self._filled(np.random.default_rng((self.seed, step)), size or self.size, 1, hidden_cells)

    def ordered(self, step: int, size: int, orders: int) -> Batch:
        """Batch `step` of `size` crops, each `orders` times, one after another, as met in so many random orders."""
        return self._filled(np.random.default_rng((self.seed, step, orders)), size, orders, hidden_steps)

    def _filled(
        self,
        rng: np.random.Generator,
        size: int,
        copies: int,
        hide: Callable[[int, int, np.random.Generator], Mask],
    ) -> Batch:
        voices = len(self.pieces[0])
        cells = np.zeros((size * copies, voices, self.length), np.int64)
        known, hidden = np.zeros(cells.shape, bool), np.zeros(cells.shape, bool)
        edges = np.zeros((len(cells), self.length // STEPS_PER_BEAT, 2), bool)
        for first, i in zip(
            range(0, len(cells), copies), rng.choice(len(self.pieces), size, p=self.share), strict=True
        ):
            crop, begins, ends = self._crop(int(i), rng)
            n = crop.shape[1]
            rows = slice(first, first + copies)
            edges[rows, 0, 0] = begins
            edges[rows, (n - 1) // STEPS_PER_BEAT, 1] = ends
            cells[rows, :, :n] = crop
            hidden[rows, :, :n] = [hide(n, voices, rng) for _ in range(copies)]
            known[rows, :, :n] = ~hidden[rows, :, :n]
        return Batch(cells, known, hidden, edges)

    def _crop(self, i: int, rng: np.random.Generator) -> tuple[Cells, bool, bool]:
        """A crop that begins on a beat, moved into another key; and whether the piece begins and ends in it.

        The edges are drawn more often than the middle, a quarter of a crop's length beyond them counting as them.
        """
        piece = self.pieces[i]
        beats = max(piece.shape[1] - self.length + STEPS_PER_BEAT - 1, 0) // STEPS_PER_BEAT
        beyond = self.length // STEPS_PER_BEAT // 4
        start = STEPS_PER_BEAT * int(np.clip(rng.integers(-beyond, beats + beyond + 1), 0, beats))
        crop = piece[:, start : start + self.length]
        moved = np.where(crop == REST, REST, crop + rng.choice(self.shifts[i]))
        return moved, start == 0, start + self.length >= piece.shape[1]
