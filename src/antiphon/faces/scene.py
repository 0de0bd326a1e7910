"""The scene: a jam as its faces see it. It watches the host, and tells what changed, as `docs/protocol.md` says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

from antiphon import __version__
from antiphon.engine import shipped_models
from antiphon.faces.news import Kept, News
from antiphon.jam.controls import ACTIONS, GROUPS, Settings
from antiphon.jam.ensemble import MODES, Ensemble, Strip
from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event
from antiphon.music.programs import FAMILIES, PROGRAM_NAMES, instrument_name
from antiphon.ports.passage import SILENT
from antiphon.ports.presets import about_preset, preset_names
from antiphon.ports.sending import routes_of

__all__ = ["Scene", "hello_of", "strips_of", "thru_of"]

SENSE = 0.1
"""Seconds between two looks at key, chord and beat while nothing is heard."""

Tell = Callable[[News], None]


class Scene:
    """A `Watcher` of the host's. Whoever joins is told everything; `say` may be called from any thread."""

    def __init__(self, improviser: Improviser, model: str, *, sounds: bool = True) -> None:
        """`model` is its name for people; `sounds`: whether faces are to make the sound."""
        self._improviser = improviser
        self._kept = Kept()
        self._told: list[Tell] = []
        self._turn = threading.Lock()
        self._settings: Settings | None = None
        self._ensemble: Ensemble | None = None
        self._plan: Event | None = None
        self._sense: News = {}
        self._sounding: dict[tuple[str, int, int], int | None] = {}  # by whom, instrument and pitch: on which channel
        self._sensed_at = -SENSE
        self._fresh = False  # something was heard since the last look
        self.say(hello_of(model, sounds=sounds))
        self.model(model)

    def join(self, tell: Tell) -> None:
        """Tell `tell` what there is, and everything that happens from now on. It must return at once."""
        with self._turn:
            for news in self._kept.all():
                tell(news)
            self._told.append(tell)

    def leave(self, tell: Tell) -> None:
        """Tell `tell` nothing more."""
        with self._turn:
            self._told = [told for told in self._told if told != tell]

    def say(self, news: News) -> None:
        """Tell everybody."""
        with self._turn:
            self._kept.take(news)
            for tell in self._told:
                tell(news)

    def presets(self, current: str | None) -> None:
        """Tell which presets there are, and by which one it plays."""
        about = [{"name": name, "about": about_preset(path)} for name, path in preset_names().items()]
        self.say({"t": "presets", "presets": about, "current": current})

    def model(self, name: str) -> None:
        """Tell which model plays, and which others there are."""
        self.say({"t": "model", "name": name, "models": shipped_models()})

    def take(self, name: str | None) -> None:
        """Tell what the take is called."""
        self.say({"t": "take", "name": name})

    def figures(self, figures: Mapping[str, Mapping[str, float]]) -> None:
        """Tell the figures of the last seconds, as in `Meter.recent`."""
        self.say({"t": "figures", "figures": figures})

    # What the host tells

    def heard(self, event: Event) -> None:
        """The player did `event`."""
        self._fresh = True
        self._note("you", event)

    def decided(self, events: Sequence[Event]) -> None:
        """The machine will play `events`."""
        for event in events:
            self._note("it", event)

    def look(self, now: float) -> None:
        """Tell what is otherwise than it was."""
        if self._improviser.settings is not self._settings:
            self._tell_controls(self._improviser.settings)
        if self._improviser.ensemble is not self._ensemble:
            self._ensemble = self._improviser.ensemble
            self.say({"t": "strips", "strips": strips_of(self._ensemble)})
            self.say({"t": "thru", "routes": thru_of(self._ensemble)})
        if self._improviser.plan is not self._plan:
            self._plan = self._improviser.plan
            self.say({"t": "plan", "note": None if self._plan is None else self._row(self._plan)})
        if self._fresh or now >= self._sensed_at + SENSE:
            self._sensed_at, self._fresh = now, False
            sense = self._sense_at(now)
            if sense != self._sense:
                self._sense = sense
                self.say(sense)

    def _note(self, who: str, event: Event) -> None:
        row, key = self._row(event), (who, event.instrument, event.pitch)
        if event.is_onset:
            self._sounding[key] = row["channel"]
        else:  # the strip may be another one's by now
            row["channel"] = self._sounding.pop(key, row["channel"])
        self.say({"t": "note", "who": who, **row})

    def _row(self, event: Event) -> News:
        channel = self._improviser.ensemble.channel_of(event.instrument)
        return {"at": event.at, "channel": channel, "pitch": event.pitch, "velocity": event.velocity}

    def _tell_controls(self, settings: Settings) -> None:
        before = self._settings
        changed = {name: value for name, value in settings.items() if before is None or before[name] != value}
        self._settings = settings
        if changed:
            self.say({"t": "controls", "values": changed})

    def _sense_at(self, now: float) -> News:
        listening, grid = self._improviser.listening, self._improviser.grid
        key, chord = listening.key(now, self._improviser.settings), listening.chord(now)
        loudness = listening.loudness(now)
        return {
            "t": "sense",
            "key": None if key is None else str(key),
            "chord": None if chord is None else chord.name,
            "tempo": round(grid.tempo, 2),
            "meter": grid.meter,
            "origin": round(grid.origin, 4),
            "playing": self._improviser.is_playing,
            "busyness": round(listening.busyness(now), 1),
            "loudness": None if loudness is None else round(loudness),
        }


def hello_of(model: str, *, sounds: bool = True) -> News:
    """What there is: controls, actions and instruments; see `docs/protocol.md`."""
    controls = [
        {
            "name": control.name,
            "group": group,
            "kind": control.kind,
            "default": control.default,
            "low": control.low,
            "high": control.high,
            "unit": control.unit,
            "help": control.help,
            "cc": control.cc,
            "choices": list(control.choices),
        }
        for group, members in GROUPS.items()
        for control in members
    ]
    return {
        "t": "hello",
        "version": __version__,
        "model": model,
        "sounds": sounds,
        "controls": controls,
        "actions": [{"name": a.name, "help": a.help, "argument": a.argument} for a in ACTIONS],
        "modes": list(MODES),
        "programs": list(PROGRAM_NAMES),
        "families": list(FAMILIES),
    }


_SHOWN = [field.name for field in fields(Strip) if field.name not in ("note_map", "cc", "channel", "drums")]


def strips_of(ensemble: Ensemble) -> list[News]:
    """The sixteen strips in order of channel."""
    strips: list[News] = []
    for channel, strip in ensemble.strips.items():
        drums = ensemble.is_drums(channel)
        shown = {name: getattr(strip, name) for name in _SHOWN}
        name = instrument_name(strip.program) if not drums else "drums"
        strips.append({"channel": channel, "name": name, "drums": drums, "out": ensemble.out_channel(channel), **shown})
    return strips


def thru_of(ensemble: Ensemble) -> list[list[object]]:
    """How the player's own messages are to sound: `[hears, channel, pitches or None, velocity or 0]`, from 1."""
    return [
        [route.hears + 1, route.channel + 1, _pitches(route.pitches), route.velocity]
        for route in routes_of(ensemble, [""])
    ]


def _pitches(pitches: bytes) -> list[int] | None:
    if pitches == bytes(range(128)):
        return None
    return [-1 if pitch == SILENT else pitch for pitch in pitches]
