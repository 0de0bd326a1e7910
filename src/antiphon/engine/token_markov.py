"""A trained Markov model of words: counts of what followed what, asked for the next word, and a bundle to keep it in.

It is not the learner of `engine.markov`, which learns while it is played with: this one was trained on a corpus by
`antiphon train --recipe markov`, fits into some hundred kilobytes, and answers in microseconds.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.codec.ngrams import BINS, CODEC, DIGIT, HIGHEST_ORDER, MAGIC, METERS, NGrams, NGramsError, read_ngrams
from antiphon.codec.token import VOCABULARY
from antiphon.engine.bundle_file import BundleError, described, distance, unusable
from antiphon.engine.model import Constraints
from antiphon.engine.token_model import TokenModel
from antiphon.engine.token_walk import Rhythm
from antiphon.music.grid import Grid

__all__ = ["EmbeddedMarkov", "MarkovBundle", "MarkovModel", "MarkovWords", "rhythm_of"]

_MASK = (1 << DIGIT * HIGHEST_ORDER) - 1
_VECTORS = struct.Struct("<8sIIIIII")
_VECTORS_MAGIC = b"ANTIWORD"
_RECORD = np.dtype([("word", "<u4"), ("probabilities", "<f8", VOCABULARY)])
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
        return _replayed(self.folder, self.ngrams, self._words, self._wanted)

    def embed(self, folder: Path) -> None:
        """Write `model.bin` and `vectors.bin` for C++ into `folder`."""
        (folder / "model.bin").write_bytes((self.folder / "model.bin").read_bytes())
        records = np.zeros(len(self._words), _RECORD)
        records["word"], words = self._words, MarkovWords(self.ngrams)
        for record in records:
            record["probabilities"] = self.ngrams.probabilities(words.history)
            words.hear(int(record["word"]))
        raw = records.tobytes()
        head = _VECTORS.pack(_VECTORS_MAGIC, 1, len(records), VOCABULARY, 0, zlib.crc32(raw), 0)
        (folder / "vectors.bin").write_bytes(head + raw)


class EmbeddedMarkov:
    """The same model as a folder for C++ has it: `model.bin`, and the answers that C++ is held to in `vectors.bin`."""

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether the `model.bin` in `folder` is one of these."""
        with (folder / "model.bin").open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.ngrams = read_ngrams(folder / "model.bin")
        except NGramsError as error:
            raise BundleError(str(error)) from error

    @property
    def name(self) -> str:
        return str(self.ngrams.about.get("name", self.folder.name))

    def verify(self) -> float:
        """Replay `vectors.bin`; the largest difference of a probability. Raises BundleError when it is not small."""
        try:
            raw = (self.folder / "vectors.bin").read_bytes()
            magic, version, n, vocabulary, _, checksum, _ = _VECTORS.unpack_from(raw)
            if (magic, version, vocabulary) != (_VECTORS_MAGIC, 1, VOCABULARY):
                raise ValueError("of another kind")
            if len(raw) != _VECTORS.size + n * _RECORD.itemsize or zlib.crc32(raw[_VECTORS.size :]) != checksum:
                raise ValueError("damaged")
        except (OSError, ValueError, struct.error) as error:
            raise BundleError(f"{self.folder}: its reference vectors cannot be read ({error})") from error
        records = np.frombuffer(raw, _RECORD, offset=_VECTORS.size)
        return _replayed(self.folder, self.ngrams, records["word"], records["probabilities"])


def _replayed(folder: Path, ngrams: NGrams, heard: npt.NDArray[np.integer], answers: npt.NDArray[np.float64]) -> float:
    """How far the answers (n, VOCABULARY) before each word heard (n,) are off. Raises BundleError if not close."""
    if answers.shape != (len(heard), VOCABULARY) or not len(heard):
        raise BundleError(f"{folder}: its reference vectors have another shape")
    words, worst = MarkovWords(ngrams), 0.0
    for word, wanted in zip(heard.tolist(), answers, strict=True):
        worst = max(worst, distance(ngrams.probabilities(words.history), wanted))
        words.hear(word)
    if not worst <= _CLOSE:
        raise BundleError(f"{folder}: gives other answers here than where it was made (off by {worst:.2g})")
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
