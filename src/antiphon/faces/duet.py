"""A duet: an improviser, whoever plays with it, and what the two of them leave behind."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from antiphon.engine.model import Constraints, Model, NothingPossible, Voice
from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.jam.voicing import Parts, apart_from
from antiphon.music.event import Event, Events, instrument_of, is_drum, program_of
from antiphon.music.midi_read import read_midi
from antiphon.music.roll import draw_roll
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from antiphon.ports.sound import render_wav
from antiphon.ports.wire import DRUM_CHANNEL

__all__ = ["Duet", "read_tune"]


def read_tune(path: Path, *, seconds: float | None = None) -> Events:
    """The notes of a MIDI file as events (dtype `EVENT`), up to `seconds`.

    Raises `ValueError`, in one line, for what is not MIDI or has no notes.
    """
    tune = read_midi(path).events()
    tune = tune[tune["at"] < (math.inf if seconds is None else seconds)]
    if not len(tune):
        raise ValueError(f"{path}: there are no notes in it to play")
    return tune


class Duet:
    """Two players, one of them the machine. The instruments that it plays are never the player's.

    `tune` (dtype `EVENT`), when given, plays the human part and is called `tune_name`. Programs are 0..127.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        *,
        program: int,
        player_program: int,
        seed: int | None,
        tune: Events | None,
        tune_name: str,
    ) -> None:
        self.model = model
        self.name = str(getattr(model, "name", "the model"))
        self.tune = tune
        self.tune_name = tune_name
        self.recorder = Recorder()
        self.origin = 0.0
        taken = [player_program] if tune is None else np.unique(tune["instrument"]).tolist()
        machine = apart_from(taken, instrument_of(program, drum=False))
        self.programs = {machine: program}
        self.improviser = Improviser(model, settings, np.random.default_rng(seed), Parts((machine,)))

    def warm_up(self) -> None:
        """Feed and ask the model once, then take it back: the first call of each graph is the slowest."""
        before = self.model.snapshot()
        self.model.feed(Event(0.0, 0, 60, 80))
        try:
            self.model.sample(Constraints({0: Voice()}), np.random.default_rng(0))
        except NothingPossible:
            pass
        finally:
            self.model.restore(before)

    def simulate(self, seconds: float | None) -> None:
        """Let the tune play the human part in simulated time, `seconds` at most, with a progress bar."""
        assert self.tune is not None
        expected = float(self.tune["at"][-1]) + self.improviser.settings.number("answer")
        total = round(min(expected, seconds or math.inf))
        with tqdm(total=total, unit="s", desc="playing", file=sys.stderr, disable=None, leave=False) as bar:

            def progress(now: float) -> None:
                bar.update(min(round(now), total) - bar.n)

            until = seconds or math.inf
            run_simulated(self.improviser, self.tune, self.recorder, until=until, progress=progress)

    def channels(self, channel: int) -> dict[int, tuple[int, int]]:
        """MIDI channel (0..15) and program of each instrument: `channel` is the machine's, the others the tune's."""
        channels = {machine: (channel, program) for machine, program in self.programs.items()}
        free = [c for c in range(16) if c not in (channel, DRUM_CHANNEL)]
        tune = [] if self.tune is None else np.unique(self.tune["instrument"]).tolist()
        melodic = [instrument for instrument in tune if not is_drum(instrument)]
        for i, instrument in enumerate(melodic):
            channels[instrument] = (free[i % len(free)], program_of(instrument))
        return channels | {i: (DRUM_CHANNEL, program_of(i)) for i in tune if is_drum(i)}

    def leave(self, *, record: Path | None, wav: Path | None, roll: Path | None, soundfont: Path | None) -> list[Path]:
        """Write what is asked for, each file whole or not at all. Returns what was written. Raises `OSError`."""
        events = self.recorder.events(origin=self.origin)
        if record is not None:
            self.recorder.write(record, self.programs, self.origin)
        if wav is not None:
            render_wav(events, wav, soundfont=soundfont, programs=self.programs)
        if roll is not None:
            self._draw(events, roll)
        return [path for path in (record, wav, roll) if path is not None]

    def summary(self) -> str:
        """What was played, in one line."""
        player, machine = (int((self.recorder.events(group)["velocity"] > 0).sum()) for group in (PLAYER, MACHINE))
        events = self.recorder.events(origin=self.origin)
        length = float(events["at"][-1]) if len(events) else 0.0
        whom = self.tune_name or "you"
        return f"{whom} played {player} notes and {self.name} {machine} in {length:.0f} s"

    def tally(self) -> dict[str, int]:
        """What the improviser counted, by name."""
        return asdict(self.improviser.tally)

    def _draw(self, events: Events, path: Path) -> None:
        whom = self.tune_name or "you"
        machine = self.improviser.parts.machine
        groups = {int(i): self.name if i in machine else whom for i in np.unique(events["instrument"])}
        groups = dict(sorted(groups.items(), key=lambda item: item[0] in machine))
        beside = path.with_name(f".{path.name}.part")
        try:
            draw_roll(events, beside, groups=groups, title=f"{whom} and {self.name}")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
