"""The scene: what holds at this moment for everything that plays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.tempo import Tempo
from antiphon.jam.turns import Moment
from antiphon.jam.voicing import Voicing
from antiphon.music.grid import Grid

__all__ = ["Scene"]


@dataclass
class Scene:
    """The time in seconds, the controls, the strips, and what follows from them.

    `quiet_by`: by then every note of the turn that ended must have ended.
    """

    settings: Settings
    ensemble: Ensemble
    tempo: Tempo = field(default_factory=Tempo)
    now: float = -math.inf
    quiet_by: float = math.inf
    voicing: Voicing = field(init=False)
    machine: frozenset[int] = field(init=False)
    """The instruments that only the machine plays, by itself or following."""
    autos: tuple[int, ...] = field(init=False)
    """Those that play by themselves and are not mute."""

    def __post_init__(self) -> None:
        self.set_up(None)

    def set_up(self, texture: str | None) -> None:
        """Make what follows from strips and controls; `texture` is the turn's own, None for the control's."""
        ensemble = self.ensemble
        self.voicing = Voicing(self.settings, ensemble, texture or self.settings.choice("texture"))
        self.machine = frozenset(ensemble.instruments("auto", "follow"))
        self.autos = tuple(i for i in ensemble.instruments("auto") if not ensemble.strip_of(i).mute)

    @property
    def grid(self) -> Grid:
        """Where the beats fall: by a clock, else as found in the player's notes, else by the control `tempo`."""
        return self.tempo.grid(self.settings)

    @property
    def beat(self) -> Grid | None:
        """The same, if it is known and not only assumed."""
        return self.tempo.known(self.settings)

    @property
    def moment(self) -> Moment:
        """What a turn is told of the time."""
        return Moment(self.now, self.settings, self.grid)

    @property
    def is_muted(self) -> bool:
        """Whether the machine shall not be heard."""
        return self.says("mute", "on")

    def is_auto(self, instrument: int) -> bool:
        """Whether `instrument` is a voice that plays by itself, not one that follows."""
        channel = self.ensemble.channel_of(instrument)
        return channel is None or self.ensemble.strips[channel].mode == "auto"

    def says(self, control: str, choice: str) -> bool:
        """Whether a control stands at `choice`."""
        return self.settings.choice(control) == choice

    def ring_out(self) -> None:
        """What sounds may ring for a while, and no longer."""
        self.quiet_by = self.now + self.settings.number("ring")
