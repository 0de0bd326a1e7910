"""Scala's files: scales (.scl) and keymaps (.kbm), read and written.

After the formats as M. Op de Coul describes them at huygens-fokker.org: lines that begin with an exclamation mark are
remarks, and what follows a value on its line means nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from antiphon.music.tuning import KEYS, Keymap, Scale, Tuning, named_scale

__all__ = ["open_tuning", "parse_keymap", "parse_scale", "read_keymap", "read_scale", "scale_text", "write_scale"]

_MOST_DEGREES = 10_000
_DEGREE = re.compile(
    r"\s*(?:([+-]?\d{1,300})\s*/\s*(\d{1,300})|([+-]?(?:\d{1,9}\.\d{0,30}|\.\d{1,30}))|(\d{1,300}))(?=\s|$)"
)


class _Lines:
    """The lines of a file that are no remarks, one after another, with where each stood for errors."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._rest = self._meant(text)
        self.number = 0

    def _meant(self, text: str) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.startswith("!"):
                yield number, line

    def take(self, what: str) -> str:
        try:
            self.number, line = next(self._rest)
        except StopIteration:
            raise ValueError(f"{self._name}: ends before {what}") from None
        return line

    def error(self, problem: str) -> ValueError:
        return ValueError(f"{self._name}: line {self.number}: {problem}")

    def whole(self, what: str, least: int, most: int) -> int:
        """A whole number, the first word of the next line."""
        text = _first_word(self.take(what))
        if not re.fullmatch(r"[+-]?\d{1,6}", text) or not least <= int(text) <= most:
            raise self.error(f"{what} is a whole number {least} to {most}, not {text!r}")
        return int(text)


def _first_word(line: str) -> str:
    return (line.split() or [""])[0]


def parse_scale(text: str, name: str) -> Scale:
    """The scale that the text of a .scl file describes. Raises ValueError, one line with its number, for no such."""
    lines = _Lines(text, name)
    about = lines.take("the scale's description").strip()
    count = lines.whole("the number of notes", 1, _MOST_DEGREES)
    cents = []
    for n in range(1, count + 1):
        cents.append(_degree(lines.take(f"note {n} of {count}"), lines))
    if cents[-1] <= 0:
        raise lines.error("the last note, at which the scale repeats, must be above the first")
    return Scale(Path(name).stem or name, tuple(cents), about)


def _degree(line: str, lines: _Lines) -> float:
    """A degree in cents: with a point it is in cents, else a ratio or a whole number."""
    match = _DEGREE.match(line)
    if match is None:
        raise lines.error(f"a note is a ratio such as 3/2 or cents such as 701.955, not {line.strip()!r}")
    above, below, cents, whole = match.groups()
    if cents is not None:
        return float(cents)
    ratio = (int(above), int(below)) if above is not None else (int(whole), 1)
    if min(ratio) <= 0:
        raise lines.error(f"a ratio has two whole numbers above 0, not {line.strip()!r}")
    return 1200 * (math.log2(ratio[0]) - math.log2(ratio[1]))


def read_scale(path: str | Path) -> Scale:
    """The scale of a .scl file. Raises ValueError as `parse_scale` does, OSError when it cannot be read."""
    path = Path(path)
    return parse_scale(path.read_text("utf-8-sig", errors="replace"), str(path))


def scale_text(scale: Scale) -> str:
    """`scale` as the text of a .scl file, in cents to a millionth."""
    about = " ".join(scale.about.split())
    rows = "".join(f" {cents:.6f}\n" for cents in scale.cents)
    return f"! {scale.name}.scl\n!\n{about}\n {len(scale.cents)}\n!\n{rows}"


def write_scale(scale: Scale, path: str | Path) -> None:
    """Write `scale` as a .scl file."""
    Path(path).write_text(scale_text(scale), "utf-8")


def parse_keymap(text: str, name: str) -> Keymap:
    """The keymap that the text of a .kbm file describes. Raises ValueError, one line with its number, for no such."""
    lines = _Lines(text, name)
    size = lines.whole("the size of the map", 0, KEYS)
    first = lines.whole("the first key", 0, KEYS - 1)
    last = lines.whole("the last key", first, KEYS - 1)
    middle = lines.whole("the middle key", 0, KEYS - 1)
    reference = lines.whole("the reference key", 0, KEYS - 1)
    frequency = _hertz(lines)
    octave = lines.whole("the degree of the octave", 0, _MOST_DEGREES)
    degrees = tuple(_mapped(lines, n, size) for n in range(size))
    keymap = Keymap(size, first, last, middle, reference, frequency, octave, degrees)
    if keymap.degree(reference) is None:
        raise ValueError(f"{name}: the reference key {reference} is a silent one")
    return keymap


def _hertz(lines: _Lines) -> float:
    word = _first_word(lines.take("the reference frequency"))
    try:
        hertz = float(word)
    except ValueError:
        hertz = 0.0
    if not 0 < hertz < 1e6:
        raise lines.error(f"the reference frequency is in Hz, not {word!r}")
    return hertz


def _mapped(lines: _Lines, n: int, size: int) -> int | None:
    """The degree of the map's n-th key; keys that the file leaves out at its end are silent."""
    try:
        word = _first_word(lines.take(f"key {n + 1} of {size}"))
    except ValueError:
        return None
    if word.lower() == "x":
        return None
    if not re.fullmatch(r"-?\d{1,5}", word):
        raise lines.error(f"a key plays a degree, a whole number, or none, x; not {word!r}")
    return int(word)


def read_keymap(path: str | Path) -> Keymap:
    """The keymap of a .kbm file. Raises ValueError as `parse_keymap` does, OSError when it cannot be read."""
    path = Path(path)
    return parse_keymap(path.read_text("utf-8-sig", errors="replace"), str(path))


def open_tuning(name: str, *, tonic: int = 0, keymap: Path | None = None, a4: float | None = None) -> Tuning:
    """The tuning that a musician names: one of `SCALES` or a .scl file, on `tonic` 0..11 or on a .kbm file's keys.

    `a4` moves it all until A above middle C sounds in so many Hz. Raises ValueError or OSError, one line.
    """
    scale = read_scale(name) if name.lower().endswith(".scl") else named_scale(name)
    if keymap is None:
        return Tuning.on(scale, tonic, a4=a4)
    tuning = Tuning(scale, read_keymap(keymap))
    return tuning if a4 is None else tuning.moved(a4)
