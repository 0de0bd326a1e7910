"""The sixteen channel strips: mode, instrument, what sounds, mute and limits; a line each."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size, clamp
from textual.message import Message

from antiphon.faces.tui.canvas import Canvas
from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.strip_cells import FIELDS, Cell, cells_for, next_mode, words_of_mode
from antiphon.faces.tui.vocabulary import Strip

__all__ = ["StripsPane", "bar"]

COUNT = 3
"""Characters behind a meter that say how many notes sound."""


def bar(level: float, width: int) -> str:
    """A bar of `width` characters, to half of one."""
    full, half = divmod(round(min(max(level, 0.0), 1.0) * width * 2), 2)
    return ("━" * full + "╸" * half).ljust(width)


_FREE = Strip(0)
"""A strip without limits."""


class StripsPane(Canvas):
    """Sixteen lines below a heading. Tells what of which strip is to be chosen or typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "channel above", show=False),
        Binding("down", "move(1)", "channel below", show=False),
        Binding("left", "across(-1)", "cell to the left", show=False),
        Binding("right", "across(1)", "cell to the right", show=False),
        Binding("home", "move(-16)", "channel 1", show=False),
        Binding("end", "move(16)", "channel 16", show=False),
        Binding("enter", "change", "change what the cursor is at", show=False),
        Binding("o", "mode(1)", "next mode", show=False),
        Binding("i", "choose('program')", "instrument", show=False),
        Binding("M", "mute", "mute the channel", show=False),
        Binding("e", "choose('')", "everything of the strip", show=False),
    ]

    class Wanted(Message):
        """A field of a strip is to be chosen or typed; with no name, any of them."""

        def __init__(self, channel: int, field: str) -> None:
            super().__init__()
            self.channel, self.field = channel, field

    class Looked(Message):
        """The cursor came to a channel."""

        def __init__(self, channel: int) -> None:
            super().__init__()
            self.channel = channel

    def __init__(self, hand: Hand) -> None:
        super().__init__(id="strips")
        self._hand, self._mirror = hand, hand.mirror
        self.channel = 1
        self._cell = 1
        self._meters: dict[int, tuple[str, str, int]] = {}

    def extent(self) -> Size:
        """A heading and the strips."""
        return Size(self.scrollable_content_region.width, 1 + len(self._mirror.strips))

    @property
    def _cells(self) -> list[tuple[Cell, int]]:
        return cells_for(self.scrollable_content_region.width)

    def draw(self, line: int) -> list[Segment]:
        """The heading, or a strip."""
        if line == 0:
            return [Segment(f" {cell.heading}".ljust(cell.width), self.style_of("quiet")) for cell, _ in self._cells]
        strip = self._mirror.strips[line]
        here = strip.channel == self.channel
        row = self.style_of("cursor") if here and self.has_focus else Style()
        drawn: list[Segment] = []
        for number, (cell, _) in enumerate(self._cells):
            parts = self._drawn(strip, cell)
            if here and self.has_focus and number == self._cell:
                parts = [Segment(p.text, (p.style or Style()) + Style(reverse=True)) for p in parts]
            drawn += [Segment(p.text, (p.style or Style()) + row) for p in parts]
        return drawn

    def _drawn(self, strip: Strip, cell: Cell) -> list[Segment]:
        off = strip.mode == "off"
        quiet = self.style_of("faint" if off else "quiet")
        if cell.name == "meter":
            return self._meter(strip, cell.width)
        if cell.name == "channel":
            return [Segment(f" {strip.channel:>2} ", self.style_of("quiet") if off else self.style_of("strong"))]
        if cell.name == "mode":
            whose = {"input": "you", "auto": "it", "follow": "it"}.get(strip.mode, "faint")
            return [Segment(f" {words_of_mode(strip)}".ljust(cell.width), self.style_of(whose))]
        if cell.name == "program":
            name = "drums" if strip.drums else strip.name
            return [Segment(f" {name:<{cell.width - 1}.{cell.width - 1}}", quiet if off else None)]
        if cell.name == "mute":
            return [Segment(" mute" if strip.mute else "  ·  ", self.style_of("alarm" if strip.mute else "faint"))]
        free = getattr(strip, cell.name) == getattr(_FREE, cell.name)
        text = ("" if off else "any") if free else FIELDS[cell.name].show(strip)
        return [Segment(f" {text}".ljust(cell.width)[: cell.width], self.style_of("faint") if free else quiet)]

    def _meter(self, strip: Strip, width: int) -> list[Segment]:
        who, shown, count = self._meters.get(strip.channel, ("", " " * (width - COUNT - 1), 0))
        number = f"{count:>{COUNT - 1}} " if count else " " * COUNT
        style = self.style_of("you" if who == "you" else "it")
        return [Segment(" "), Segment(shown.ljust(width - COUNT - 1), style), Segment(number, style)]

    def beat(self, now: float) -> None:
        """Draw the meters that moved since the last time."""
        width = next((cell.width for cell, _ in self._cells if cell.name == "meter"), COUNT + 2) - COUNT - 1
        sounding = self._mirror.sounding
        meters = {
            channel: (who, bar(level, width), sounding.holds(channel, now))
            for channel, (who, level) in sounding.activity(now).items()
        }
        if meters == self._meters:
            return
        moved = [channel for channel in {*meters, *self._meters} if meters.get(channel) != self._meters.get(channel)]
        self._meters = meters
        top, wide = self.scroll_offset.y, self.scrollable_content_region.width
        self.refresh(*(Region(0, channel - top, wide, 1) for channel in moved))

    @property
    def _strip(self) -> Strip | None:
        return self._mirror.strips.get(self.channel)

    @property
    def _field(self) -> str:
        cells = self._cells
        return cells[clamp(self._cell, 0, len(cells) - 1)][0].name if cells else ""

    def _looked(self) -> None:
        self.scroll_to_region(Region(0, self.channel, 1, 1), animate=False)
        self.refresh()
        self.post_message(self.Looked(self.channel))

    # Keys

    def action_move(self, steps: int) -> None:
        """To another channel."""
        self.channel = clamp(self.channel + steps, 1, max(1, len(self._mirror.strips)))
        self._looked()

    def action_across(self, steps: int) -> None:
        """To another cell; those that only show something are passed over."""
        cells = [number for number, (cell, _) in enumerate(self._cells) if cell.name != "meter"]
        here = cells.index(self._cell) if self._cell in cells else 0
        self._cell = cells[clamp(here + steps, 0, len(cells) - 1)]
        self._looked()

    def action_change(self) -> None:
        """Change what the cursor is at: the next mode, muted or not, or something to choose or to type."""
        field = self._field
        if field == "mode":
            self.action_mode(1)
        elif field == "mute":
            self.action_mute()
        else:
            self.action_choose("" if field == "channel" else field)

    def action_mode(self, steps: int) -> None:
        """To the next mode."""
        if (strip := self._strip) is not None:
            self._hand.change(strip.channel, **next_mode(strip, self._mirror.strips, self._mirror.modes, steps))

    def action_mute(self) -> None:
        """Mute the channel, or let it be heard again."""
        if (strip := self._strip) is not None:
            self._hand.change(strip.channel, mute=not strip.mute)

    def action_choose(self, field: str) -> None:
        """Ask for a value of the strip."""
        self.post_message(self.Wanted(self.channel, field))

    def on_focus(self) -> None:
        """Say what the cursor is at."""
        self._looked()

    # Mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """The cursor goes where the pointer is; a right button goes a mode back."""
        line = event.y + self.scroll_offset.y
        if line not in self._mirror.strips:
            return
        self.channel = line
        for number, (cell, left) in enumerate(self._cells):
            if left <= event.x < left + cell.width and cell.name != "meter":
                self._cell = number
                self._looked()
                if event.button == 1:
                    self.action_change()
                elif cell.name == "mode":
                    self.action_mode(-1)
