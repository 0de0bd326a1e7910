"""Playing on the computer's keys. A terminal never tells when a key comes up, so that notes have a length."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size, clamp
from textual.message import Message

from antiphon.faces.tui.canvas import Canvas
from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.keys import BLACK, WHITE
from antiphon.faces.tui.vocabulary import Strip, note_name

__all__ = ["LENGTH", "Piano", "channel_played"]

LENGTH = 0.4
"""Seconds that a note sounds; a key that is held down repeats, which keeps its note."""
REPEAT = 0.09
"""Seconds within which the same key again is the keyboard's own repeating and no new stroke."""
KEY = 4
"""Characters of a white key."""
LABELS = {"semicolon": ";", "apostrophe": "'"}


def channel_played(strips: dict[int, Strip], chosen: int) -> int | None:
    """The channel on which to play so that the strip `chosen` hears it, if it is the player's; else the first such.

    None where no strip is the player's.
    """
    yours = [s for s in strips.values() if s.mode == "input" or s.punch_in]
    strip = next((s for s in yours if s.channel == chosen), yours[0] if yours else None)
    return None if strip is None else strip.hears or strip.channel


class Piano(Canvas):
    """Two rows of keys and a line above that says how they play."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", show=False)]

    class Left(Message):
        """Nobody wants to play on it any more."""

    def __init__(self, hand: Hand) -> None:
        super().__init__(id="piano")
        self._hand = hand
        self.chosen = 1
        self._octave, self._velocity = 60, 80
        self._held: dict[int, tuple[int, float]] = {}
        """Pitch -> the channel it sounds on, and the time when its key was last heard of."""

    def extent(self) -> Size:
        """How it plays, and two rows of keys."""
        return Size(self.scrollable_content_region.width, 3)

    def draw(self, line: int) -> list[Segment]:
        """The words, the black keys, the white keys."""
        quiet = self.style_of("quiet")
        if line == 0:
            channel = channel_played(self._hand.mirror.strips, self.chosen)
            where = "unheard: no strip is yours (f2)  " if channel is None else f"channel {channel}  "
            return [
                Segment(" playing ", self.style_of("you") + Style(bold=True)),
                Segment(where, quiet),
                Segment(f"from {note_name(self._octave)} (z x)  velocity {self._velocity} (c v)  ", quiet),
                Segment(f"notes of {LENGTH:g} s  (esc)", quiet),
            ]
        if line == 1:
            return [Segment("   "), *self._blacks()]
        return [Segment(" "), *(self._key(key, step, black=False) for key, step in WHITE.items())]

    def _blacks(self) -> list[Segment]:
        segments, steps = [], {step: key for key, step in BLACK.items()}
        for white in WHITE.values():
            key = steps.get(white + 1)
            segments += [self._key(key, white + 1, black=True), Segment(" ")] if key else [Segment(" " * KEY)]
        return segments

    def _key(self, key: str, step: int, *, black: bool) -> Segment:
        label = LABELS.get(key, key)
        if self._octave + step in self._held:
            style = Style(color="#ffffff", bgcolor=self.style_of("you").color, bold=True)
        elif black:
            style = Style(color="#d0d0d0", bgcolor="#2c2c2c")
        else:
            style = Style(color="#303030", bgcolor="#ece8de")
        return Segment(f" {label} " if black else f" {label} │", style)

    def on_key(self, event: events.Key) -> None:
        """A note, another octave, another velocity; whatever else a key means is left to it."""
        step = {**WHITE, **BLACK}.get(event.key)
        if step is not None:
            self._strike(self._octave + step)
        elif event.key in ("z", "x"):
            self._octave = clamp(self._octave + (12 if event.key == "x" else -12), 12, 108)
        elif event.key in ("c", "v"):
            self._velocity = clamp(self._velocity + (10 if event.key == "v" else -10), 10, 127)
        elif event.key in ("space", "escape", "tab", "shift+tab") or not event.is_printable:
            return
        event.stop()
        event.prevent_default()
        self.refresh()

    def _strike(self, pitch: int) -> None:
        if pitch > 127:
            return
        now, held = self._hand.clock(), self._held.get(pitch)
        if held is not None and now - held[1] > REPEAT:
            self._release(pitch)
            held = None
        if held is None:
            channel = channel_played(self._hand.mirror.strips, self.chosen) or 1
            self._hand.strike(channel, pitch, self._velocity)
        else:
            channel = held[0]
        self._held[pitch] = (channel, now)

    def beat(self) -> None:
        """Let the notes go whose keys were not heard of for their length."""
        now = self._hand.clock()
        for pitch, (_, heard) in list(self._held.items()):
            if now >= heard + LENGTH:
                self._release(pitch)

    def _release(self, pitch: int) -> None:
        channel, _ = self._held.pop(pitch)
        self._hand.strike(channel, pitch, 0)
        self.refresh()

    def let_go(self) -> None:
        """Let every note go."""
        for pitch in list(self._held):
            self._release(pitch)

    def action_leave(self) -> None:
        """Put the keyboard away."""
        self.let_go()
        self.post_message(self.Left())
