"""What is always to be seen: whose turn it is, key, chord and beat; what can be asked for; which panes there are."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from antiphon.faces.tui.canvas import Canvas
from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.keys import ACTION_KEYS, PANES, SWITCH_KEYS
from antiphon.faces.tui.mirror import Mirror

__all__ = ["Deeds", "Stage", "Tabs", "figures_text"]

SHORT = {"space": "␣"}
BUSY = {-2: "much quieter", -1: "quieter", 0: "", 1: "busier", 2: "much busier"}
FIGURES: Mapping[str, str] = {
    "end_to_end": "your note to its answer",
    "wake": "the model",
    "queue": "waiting for the model",
    "feed": "hearing your note",
    "lateness": "late",
}
"""What the figures are called; those that a jam has besides go by their names."""

Parts = list[tuple[str, str]]
"""Words and the names of their styles."""


class Stage(Canvas, can_focus=False):
    """Two lines about the music. Draws again only when they say something else."""

    def __init__(self, hand: Hand) -> None:
        super().__init__(id="stage")
        self._hand, self._mirror = hand, hand.mirror
        self._lines: list[tuple[Parts, Parts]] = []

    def extent(self) -> Size:
        """Two lines."""
        return Size(self.scrollable_content_region.width, 2)

    def beat(self, now: float) -> None:
        """Say what there is to say now."""
        lines = [self._who(), self._music(now)]
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def draw(self, line: int) -> list[Segment]:
        """What stands on the left, and on the right as far as there is room."""
        lines = self._lines or [self._who(), self._music(self._hand.now)]
        left, right = lines[line]
        width = self.scrollable_content_region.width
        while right and sum(len(text) for text, _ in left + right) > width:
            right = right[1:]
        gap = max(0, width - sum(len(text) for text, _ in left + right))
        return [self._segment(*part) for part in (*left, (" " * gap, ""), *right)]

    def _segment(self, text: str, style: str) -> Segment:
        return Segment(text, self.style_of(style) if style else Style())

    def _who(self) -> tuple[Parts, Parts]:
        mirror = self._mirror
        turn: Parts = [(" ▶ it plays ", "it")] if mirror.sense.playing else [(" ▷ it listens ", "you")]
        muted = [(" muted ", "alarm")] if mirror.value("mute") == "on" and "mute" in mirror.controls else []
        held = [(" holding ", "alarm")] if mirror.value("hold") == "on" and "hold" in mirror.controls else []
        right: Parts = [(f"  model {mirror.model} ", "quiet")] if mirror.model else []
        if mirror.recording:
            right += [("  ● ", "alarm"), (f"{mirror.recording} ", "quiet")]
        name: Parts = [(" antiphon", "heading"), (f"  {mirror.current or ''} ", "quiet")]
        return [*name, *turn, *muted, *held], right

    def _music(self, now: float) -> tuple[Parts, Parts]:
        sense = self._mirror.sense
        left: Parts = [(f" {sense.key or 'no key yet':<12}", "strong" if sense.key else "faint")]
        left += [(f" {sense.chord or '·':<7}", "strong" if sense.chord else "faint")]
        if sense.tempo:
            left += [(f" ♩ {sense.tempo:5.1f} ", "quiet")]
            here = sense.beat(now)
            for beat in range(max(1, sense.meter or 4)):
                left.append((" ●", "alarm" if beat == 0 else "good") if beat == here else (" ○", "faint"))
        right: Parts = []
        if sense.loudness is not None:
            busy = BUSY.get(max(-2, min(2, round(sense.busyness))), "")
            right = [(f"{busy}  " if busy else "", "you"), (f"you {sense.loudness:3.0f} ", "you")]
            lit = round(sense.loudness / 16)
            right += [("▮" * lit, "you"), ("▯" * (8 - lit) + " ", "faint")]
        return left, right


class Deeds(Static):
    """The actions and switches with their keys, to be clicked."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(id="deeds")
        self._mirror = mirror

    def tell(self) -> None:
        """Say again what there is and what is switched on."""
        mirror = self._mirror
        parts = [
            _pill(f"app.ask('{name}')", ACTION_KEYS.get(name, ""), name, "panic" if name == "panic" else "deed")
            for name in mirror.actions
        ]
        parts += [
            _pill(f"app.switch('{name}')", key, name, "lit" if mirror.value(name) == "on" else "deed")
            for name, key in SWITCH_KEYS.items()
            if name in mirror.controls
        ]
        self.update(Content("\n").join(_rows(parts, self.size.width)))

    def on_resize(self) -> None:
        """There is other room."""
        self.tell()


class Tabs(Static):
    """The panes that do not all fit at once."""

    def tell(self, now: str) -> None:
        """`now` is the one to be seen."""
        parts = [
            _pill(f"app.pane('{name}')", keys.split(",")[0].upper(), name, "lit" if name == now else "deed")
            for name, keys in PANES.items()
        ]
        self.update(Content(" ").join([Content(""), *parts]))


COLOURS = {"panic": "$text-error on $error-muted", "deed": "$foreground on $surface", "lit": "$background on $it"}


def _pill(action: str, key: str, name: str, style: str) -> Content:
    """A word to be clicked, with its key."""
    words = f" [b]{SHORT.get(key, key)}[/b] {name} " if key else f" {name} "
    return Content.from_markup(f"[{COLOURS[style]}][@click={action}]{words}[/][/]")


def _rows(parts: list[Content], width: int) -> list[Content]:
    """The parts in as many lines as they need."""
    rows: list[list[Content]] = [[]]
    for part in parts:
        if rows[-1] and sum(other.cell_length + 1 for other in rows[-1]) + part.cell_length + 1 > width:
            rows.append([])
        rows[-1].append(part)
    return [Content(" ").join([Content(""), *row]) for row in rows]


def figures_text(mirror: Mirror) -> Content:
    """A line for each figure: its median, its 99th centile and its worst, in milliseconds."""
    lines = [Content.from_markup(f"[$text-muted] {'':<24}{'p50':>7}{'p99':>8}{'max':>8}  ms[/]")]
    for name, label in {**FIGURES, **{name: name for name in mirror.figures if name not in FIGURES}}.items():
        figure = mirror.figures.get(name, {})
        if figure.get("count"):
            p50, p99, worst = (figure.get(f"{key}_ms", 0.0) for key in ("p50", "p99", "max"))
            lines.append(Content(f" {label.replace('_', ' '):<24}{p50:7.1f} {p99:7.1f} {worst:7.1f}"))
    if len(lines) == 1:
        lines.append(Content.from_markup("[$text-muted] nothing was measured yet[/]"))
    return Content("\n").join(lines)
