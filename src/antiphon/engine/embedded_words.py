"""The net of words of a `model.bin` on NumPy alone: the reference that the C++ of `embed/` is held to.

It answers like `engine.token_bundle.TokenBundle`. In eight bits C++ gives the same bits, in single precision the same
answers but for the last digits: see `engine.embedded_sums`.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from antiphon.codec.token import BOS, VOCABULARY
from antiphon.engine.bundle_file import BundleError, distance
from antiphon.engine.embedded_attention import attended, feed_forward
from antiphon.engine.embedded_sums import F4, Array, Floats, Tensors, norm
from antiphon.engine.embedded_words_file import MAGIC, WordShape, read_words

__all__ = ["EmbeddedWords", "write_word_vectors"]

_VECTORS = struct.Struct("<8sIIIIII")
_VECTORS_MAGIC = b"ANTISAID"
_RECORD = np.dtype([("word", "<u4"), ("logits", "<f4", VOCABULARY)])
_CLOSE = 1e-3


class EmbeddedWords:
    """A net of words, from the folder that `antiphon export --target cpp` wrote.

    Raises BundleError when a file is damaged.
    """

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether the `model.bin` in `folder` is one of these."""
        with (folder / "model.bin").open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            stored = read_words(folder / "model.bin")
        except OSError as error:
            raise BundleError(f"{folder}: not a readable bundle ({error})") from error
        self.about, self.precision, self.shape = stored.about, stored.precision, WordShape(*stored.sizes)
        self._t = Tensors(stored.tensors, stored.precision)

    @property
    def name(self) -> str:
        return str(self.about.get("name", self.folder.name))

    def initial(self) -> dict[str, Array]:
        """The state before anything was heard."""
        shape = self.shape
        if not shape.transformer:
            return {"hidden": np.zeros((shape.layers, shape.width), F4)}
        cache = np.zeros((shape.layers, 2, 0, shape.width), F4)
        return {"count": np.zeros(1, np.int64), "cache": cache}

    def step(self, word: int, state: dict[str, Array]) -> tuple[Floats, dict[str, Array]]:
        """Hear a word: the logits of the next one, shape (VOCABULARY,), and the next state."""
        t, x = self._t, self._t.row("embed", word)
        if self.shape.transformer:
            x, state = self._looked_back(x, state)
        else:
            x, hidden = t.gru(x, state["hidden"])
            state = {"hidden": hidden}
        return t.linear("out", norm(x, t["norm.w"][0], t["norm.b"][0])), state

    def _looked_back(self, x: Floats, state: dict[str, Array]) -> tuple[Floats, dict[str, Array]]:
        """The layers of a transformer. Of the cache (L, keys and values, words, D) the oldest word comes first."""
        count, after = int(state["count"][0]), []
        for i, cache in enumerate(state["cache"]):
            x, cache = attended(self._t, i, self.shape, x, cache, count)
            x = feed_forward(self._t, i, x)
            after.append(cache)
        return x, {"count": state["count"] + 1, "cache": np.stack(after)}

    def answers(self) -> Floats:
        """Logits (n, VOCABULARY) before each word of `vectors.bin`."""
        return self._answers(self._vectors())

    def _answers(self, vectors: Array) -> Floats:
        heard, state, rows = BOS, self.initial(), []
        for word in vectors["word"].tolist():
            logits, state = self.step(heard, state)
            rows.append(logits)
            heard = word
        return np.stack(rows)

    def verify(self) -> float:
        """Replay `vectors.bin`; the largest difference of a logit. Raises BundleError when it is not small."""
        vectors = self._vectors()
        worst = distance(self._answers(vectors), vectors["logits"])
        if not worst <= _CLOSE:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst

    def _vectors(self) -> Array:
        try:
            raw = (self.folder / "vectors.bin").read_bytes()
            magic, version, n, vocabulary, _, checksum, _ = _VECTORS.unpack_from(raw)
            if (magic, version, vocabulary) != (_VECTORS_MAGIC, 1, VOCABULARY):
                raise ValueError("of another kind")
            body = raw[_VECTORS.size :]
            if n < 1 or len(body) != n * _RECORD.itemsize or zlib.crc32(body) != checksum:
                raise ValueError("damaged")
            records = np.frombuffer(body, _RECORD)
            if records["word"].max() >= VOCABULARY:
                raise ValueError("damaged")
        except (OSError, ValueError, struct.error) as error:
            raise BundleError(f"{self.folder}: its reference vectors cannot be read ({error})") from error
        return records


def write_word_vectors(path: Path, words: Array, logits: Array) -> None:
    """Reference vectors for C++: words (n,) and the logits (n, VOCABULARY) before each."""
    records = np.zeros(len(words), _RECORD)
    records["word"], records["logits"] = words, logits
    raw = records.tobytes()
    head = _VECTORS.pack(_VECTORS_MAGIC, 1, len(records), VOCABULARY, 0, zlib.crc32(raw), 0)
    path.write_bytes(head + raw)
