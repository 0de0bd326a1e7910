"""The keys of the terminal: one table, from which they are bound, shown and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.binding import Binding

from antiphon.faces.tui.vocabulary import Action

__all__ = ["ACTION_KEYS", "BLACK", "PANES", "SWITCH_KEYS", "WHITE", "bindings", "explained"]

ACTION_KEYS: Mapping[str, str] = {
    "panic": "space",
    "stop": "x",
    "reset": "r",
    "query": "t",
    "undo": "u",
    "again": "a",
    "preset": "p",
    "save": "w",
    "model": "n",
    "learn": "l",
}
"""The keys of actions, the homunculus' where it makes sense; others that a jam has are in the palette."""

SWITCH_KEYS: Mapping[str, str] = {"mute": "m", "hold": "s"}
"""The keys of controls that are switched all the time."""

PANES: Mapping[str, str] = {"strips": "f2,v", "controls": "f3,c", "roll": "f4,b", "log": "f5,j"}
"""The panes and their keys."""

WHITE = {"a": 0, "s": 2, "d": 4, "f": 5, "g": 7, "h": 9, "j": 11, "k": 12, "l": 14, "semicolon": 16, "apostrophe": 17}
BLACK = {"w": 1, "e": 3, "t": 6, "y": 8, "u": 10, "o": 13, "p": 15}
"""Semitones above the octave's C of the keys that play, as they lie under the hand."""


def bindings() -> list[Binding]:
    """What holds in every pane."""
    return [
        *(Binding(key, f"ask('{name}')", name, show=False) for name, key in ACTION_KEYS.items()),
        *(Binding(key, f"switch('{name}')", name, show=False) for name, key in SWITCH_KEYS.items()),
        *(Binding(keys, f"pane('{name}')", name, show=False) for name, keys in PANES.items()),
        *(Binding(str((n + 1) % 10), f"preset({n})", f"preset {n + 1}", show=False) for n in range(10)),
        Binding("f8", "ask('panic')", "panic", show=False, priority=True),
        Binding("f7,k", "play", "play on these keys", show=False),
        Binding("escape", "put_away", "put the keys away", show=False),
        Binding("d", "shade", "dark or light", show=False),
        Binding("question_mark,h,f1", "help", "help", show=False),
        Binding("q", "leave", "quit", show=False),
        Binding("ctrl+c,ctrl+q", "leave", "quit", show=False, priority=True),
    ]


def explained(actions: Mapping[str, Action], presets: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """All keys for the help, under headings, with what the jam says of its actions."""
    helps = {"mute": "silence the machine; it goes on listening", "hold": "nothing new begins; what sounds may end"}
    named = {**{name: action.help for name, action in actions.items()}, **helps}
    keys = {**ACTION_KEYS, **SWITCH_KEYS}
    playing = [(keys.get(name, "ctrl+p"), f"{name}: {what}" if what else name) for name, what in named.items()]
    first = ", ".join(presets[:3])
    return {
        "Playing": [*playing, ("f8", "panic, whatever is open"), ("1 to 9, 0", f"presets: {first}, ...")],
        "Controls": [
            ("↑ ↓", "another control"),
            ("pgup pgdn", "another group"),
            ("← →  - +", "less, more"),
            ("shift ← →  , .", "a little less, more"),
            ("home end", "lowest, highest"),
            ("enter", "type or choose a value; flip a switch"),
            ("backspace", "as it was at first"),
            ("mouse", "drag or click a slider, click a value, or turn the wheel over the chosen one"),
        ],
        "Playing on these keys": [
            ("a s d f ...", "white keys, w e t y u o p the black ones"),
            ("z x", "an octave down, up"),
            ("c v", "softer, louder"),
            ("esc", "leave"),
        ],
        "Panes": [
            *((keys.replace(",", "  "), name) for name, keys in PANES.items()),
            ("tab", "to the next pane"),
            ("k  f7", "play on the computer's keys"),
            ("d", "dark or light"),
            ("ctrl+p", "everything by name"),
            ("?  h", "this help"),
            ("q  ctrl+c", "end the jam"),
        ],
        "Strips": [
            ("↑ ↓ ← →", "another channel, another cell"),
            ("enter", "change it: mode, instrument, mute, limits"),
            ("o", "next mode: off, input, auto, follow"),
            ("i", "choose an instrument"),
            ("M", "mute the channel"),
            ("e", "everything of the strip"),
            ("mouse", "click a cell; with the right button a mode back"),
        ],
    }
