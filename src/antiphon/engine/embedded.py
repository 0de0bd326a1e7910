"""The model of a `model.bin` on NumPy alone: the reference that the C++ of `embed/` is held to.

In eight bits both give the same bits, in single precision the same answers but for the last digits: see
`engine.embedded_sums`.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from antiphon.codec.sounding import CHANNELS, FEATURES
from antiphon.codec.stream import INSTRUMENT, PITCH, SIZES
from antiphon.engine.bundle import BundleError
from antiphon.engine.embedded_file import Embedded, read_embedded
from antiphon.engine.embedded_sums import F4, Array, Floats, Tensors, gelu, norm

__all__ = ["EmbeddedBundle", "write_vectors"]

_VECTORS = struct.Struct("<8sIIIIII")
_VECTORS_MAGIC = b"ANTIVECT"
_LOGITS = sum(SIZES)
_RECORD = np.dtype(
    [("code", "<i4", 4), ("sounding", "<f4", FEATURES), ("known", "<f4", (4, 4)), ("logits", "<f4", _LOGITS)]
)


class EmbeddedBundle:
    """Answers like `engine.bundle.Bundle`, from the folder that `antiphon export --target cpp` wrote.

    Raises BundleError when a file is damaged or the reference vectors are not answered as they were.
    """

    knows_beats = False  # such models are not embedded

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._open(read_embedded(folder / "model.bin"))
        except OSError as error:
            raise BundleError(f"{folder}: not a readable bundle ({error})") from error

    def _open(self, model: Embedded) -> None:
        self.about, self.precision = model.about, model.precision
        self.name = str(model.about.get("name", self.folder.name))
        self._layers, self._width = model.layers, model.width
        self._t = Tensors(model.tensors, model.precision)

    def initial(self) -> dict[str, Array]:
        """The state before anything was heard."""
        return {"hidden": np.zeros((self._layers, self._width), F4)}

    def hear(
        self, code: Array, begin: bool, sounding: Array, state: dict[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """One step of the body: code (1, 4), sounding (1, FEATURES) -> what the heads need (1, C), the next state."""
        t = self._t
        e = [t.row(f"embed.{f}", int(code[0, f])) for f in range(4)]
        x = (t["start"][0] if begin else e[0] + e[1] + e[2] + e[3]) + t.total("hear", sounding[0])
        x, after = t.gru(x, state["hidden"])
        base = t.linear("base", norm(x, t["norm.w"][0], t["norm.b"][0]))
        return base[None], {"hidden": after}

    def logits(self, field: int, base: Array, codes: Array, known: Array, sounding: Array) -> Array:
        """Logits of one field, shape (K,), given the known (1, 4) fields of codes (1, 4)."""
        channels = sounding[0, : CHANNELS * 128].reshape(CHANNELS, 128)
        z = base[0] + self._t["field"][field]
        for g in range(4):
            if known[0, g] > 0:
                z = z + self._t.row(f"known.{g}", int(codes[0, g]))
                if g == PITCH:
                    for c in range(CHANNELS):
                        z = z + channels[c, codes[0, g]] * self._t["touch"][c]
        y = gelu(self._t.linear(f"up.{field}", norm(z, self._t["heads.w"][0], self._t["heads.b"][0])))
        out = self._t.linear(f"out.{field}", y)
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
