"""The C++ of `embed/`, compiled and called from Python."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np

import antiphon
from antiphon.engine import FIELDS, Steer, Voice

EMBED = Path(antiphon.__file__).parent / "embed"
HERE = Path(__file__).parent
STRICT = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", str(EMBED)]
OK, NOTHING_POSSIBLE, BAD_EVENT, BAD_CONSTRAINTS, FULL, BROKEN = range(6)


def compile_cpp(source: Path, out: Path, *flags: str, compiler: str = "g++") -> Path:
    """Compile one file against the header, every warning an error."""
    done = subprocess.run([compiler, *STRICT, *flags, source, "-o", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


class _Voice(ctypes.Structure):
    _fields_ = [
        ("instrument", ctypes.c_int),
        ("pitches", ctypes.c_uint64 * 2),
        *[(name, ctypes.c_int) for name in ("min_velocity", "max_velocity", "min_polyphony", "max_polyphony")],
        *[(name, ctypes.c_double) for name in ("min_length", "max_length")],
        ("may_start", ctypes.c_int),
        ("weight", ctypes.c_double),
    ]


class _Constraints(ctypes.Structure):
    _fields_ = [
        ("earliest", ctypes.c_double),
        ("latest", ctypes.c_double),
        ("fixed", ctypes.c_int * 4),
        ("fixed_to", ctypes.c_double * 4),
        ("order", ctypes.c_int * 4),
        ("steer", (ctypes.c_double * 4) * 4),
        ("onset_weight", ctypes.c_double),
        ("beat", ctypes.c_int),
        *[(name, ctypes.c_double) for name in ("origin", "tempo", "strength")],
        ("meter", ctypes.c_int),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("at", ctypes.c_double),
        ("instrument", ctypes.c_int),
        ("pitch", ctypes.c_int),
        ("velocity", ctypes.c_int),
    ]


def _plain_voice(instrument: int, voice: Voice, weight: float) -> _Voice:
    mask = np.ones(128, np.bool_) if voice.pitches is None else voice.pitches
    bits = np.packbits(mask, bitorder="little").view(np.uint64)
    limits = (voice.min_velocity, voice.max_velocity, voice.min_polyphony, voice.max_polyphony)
    lengths = (voice.min_length, voice.max_length)
    return _Voice(instrument, (ctypes.c_uint64 * 2)(*bits.tolist()), *limits, *lengths, voice.may_start, weight)


class Numbers:
    """A random generator that can be heard twice: what it gave is what C++ will be given."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.given: list[float] = []

    def random(self) -> float:
        self.given.append(self._rng.random())
        return self.given[-1]

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()


class CppModel:
    """A model played by the header: answers in (status, event, random numbers used)."""

    def __init__(self, library: Path, model: Path, *, plainly: bool = False, most: int = 1024) -> None:
        self._lib = ctypes.CDLL(str(library))
        self._lib.bridge_open.restype = ctypes.c_void_p
        self._self = ctypes.c_void_p(self._lib.bridge_open(str(model).encode(), int(plainly), most))
        assert self._self, "the header refuses the model"

    def read(self, raw: bytes) -> int:
        return int(self._lib.bridge_read(raw, ctypes.c_size_t(len(raw))))

    def reset(self) -> None:
        self._lib.bridge_reset(self._self)

    def save(self) -> int:
        return int(self._lib.bridge_save(self._self))

    def restore(self) -> int:
        return int(self._lib.bridge_restore(self._self))

    def feed(self, event) -> int:
        return int(
            self._lib.bridge_feed(self._self, ctypes.c_double(event.at), event.instrument, event.pitch, event.velocity)
        )

    def logits(self, field: int, code, known) -> np.ndarray:
        out = np.zeros(320, np.float32)
        four = ctypes.c_int * 4
        pointer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        assert self._lib.bridge_logits(self._self, field, four(*code), four(*known), pointer) == 0
        return out[: (320, 128, 165, 128)[field]]

    strength = 1.0
    """Of the beat's rhythm, for models that know one."""

    def probabilities(self, history: int) -> np.ndarray:
        out = np.zeros(316)
        pointer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        self._lib.bridge_probabilities(self._self, ctypes.c_uint64(history), pointer)
        return out

    def next(self, word: int) -> np.ndarray:
        """A net of words: logits of the next word, before it hears `word`."""
        out = np.zeros(316)
        self._lib.bridge_next(self._self, word, out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
        return out

    def sample(self, constraints, numbers):
        voices = [_plain_voice(i, v, constraints.weights.get(i, 1.0)) for i, v in constraints.voices.items()]
        plain = _Constraints(earliest=constraints.earliest, latest=constraints.latest)
        plain.onset_weight = constraints.onset_weight
        if constraints.beat is not None:
            plain.beat, plain.origin, plain.tempo = 1, constraints.beat.origin, constraints.beat.tempo
            plain.meter, plain.strength = constraints.beat.meter, self.strength
        rest = [n for n in FIELDS if n not in constraints.order]
        for place, name in enumerate((*constraints.order, *rest)):
            plain.order[place] = FIELDS.index(name)
        for field, name in enumerate(FIELDS):
            plain.fixed[field] = name in constraints.fixed
            plain.fixed_to[field] = constraints.fixed.get(name, 0)
            steer = constraints.steer.get(name, Steer())
            plain.steer[field] = (ctypes.c_double * 4)(steer.temperature, steer.top_p, *steer.window)
        given = (ctypes.c_double * 32)(*[*numbers, *[0.5] * 32][:32])
        used, event = ctypes.c_int(), _Event()
        array = (_Voice * max(len(voices), 1))(*voices)
        status = self._lib.bridge_sample(
            self._self, array, len(voices), ctypes.byref(plain), given, ctypes.byref(used), ctypes.byref(event)
        )
        return status, (event.at, event.instrument, event.pitch, event.velocity), used.value
