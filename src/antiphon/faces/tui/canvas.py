"""A canvas: a widget that draws its own lines of characters, in the styles that every pane of the terminal shares."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["Canvas"]

STYLES = ("heading", "quiet", "faint", "strong", "you", "it", "plan", "good", "alarm", "track", "cursor")


class Canvas(ScrollView, can_focus=True):
    """Lines of `Segment`s. A pane says which with `draw`, and how many there are with `extent`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"canvas--{name}" for name in STYLES}
    DEFAULT_CSS = """
    Canvas { scrollbar-size: 1 1; overflow-x: hidden; background: $background; }
    Canvas > .canvas--heading { color: $foreground; text-style: bold; }
    Canvas > .canvas--quiet { color: $text-muted; }
    Canvas > .canvas--faint { color: $faint; }
    Canvas > .canvas--strong { color: $foreground; text-style: bold; }
    Canvas > .canvas--you { color: $you; }
    Canvas > .canvas--it { color: $it; }
    Canvas > .canvas--plan { color: $plan; }
    Canvas > .canvas--good { color: $success; }
    Canvas > .canvas--alarm { color: $error; }
    Canvas > .canvas--track { color: $track; }
    Canvas > .canvas--cursor { background: $cursor-row; }
    """

    _plain = Style()

    def __init__(self, id: str) -> None:
        """`id` is its name in the style sheet."""
        super().__init__(id=id)
        self._inks: dict[str, Color] = {}

    def extent(self) -> Size:
        """The size of everything there is to draw."""
        return Size(self.scrollable_content_region.width, 1)

    def draw(self, line: int) -> list[Segment]:
        """What stands in a line of the extent."""
        raise NotImplementedError

    def style_of(self, name: str) -> Style:
        """One of the shared styles, without a background but the cursor's."""
        return self.get_component_rich_style(f"canvas--{name}", partial=True)

    def ink(self, name: str) -> Color:
        """The colour of one of the shared styles."""
        if name not in self._inks:
            self._inks[name] = self.get_component_styles(f"canvas--{name}").color
        return self._inks[name]

    @property
    def ground(self) -> Color:
        """The colour behind everything."""
        if "" not in self._inks:
            self._inks[""] = self.background_colors[1]
        return self._inks[""]

    def laid_out(self) -> None:
        """Draw anew after something changed what there is to draw."""
        self.virtual_size = self.extent()
        self.refresh()

    def on_resize(self) -> None:
        """The terminal, or what is around the pane, has another size."""
        self.laid_out()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the window, for Textual. What they have in common is found once: it takes longer than a line."""
        self._inks = {}
        self._plain = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """A line of the window, for Textual."""
        width, base = self.scrollable_content_region.width, self._plain
        line = y + self.scroll_offset.y
        if line >= self.virtual_size.height:
            return Strip.blank(width, base)
        return Strip(self.draw(line)).apply_style(base).adjust_cell_length(width, base)
