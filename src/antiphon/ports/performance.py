"""What is to be rendered, for whichever renderer: notes in seconds, who plays them, from where, and how they are tuned.

Renderers that are programs of their own are run here, in the background of a progress bar, and their raw sound is read.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.music.event import ANONYMOUS, ANONYMOUS_DRUMS, ANONYMOUS_PARTS, EVENT, Events, is_drum
from antiphon.music.notes import drums, notes_of
from antiphon.music.programs import instrument_name
from antiphon.music.score import Score, merged_events
from antiphon.music.tuning import EQUAL, Tuning
from antiphon.ports.hall import Stereo
from antiphon.ports.sound import SoundError

__all__ = ["Performance", "Progress", "perform", "raw_sound"]

Progress = Callable[[float], None]
"""Told the share of the work that is done, 0 to 1."""

WIDTH = 0.7
"""How far to the sides parts are placed, of 1."""
POLL = 0.1
"""Seconds between two looks at how far a program has come."""


@dataclass(frozen=True)
class Performance:
    """`events` (dtype `EVENT`, seconds), whose instruments stand for parts: their programs, pans (-1 to 1), names."""

    events: Events
    programs: Mapping[int, int]
    pans: Mapping[int, float]
    tuning: Tuning
    names: Mapping[int, str] = field(default_factory=dict)
    sample_rate: int = 44_100

    def notes(self) -> npt.NDArray[np.void]:
        """The notes that sound, dtype `SPAN`: without those on keys that the tuning leaves silent."""
        notes = notes_of(self.events)
        silent = np.isnan(self.tuning.frequencies)[notes["pitch"]]
        return np.asarray(notes[~silent | drums(notes["instrument"])])

    def hertz(self, pitch: int) -> float:
        return float(self.tuning.frequencies[pitch])


def perform(
    score: Score, *, tuning: Tuning | None = None, program: int | None = None, sample_rate: int = 44_100
) -> Performance:
    """`score` with each part as a player of its own, placed from left to right in order; drums in the middle.

    `program` is played by all melodic parts. Beyond 32 parts, some share a player.
    """
    parts = [part for part in score.parts if len(part.notes)]
    programs: dict[int, int] = {}
    pans: dict[int, float] = {}
    names: dict[int, str] = {}
    instruments: list[int] = []
    melodic = [part for part in parts if not part.is_drum]
    for part in parts:
        number = sum(is_drum(i) == part.is_drum for i in instruments)
        instrument = (ANONYMOUS_DRUMS if part.is_drum else ANONYMOUS) + number % ANONYMOUS_PARTS
        instruments.append(instrument)
        programs[instrument] = part.program if part.is_drum or program is None else program
        spread = WIDTH * (2 * number / (len(melodic) - 1) - 1) if len(melodic) > 1 and not part.is_drum else 0.0
        pans.setdefault(instrument, spread)
        names[instrument] = part.name or instrument_name(part.instrument)
    if not parts:
        return Performance(np.empty(0, EVENT), {}, {}, tuning or Tuning.on(EQUAL), sample_rate=sample_rate)
    notes = np.concatenate([part.notes for part in parts])
    owner = np.repeat(np.array(instruments, np.int64), [len(part.notes) for part in parts])
    onset, release = score.seconds(np.stack([notes["onset"], notes["onset"] + notes["duration"]]))
    events = merged_events(onset, release, owner, notes["pitch"].astype(np.int64), notes["velocity"])
    return Performance(events, programs, pans, tuning or Tuning.on(EQUAL), names, sample_rate)


def raw_sound(
    command: Sequence[str | Path], out: Path, *, seconds: float, sample_rate: int, progress: Progress
) -> Stereo:
    """The stereo sound, shape (2, n), that a program writes to `out` as raw 32-bit floats.

    Raises SoundError, one line, when it is not installed, fails or leaves no sound.
    """
    name = str(command[0])
    program = shutil.which(name)
    if program is None:
        raise SoundError(
            f"{name} is not installed: apt install {name} (Debian, Ubuntu) or brew install {_BREW.get(name, name)} "
            "(macOS); or render with soundfont, which needs no other program"
        )
    log = out.with_name(f"{out.name}.log")
    with log.open("wb") as output:
        running = subprocess.Popen([program, *command[1:]], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            while True:
                try:
                    running.wait(POLL)
                    break
                except subprocess.TimeoutExpired:
                    written = out.stat().st_size if out.exists() else 0
                    progress(min(1.0, written / (8 * max(seconds, 1e-3) * sample_rate)))
        finally:
            running.kill()
            running.wait()
    if running.returncode or not out.exists():
        raise SoundError(f"{name} failed: {_complaint(log.read_text('utf-8', 'replace'))}")
    progress(1.0)
    samples = np.fromfile(out, "<f4")
    return np.ascontiguousarray(samples[: len(samples) // 2 * 2].reshape(-1, 2).T)


_BREW = {"fluidsynth": "fluid-synth"}


def _complaint(log: str) -> str:
    """The line of a program's log that says best why it failed."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it said nothing")
