"""The bundle: a model on disk. Opening one checks every byte and replays its reference vectors; none of it is code."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from antiphon.codec.sounding import DECAYS, FEATURES
from antiphon.codec.stream import SIZES, TICK, TIME_LAST
from antiphon.engine.model import FIELDS

__all__ = ["Bundle", "BundleError", "find_bundle", "shipped_models"]

_FORMAT = 1
_CODEC = {
    "name": "stream",
    "tick": TICK,
    "sizes": list(SIZES),
    "time_last": TIME_LAST.tolist(),
    "decays": list(DECAYS),
}
_SHIPPED = Path(__file__).parent.parent / "models"
_LARGEST_STATE = 1 << 26  # numbers
_REPLAY = 16  # reference events replayed on opening; `Bundle.verify` replays all

Array = npt.NDArray[Any]
State = dict[str, Array]


class BundleError(ValueError):
    """A bundle that cannot be used, in one line that says why."""


def shipped_models(codec: str = "stream") -> list[str]:
    """Names of the models of a codec that come with Antiphon; those of streams can jam."""
    bundles = sorted(_SHIPPED.glob("*/bundle.json"))
    return [path.parent.name for path in bundles if json.loads(path.read_text())["codec"]["name"] == codec]


def find_bundle(name: str | Path) -> Path:
    """The folder of a bundle, given its path or the name of a shipped model."""
    path = Path(name)
    if (path / "bundle.json").is_file():
        return path
    if (_SHIPPED / str(name) / "bundle.json").is_file():
        return _SHIPPED / str(name)
    known = ", ".join(shipped_models()) or "none"
    what = "has no bundle.json" if path.exists() else "does not exist"
    raise BundleError(f"{name}: no model: the folder {what}, and it is no shipped model (these are: {known})")


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would steal the core from the musician's own notes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _described(folder: Path) -> dict[str, Any]:
    """`bundle.json`, after checking its version, its codec and the checksum of every file."""
    try:
        about = json.loads((folder / "bundle.json").read_text())
        if about["codec"] != _CODEC:
            raise BundleError(f"{folder}: made for another codec than this version's")
        if about["format"] != _FORMAT:
            raise BundleError(f"{folder}: bundle format {about['format']}; this version reads {_FORMAT}")
        for name, wanted in about["files"].items():
            if Path(name).name != name or hashlib.sha256((folder / name).read_bytes()).hexdigest() != wanted:
                raise BundleError(f"{folder}: {name} is damaged (its checksum differs)")
        if not {"body.onnx", "heads.onnx", "vectors.npz"} <= about["files"].keys():
            raise BundleError(f"{folder}: incomplete, files are missing from its list")
        if not {"name", "state", "precision"} <= about.keys():
            raise BundleError(f"{folder}: incomplete, bundle.json lacks a name, a state or a precision")
        elements = sum(math.prod(shape) for shape in about["state"].values())
        if not 0 <= elements <= _LARGEST_STATE:
            raise BundleError(f"{folder}: a state of {elements} numbers is not one of a model's that plays live")
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{folder}: not a readable bundle ({error})") from error
    return dict(about)


def _distance(got: Array, wanted: Array) -> float:
    """The largest difference, infinite where one is not a number (which `max` would pass over)."""
    furthest = float(np.abs(got - wanted).max())
    return math.inf if math.isnan(furthest) else furthest


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
        self.about = _described(folder)
        try:
            self._open(threads)
            self.verify(_REPLAY)
        except BundleError:
            raise
        except Exception as error:  # ONNX Runtime raises its own kinds, all of them meaning: not usable
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise BundleError(f"{folder}: cannot be used ({reason})") from error

    def _open(self, threads: int) -> None:
        self._body = _session(self.folder / "body.onnx", threads)
        self._heads = _session(self.folder / "heads.onnx", threads)
        with np.load(self.folder / "vectors.npz", allow_pickle=False) as arrays:
            self._vectors = _Vectors(**{key: arrays[key] for key in ("codes", "sounding", "known", "logits")})
        self._state_names = tuple(self.about["state"])
        self._partial = ort.RunOptions()
        self._partial.only_execute_path_to_fetches = True
        self._field_outputs = [[name] for name in FIELDS]

    @property
    def name(self) -> str:
        return str(self.about["name"])

    def initial(self) -> State:
        """The state before anything was heard."""
        return {name: np.zeros(shape, np.float32) for name, shape in self.about["state"].items()}

    def hear(self, code: Array, begin: bool, sounding: Array, state: State) -> tuple[Array, State]:
        """One step of the body: code (1, 4) int64, sounding (1, FEATURES) -> what the heads need, the next state."""
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
            if sounding.shape != (1, FEATURES):
                raise BundleError(f"{self.folder}: its reference vectors have another shape")
            base, state = self.hear(code, t == 0, sounding, state)
            code = v.codes[t : t + 1].astype(np.int64)
            for f, wanted in enumerate(np.split(v.logits[t], ends)):
                got = self.logits(f, base, code, v.known[t, f][None].astype(np.float32), sounding)
                worst = max(worst, _distance(got, wanted))
        if not len(v.codes) or not worst <= limit:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst
