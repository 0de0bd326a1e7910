"""The app: panes beside each other where there is room, one at a time where there is not."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import RichLog, Static

from antiphon.faces.tui.asking import Asking
from antiphon.faces.tui.controls_pane import ControlsPane
from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.keys import PANES, bindings, explained
from antiphon.faces.tui.mirror import Mirror
from antiphon.faces.tui.palette import Everything
from antiphon.faces.tui.piano import Piano
from antiphon.faces.tui.roll_pane import RollPane
from antiphon.faces.tui.screens import Help
from antiphon.faces.tui.stage import Deeds, Stage, Tabs, figures_text
from antiphon.faces.tui.strips_pane import StripsPane
from antiphon.faces.tui.themes import DARK, LIGHT
from antiphon.faces.tui.vocabulary import Message

__all__ = ["Face"]

RATE = 15.0
"""Looks a second at what is new; nothing is drawn that did not change."""
PING = 5.0
"""Seconds between two questions for the jam's time."""
LINGER = 6.0
"""Seconds that a notice stands in the last line."""
PATIENCE = 5.0
"""Seconds that the jam is given to end when it was asked to."""
WIDE, HIGH = 120, 32
"""Columns and lines from which all panes fit beside each other."""
ROOMY = 160
"""Columns from which figures and log fit beside each other, when all panes are to be seen."""
TALL = 38
"""Lines from which the roll fits below the strips."""
HINTS = "? help   ctrl+p all   q quit "


class Face(App[str]):
    """The terminal's face of a jam. `tell` may be called from any thread; runs until the jam ends, and returns why."""

    CSS_PATH = "face.tcss"
    TITLE = "antiphon"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    COMMANDS: ClassVar = {Everything}

    def __init__(self, send: Callable[[Message], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`send` asks something of the jam and returns at once; `clock` tells seconds that only grow."""
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self._mirror = Mirror()
        self.hand = Hand(self._mirror, send, clock)
        self._clock = clock
        self._asking = Asking(self, self.hand)
        self._told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._pane = "strips"
        self._extent = self.size
        self._notice_until = 0.0
        self._ping_at = clock()

    def tell(self, message: Message) -> None:
        """Something that the jam says."""
        self._told.put(message)

    def compose(self) -> ComposeResult:
        """Everything there is; `_arrange` says what of it is to be seen."""
        self._stage, self._deeds, self._tabs = Stage(self.hand), Deeds(self._mirror), Tabs(id="tabs")
        self._strips, self._controls = StripsPane(self.hand), ControlsPane(self.hand)
        self._roll, self._piano = RollPane(self.hand), Piano(self.hand)
        self._figures = Static(id="figures")
        self._notices = RichLog(id="notices", wrap=True, max_lines=500, min_width=10)
        self._status = Static(id="status", markup=False)
        yield self._stage
        yield self._deeds
        yield self._tabs
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield self._strips
                yield self._roll
            with Vertical(id="right"):
                yield self._controls
                with Vertical(id="log"):
                    yield self._figures
                    yield self._notices
        yield self._piano
        with Horizontal(id="foot"):
            yield self._status
            yield Static(HINTS, id="hints")

    def on_mount(self) -> None:
        """Begin to look for what is new."""
        self._piano.display = False
        self._figures.update(figures_text(self._mirror))
        self._figures.border_title, self._notices.border_title = "latency", "log"
        self._arrange()
        self.action_pane(self._pane)
        self.set_interval(1 / RATE, self.look)

    def on_resize(self, event: events.Resize) -> None:
        """The terminal has another size."""
        self._extent = event.size
        self._arrange()

    @property
    def wide(self) -> bool:
        """Whether all panes are to be seen."""
        return self._extent.width >= WIDE and self._extent.height >= HIGH

    def _arrange(self) -> None:
        """Show what there is room for."""
        alone = not self.wide
        tall = alone and self._extent.height >= TALL
        seen = {name: self.wide or name == self._pane for name in PANES}
        seen["roll"] |= tall and self._pane == "strips"
        self._tabs.display = alone
        self._tabs.tell(self._pane)
        self._strips.display, self._roll.display = seen["strips"], seen["roll"]
        self._controls.display = seen["controls"]
        self.query_one("#log").display = seen["log"]
        self.query_one("#left").display = seen["strips"] or seen["roll"]
        self.query_one("#right").display = seen["controls"] or seen["log"]
        self.screen_stack[0].set_class(self.wide, "wide")
        self.screen_stack[0].set_class(self._extent.width < ROOMY, "snug")
        self.screen_stack[0].set_class(tall and self._pane == "strips", "tall")

    # What is new

    def look(self) -> None:
        """Take what was told since the last look, and draw what is otherwise than it was."""
        changed: set[str] = set()
        while not self._told.empty():
            changed.add(self.hand.hear(self._told.get()))
        now = self.hand.now
        if self._mirror.doubting(now):
            changed.add("controls")
        if "ended" in changed:
            self.exit(self._mirror.ended or "")
            return
        self._draw(changed)
        self._stage.beat(now)
        if self._strips.display:
            self._strips.beat(now)
        if self._roll.display:
            self._roll.beat(now)
        self._piano.beat()
        self._keep_time()

    def _draw(self, changed: set[str]) -> None:
        if "hello" in changed:
            self._controls.laid_out()
            self._explain()
            self.hand.ping()
        if changed & {"hello", "controls", "refused"}:
            self._deeds.tell()
            self._controls.refresh()
        if changed & {"hello", "strips"}:
            self._strips.laid_out()
            self._roll.laid_out()
            self._piano.refresh()
        if "figures" in changed:
            self._figures.update(figures_text(self._mirror))
        if changed & {"notices", "refused"}:
            self._tell_notices("refused" in changed)

    def _tell_notices(self, alarming: bool) -> None:
        told = list(self._mirror.notices)
        for text in told:
            self._notices.write(text)
        self._mirror.notices.clear()
        self._say(told[-1], alarming=alarming)
        self._notice_until = self._clock() + LINGER

    def _say(self, text: str, *, alarming: bool = False, quiet: bool = False) -> None:
        self._status.set_class(alarming, "alarming")
        self._status.set_class(quiet, "quiet")
        self.query_one("#hints").display = quiet  # a notice may need the whole line
        self._status.update(f" {text.strip().splitlines()[0]}" if text.strip() else "")

    def _keep_time(self) -> None:
        now = self._clock()
        if self._notice_until and now > self._notice_until:
            self._notice_until = 0.0
            self._explain()
        if now > self._ping_at + PING:
            self._ping_at = now
            self.hand.ping()

    def _explain(self) -> None:
        """Say in the last line what the cursor is at."""
        if self._notice_until:
            return
        if not self._mirror.controls:
            self._say("the jam is getting ready ...", quiet=True)
            return
        control = self._controls.control if self._controls.has_focus else None
        if control is not None:
            cc = "" if control.cc is None else f", CC {control.cc}"
            self._say(f"{control.help} ({control.range}{cc})", quiet=True)
        elif self._strips.has_focus:
            self._say("enter change  o mode  i sound  M mute  e all", quiet=True)
        else:
            self._say("", quiet=True)

    def on_controls_pane_looked(self) -> None:
        """The cursor moved."""
        self._explain()

    def on_strips_pane_looked(self, message: StripsPane.Looked) -> None:
        """The cursor moved; who plays on the keys plays that strip."""
        self._piano.chosen = message.channel
        self._piano.refresh()
        self._explain()

    def on_controls_pane_typing(self, message: ControlsPane.Typing) -> None:
        """A value is wanted."""
        self._asking.value(message.which)

    def on_strips_pane_wanted(self, message: StripsPane.Wanted) -> None:
        """Something of a strip is wanted."""
        self._asking.strip(message.channel, message.field)

    def on_piano_left(self) -> None:
        """The keyboard is put away."""
        self._piano.display = False
        self.action_pane(self._pane)

    # What keys and clicks ask

    def action_ask(self, name: str) -> None:
        """Ask for an action, or first for what it takes."""
        action = self._mirror.actions.get(name)
        control = self._controls.control
        if action is None:
            return
        if action.argument == "CONTROL" and self._controls.has_focus and control is not None:
            self.hand.act(name, control.name)
        else:
            self._asking.action(action, control.name if control else "")

    def action_switch(self, name: str) -> None:
        """Switch a control on or off."""
        if name in self._mirror.controls:
            self.hand.turn(name, "off" if self._mirror.value(name) == "on" else "on")
            self._draw({"controls"})

    def action_preset(self, place: int) -> None:
        """Take one of the first ten presets."""
        if place < len(self._mirror.presets):
            self.hand.act("preset", self._mirror.presets[place].name)

    def action_pane(self, name: str) -> None:
        """Go to a pane."""
        self._pane = name
        self._arrange()
        panes: dict[str, Widget] = {"strips": self._strips, "controls": self._controls, "log": self._notices}
        self.set_focus(panes.get(name))  # at once, so that the next key already goes there
        self._explain()

    def action_focus_next(self) -> None:
        """To the next pane."""
        self._next_pane(1)

    def action_focus_previous(self) -> None:
        """To the pane before."""
        self._next_pane(-1)

    def _next_pane(self, steps: int) -> None:
        if isinstance(self.screen, ModalScreen):
            (self.screen.focus_next if steps > 0 else self.screen.focus_previous)()
        else:
            panes = [name for name in PANES if name != "roll" or not self._roll.display or not self.wide]
            self.action_pane(panes[(panes.index(self._pane) + steps) % len(panes)] if self._pane in panes else panes[0])

    def show_control(self, name: str) -> None:
        """Go to a control."""
        self.action_pane("controls")
        self.call_after_refresh(self._controls.look_at, name)

    def action_put_away(self) -> None:
        """Stop playing on the computer's keys, wherever one is."""
        if self._piano.display:
            self._piano.action_leave()

    def action_play(self) -> None:
        """Play on the computer's keys, or stop doing so."""
        if self._piano.display:
            self._piano.action_leave()
        else:
            self._piano.display = True
            self._piano.focus()
            self._say("no key-up in a terminal: notes have a length", quiet=True)

    def action_shade(self) -> None:
        """Dark becomes light, light dark."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(Help(explained(self._mirror.actions, [preset.name for preset in self._mirror.presets])))

    def action_leave(self) -> None:
        """Ask the jam to end; this ends with it, or without it when it does not."""
        self._piano.let_go()
        self.hand.quit()
        self._say("ending: every note is closed ...")
        self.set_timer(PATIENCE, lambda: self.exit("it did not end when it was asked to"))
