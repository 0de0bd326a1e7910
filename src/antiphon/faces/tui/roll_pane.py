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
        return gutter + self._blocks(picture, picture.drums[0], picture.drums[1], [self._base] * DRUMS)

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

    @property
    def _base(self) -> Color:
        return self.background_colors[1]

    def _ink(self, name: str) -> Color:
        return self.get_component_styles(f"canvas--{name}").color

    def _shade(self, picture: Picture, half: int) -> Color:
        """What a half line is when nobody plays: the rows of black keys are a little darker."""
        row = picture.window.pitches(half)
        black = picture.window.step == 1 and row.start % 12 in BLACK
        return self._base.blend(self._ink("track"), 0.16) if black else self._base

    def _blocks(
        self, picture: Picture, above: dict[int, Mark], below: dict[int, Mark], shades: list[Color]
    ) -> list[Segment]:
        """A line of half blocks, with neighbours alike drawn as one."""
        inks = {name: self._ink(name) for name in ("you", "it", "plan")}
        line, track = picture.window.present, self._ink("track")
        segments: list[Segment] = []
        for column in range(picture.window.columns):
            grid = 0.6 if column == line else 0.22 if column in picture.bars else 0.0
            halves = [
                _colour(mark, inks, shade.blend(track, grid))
                for mark, shade in ((above.get(column), shades[0]), (below.get(column), shades[1]))
            ]
            style = _style(*halves)
            if segments and segments[-1].style is style:
                segments[-1] = Segment(segments[-1].text + "▀", style)
            else:
                segments.append(Segment("▀", style))
        return segments


def _colour(mark: Mark | None, inks: dict[str, Color], behind: Color) -> Color:
    if mark is None:
        return behind
    if mark.who == "plan":
        return inks["plan"]
    strength = SOFTEST + (1 - SOFTEST) * mark.loudness
    return behind.blend(inks[mark.who if mark.who in inks else "it"], strength if mark.onset else strength * 0.78)


@lru_cache(maxsize=4096)
def _style(above: Color, below: Color) -> Style:
    return Style(color=above.rich_color, bgcolor=below.rich_color)
