"""The bundle: a model on disk. Opening one checks every byte and replays its reference vectors; none of it is code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from antiphon.codec.beats import BEAT_FEATURES
from antiphon.codec.sounding import DECAYS, FEATURES
from antiphon.codec.stream import SIZES, TICK, TIME_LAST
from antiphon.engine.bundle_file import (
    Array,
    BundleError,
    State,
    described,
    distance,
    find_bundle,
    session,
    shipped_models,
    unusable,
)
from antiphon.engine.model import FIELDS

__all__ = ["Array", "Bundle", "BundleError", "State", "find_bundle", "shipped_models"]

_CODEC = {
    "name": "stream",
    "tick": TICK,
    "sizes": list(SIZES),
    "time_last": TIME_LAST.tolist(),
    "decays": list(DECAYS),
}
_FILES = ("body.onnx", "heads.onnx", "vectors.npz")
_REPLAY = 16  # reference events replayed on opening; `Bundle.verify` replays all


@dataclass(frozen=True)
class _Vectors:
    codes: Array
    sounding: Array
    known: Array
    logits: Array


class Bundle:
    """An opened bundle: its graphs as two functions. Holds no state of its own, so many models may share one."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.folder = folder
        self.about = described(folder, _CODEC, _FILES)
        try:
            self._open(threads)
            self.verify(_REPLAY)
        except BundleError:
            raise
        except Exception as error:
            raise unusable(folder, error) from error

    def _open(self, threads: int) -> None:
        self._body = session(self.folder / "body.onnx", threads)
        self._heads = session(self.folder / "heads.onnx", threads)
        with np.load(self.folder / "vectors.npz", allow_pickle=False) as arrays:
            self._vectors = _Vectors(**{key: arrays[key] for key in ("codes", "sounding", "known", "logits")})
        self._state_names = tuple(self.about["state"])
        self._partial = ort.RunOptions()
        self._partial.only_execute_path_to_fetches = True
        self._field_outputs = [[name] for name in FIELDS]

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def knows_beats(self) -> bool:
        """Whether the graphs are told where beats fall, beside what sounds."""
        return bool(self.about.get("net", {}).get("beat", False))

    @property
    def features(self) -> int:
        """How many numbers the graphs are told beside an event: F."""
        return FEATURES + (BEAT_FEATURES if self.knows_beats else 0)

    def initial(self) -> State:
        """The state before anything was heard."""
        return {name: np.zeros(shape, np.float32) for name, shape in self.about["state"].items()}

    def hear(self, code: Array, begin: bool, sounding: Array, state: State) -> tuple[Array, State]:
        """One step of the body: code (1, 4) int64, sounding (1, F) -> what the heads need, the next state."""
        inputs = {"code": code, "begin": np.full((1, 1), begin, np.float32), "sounding": sounding, **state}
        base, *after = self._body.run(None, inputs)
        return base, dict(zip(self._state_names, after, strict=True))

    def logits(self, field: int, base: Array, codes: Array, known: Array, sounding: Array) -> Array:
        """Logits of one field, shape (K,), given the known (1, 4) fields of codes (1, 4)."""
        inputs = {"base": base, "codes": codes, "known": known, "sounding": sounding}
        (logits,) = self._heads.run(self._field_outputs[field], inputs, self._partial)
        return np.asarray(logits[0])

    def verify(self, events: int | None = None) -> float:
        """Replay the reference vectors; the largest difference of a logit. Raises BundleError when it is not small."""
        v, state = self._vectors, self.initial()
        code, worst = np.zeros((1, 4), np.int64), 0.0
        ends = np.cumsum(SIZES)[:-1]
        # Processors differ in how they round eight-bit sums; a wrong graph is off by far more.
        limit = 1e-3 if self.about["precision"] == "fp32" else 0.5
        for t in range(len(v.codes[:events])):
            sounding = v.sounding[t : t + 1].astype(np.float32)
            if sounding.shape != (1, self.features):
                raise BundleError(f"{self.folder}: its reference vectors have another shape")
            base, state = self.hear(code, t == 0, sounding, state)
            code = v.codes[t : t + 1].astype(np.int64)
            for f, wanted in enumerate(np.split(v.logits[t], ends)):
                got = self.logits(f, base, code, v.known[t, f][None].astype(np.float32), sounding)
                worst = max(worst, distance(got, wanted))
        if not len(v.codes) or not worst <= limit:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst
