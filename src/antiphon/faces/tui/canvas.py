"""A canvas: a widget that draws its own lines of characters, in the styles that every pane of the terminal shares."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
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

    def extent(self) -> Size:
        """The size of everything there is to draw."""
        return Size(self.scrollable_content_region.width, 1)

    def draw(self, line: int) -> list[Segment]:
        """What stands in a line of the extent."""
        raise NotImplementedError

    def style_of(self, name: str) -> Style:
        """One of the shared styles, without a background but the cursor's."""
        return self.get_component_rich_style(f"canvas--{name}", partial=True)

    def laid_out(self) -> None:
        """Draw anew after something changed what there is to draw."""
        self.virtual_size = self.extent()
        self.refresh()

    def on_resize(self) -> None:
        """The terminal, or what is around the pane, has another size."""
        self.laid_out()

    def render_line(self, y: int) -> Strip:
        """A line of the window, for Textual."""
        width, base = self.scrollable_content_region.width, self.rich_style
        line = y + self.scroll_offset.y
        if line >= self.virtual_size.height:
            return Strip.blank(width, base)
        return Strip(self.draw(line)).apply_style(base).adjust_cell_length(width, base)
