"""A duet: an improviser, whoever plays with it, and what the two of them leave behind."""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from antiphon.engine import open_model
from antiphon.engine.model import Model
from antiphon.faces.shelf import Shelf, warm_up
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.improviser import Improviser
from antiphon.jam.journal import Journal, Line
from antiphon.jam.mapping import Mapping as Knobs
from antiphon.jam.preset import Preset, preset_to_toml
from antiphon.music.event import Event, Events, instrument_of
from antiphon.music.roll import draw_roll
from antiphon.ports.presets import PresetWatch, find_preset, read_preset, save_preset
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from antiphon.ports.sound import render_wav
from antiphon.ports.take import TakeWriter

__all__ = ["Duet", "read_tune"]


WAVES = (".wav", ".wave")


def read_tune(path: Path, program: int = 0, gain: float = 0.0, *, seconds: float | None = None) -> Events:
    """The notes of a file as events (dtype `EVENT`), up to `seconds`: of MIDI, of notation, of a WAV file of one voice.

    What a WAV file holds is played by `program` (0..127) and made louder by `gain` dB. Raises `OSError`, or
    `ValueError` in one line for what is neither, or has no notes.
    """
    if path.suffix.lower() in WAVES:
        from antiphon.ports.audio import transcribe

        tune = transcribe(path, instrument_of(program, drum=False), gain=gain)
    else:
        from antiphon.music.score_files import open_score

        tune = open_score(path).events()
    tune = tune[tune["at"] < (math.inf if seconds is None else seconds)]
    if not len(tune):
        raise ValueError(f"{path}: there are no notes in it to play")
    return tune


class _KeptRecorder(Recorder):
    """A recorder that also tells the take, once there is one, what the machine really sent."""

    take: TakeWriter | None = None

    def add(self, group: str, event: Event) -> None:
        super().add(group, event)
        if group == MACHINE and self.take is not None:
            self.take.sent(event)


class Duet:
    """Two players, one of them the machine.

    `tune` (dtype `EVENT`), when given, plays the human part by the player's strips and is called `tune_name`.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        ensemble: Ensemble,
        *,
        model_name: str,
        seed: int,
        tune: Events | None = None,
        tune_name: str = "",
        learned: Path | None = None,
        watch: PresetWatch | None = None,
        open_model: Callable[[str], Model] = open_model,
    ) -> None:
        """`model_name` is what the model was opened by, `learned` the file of what its learner had learned before.

        `open_model` opens whatever model is chosen later.
        """
        self.model = model
        self._open = open_model
        self.name = str(getattr(getattr(model, "trained", model), "name", "the model"))
        self.tune = tune
        self.tune_name = tune_name
        self.origin = 0.0
        self.knobs = Knobs()
        self.take: TakeWriter | None = None
        self.watch = watch
        self.shelf = Shelf(self._open)
        rng = np.random.default_rng(seed)
        self.improviser = Improviser(model, settings, rng, ensemble, models=self.shelf.take)
        self.recorder = _KeptRecorder()
        self.partner = Journal(self.improviser, self._keep)
        self._header = {"model": model_name, "seed": seed, "tune": tune_name}
        if learned is not None and learned.is_file():
            self._header["learned"] = base64.b64encode(learned.read_bytes()).decode()

    def begin_take(self, path: Path) -> None:
        """Keep everything from now on, before anything is played: with what a replay needs. Raises `OSError`."""
        self.take = self.recorder.take = TakeWriter(path, {**self._header, "preset": self.preset_text()})

    def _keep(self, line: Line) -> None:
        if self.take is not None:
            self.take.keep(line)

    # What actions ask of a face

    def take_preset(self, preset: Preset, now: float) -> list[Event]:
        """Play by `preset` from now on: all of it, or none of it where it raises. Returns events to be sent."""
        preset.settings(self.partner.settings)
        events = [] if preset.ensemble is None else self.partner.rearrange(preset.ensemble, now)
        for name, value in (preset.controls or {}).items():
            events += self.partner.set(name, value, now)
        if preset.knobs is not None:
            self.knobs.knobs = preset.knobs
        return events

    def open_preset(self, name: str, now: float) -> list[Event]:
        """Play by the preset that `name` means. Raises `ValueError` or `OSError`, one line, and changes nothing."""
        path = find_preset(name)
        events = self.take_preset(read_preset(path), now)
        if self.watch is not None:
            self.watch.path = path
        return events

    def preset_text(self) -> str:
        """Strips, controls and knobs as they are now, as the text of a preset."""
        return preset_to_toml(self.improviser.ensemble, self.improviser.settings, self.knobs.knobs)

    def save_preset(self, name: str) -> Path:
        """Keep strips, controls and knobs as they are as a preset. Raises `ValueError` or `OSError`."""
        return save_preset(name, self.preset_text())

    def choose_model(self, name: str, now: float) -> list[Event]:
        """Play with the model called `name`, which is on the shelf. Returns events to be sent. Raises `ValueError`."""
        events = self.partner.choose(name, now)
        self.name = Path(name).name
        return events

    # Playing

    def warm_up(self) -> None:
        """Have the model ready for its first note."""
        warm_up(getattr(self.model, "trained", self.model))  # what learns from every note must not learn from this one

    def recall(self, events: Events, now: float) -> None:
        """Go on from `events` (dtype `EVENT`), as if the last of them had just been played."""
        shift = now - float(events["at"][-1]) if len(events) else 0.0
        ours = self.improviser.ensemble.instruments("input", "auto", "follow")
        known = {i: i if i in ours else ours[0] for i in np.unique(events["instrument"]).tolist()} if ours else {}
        rows: Iterable[tuple[float, int, int, int]] = events.tolist()
        self.partner.recall([Event(at + shift, known[i], p, v) for at, i, p, v in rows if i in known], now)

    def simulate(self, seconds: float | None) -> None:
        """Let the tune play the human part in simulated time, `seconds` at most, with a progress bar."""
        assert self.tune is not None
        expected = float(self.tune["at"][-1]) + self.improviser.settings.number("answer")
        total = round(min(expected, seconds or math.inf))
        with tqdm(total=total, unit="s", desc="playing", file=sys.stderr, disable=None, leave=False) as bar:

            def progress(now: float) -> None:
                bar.update(min(round(now), total) - bar.n)

            until = seconds or (expected + 60.0)  # a loop would go round for ever
            ended = run_simulated(self.partner, self.tune, self.recorder, until=until, progress=progress)
        if self.take is not None:
            self.take.close(ended, "the tune is over")

    # What it leaves

    @property
    def programs(self) -> Mapping[int, int]:
        """The program (0..127) that each voice is heard with, by instrument."""
        ensemble = self.improviser.ensemble
        return {ensemble.instrument(c): s.program for c, s in ensemble.strips.items() if s.mode != "off"}

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
        length = max(0.0, float(events["at"][-1])) if len(events) else 0.0
        whom = self.tune_name or "you"
        return f"{whom} played {player} notes and {self.name} {machine} in {length:.0f} s"

    def tally(self) -> dict[str, int]:
        """What the improviser counted, by name."""
        return asdict(self.improviser.tally)

    def _draw(self, events: Events, path: Path) -> None:
        whom = self.tune_name or "you"
        machine = {event.instrument for event in self.recorder.as_it_came(MACHINE)}
        groups = {int(i): self.name if i in machine else whom for i in np.unique(events["instrument"])}
        groups = dict(sorted(groups.items(), key=lambda item: item[0] in machine))
        beside = path.with_name(f".{path.name}.part")
        try:
            draw_roll(events, beside, groups=groups, title=f"{whom} and {self.name}")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
