"""The model of a folder for browsers, on ONNX Runtime here: the reference that the JavaScript of `embed/js` is held to.

A folder's `model/` holds graphs (`body.onnx`, one head for each field, `heads.bin` for what these share) with
`bundle.json` and `vectors.json`; see `train.web_graphs` for why its heads are apart.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from antiphon.codec.sounding import FEATURES
from antiphon.codec.stream import SIZES
from antiphon.engine.bundle import BundleError
from antiphon.engine.model import FIELDS

__all__ = ["WEB_FORMAT", "WebBundle", "file_sums"]

WEB_FORMAT = "antiphon-web-1"
_LIMIT = 1e-3  # logits

Array = npt.NDArray[Any]
State = dict[str, Array]


def file_sums(folder: Path) -> dict[str, dict[str, int]]:
    """Size and CRC-32 of every file in `folder`, by name, as `bundle.json` keeps them."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "bundle.json"}
    return {name: {"bytes": len(raw), "crc32": zlib.crc32(raw)} for name, raw in files.items()}


class WebBundle:
    """Answers like `engine.bundle.Bundle`, from the `model/` that `antiphon export --target js` wrote.

    Raises BundleError when a file is damaged or the graphs cannot be used.
    """

    knows_beats = False  # such models are not written for browsers

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.about = json.loads((folder / "bundle.json").read_text())
            if self.about["format"] != WEB_FORMAT:
                raise BundleError(f"{folder}: format {self.about['format']}; this version reads {WEB_FORMAT}")
            there = file_sums(folder)
            for name, wanted in self.about["files"].items():
                if there.get(name) != wanted:
                    raise BundleError(f"{folder}: {name} is damaged (its size or checksum differs)")
            self._open()
        except BundleError:
            raise
        except Exception as error:  # ONNX Runtime raises its own kinds, all of them meaning: not usable
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise BundleError(f"{folder}: cannot be used ({reason})") from error
        self.name, self.precision = str(self.about["name"]), str(self.about["precision"])

    def _open(self) -> None:
        self._body = _session(self.folder / "body.onnx")
        self._heads = [_session(self.folder / f"{field}.onnx") for field in FIELDS]
        self._state_names = tuple(self.about["state"])

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
        (logits,) = self._heads[field].run(None, {"base": base, "codes": codes, "known": known, "sounding": sounding})
        return np.asarray(logits[0])

    def answers(self, codes: Array, sounding: Array, known: Array) -> Array:
        """Logits (n, sum(SIZES)) on reference events: codes (n, 4), sounding (n, FEATURES), known (n, 4, 4)."""
        state, code, answers = self.initial(), np.zeros((1, 4), np.int64), []
        for t in range(len(codes)):
            heard = sounding[t : t + 1].astype(np.float32)
            base, state = self.hear(code, t == 0, heard, state)
            code = codes[t : t + 1].astype(np.int64)
            given = known[t].astype(np.float32)
            row = [self.logits(f, base, code, given[f : f + 1], heard) for f in range(len(FIELDS))]
            answers.append(np.concatenate(row))
        return np.array(answers)

    def verify(self) -> float:
        """Replay the reference vectors; the largest difference of a logit. Raises BundleError when it is not small."""
        try:
            vectors = json.loads((self.folder / "vectors.json").read_text())
            wanted = np.array([v["logits"] for v in vectors], np.float64).reshape(-1, sum(SIZES))
            sounding = np.zeros((len(vectors), FEATURES))
            for row, vector in zip(sounding, vectors, strict=True):
                for place, value in vector["sounding"]:
                    row[place] = value
            codes, known = (np.array([v[key] for v in vectors]) for key in ("code", "known"))
            worst = float(np.abs(self.answers(codes, sounding, known) - wanted).max())
        except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
            raise BundleError(f"{self.folder}: its reference vectors cannot be read ({error})") from error
        if math.isnan(worst) or worst > _LIMIT:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # As in the browser: weights become floats once, when the graph is opened.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
