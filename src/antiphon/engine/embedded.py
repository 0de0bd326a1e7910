"""The model of a `model.bin` on NumPy alone: the reference that the C++ of `embed/` is held to.

With eight bits, what is stored and what is multiplied are whole numbers, and every other operation is one in single
precision in an order that is fixed here and in `antiphon.hpp` alike (sums of norms in double, in eight lanes): both
give the same bits. In single precision the order of long sums is the processor's: answers differ in the last digits.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codec.sounding import CHANNELS, FEATURES
from antiphon.codec.stream import INSTRUMENT, PITCH, SIZES
from antiphon.engine.bundle import BundleError
from antiphon.engine.embedded_file import Embedded, read_embedded

__all__ = ["EmbeddedBundle", "write_vectors"]

F4 = np.float32
Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]
_EPSILON = 1e-5
_VECTORS = struct.Struct("<8sIIIIII")
_VECTORS_MAGIC = b"ANTIVECT"
_LOGITS = sum(SIZES)
_RECORD = np.dtype(
    [("code", "<i4", 4), ("sounding", "<f4", FEATURES), ("known", "<f4", (4, 4)), ("logits", "<f4", _LOGITS)]
)


def _exp(x: Floats) -> Floats:
    """e^x for |x| <= 87 by Taylor's series around a multiple of ln 2, single precision throughout."""
    x = np.minimum(np.maximum(x, F4(-87)), F4(87))
    n = np.rint(x * F4(1.44269504))
    r = x - n * F4(0.693359375) - n * F4(-2.12194440e-4)
    y = np.full_like(r, F4(1 / 5040))
    for k in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0):
        y = y * r + F4(k)
    return np.asarray(y * ((n.astype(np.int32) + 127) << 23).view(F4), F4)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(F4(1) / (F4(1) + _exp(-x)))


def _tanh(x: Floats) -> Floats:
    return np.asarray(F4(1) - F4(2) / (_exp(x + x) + F4(1)))


def _gelu(x: Floats) -> Floats:
    """x Phi(x), the error function by Abramowitz & Stegun 7.1.26 (off by at most 1.5e-7)."""
    a = np.abs(x * F4(0.70710678))
    t = F4(1) / (F4(1) + F4(0.3275911) * a)
    y = np.full_like(t, F4(1.061405429))
    for k in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        y = y * t + F4(k)
    erf = F4(1) - y * t * _exp(-(a * a))
    return np.asarray(F4(0.5) * x * (F4(1) + np.copysign(erf, x)))


def _lanes(x: npt.NDArray[np.float64]) -> float:
    """Sum in eight lanes, each in order, then the lanes in order."""
    padded = np.zeros(-(-len(x) // 8) * 8)
    padded[: len(x)] = x
    return float(np.cumsum(np.cumsum(padded.reshape(-1, 8), axis=0)[-1])[-1])


def _norm(x: Floats, weight: Floats, bias: Floats) -> Floats:
    wide = x.astype(np.float64)
    wide -= _lanes(wide) / len(x)
    scaled = (wide * (1 / np.sqrt(_lanes(wide * wide) / len(x) + _EPSILON))).astype(F4)
    return np.asarray(scaled * weight + bias)


def _wide_enough(columns: int) -> type[np.floating[Any]]:
    return np.float32 if columns * 127 * 127 < 2**24 else np.float64


class EmbeddedBundle:
    """Answers like `engine.bundle.Bundle`, from the folder that `antiphon export --target cpp` wrote.

    Raises BundleError when a file is damaged or the reference vectors are not answered as they were.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._open(read_embedded(folder / "model.bin"))
        except OSError as error:
            raise BundleError(f"{folder}: not a readable bundle ({error})") from error

    def _open(self, model: Embedded) -> None:
        self.about, self.precision = model.about, model.precision
        self.name = str(model.about.get("name", self.folder.name))
        self._layers, self._width, self._eight = model.layers, model.width, model.precision == "int8"
        self._t = {name: np.asarray(t) for name, t in model.tensors.items()}
        # Whole numbers are multiplied as floats wide enough to hold their sums exactly.
        self._wide = {name: t.astype(_wide_enough(t.shape[1])) for name, t in self._t.items() if t.dtype == np.int8}

    def initial(self) -> dict[str, Array]:
        """The state before anything was heard."""
        return {"hidden": np.zeros((self._layers, self._width), F4)}

    def _row(self, table: str, i: int) -> Floats:
        row = self._t[table][i]
        return np.asarray(row.astype(F4) * self._t[f"{table}.scale"][i, 0] if self._eight else row)

    def _linear(self, name: str, x: Floats) -> Floats:
        bias = self._t[f"{name}.b"][0]
        if not self._eight:
            return np.asarray(self._t[name] @ x + bias)
        largest = np.abs(x).max()
        whole = np.rint(x * (F4(127) / largest if largest > 0 else F4(0))).astype(self._wide[name].dtype)
        scale = largest / F4(127) * self._t[f"{name}.scale"][:, 0]
        # Not `@`: its threads cost more than they save here, and the order of whole numbers does not matter.
        return np.asarray(np.einsum("rc,c->r", self._wide[name], whole).astype(F4) * scale + bias)

    def _heard(self, sounding: Floats) -> Floats:
        total = np.zeros(self._width, F4)
        for i in np.flatnonzero(sounding):
            if self._eight:
                total = total + sounding[i] * self._t["hear.scale"][i, 0] * self._t["hear"][i].astype(F4)
            else:
                total = total + sounding[i] * self._t["hear"][i]
        return total

    def hear(
        self, code: Array, begin: bool, sounding: Array, state: dict[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """One step of the body: code (1, 4), sounding (1, FEATURES) -> what the heads need (1, C), the next state."""
        t, D = self._t, self._width
        e = [self._row(f"embed.{f}", int(code[0, f])) for f in range(4)]
        x = (t["start"][0] if begin else e[0] + e[1] + e[2] + e[3]) + self._heard(sounding[0])
        after = []
        for i, h in enumerate(state["hidden"]):
            fresh = self._linear(f"gru.{i}.in", _norm(x, t[f"norm.{i}.w"][0], t[f"norm.{i}.b"][0]))
            kept = self._linear(f"gru.{i}.rec", h)
            r, z = _sigmoid(fresh[:D] + kept[:D]), _sigmoid(fresh[D : 2 * D] + kept[D : 2 * D])
            after.append((F4(1) - z) * _tanh(fresh[2 * D :] + r * kept[2 * D :]) + z * h)
            x = x + after[-1]
        base = self._linear("base", _norm(x, t["norm.w"][0], t["norm.b"][0]))
        return base[None], {"hidden": np.stack(after)}

    def logits(self, field: int, base: Array, codes: Array, known: Array, sounding: Array) -> Array:
        """Logits of one field, shape (K,), given the known (1, 4) fields of codes (1, 4)."""
        channels = sounding[0, : CHANNELS * 128].reshape(CHANNELS, 128)
        z = base[0] + self._t["field"][field]
        for g in range(4):
            if known[0, g] > 0:
                z = z + self._row(f"known.{g}", int(codes[0, g]))
                if g == PITCH:
                    for c in range(CHANNELS):
                        z = z + channels[c, codes[0, g]] * self._t["touch"][c]
        y = _gelu(self._linear(f"up.{field}", _norm(z, self._t["heads.w"][0], self._t["heads.b"][0])))
        out = self._linear(f"out.{field}", y)
        logits = out[: SIZES[field]]
        if field == PITCH:
            for c in range(CHANNELS):
                logits = logits + out[128 + c] * channels[c]
        if field == INSTRUMENT:
            logits = logits + out[SIZES[0]] * sounding[0, CHANNELS * 128 :]
        return np.asarray(logits)

    def answers(self) -> Floats:
        """Logits, shape (n, all fields), to what `vectors.bin` says was heard and known."""
        return self._answers(self._vectors())

    def _answers(self, vectors: Array) -> Floats:
        state, code, rows = self.initial(), np.zeros((1, 4), np.int64), []
        for t, record in enumerate(vectors):
            sounding = record["sounding"][None]
            base, state = self.hear(code, t == 0, sounding, state)
            code = record["code"][None].astype(np.int64)
            rows.append(
                np.concatenate([self.logits(f, base, code, record["known"][f][None], sounding) for f in range(4)])
            )
        return np.stack(rows)

    def verify(self) -> float:
        """Replay `vectors.bin`; the largest difference of a logit. Raises BundleError when it is not small."""
        vectors = self._vectors()
        worst = float(np.abs(self._answers(vectors) - vectors["logits"]).max())
        if not worst <= 1e-3:
            raise BundleError(f"{self.folder}: gives other answers here than where it was made (off by {worst:.2g})")
        return worst

    def _vectors(self) -> Array:
        try:
            return _read_vectors((self.folder / "vectors.bin").read_bytes())
        except (OSError, ValueError, struct.error) as error:
            raise BundleError(f"{self.folder}: its reference vectors cannot be read ({error})") from error


def write_vectors(path: Path, codes: Array, sounding: Array, known: Array, logits: Array) -> None:
    """Reference vectors for C++: codes (n, 4), sounding (n, FEATURES), known (n, 4, 4) and logits (n, all fields)."""
    records = np.zeros(len(codes), _RECORD)
    for name, array in (("code", codes), ("sounding", sounding), ("known", known), ("logits", logits)):
        records[name] = array
    raw = records.tobytes()
    path.write_bytes(_VECTORS.pack(_VECTORS_MAGIC, 1, len(codes), FEATURES, _LOGITS, zlib.crc32(raw), 0) + raw)


def _read_vectors(raw: bytes) -> Array:
    magic, version, n, features, logits, checksum, _ = _VECTORS.unpack_from(raw)
    body = raw[_VECTORS.size :]
    if (magic, version, features, logits) != (_VECTORS_MAGIC, 1, FEATURES, _LOGITS) or zlib.crc32(body) != checksum:
        raise ValueError("damaged, or of another kind")
    if n < 1 or len(body) != n * _RECORD.itemsize:
        raise ValueError("cut off")
    return np.frombuffer(body, _RECORD)
