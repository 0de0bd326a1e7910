"""What opens over the panes: a list to choose from, a line to type, the help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

__all__ = ["Choice", "Entry", "Help", "Picker"]

TWO_COLUMNS = 116
"""Columns of a terminal in which the help stands in two."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One thing to choose: its name, what it is about, and what is chosen by it."""

    name: str
    value: T
    about: str = ""


class Picker(ModalScreen[T | None]):
    """Chooses by typing a part of the name, by arrows, by family, or with the mouse; None when nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("up", "move(-1)", "above", priority=True),
        Binding("down", "move(1)", "below", priority=True),
        Binding("pageup,shift+tab", "family(-1)", "family above", priority=True),
        Binding("pagedown,tab", "family(1)", "family below", priority=True),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice[T]],
        now: T | None = None,
        families: Mapping[str, range] | None = None,
    ) -> None:
        """`families`: which of the choices, by their places, belong to which."""
        super().__init__()
        self._heading, self._choices, self._now = title, choices, now
        self._families = dict(families or {})
        self._shown: list[int] = []

    def compose(self) -> ComposeResult:
        """A line to type into, the families if there are any, and the choices."""
        with Vertical(id="dialog", classes="families" if self._families else ""):
            yield Static(self._heading, classes="title")
            yield Input(placeholder="type to find", compact=True)
            with Horizontal():
                if self._families:
                    yield OptionList(*self._families, id="families", compact=True)
                yield OptionList(id="choices", compact=True)
            keys = "↑ ↓ choose   enter take   esc close"
            yield Static(f"{keys}   tab next family" if self._families else keys, classes="keys")

    def on_mount(self) -> None:
        """Begin at what is chosen now."""
        for name in ("#families", "#choices"):
            for options in self.query(name).results(OptionList):
                options.can_focus = False
        places = [place for place, choice in enumerate(self._choices) if choice.value == self._now]
        self._show(self._family_of(places[0]) if places and self._families else "", places[0] if places else None)

    def _family_of(self, place: int) -> str:
        return next((name for name, places in self._families.items() if place in places), "")

    def _show(self, family: str, place: int | None = None) -> None:
        """Show a family, or without one whatever has what was typed in its name."""
        words = self.query_one(Input).value.lower().split()
        if family:
            self._shown = list(self._families[family])
            families = self.query_one("#families", OptionList)
            families.highlighted = list(self._families).index(family)
        else:
            self._shown = [
                number
                for number, choice in enumerate(self._choices)
                if all(word in f"{choice.name} {choice.about}".lower() for word in words)
            ]
        options = self.query_one("#choices", OptionList)
        options.clear_options()
        options.add_options([Option(self._line(self._choices[number])) for number in self._shown])
        if self._shown:
            options.highlighted = self._shown.index(place) if place in self._shown else 0

    def _line(self, choice: Choice[T]) -> Text:
        widest = max((len(other.name) for other in self._choices if other.about), default=0)
        mark = "● " if choice.value == self._now else "  "
        line = Text(mark, no_wrap=True, overflow="ellipsis")
        line.append(choice.name.ljust(widest) if choice.about else choice.name)
        return line.append(f"  {choice.about}", "dim") if choice.about else line

    def on_input_changed(self) -> None:
        """Find as it is typed."""
        if self.query_one(Input).value or not self._families:
            self._show("")

    def on_input_submitted(self) -> None:
        """Take what is highlighted."""
        highlighted = self.query_one("#choices", OptionList).highlighted
        if highlighted is not None and highlighted < len(self._shown):
            self.dismiss(self._choices[self._shown[highlighted]].value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Clicked: a family shows its members, a choice is taken."""
        if event.option_list.id == "families":
            self.query_one(Input).clear()
            self._show(list(self._families)[event.option_index])
        else:
            self.dismiss(self._choices[self._shown[event.option_index]].value)

    def action_move(self, steps: int) -> None:
        """Up and down the choices."""
        options = self.query_one("#choices", OptionList)
        if self._shown:
            options.highlighted = ((options.highlighted or 0) + steps) % len(self._shown)

    def action_family(self, steps: int) -> None:
        """To the next family, or the one before."""
        if self._families:
            self.query_one(Input).clear()
            here = self.query_one("#families", OptionList).highlighted or 0
            self._show(list(self._families)[(here + steps) % len(self._families)])


class Entry(ModalScreen[Any]):
    """A line to type; what cannot be meant is said at once. None when it was closed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "close")]

    def __init__(self, title: str, about: str, text: str, read: Callable[[str], Any]) -> None:
        """`read` makes of the text what is asked for, or raises `ValueError`, one line."""
        super().__init__()
        self._heading, self._about, self._text, self._read = title, about, text, read

    def compose(self) -> ComposeResult:
        """What is asked for, and the line."""
        with Vertical(id="dialog", classes="entry"):
            yield Static(Text(self._heading), classes="title")
            yield Static(Text(self._about), classes="about")
            yield Input(self._text, compact=True, select_on_focus=True)
            yield Static("enter take   esc close", classes="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it, or say why not."""
        try:
            value = self._read(event.value)
        except ValueError as error:
            self.query_one(".about", Static).update(Text(str(error)))
            self.query_one(".about").add_class("wrong")
        else:
            self.dismiss((value,))


class Help(ModalScreen[None]):
    """All keys, and what to do with the mouse."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss", "close"),
        Binding("up", "scroll(-1)", "up", priority=True),
        Binding("down", "scroll(1)", "down", priority=True),
    ]

    def __init__(self, parts: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """`parts`: keys and what they do, under headings."""
        super().__init__()
        self._parts = parts

    def compose(self) -> ComposeResult:
        """One list under the other, or two beside each other where there is room."""
        with Vertical(id="dialog", classes="help"):
            yield Static("keys", classes="title")
            beside = 2 if self.app.size.width >= TWO_COLUMNS else 1
            with VerticalScroll(can_focus=False), Horizontal(classes="columns"):
                for place in range(beside):
                    parts = list(self._parts.items())[place::beside]
                    yield Static(Group(*(_keys(heading, keys) for heading, keys in parts)), classes="column")
            yield Static("↑ ↓ scroll   esc close", classes="keys")

    def action_scroll(self, steps: int) -> None:
        """Up and down."""
        self.query_one(VerticalScroll).scroll_relative(y=steps * 4, animate=False)

    def on_click(self, event: events.Click) -> None:
        """Beside it: close it."""
        if event.widget is self:
            self.dismiss()


def _keys(heading: str, keys: Sequence[tuple[str, str]]) -> Group:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=14, no_wrap=True)
    table.add_column()
    for key, what in keys:
        table.add_row(Text(key, "bold"), what)
    table.add_row()
    return Group(Text(heading, "bold underline"), table)
