"""What the net of counterpoint is shown: crops of the chorales in many keys, and which of their cells are hidden.

The masks are those in which it will be asked. Single cells in any order (NADE's orderless masks: Uria et al. 2014,
Huang et al. 2017), whole steps, as the published likelihood asks, and whole voices, as in a harmonisation. Where a step
is filled voice by voice, the voices before are its own guesses, not the truth, when it plays and when it is judged; so
they are in training (scheduled sampling: Bengio et al. 2015, arXiv 1506.03099), lest it trusts them too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codec.grid import REST, STEPS_PER_BEAT, Cells

__all__ = ["Batch", "Chorales", "Mask", "hidden_cells", "voice_ranges"]

Mask = npt.NDArray[np.bool_]

_CELLS, _STEPS = 0.35, 0.5  # shares of the kinds of mask; the rest are of voices
_APART = 6  # steps between two that are being filled at once, and so do not hear each other's guesses


@dataclass(frozen=True)
class Batch:
    """B crops, arrays (B, V, T): the cells, which are known and which hidden.

    A crop longer than its piece is neither known nor hidden after the piece's end. `turns`: hidden cells that the net
    is to fill by its best guess before the others are predicted, in turn 1, 2 or 3; 0 elsewhere. `edges`, (B, beats,
    2): the piece's first beat and its last, where the crop holds them.
    """

    cells: Cells
    known: Mask
    hidden: Mask
    turns: npt.NDArray[np.int8]
    edges: Mask

    @property
    def weight(self) -> npt.NDArray[np.float32]:
        """The share of each cell in the loss of its score, summing to 1; steps being filled have half of it."""
        asked = self.hidden & (self.turns == 0)
        filling = asked & (self.turns > 0).any(1, keepdims=True)
        parts = [(part, part.sum((1, 2), keepdims=True)) for part in (asked & ~filling, filling)]
        shares = sum(part / np.maximum(count, 1) for part, count in parts)
        weight: npt.NDArray[np.float32] = (shares / shares.sum((1, 2), keepdims=True)).astype(np.float32)
        return weight


def voice_ranges(pieces: Sequence[Cells]) -> npt.NDArray[np.int64]:
    """The lowest and the highest pitch class of each voice, shape (voices, 2)."""
    sounding = [np.concatenate([piece[v][piece[v] != REST] for piece in pieces]) for v in range(len(pieces[0]))]
    return np.array([(voice.min(), voice.max()) for voice in sounding])


def _transpositions(piece: Cells, ranges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """By how many semitones a piece can be moved with every voice in the range that it has in the corpus."""
    own = voice_ranges([piece])
    return np.arange((ranges[:, 0] - own[:, 0]).max(), (ranges[:, 1] - own[:, 1]).min() + 1)


def hidden_cells(length: int, voices: int, rng: np.random.Generator) -> tuple[Mask, npt.NDArray[np.int8]]:
    """Cells to hide among (voices, length), and the turns in which some of them are guessed; one at least is not."""
    hidden, turns = np.zeros((voices, length), bool), np.zeros((voices, length), np.int8)
    kind = rng.random()
    if kind < _CELLS:
        hidden.flat[rng.permutation(hidden.size)[: rng.integers(1, hidden.size + 1)]] = True
    elif kind < _CELLS + _STEPS:
        steps = rng.permutation(length)[: rng.integers(1, length + 1)]
        hidden[:, steps] = True
        for step in _apart(steps, rng):
            guessed = rng.permutation(voices)[: rng.integers(voices)]
            turns[guessed, step] = np.arange(1, len(guessed) + 1)
    else:
        chosen = rng.permutation(voices)[: rng.integers(1, voices + 1)]
        hidden[chosen] = rng.random((len(chosen), length)) < rng.choice([1.0, rng.random()])
        hidden[chosen[0], rng.integers(length)] = True
    return hidden, turns


def _apart(steps: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Some of `steps`, no two of them near each other."""
    offset = rng.integers(2 * _APART)
    _, first = np.unique((steps + offset) // (2 * _APART), return_index=True)
    chosen = steps[first]
    return chosen[(chosen + offset) % (2 * _APART) < _APART]


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

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        voices = len(self.pieces[0])
        cells = np.zeros((self.size, voices, self.length), np.int64)
        known, hidden = np.zeros(cells.shape, bool), np.zeros(cells.shape, bool)
        turns = np.zeros(cells.shape, np.int8)
        edges = np.zeros((self.size, self.length // STEPS_PER_BEAT, 2), bool)
        for b, i in enumerate(rng.choice(len(self.pieces), self.size, p=self.share)):
            crop, begins, ends = self._crop(int(i), rng)
            n = crop.shape[1]
            edges[b, 0, 0] = begins
            edges[b, (n - 1) // STEPS_PER_BEAT, 1] = ends
            cells[b, :, :n] = crop
            hidden[b, :, :n], turns[b, :, :n] = hidden_cells(n, voices, rng)
            known[b, :, :n] = ~hidden[b, :, :n]
        return Batch(cells, known, hidden, turns, edges)

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
