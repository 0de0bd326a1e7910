"""A real jam in simulated time with the terminal as its face: what it asks is done, what happens it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from antiphon.engine.model import Model
from antiphon.faces.news import News
from antiphon.faces.scene import Scene, hello_of
from antiphon.jam.controls import ACTIONS, Settings, control_named
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.improviser import Improviser
from antiphon.jam.mapping import Mapping
from antiphon.jam.preset import strip_fields
from antiphon.music.event import Event, Events
from antiphon.ports.ear import Ear
from antiphon.ports.presets import about_preset, find_preset, preset_names, read_preset

MUSIC = frozenset(action.name for action in ACTIONS) - {"preset", "save", "learn"}


class Rehearsal:
    """`tell` is the face's; `asked` keeps what the face asked for, in order, without its questions for the time."""

    def __init__(self, model: Model, preset: str = "strings", seed: int = 1, start: float = 1000.0) -> None:
        read = read_preset(find_preset(preset))
        assert read.ensemble is not None
        self.now = start
        self.improviser = Improviser(model, read.settings(Settings()), np.random.default_rng(seed), read.ensemble)
        self.scene = Scene(self.improviser, model=str(getattr(model, "name", "antiphon")), sounds=False)
        self.asked: list[News] = []
        self.tell: Callable[[News], None] = lambda _: None
        self._ear = Ear(read.ensemble, Mapping(), None, mpe=False)
        self._ear.listener = self
        self._preset = preset
        self.scene.take("2026-11-21-evening.take")

    @property
    def hello(self) -> News:
        """What a face is told first."""
        return hello_of("random", sounds=False)

    def join(self, tell: Callable[[News], None]) -> None:
        """Let a face join."""
        self.tell = tell
        self._tell_presets()
        self.scene.look(self.now)
        self.scene.join(tell)

    def ask(self, message: News) -> None:
        """What the face sends."""
        if message["t"] == "ping":
            self.tell({"t": "pong", "id": message["id"], "now": self.now})
            return
        self.asked.append(message)
        try:
            self._do(message)
        except ValueError as error:
            self.tell({"t": "refused", "what": message["t"], "why": str(error)})
        self.scene.look(self.now)

    def clock(self) -> float:
        """Seconds on the clock of the face, which is another than the jam's."""
        return self.now - 900.0

    def play(self, seconds: float, tune: Events | None = None) -> None:
        """Let the time go on; the player plays `tune`, whose times count from now."""
        begun, end = self.now, self.now + seconds
        yours = self.improviser.ensemble.instruments("input")[0]
        left = [] if tune is None else [Event(begun + at, yours, *rest) for at, _, *rest in tune.tolist()]
        while True:
            wake = self.improviser.next_wake()
            at = min([end, *(event.at for event in left[:1]), *([] if wake is None else [wake])])
            self.now = max(self.now, at)
            if self.now >= end:
                self.scene.look(self.now)
                return
            if left and left[0].at <= self.now:
                self.hear(left.pop(0))
            else:
                self._decided(self.improviser.wake(self.now))
            self.scene.look(self.now)

    def _do(self, message: News) -> None:
        match message["t"]:
            case "set":
                value = control_named(message["name"]).check(message["value"])
                self._decided(self.improviser.set(message["name"], value, self.now))
            case "strip":
                changed = self.improviser.ensemble.changed(message["channel"], **strip_fields(message["fields"]))
                self._rearrange(changed)
            case "midi":
                self._ear.hear(0, bytes(message["data"]), self.now)
            case "act" if message["name"] in MUSIC:
                self._decided(self.improviser.act(message["name"], "", self.now))
                if message["name"] == "panic":
                    self.scene.say({"t": "silence"})
            case "act" if message["name"] == "preset":
                self._take_preset(message["argument"])
            case "act":
                self.scene.say({"t": "notice", "text": f"{message['name']} {message['argument']}: done"})
            case "quit":
                self.scene.say({"t": "ended", "why": "the musician has left"})

    def _take_preset(self, name: str) -> None:
        read = read_preset(find_preset(name))
        self._preset = name
        for control, value in (read.controls or {}).items():
            self._decided(self.improviser.set(control, value, self.now))
        if read.ensemble is not None:
            self._rearrange(read.ensemble)
        self._tell_presets()

    def _rearrange(self, ensemble: Ensemble) -> None:
        self._decided(self.improviser.rearrange(ensemble, self.now))
        self._ear.arrange(ensemble)

    def _tell_presets(self) -> None:
        presets = [{"name": name, "about": about_preset(path)} for name, path in preset_names().items()]
        self.scene.say({"t": "presets", "presets": presets, "current": self._preset})

    def _decided(self, events: Iterable[Event]) -> None:
        self.scene.decided(list(events))

    # What the ear tells

    def hear(self, event: Event) -> None:
        self._decided(self.improviser.receive(event, self.now))
        self.scene.heard(event)

    def turn(self, control: str, value: object) -> None:
        self._decided(self.improviser.set(control, value, self.now))

    def act(self, action: str, argument: str = "") -> None: ...
    def arrange(self, channel: int, fields: object) -> None: ...
    def beat(self, grid: object) -> None: ...
    def notice(self, text: str) -> None: ...
    def stop(self, reason: str) -> None: ...
    def ended(self) -> None: ...
    def lost(self, reason: str) -> None: ...
