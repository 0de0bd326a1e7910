"""Tunings: which frequency each key sounds in, from a scale of degrees, where it begins, and the keys that play it.

Scales are as M. Op de Coul's Scala archive understands them: degrees in cents above the first, the last of which is
the interval at which everything repeats. A keymap says which key plays which degree; without one, each key plays the
next degree. Historical temperaments are made here from what defines them: by how much each fifth is narrower than pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["EQUAL", "SCALES", "Keymap", "Scale", "Tuning", "equal_frequency", "named_scale", "ratio_cents"]

KEYS = 128
CONCERT_PITCH = 440.0
"""Hz of A above middle C, MIDI key 69 (ISO 16)."""
MIDDLE_C = 60


def ratio_cents(ratio: float) -> float:
    """A ratio of frequencies in cents, 1200 an octave (A. J. Ellis, 1885)."""
    return 1200 * math.log2(ratio)


def equal_frequency(pitch: float) -> float:
    """Hz of a MIDI pitch, which may lie between keys, in equal temperament at A = 440."""
    return float(CONCERT_PITCH * 2 ** ((pitch - 69) / 12))


@dataclass(frozen=True)
class Scale:
    """Degrees in cents above the first, which is left out; the last is the period at which the scale repeats."""

    name: str
    cents: tuple[float, ...]
    about: str = ""

    def __post_init__(self) -> None:
        if not self.cents or not all(math.isfinite(c) for c in self.cents):
            raise ValueError(f"{self.name}: a scale has one degree at least, the interval at which it repeats")
        if self.cents[-1] <= 0:
            raise ValueError(f"{self.name}: a scale must repeat at an interval above its first degree")

    def at(self, degree: int) -> float:
        """Cents of any degree above (or below) degree 0, through the scale's repetitions."""
        periods, within = divmod(degree, len(self.cents))
        return periods * self.cents[-1] + (self.cents[within - 1] if within else 0.0)


@dataclass(frozen=True)
class Keymap:
    """Which key plays which degree, as Scala's .kbm files say it.

    Key `middle` plays the first of `degrees` (None: a silent key), the next key the next; after `size` keys they begin
    again, `octave` degrees higher. Size 0: each key plays the next degree. Keys `first` to `last` are retuned, others
    stay in equal temperament. Key `reference` sounds at `frequency` Hz.
    """

    size: int = 0
    first: int = 0
    last: int = KEYS - 1
    middle: int = MIDDLE_C
    reference: int = MIDDLE_C
    frequency: float = equal_frequency(MIDDLE_C)
    octave: int = 0
    degrees: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        keys = (self.first, self.last, self.middle, self.reference)
        if not all(0 <= key < KEYS for key in keys) or self.first > self.last:
            raise ValueError(f"a keymap's keys are 0 to {KEYS - 1}, in order, not {', '.join(map(str, keys))}")
        if not (math.isfinite(self.frequency) and self.frequency > 0):
            raise ValueError(f"a key cannot sound at {self.frequency:g} Hz")
        if self.size < 0 or len(self.degrees) > self.size:
            raise ValueError(f"a keymap of {self.size} keys cannot name {len(self.degrees)} of them")

    def degree(self, key: int) -> int | None:
        """The degree that a key plays; None where it is silent."""
        if not self.size:
            return key - self.middle
        octaves, within = divmod(key - self.middle, self.size)
        degree = self.degrees[within] if within < len(self.degrees) else None
        return None if degree is None else octaves * self.octave + degree


@dataclass(frozen=True)
class Tuning:
    """What every key sounds at: `scale` on the keys of `keymap`. Raises ValueError where the key that is tuned first,
    the keymap's reference, is silent."""

    scale: Scale
    keymap: Keymap = Keymap()

    def __post_init__(self) -> None:
        if self.keymap.degree(self.keymap.reference) is None:
            raise ValueError(f"{self.scale.name}: the reference key {self.keymap.reference} plays no degree")

    @classmethod
    def on(cls, scale: Scale, tonic: int = 0, *, a4: float | None = None) -> Tuning:
        """`scale` from the pitch class `tonic` 0..11 (C is 0), a key a degree.

        The tonic's key from middle C up sounds as in equal temperament; with `a4`, A above middle C sounds in so many
        Hz and all keys go with it.
        """
        key = MIDDLE_C + tonic % 12
        plain = cls(scale, Keymap(middle=key, reference=key, frequency=equal_frequency(key)))
        return plain if a4 is None else plain.moved(a4)

    def moved(self, a4: float) -> Tuning:
        """The tuning with A above middle C, MIDI key 69, at `a4` Hz. Raises ValueError where that key is silent."""
        now = float(self.frequencies[69])
        if math.isnan(now):
            raise ValueError(f"{self.scale.name}: key 69 is silent and cannot be tuned to {a4:g} Hz")
        if not (math.isfinite(a4) and a4 > 0):
            raise ValueError(f"A cannot sound at {a4:g} Hz")
        keymap = self.keymap
        moved = Keymap(
            keymap.size, keymap.first, keymap.last, keymap.middle, keymap.reference,
            keymap.frequency * a4 / now, keymap.octave, keymap.degrees,
        )  # fmt: skip
        return Tuning(self.scale, moved)

    @cached_property
    def frequencies(self) -> npt.NDArray[np.float64]:
        """Hz of each MIDI key, shape (128,); NaN for a silent one."""
        keymap = self.keymap
        base = self.scale.at(keymap.degree(keymap.reference) or 0)
        hz = np.array([equal_frequency(key) for key in range(KEYS)])
        for key in range(keymap.first, keymap.last + 1):
            degree = keymap.degree(key)
            hz[key] = math.nan if degree is None else keymap.frequency * 2 ** ((self.scale.at(degree) - base) / 1200)
        return hz

    @cached_property
    def pitches(self) -> npt.NDArray[np.float64]:
        """The MIDI pitch, with its fraction, that each key sounds at, shape (128,); NaN for a silent one."""
        return np.asarray(69 + 12 * np.log2(self.frequencies / CONCERT_PITCH))

    @property
    def deviations(self) -> npt.NDArray[np.float64]:
        """Cents by which each key sounds higher than in equal temperament, shape (128,); NaN for a silent one."""
        return np.asarray(100 * (self.pitches - np.arange(KEYS)))


PURE_FIFTH = ratio_cents(3 / 2)
PYTHAGOREAN = 12 * PURE_FIFTH - 7 * 1200
"""Twelve pure fifths are so many cents more than seven octaves."""
SYNTONIC = ratio_cents(81 / 80)
SCHISMA = PYTHAGOREAN - SYNTONIC
FIFTHS = ("Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#")
"""Keys by fifths, from which every temperament of twelve here is tuned; after the last comes Eb again."""


def _by_fifths(name: str, about: str, narrowed: Mapping[str, float]) -> Scale:
    """Twelve keys from Eb up by fifths, each pure but for those that begin on a key of `narrowed`: by so many cents."""
    chain = np.cumsum([0.0] + [PURE_FIFTH - narrowed.get(key, 0.0) for key in FIFTHS[:-1]])
    chain -= chain[FIFTHS.index("C")]
    degrees = sorted(float(c) % 1200 for key, c in zip(FIFTHS, chain, strict=True) if key != "C")
    return Scale(name, (*degrees, 1200.0), about)


def _narrow(keys: str, cents: float) -> dict[str, float]:
    return dict.fromkeys(keys.split(), cents)


def _divided(parts: int) -> Scale:
    return Scale(f"{parts}-edo", tuple(1200 * n / parts for n in range(1, parts + 1)), f"{parts} equal steps an octave")


def _of_ratios(name: str, about: str, ratios: Sequence[tuple[int, int]]) -> Scale:
    return Scale(name, tuple(ratio_cents(a / b) for a, b in ratios), about)


EQUAL = Scale("equal", _divided(12).cents, "twelve equal semitones")

_TWELVE_OF_NINETEEN = (1, 3, 5, 6, 8, 9, 11, 12, 14, 16, 17, 19)
_JUST = ((16, 15), (9, 8), (6, 5), (5, 4), (4, 3), (45, 32), (3, 2), (8, 5), (5, 3), (9, 5), (15, 8), (2, 1))

SCALES: Mapping[str, Scale] = {
    scale.name: scale
    for scale in (
        EQUAL,
        _by_fifths("pythagorean", "eleven pure fifths, Eb to G#; the wolf is G#-Eb", {}),
        _by_fifths(
            "meantone",
            "quarter-comma: pure major thirds, Eb to G# (P. Aaron, 1523)",
            _narrow("Eb Bb F C G D A E B F# C#", SYNTONIC / 4),
        ),
        _by_fifths(
            "werckmeister-3",
            "four fifths by a quarter of the Pythagorean comma (A. Werckmeister, 1691)",
            _narrow("C G D B", PYTHAGOREAN / 4),
        ),
        _by_fifths(
            "kirnberger-3",
            "C-E pure, its four fifths by a quarter of the syntonic comma (J. P. Kirnberger, 1779)",
            _narrow("C G D A", SYNTONIC / 4) | {"F#": SCHISMA},
        ),
        _by_fifths(
            "vallotti",
            "F to B by a sixth of the Pythagorean comma (F. A. Vallotti, written down by G. Tartini, 1754)",
            _narrow("F C G D A E", PYTHAGOREAN / 6),
        ),
        _by_fifths(
            "young",
            "C to F# by a sixth of the Pythagorean comma (T. Young's second, 1800)",
            _narrow("C G D A E B", PYTHAGOREAN / 6),
        ),
        _by_fifths(
            "kellner",
            "five fifths by a fifth of the Pythagorean comma (H. A. Kellner, 1975)",
            _narrow("C G D A B", PYTHAGOREAN / 5),
        ),
        Scale(
            "vrwt",
            (94.662, 197.009, 296.830, 392.056, 499.080, 593.558, 700.037, 795.608, 894.681, 997.976, 1092.311, 1200.0),
            "Victorian rational well temperament (G. Secor, 1975), cents to three places",
        ),
        _of_ratios("just", "five-limit just intonation about the tonic", _JUST),
        _divided(19),
        Scale(
            "19-edo-12",
            tuple(1200 * step / 19 for step in _TWELVE_OF_NINETEEN),
            "twelve of nineteen equal steps: C C# D Eb E F F# G G# A Bb B",
        ),
    )
}
"""Scales that can be named, each on C."""


def named_scale(name: str) -> Scale:
    """The scale of that name. Raises ValueError, with all names, for another."""
    try:
        return SCALES[name.strip().lower().replace(" ", "-")]
    except KeyError:
        raise ValueError(f"{name!r} is no tuning: write {', '.join(SCALES)}, or a Scala file NAME.scl") from None
