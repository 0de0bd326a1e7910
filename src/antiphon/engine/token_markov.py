"""A trained Markov model of words: counts of what followed what, asked for the next word, and a bundle to keep it in.

It is not the learner of `engine.markov`, which learns while it is played with: this one was trained on a corpus by
`antiphon train --recipe markov`, fits into some hundred kilobytes, and answers in microseconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.codec.ngrams import BINS, CODEC, DIGIT, HIGHEST_ORDER, METERS, NGrams, read_ngrams
from antiphon.codec.token import VOCABULARY
from antiphon.engine.bundle_file import BundleError, described, distance, unusable
from antiphon.engine.model import Constraints
from antiphon.engine.token_model import TokenModel
from antiphon.engine.token_walk import Rhythm
from antiphon.music.grid import Grid

__all__ = ["MarkovBundle", "MarkovModel", "MarkovWords", "rhythm_of"]

_MASK = (1 << DIGIT * HIGHEST_ORDER) - 1
_CLOSE = 1e-9  # probabilities: both sides reckon in doubles


class MarkovWords:
    """A source of `engine.token_walk.Words`: all that it remembers is the last words, as one number."""

    def __init__(self, ngrams: NGrams) -> None:
        self.ngrams = ngrams
        self.history = 0

    def logits(self) -> npt.NDArray[np.float64]:
        """Natural logs of the probabilities, shape (VOCABULARY,)."""
        return np.log(self.ngrams.probabilities(self.history))

    def hear(self, word: int) -> None:
        """The next word was this one."""
        self.history = (self.history << DIGIT | word) & _MASK

    def snapshot(self) -> int:
        """The last words."""
        return self.history

    def restore(self, state: int) -> None:
        """Go back to `state`."""
        self.history = state


def rhythm_of(ngrams: NGrams, grid: Grid, strength: float) -> Rhythm:
    """How much likelier an onset is at a time: by its place in the bar of `grid`, to the power of `strength`."""
    weights = ngrams.rhythm[min(grid.meter, METERS) - 1] ** strength

    def rhythm(at: float) -> float:
        bars = grid.beat(at) / grid.meter
        return float(weights[int(np.floor((bars - np.floor(bars)) * BINS + 0.5)) % BINS])

    return rhythm


class MarkovBundle:
    """An opened bundle of a Markov model, checked: its checksums, its tables, and its reference vectors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = described(folder, CODEC, ("model.bin", "vectors.npz"))
        try:
            self.ngrams = read_ngrams(folder / "model.bin")
            with np.load(folder / "vectors.npz", allow_pickle=False) as arrays:
                self._words, self._wanted = arrays["words"], arrays["probabilities"]
            self.verify()
        except BundleError:
            raise
        except Exception as error:
            raise unusable(folder, error) from error

    @property
    def name(self) -> str:
        return str(self.about["name"])

    def verify(self) -> float:
        """Replay the reference vectors; the largest difference of a probability. Raises BundleError if not small."""
        if self._wanted.shape != (len(self._words), VOCABULARY) or not len(self._words):
            raise BundleError(f"{self.folder}: its reference vectors have another shape")
        words, worst = MarkovWords(self.ngrams), 0.0
        for word, wanted in zip(self._words.tolist(), self._wanted, strict=True):
            worst = max(worst, distance(self.ngrams.probabilities(words.history), wanted))
            words.hear(word)
        if not worst <= _CLOSE:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst


class MarkovModel(TokenModel):
    """A Markov model over one stream of events. Where the constraints know the beat, onsets keep to its rhythm.

    `strength`: how much so; 0 not at all, 1 as in the music that it was trained on.
    """

    def __init__(self, bundle: MarkovBundle, strength: float = 1.0) -> None:
        self.bundle, self.strength = bundle, strength
        super().__init__(MarkovWords(bundle.ngrams), bundle.name)

    def fresh(self) -> MarkovModel:
        """Another model of the same bundle, which has heard nothing."""
        return MarkovModel(self.bundle, self.strength)

    def rhythm(self, constraints: Constraints) -> Rhythm | None:
        """The rhythm of the constraints' beat, if there is one."""
        if constraints.beat is None or self.strength <= 0:
            return None
        return rhythm_of(self.bundle.ngrams, constraints.beat, self.strength)
