"""The controls, in groups, in as many columns as there is room for; turned by keys, by typing and with the mouse."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size, clamp
from textual.message import Message

from antiphon.faces.tui.canvas import Canvas
from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.vocabulary import Control, Value

__all__ = ["ControlsPane"]

COLUMN = 44
"""Characters that a column needs at least."""
WIDEST = 84
BETWEEN = 3
VALUE = 13
"""Characters of a value with its unit."""

Row = Control | str | None
"""A control, the heading of a group, or nothing."""


class ControlsPane(Canvas):
    """Turns controls. Tells which one was looked at, and of which one a value is to be typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "control above", show=False),
        Binding("down", "move(1)", "control below", show=False),
        Binding("pageup", "leap(-1)", "group above", show=False),
        Binding("pagedown", "leap(1)", "group below", show=False),
        Binding("left,minus", "step(-1)", "less", show=False),
        Binding("right,plus,equals_sign", "step(1)", "more", show=False),
        Binding("shift+left,comma", "step(-1, True)", "a little less", show=False),
        Binding("shift+right,full_stop", "step(1, True)", "a little more", show=False),
        Binding("home", "turn_to(0.0)", "lowest", show=False),
        Binding("end", "turn_to(1.0)", "highest", show=False),
        Binding("backspace,delete", "default", "as it was at first", show=False),
        Binding("enter", "type", "type or choose a value", show=False),
    ]

    class Typing(Message):
        """A value is to be typed or chosen."""

        def __init__(self, control: Control) -> None:
            super().__init__()
            self.which = control

    class Looked(Message):
        """The cursor came to a control."""

        def __init__(self, control: Control) -> None:
            super().__init__()
            self.which = control

    def __init__(self, hand: Hand) -> None:
        super().__init__(id="controls")
        self._hand, self._mirror = hand, hand.mirror
        self._columns: list[list[Row]] = [[]]
        self._at = 0
        self._dragged: tuple[Control, int] | None = None

    @property
    def control(self) -> Control | None:
        """The one that the cursor is at."""
        controls = list(self._mirror.controls.values())
        return controls[clamp(self._at, 0, len(controls) - 1)] if controls else None

    def extent(self) -> Size:
        """Lays the groups out in columns."""
        width, height = self.scrollable_content_region.size
        blocks = [[group, *controls, None] for group, controls in self._mirror.groups().items()]
        most = max(1, (width + BETWEEN) // (COLUMN + BETWEEN))
        for count in range(1, most + 1):
            self._columns = _shared_out(blocks, count)
            if max(map(len, self._columns), default=0) <= height + 1:
                break
        return Size(width, max(0, max(map(len, self._columns), default=0) - 1))

    def draw(self, line: int) -> list[Segment]:
        """A row of each column."""
        segments: list[Segment] = []
        for column in self._columns:
            row = column[line] if line < len(column) else None
            segments += [*self._drawn(row), Segment(" " * BETWEEN)]
        return segments

    def look_at(self, name: str) -> None:
        """Bring the cursor to a control."""
        names = list(self._mirror.controls)
        if name in names:
            self._at = names.index(name)
            self._looked()

    def _drawn(self, row: Row) -> list[Segment]:
        width = self._column_width
        if row is None:
            return [Segment(" " * width)]
        if isinstance(row, str):
            rule = "─" * (width - len(row) - 2)
            return [Segment(f" {row} ", self.style_of("heading")), Segment(rule, self.style_of("faint"))]
        here = self.has_focus and row == self.control
        value = self._mirror.value(row.name)
        changed = value != row.default
        name = Segment(f" {row.title:<{self._name_width - 1}}", self.style_of("strong" if here else "quiet"))
        text = f" {'' if row.switch else row.shown(value):<{VALUE - 1}.{VALUE - 1}}"
        segments = [name, *self._bar(row, value), Segment(text, self.style_of("strong" if changed else "quiet"))]
        if here:
            cursor = self.style_of("cursor")
            return [Segment(s.text, cursor if s.style is None else s.style + cursor) for s in segments]
        return segments

    def _bar(self, control: Control, value: Value) -> list[Segment]:
        """A slider of as many characters as are left, or for a switch a lamp, or for a choice its place."""
        width = self._bar_width
        if control.switch:
            lit = value == "on"
            return [
                Segment("● on".ljust(width) if lit else "○ off".ljust(width), self.style_of("good" if lit else "quiet"))
            ]
        knob = round(control.place(value) * (width - 1))
        if control.kind == "choice":
            left, right = Segment("╌" * knob, self.style_of("track")), "╌" * (width - knob - 1)
            return [left, Segment("◆", self.style_of("it")), Segment(right, self.style_of("track"))]
        return [
            Segment("━" * knob, self.style_of("it")),
            Segment("●", self.style_of("it")),
            Segment("─" * (width - knob - 1), self.style_of("track")),
        ]

    @property
    def _column_width(self) -> int:
        count = len(self._columns)
        width = (self.scrollable_content_region.width - BETWEEN * (count - 1)) // count
        return min(WIDEST, width)

    @property
    def _name_width(self) -> int:
        return 2 + max((len(name) for name in self._mirror.controls), default=0)

    @property
    def _bar_width(self) -> int:
        return max(6, self._column_width - self._name_width - VALUE)

    def _looked(self) -> None:
        if (control := self.control) is None:
            return
        for number, column in enumerate(self._columns):
            if control in column:
                line, left = column.index(control), number * (self._column_width + BETWEEN)
                above = line - 1 if line and isinstance(column[line - 1], str) else line
                self.scroll_to_region(Region(left, above, self._column_width, line - above + 1), animate=False)
        self.refresh()
        self.post_message(self.Looked(control))

    # Keys

    def action_move(self, steps: int) -> None:
        """To the next control, or the one before."""
        self._at = clamp(self._at + steps, 0, max(0, len(self._mirror.controls) - 1))
        self._looked()

    def action_leap(self, steps: int) -> None:
        """To the first control of the next group, or of the one before."""
        if (control := self.control) is None:
            return
        firsts = [group[0] for group in self._mirror.groups().values()]
        groups = [first.group for first in firsts]
        self.look_at(firsts[clamp(groups.index(control.group) + steps, 0, len(firsts) - 1)].name)

    def action_step(self, steps: int, fine: bool = False) -> None:
        """A step less or more."""
        if (control := self.control) is not None:
            self._turn(control, control.stepped(self._mirror.value(control.name), steps, fine=fine))

    def action_turn_to(self, place: float) -> None:
        """To a place 0..1 of the range."""
        if (control := self.control) is not None:
            self._turn(control, control.at(place))

    def action_default(self) -> None:
        """To where it is when nobody has turned it."""
        if (control := self.control) is not None:
            self._turn(control, control.default)

    def action_type(self) -> None:
        """Ask for a value; a switch is just switched."""
        if (control := self.control) is None:
            return
        if control.switch:
            self.action_step(1)
        else:
            self.post_message(self.Typing(control))

    def on_focus(self) -> None:
        """Say what the cursor is at."""
        self._looked()

    # Mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a slider, switch a switch, open a choice."""
        found = self._under(event)
        if found is None:
            return
        control, x = found
        self.look_at(control.name)
        if event.button == 1 and x >= self._name_width:
            self._grasp(control, x)

    def _grasp(self, control: Control, x: int) -> None:
        if control.switch:
            self.action_step(1)
        elif control.kind == "choice" or x >= self._name_width + self._bar_width:
            self.post_message(self.Typing(control))
        else:
            number = next(n for n, column in enumerate(self._columns) if control in column)
            self._dragged = (control, number * (self._column_width + BETWEEN))
            self.capture_mouse()
            self._drag_to(control, x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the slider that is held."""
        if self._dragged is not None:
            control, left = self._dragged
            self._drag_to(control, event.x - left)

    def on_mouse_up(self) -> None:
        """Let go of it."""
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """On the slider that the cursor is at: more. Elsewhere the wheel scrolls."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """On the slider that the cursor is at: less."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, steps: int) -> None:
        found = self._under(event)
        if found and self.has_focus and found[0] == self.control and found[1] >= self._name_width:
            event.stop()
            event.prevent_default()
            self.action_step(steps)

    def _column_under(self, event: events.MouseEvent) -> int:
        return clamp(event.x // (self._column_width + BETWEEN), 0, len(self._columns) - 1)

    def _under(self, event: events.MouseEvent) -> tuple[Control, int] | None:
        """The control under the pointer, and where in its row, in characters."""
        number = self._column_under(event)
        column, line = self._columns[number], event.y + self.scroll_offset.y
        row = column[line] if line < len(column) else None
        return (row, event.x - number * (self._column_width + BETWEEN)) if isinstance(row, Control) else None

    def _drag_to(self, control: Control, x: int) -> None:
        value = control.at((x - self._name_width) / (self._bar_width - 1))
        if value != self._mirror.value(control.name):
            self._turn(control, value)

    def _turn(self, control: Control, value: Value) -> None:
        self._hand.turn(control.name, value)
        self.refresh()


def _shared_out(blocks: list[list[Row]], count: int) -> list[list[Row]]:
    """The blocks in their order in `count` columns whose tallest is as low as can be."""
    if not blocks:
        return [[]]
    low, high = max(map(len, blocks)), sum(map(len, blocks))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(_filled(blocks, middle)) <= count else (middle + 1, high)
    return _filled(blocks, low)


def _filled(blocks: list[list[Row]], height: int) -> list[list[Row]]:
    """The blocks in columns of at most `height` rows."""
    columns: list[list[Row]] = [[]]
    for block in blocks:
        if columns[-1] and len(columns[-1]) + len(block) > height:
            columns.append([])
        columns[-1] += block
    return columns
