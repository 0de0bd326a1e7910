"""The live piano roll of both players, with what the machine has decided and what it means."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Size

from antiphon.faces.tui.canvas import Canvas
from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.roll import COLUMN, DRUMS, Mark, Picture, draw_roll
from antiphon.faces.tui.vocabulary import note_name

__all__ = ["RollPane"]

GUTTER = 5
"""Characters for the names of pitches and the keys."""
BLACK = frozenset({1, 3, 6, 8, 10})
INKS = ("you", "it", "plan")
NOW, BAR = 0.6, 0.22
"""How much the line of now and those of bars have of the sliders' colour."""
SOFTEST = 0.5
"""How much of a player's colour the softest note has."""


class RollPane(Canvas, can_focus=False):
    """Time goes from left to right. Draws only when there is something else to see than before."""

    def __init__(self, hand: Hand) -> None:
        super().__init__(id="roll")
        self._hand, self._mirror = hand, hand.mirror
        self._low: int | None = None
        self._picture: Picture | None = None
        self._seen: tuple[object, ...] = ()

    def extent(self) -> Size:
        """What there is room for."""
        self._seen, self._low = (), None
        return self.scrollable_content_region.size

    def beat(self, now: float) -> None:
        """Draw again if time moved on by a column while notes are to be seen, or if what is to be seen changed."""
        seen = (self._mirror.sounding.version, self._mirror.sense.origin, self.size)
        still = self._picture is None or self._picture.empty
        moment = 0 if still and self._seen[:-1] == seen else int(now / COLUMN)
        if (*seen, moment) != self._seen:
            self._seen = (*seen, moment)
            self._picture = self._drawn(now)
            if self._picture is not None and self._picture.empty:
                self._seen = (*seen, 0)
            self.refresh()

    @property
    def _drums(self) -> bool:
        return any(strip.drums and strip.mode != "off" for strip in self._mirror.strips.values())

    def _drawn(self, now: float) -> Picture | None:
        width, height = self.scrollable_content_region.size
        lines = height - 1 - self._drums
        if width <= GUTTER or lines < 1:
            return None
        picture = draw_roll(self._mirror, now, width - GUTTER, lines * 2, self._low)
        self._low = picture.window.low
        return picture

    def draw(self, line: int) -> list[Segment]:
        """The legend, a line of two pitches, or the drums."""
        if line == 0:
            return self._legend()
        picture = self._picture or self._drawn(self._hand.now)
        if picture is None:
            return []
        top = (line - 1) * 2
        if top < picture.window.halves:
            gutter = self._gutter(picture, top)
            shades = [self._shade(picture, half) for half in (top, top + 1)]
            return gutter + self._blocks(picture, picture.halves[top], picture.halves[top + 1], shades)
        gutter = [Segment("drum ", self.style_of("quiet"))]
        return gutter + self._blocks(picture, picture.drums[0], picture.drums[1], [self.ground] * DRUMS)

    def _legend(self) -> list[Segment]:
        parts = [("■ you  ", "you"), ("■ it  ", "it"), ("■ it means to ", "plan")]
        words = sum(len(text) for text, _ in parts)
        rule = max(0, self.scrollable_content_region.width - words - len(" piano roll ") - 1)
        return [
            Segment(" piano roll ", self.style_of("heading")),
            Segment("─" * rule + " ", self.style_of("faint")),
            *(Segment(text, self.style_of(name)) for text, name in parts),
        ]

    def _gutter(self, picture: Picture, top: int) -> list[Segment]:
        """The name of a C, and two keys of the piano."""
        pitches = [picture.window.pitches(half) for half in (top, top + 1)]
        c = next((pitch for row in pitches for pitch in row if pitch % 12 == 0), None)
        name = Segment(f"{'' if c is None else note_name(c):>3} ", self.style_of("quiet"))
        if picture.window.step > 1:
            return [name, Segment(" ")]
        keys = ["#3a3a3a" if row.start % 12 in BLACK else "#e8e4da" for row in pitches]
        return [name, Segment("▀", Style(color=keys[0], bgcolor=keys[1]))]

    def _shade(self, picture: Picture, half: int) -> Color:
        """What a half line is when nobody plays: the rows of black keys are a little darker."""
        row = picture.window.pitches(half)
        black = picture.window.step == 1 and row.start % 12 in BLACK
        return self.ground.blend(self.ink("track"), 0.16) if black else self.ground

    def _blocks(
        self, picture: Picture, above: dict[int, Mark], below: dict[int, Mark], shades: list[Color]
    ) -> list[Segment]:
        """A line of half blocks. Most of a roll is empty: what lies between notes and lines is drawn in one piece."""
        window, bars, track = picture.window, set(picture.bars), self.ink("track")
        inks = tuple(self.ink(name) for name in INKS)
        segments: list[Segment] = []
        done = 0
        for column in sorted({*above, *below, *bars, window.present}):
            if column > done:
                segments.append(Segment("▀" * (column - done), _style(*shades)))
            grid = NOW if column == window.present else BAR if column in bars else 0.0
            behind = [_between(shade, track, grid) for shade in shades] if grid else shades
            halves = [_colour(row.get(column), inks, back) for row, back in zip((above, below), behind, strict=True)]
            style = _style(*halves)
            if segments and column == done and segments[-1].style is style:
                segments[-1] = Segment(segments[-1].text + "▀", style)
            else:
                segments.append(Segment("▀", style))
            done = column + 1
        return [*segments, Segment("▀" * (window.columns - done), _style(*shades))]


@lru_cache(maxsize=4096)
def _colour(mark: Mark | None, inks: tuple[Color, ...], behind: Color) -> Color:
    """What half a character looks like; `inks` are those of `INKS`."""
    if mark is None:
        return behind
    if mark.who == "plan":
        return inks[2]
    strength = SOFTEST + (1 - SOFTEST) * mark.loudness
    return behind.blend(inks[0 if mark.who == "you" else 1], strength if mark.onset else strength * 0.78)


@lru_cache(maxsize=256)
def _between(shade: Color, ink: Color, share: float) -> Color:
    return shade.blend(ink, share)


@lru_cache(maxsize=4096)
def _style(above: Color, below: Color) -> Style:
    return Style(color=above.rich_color, bgcolor=below.rich_color)
