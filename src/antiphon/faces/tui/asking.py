"""What is asked of the musician: which value, which instrument, which preset, under which name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import App

from antiphon.faces.tui.hand import Hand
from antiphon.faces.tui.screens import Choice, Entry, Picker
from antiphon.faces.tui.strip_cells import FIELDS, words_of_mode
from antiphon.faces.tui.vocabulary import Action, Control, Strip

__all__ = ["Asking"]

SWITCHES = {"mute": "silent", "punch_in": "yours while you play on its channel", "drums": "a drum kit"}


class Asking:
    """Opens a screen, and asks the jam for what was chosen."""

    def __init__(self, app: App[Any], hand: Hand) -> None:
        self._app, self._hand, self._mirror = app, hand, hand.mirror

    def value(self, control: Control) -> None:
        """A control's value: chosen, or typed."""
        now = self._mirror.value(control.name)
        if control.kind == "choice":
            choices = [Choice(choice, choice) for choice in control.choices]
            self._pick(f"{control.title}: {control.help}", choices, now, lambda v: self._hand.turn(control.name, v))
        else:
            text = control.shown(now).split(" ")[0]
            about = f"{control.help}: {control.range}"
            self._type(control.title, about, text, control.typed, lambda v: self._hand.turn(control.name, v))

    def strip(self, channel: int, field: str) -> None:
        """A field of a strip, or first which one."""
        strip = self._mirror.strips.get(channel)
        if strip is None:
            return
        if not field:
            self._fields(strip)
        elif field == "mode":
            self._mode(strip)
        elif field == "program":
            self._instrument(strip)
        elif field in SWITCHES:
            self._hand.change(channel, **{field: not getattr(strip, field)})
        elif field in FIELDS:
            typed = FIELDS[field]
            text = typed.show(strip).removesuffix(" s").replace("–", " ")
            title = f"channel {channel}: {field.replace('_', ' ')}"
            self._type(title, typed.help, text, typed.read, lambda v: self._hand.change(channel, **{field: v}))

    def action(self, action: Action, now: str = "") -> None:
        """What an action needs to know, before it is asked for."""
        if not action.argument:
            self._hand.act(action.name)
        elif action.name == "preset":
            choices = [Choice(p.name, p.name, p.about) for p in self._mirror.presets]
            self._pick("presets", choices, self._mirror.current, lambda name: self._hand.act("preset", name))
        elif action.name == "model" and self._mirror.models:
            choices = [Choice(name, name) for name in self._mirror.models]
            self._pick("models", choices, self._mirror.model, lambda name: self._hand.act("model", name))
        elif action.argument == "CONTROL":
            choices = [Choice(c.title, c.name, c.help) for c in self._mirror.controls.values()]
            self._pick(f"{action.name}: {action.help}", choices, now, lambda name: self._hand.act(action.name, name))
        else:
            text = (self._mirror.current or "") if action.name == "save" else ""
            self._type(action.name, action.help, text, _named, lambda name: self._hand.act(action.name, name))

    def _mode(self, strip: Strip) -> None:
        choices: list[Choice[Any]] = [Choice(m, {"mode": m}) for m in self._mirror.modes if m != "follow"]
        others = [s for s in self._mirror.strips.values() if s.channel != strip.channel and s.mode != "off"]
        if "follow" in self._mirror.modes:
            choices += [
                Choice(f"follow {s.channel}", {"mode": "follow", "source": s.channel}, f"harmonises {s.name}")
                for s in others
            ]
        now = {"mode": strip.mode, **({"source": strip.source} if strip.mode == "follow" else {})}
        self._pick(f"channel {strip.channel}: mode", choices, now, lambda v: self._hand.change(strip.channel, **v))

    def _instrument(self, strip: Strip) -> None:
        programs, families = self._mirror.programs, self._mirror.families
        choices: list[Choice[Any]] = [
            Choice(name, {"program": n, "drums": False} if strip.drums else {"program": n})
            for n, name in enumerate(programs)
        ]
        size = len(programs) // len(families) if families else 0
        places = {name: range(n * size, (n + 1) * size) for n, name in enumerate(families)}
        choices.append(Choice("drums", {"drums": True}))
        places["drums"] = range(len(programs), len(programs) + 1)
        now = {"drums": True} if strip.drums else {"program": strip.program}
        title = f"channel {strip.channel}: instrument"
        self._pick(title, choices, now, lambda v: self._hand.change(strip.channel, **v), places)

    def _fields(self, strip: Strip) -> None:
        choices = [
            Choice(f"mode        {words_of_mode(strip)}", "mode", "off, yours, its own, or following another one"),
            Choice(f"instrument  {strip.name}", "program", "of General MIDI"),
        ]
        for name, about in SWITCHES.items():
            words = name.replace("_", " ")
            choices.append(Choice(f"{words:<11} {'yes' if getattr(strip, name) else 'no'}", name, about))
        choices += [Choice(f"{f.name.replace('_', ' '):<11} {f.show(strip)}", f.name, f.help) for f in FIELDS.values()]
        self._pick(f"channel {strip.channel}", choices, None, lambda field: self.strip(strip.channel, field))

    def _pick(
        self, title: str, choices: list[Choice[Any]], now: Any, then: Any, families: Mapping[str, range] | None = None
    ) -> None:
        self._app.push_screen(Picker(title, choices, now, families), lambda v: None if v is None else then(v))

    def _type(self, title: str, about: str, text: str, read: Any, then: Any) -> None:
        self._app.push_screen(Entry(title, about, text, read), lambda v: None if v is None else then(v[0]))


def _named(text: str) -> str:
    if not text.strip():
        raise ValueError("it needs a name")
    return text.strip()
