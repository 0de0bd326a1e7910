"""The bundle of a net of words: one graph that hears a word and says how likely each is next, its state in and out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from antiphon.codec.token import BOS, CODEC, VOCABULARY
from antiphon.engine.bundle_file import Array, BundleError, State, described, distance, session, unusable
from antiphon.engine.token_model import TokenModel

__all__ = ["NetWords", "TokenBundle", "TokenNetModel"]

_FILES = ("step.onnx", "vectors.npz")
_REPLAY = 16  # reference words replayed on opening; `TokenBundle.verify` replays all
_KEPT = 8  # steps that are remembered: what was just drawn is what is mostly heard next


class TokenBundle:
    """An opened bundle: its graph as a function. Holds no state of its own, so many models may share one."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.folder = folder
        self.about = described(folder, CODEC, _FILES)
        try:
            self._step = session(folder / "step.onnx", threads)
            self._states = tuple(self.about["state"])
            with np.load(folder / "vectors.npz", allow_pickle=False) as arrays:
                self._words, self._wanted = arrays["words"].astype(np.int64), arrays["logits"]
            self.verify(_REPLAY)
        except BundleError:
            raise
        except Exception as error:
            raise unusable(folder, error) from error

    @property
    def name(self) -> str:
        return str(self.about["name"])

    def initial(self) -> State:
        """The state before anything was heard."""
        return {name: np.zeros(shape, np.float32) for name, shape in self.about["state"].items()}

    def step(self, word: int, state: State) -> tuple[Array, State]:
        """Hear a word: the logits of the next one, shape (VOCABULARY,), and the next state."""
        logits, *after = self._step.run(None, {"token": np.array([word], np.int64), **state})
        return np.asarray(logits[0]), dict(zip(self._states, after, strict=True))

    def verify(self, words: int | None = None) -> float:
        """Replay the reference vectors; the largest difference of a logit. Raises BundleError when it is not small."""
        if self._wanted.shape != (len(self._words), VOCABULARY) or not len(self._words):
            raise BundleError(f"{self.folder}: its reference vectors have another shape")
        # Processors differ in how they round eight-bit sums; a wrong graph is off by far more.
        limit = 1e-3 if self.about["precision"] == "fp32" else 0.5
        heard, state, worst = BOS, self.initial(), 0.0
        for word, wanted in zip(self._words[:words].tolist(), self._wanted[:words], strict=True):
            logits, state = self.step(heard, state)
            worst, heard = max(worst, distance(logits, wanted)), word
        if not worst <= limit:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What a net answers after some words, and what it carries on. Never written to."""

    number: int
    logits: Array
    state: State


class NetWords:
    """A source of `engine.token_walk.Words` from a bundle."""

    def __init__(self, bundle: TokenBundle) -> None:
        self._bundle = bundle
        self._heard = _Heard(0, *bundle.step(BOS, bundle.initial()))
        self._steps = 0
        self._recent: OrderedDict[tuple[int, int], _Heard] = OrderedDict()

    def logits(self) -> Array:
        """Logits of the next word, shape (VOCABULARY,)."""
        return self._heard.logits

    def hear(self, word: int) -> None:
        """The next word was this one."""
        key = self._heard.number, word
        after = self._recent.pop(key, None)
        if after is None:
            self._steps += 1
            after = _Heard(self._steps, *self._bundle.step(word, self._heard.state))
        self._recent[key] = self._heard = after
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)

    def snapshot(self) -> _Heard:
        """All state."""
        return self._heard

    def restore(self, state: _Heard) -> None:
        """Go back to `state`."""
        self._heard = state


class TokenNetModel(TokenModel):
    """A net of words over one stream of events."""

    def __init__(self, bundle: TokenBundle) -> None:
        self.bundle = bundle
        super().__init__(NetWords(bundle), bundle.name)

    def fresh(self) -> TokenNetModel:
        """Another model of the same bundle, which has heard nothing."""
        return TokenNetModel(self.bundle)
