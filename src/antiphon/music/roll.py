"""Piano rolls: music drawn as a picture, time from left to right, pitch upwards, who played what in colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from antiphon.music.event import Events, is_drum
from antiphon.music.notes import drums, notes_of
from antiphon.music.programs import instrument_name

__all__ = ["COLOURS", "draw_roll"]

Colour = tuple[int, int, int]

COLOURS: tuple[Colour, ...] = (
    (0, 98, 178),
    (222, 96, 0),
    (0, 145, 106),
    (190, 96, 156),
    (74, 160, 214),
    (196, 150, 0),
    (96, 96, 104),
)
"""After M. Okabe and K. Ito's palette, which all kinds of colour vision can tell apart; the first two do best."""

PAPER, BLACK_KEY_ROW, OCTAVE_LINE, TIME_LINE = (255, 255, 255), (244, 245, 247), (214, 217, 222), (229, 231, 235)
INK, QUIET_INK, IVORY, EBONY = (31, 35, 40), (110, 118, 129), (255, 255, 255), (52, 56, 62)

SUPERSAMPLING = 3
"""Drawn so many times larger and scaled down, which smooths all edges."""

WIDTH, MARGIN, GUTTER, HEADER, BETWEEN = 1600, 32, 58, 64, 44
"""Pixels of the finished picture: its width, its border, the keyboards' column, the title's row, between systems."""

DRUM_ROW = 15
LONGEST_SYSTEM, USUAL_SYSTEM, MOST_SYSTEMS = 32.0, 24.0, 8
"""Seconds up to which one system is enough, seconds of each when it is not, and how many of those at most."""

BLACK_KEYS = frozenset({1, 3, 6, 8, 10})

DRUM_ROWS: tuple[tuple[str, frozenset[int]], ...] = (
    ("cymbal", frozenset({49, 51, 52, 53, 55, 57, 59})),
    ("hi-hat", frozenset({42, 44, 46})),
    ("tom", frozenset({41, 43, 45, 47, 48, 50})),
    ("snare", frozenset({37, 38, 39, 40})),
    ("kick", frozenset({35, 36})),
)
"""General MIDI percussion by kind, from the top; what is in none of these is "other"."""


@dataclass(frozen=True)
class _Layout:
    """Where things are, in pixels of the finished picture. `low` and `high` are the lowest and highest pitch drawn."""

    low: int
    high: int
    row: int
    drum_rows: tuple[str, ...]
    start: float
    seconds: float
    systems: int

    @property
    def keys_height(self) -> int:
        return (self.high - self.low + 1) * self.row

    @property
    def drums_height(self) -> int:
        return len(self.drum_rows) * DRUM_ROW + (10 if self.drum_rows and self.keys_height else 0)

    @property
    def left(self) -> int:
        return MARGIN + GUTTER

    @property
    def right(self) -> int:
        return WIDTH - MARGIN

    @property
    def height(self) -> int:
        return HEADER + self.systems * (self.keys_height + self.drums_height + BETWEEN) + MARGIN // 2

    def top(self, system: int) -> int:
        return HEADER + system * (self.keys_height + self.drums_height + BETWEEN)

    def drum_top(self, system: int, row: int) -> int:
        return self.top(system) + self.keys_height + self.drums_height - (len(self.drum_rows) - row) * DRUM_ROW

    def x(self, at: float, system: int) -> float:
        """The place of a time on a system, within its ends."""
        share = (at - self.start) / self.seconds - system
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, pitch: int, system: int) -> int:
        return self.top(system) + (self.high - pitch) * self.row

    def systems_of(self, onset: float, release: float) -> range:
        """The systems on which a note shows."""
        first = int((onset - self.start) / self.seconds)
        last = math.ceil((release - self.start) / self.seconds) - 1
        return range(min(first, self.systems - 1), min(max(first, last), self.systems - 1) + 1)


def draw_roll(events: Events, path: str | Path, *, groups: Mapping[int, str] | None = None, title: str = "") -> None:
    """Draw `events` (dtype `EVENT`, in order of time) as a PNG of 1600 pixels' width at `path`.

    `groups` names for each instrument whose colour it has, such as "you" and "antiphon"; those it does not name, or all
    without it, stand for themselves. Louder notes are darker. Drums are ticks in rows of their own below. Long music
    wraps into systems of some 24 seconds, eight at most. Raises OSError when `path` cannot be written.
    """
    notes = notes_of(events)
    names = {int(i): (groups or {}).get(int(i)) or instrument_name(int(i)) for i in np.unique(notes["instrument"])}
    legend = list(dict.fromkeys([*(groups or {}).values(), *names.values()]))
    legend = [name for name in legend if name in names.values()]
    colours = {i: COLOURS[legend.index(name) % len(COLOURS)] for i, name in names.items()}
    layout = _lay_out(notes)
    picture = Image.new("RGB", (WIDTH * SUPERSAMPLING, layout.height * SUPERSAMPLING), PAPER)
    pen = _Pen(ImageDraw.Draw(picture))
    _draw_header(pen, title, legend)
    for system in range(layout.systems):
        _draw_system(pen, layout, system)
    notes = notes[np.argsort(-notes["duration"], kind="stable")]
    for note, doubled in zip(notes, _doubled(notes), strict=True):
        _draw_note(pen, layout, note, colours[int(note["instrument"])], inset=layout.row * 0.22 if doubled else 0.0)
    for system in range(layout.systems):
        _draw_keyboard(pen, layout, system)
    picture.resize((WIDTH, layout.height), Image.Resampling.LANCZOS).save(path, "PNG", optimize=True)


@dataclass(frozen=True)
class _Pen:
    """Draws in pixels of the finished picture on one that is larger."""

    draw: ImageDraw.ImageDraw

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: Colour,
        *,
        edge: Colour | None = None,
        radius: float = 0,
    ) -> None:
        # Pillow counts the last pixel in; a box that ends where the next begins must not.
        corners = [left * SUPERSAMPLING, top * SUPERSAMPLING, right * SUPERSAMPLING - 1, bottom * SUPERSAMPLING - 1]
        corners[2], corners[3] = max(corners[2], corners[0]), max(corners[3], corners[1])
        radius = min(radius * SUPERSAMPLING, (corners[2] - corners[0]) / 2, (corners[3] - corners[1]) / 2)
        self.draw.rounded_rectangle(corners, radius, fill, edge, 0 if edge is None else SUPERSAMPLING - 1)

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float = 1) -> None:
        points = [x0 * SUPERSAMPLING, y0 * SUPERSAMPLING, x1 * SUPERSAMPLING, y1 * SUPERSAMPLING]
        self.draw.line(points, colour, max(1, round(width * SUPERSAMPLING)))

    def text(self, x: float, y: float, words: str, colour: Colour, size: int, anchor: str) -> None:
        font = ImageFont.load_default(size * SUPERSAMPLING)
        self.draw.text((x * SUPERSAMPLING, y * SUPERSAMPLING), words, colour, font, anchor)

    def width(self, words: str, size: int) -> float:
        return float(self.draw.textlength(words, ImageFont.load_default(size * SUPERSAMPLING))) / SUPERSAMPLING


def _doubled(notes: npt.NDArray[np.void]) -> list[bool]:
    """Of notes in the order in which they are drawn, which come to lie on one of the same pitch."""
    drawn: dict[int, list[tuple[float, float]]] = {}
    found = []
    for onset, duration, _, pitch, _ in notes.tolist():
        others = drawn.setdefault(pitch, [])
        found.append(any(onset < end and begin < onset + duration for begin, end in others))
        others.append((onset, onset + duration))
    return found


def _lay_out(notes: npt.NDArray[np.void]) -> _Layout:
    start = math.floor(float(notes["onset"].min(initial=math.inf))) if len(notes) else 0
    seconds = max(4.0, float((notes["onset"] + notes["duration"]).max(initial=0.0)) - start)
    systems = 1
    if seconds > LONGEST_SYSTEM:
        systems = min(MOST_SYSTEMS, math.ceil(seconds / USUAL_SYSTEM))
        seconds = math.ceil(seconds / systems)
    pitched = ~drums(notes["instrument"])
    pitches = notes["pitch"][pitched].astype(int)
    low, high = 0, -1
    if pitched.any() or not len(notes):
        low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 72)
        # An octave at least, and a C to read the others by.
        low, high = max(0, low - 1), min(127, high + 1)
        low, high = max(0, min(low, high - 12)), min(127, max(high, low + 12))
    row = min(9, max(4, round(320 / max(1, high - low + 1))))
    struck = {_drum_row(int(pitch)) for pitch in notes["pitch"][~pitched]}
    rows = tuple(name for name in (*(name for name, _ in DRUM_ROWS), "other") if name in struck)
    return _Layout(low, high, row, rows, float(start), seconds, systems)


def _drum_row(pitch: int) -> str:
    return next((name for name, pitches in DRUM_ROWS if pitch in pitches), "other")


def _draw_header(pen: _Pen, title: str, legend: Sequence[str]) -> None:
    middle = HEADER / 2
    x = float(WIDTH - MARGIN)
    for number, name in reversed(list(enumerate(legend[: len(COLOURS)]))):
        x -= pen.width(name, 15)
        pen.text(x, middle, name, INK, 15, "lm")
        x -= 24
        pen.box(x, middle - 6, x + 16, middle + 6, COLOURS[number], radius=3)
        x -= 22
    while title and pen.width(title, 20) > x - MARGIN:
        title = title.rstrip("…")[:-1] + "…"
    pen.text(MARGIN, middle, title, INK, 20, "lm")


def _draw_system(pen: _Pen, layout: _Layout, system: int) -> None:
    """The ground on which a system's notes stand: rows of black keys, lines of octaves and of seconds."""
    top, left, right = layout.top(system), layout.left, layout.right
    for pitch in range(layout.low, layout.high + 1):
        y = layout.y(pitch, system)
        if pitch % 12 in BLACK_KEYS:
            pen.box(left, y, right, y + layout.row, BLACK_KEY_ROW)
        if pitch % 12 == 0:
            pen.line(left, y + layout.row, right, y + layout.row, OCTAVE_LINE)
    for row in range(len(layout.drum_rows)):
        y = layout.drum_top(system, row)
        if row % 2 == 0:
            pen.box(left, y, right, y + DRUM_ROW, BLACK_KEY_ROW)
    bottom = top + layout.keys_height + layout.drums_height
    step = _time_step(layout.seconds)
    begin = layout.start + system * layout.seconds
    for number in range(math.ceil(begin / step - 1e-9), math.floor((begin + layout.seconds) / step + 1e-9) + 1):
        at = number * step
        x = layout.x(at, system)
        pen.line(x, top, x, bottom, TIME_LINE)
        pen.text(x, bottom + 5, f"{int(at) // 60}:{int(at) % 60:02d}", QUIET_INK, 12, "mt")


def _time_step(seconds: float) -> int:
    """Seconds between the lines of time: no more than a dozen or so on a system."""
    return next((step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300) if seconds / step <= 16), 600)


def _draw_keyboard(pen: _Pen, layout: _Layout, system: int) -> None:
    """The keys at the left of a system, drawn last, so that their edge is clean; the names of Cs and of drums."""
    left, right, row = MARGIN + 26, layout.left - 4, layout.row
    for pitch in range(layout.low, layout.high + 1):
        y = layout.y(pitch, system)
        if pitch % 12 in BLACK_KEYS:
            pen.box(left, y, left + (right - left) * 0.62, y + row, EBONY, radius=1)
        elif pitch % 12 in (0, 5):
            # Only between B and C and between E and F do two white keys meet in full.
            pen.line(left, y + row, right, y + row, OCTAVE_LINE)
        if pitch % 12 not in BLACK_KEYS and (pitch - 1) % 12 in BLACK_KEYS and pitch > layout.low:
            middle = y + row * 1.5
            pen.line(left + (right - left) * 0.62, middle, right, middle, OCTAVE_LINE)
        if pitch % 12 == 0:
            pen.text(left - 5, y + row / 2, f"C{pitch // 12 - 1}", QUIET_INK, 12, "rm")
    if layout.keys_height:
        top = layout.top(system)
        for x0, y0, x1, y1 in (
            (left, top, right, top),
            (left, top + layout.keys_height, right, top + layout.keys_height),
            (left, top, left, top + layout.keys_height),
            (right, top, right, top + layout.keys_height),
        ):
            pen.line(x0, y0, x1, y1, OCTAVE_LINE)
    for number, name in enumerate(layout.drum_rows):
        pen.text(right, layout.drum_top(system, number) + DRUM_ROW / 2, name, QUIET_INK, 12, "rm")


def _draw_note(pen: _Pen, layout: _Layout, note: np.void, colour: Colour, inset: float) -> None:
    """`inset` makes a note thinner, so that another in unison shows behind it."""
    onset, pitch = float(note["onset"]), int(note["pitch"])
    shade = _mixed(colour, PAPER, 0.42 + 0.58 * int(note["velocity"]) / 127)
    if is_drum(int(note["instrument"])):
        system = layout.systems_of(onset, onset)[0]
        x = layout.x(onset, system)
        y = layout.drum_top(system, layout.drum_rows.index(_drum_row(pitch)))
        pen.box(x, y + 2, x + 3, y + DRUM_ROW - 2, shade, radius=1)
        return
    release = onset + float(note["duration"])
    for system in layout.systems_of(onset, release):
        x0, x1 = layout.x(onset, system), layout.x(release, system)
        y = layout.y(pitch, system)
        # A sliver of paper before the next note, so that repeated notes can be counted.
        x1 = max(x1 - 0.6, x0 + 2)
        edge = _mixed(shade, INK, 0.78)
        top, bottom = y + 0.3 + inset, y + layout.row - 0.3 - inset
        pen.box(x0, top, min(x1, layout.right), bottom, shade, edge=edge, radius=layout.row / 4)


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """`share` (0..1) of `colour`, the rest of `other`."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(colour, other, strict=True))
    return red, green, blue
