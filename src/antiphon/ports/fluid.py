"""FluidSynth as a process of its own, retuned key by key through its shell's commands."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from antiphon.music.event import is_drum
from antiphon.music.midi_write import write_midi
from antiphon.music.score import NOTE, TEMPO, Part, Score
from antiphon.ports.hall import Stereo
from antiphon.ports.performance import Performance, Progress, raw_sound

__all__ = ["play_fluidsynth"]

TAIL = 4.0
"""Seconds that it may play on after the last release."""
GAIN = 0.4
TICKS, MICROSECONDS = 960, 500_000
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != 9)
PAN = 10
"""The controller that places a channel, 0 (left) to 127."""


def play_fluidsynth(performance: Performance, soundfont: Path, *, progress: Progress = lambda _: None) -> Stereo:
    """`performance` as FluidSynth plays it from `soundfont`, shape (2, n), dry.

    Raises SoundError when it is not installed, or fails.
    """
    with TemporaryDirectory(prefix="antiphon-fluidsynth-") as place:
        folder = Path(place)
        midi, out, shell = folder / "piece.mid", folder / "piece.raw", folder / "tuning.txt"
        write_midi(_score(performance), midi)
        shell.write_text(_commands(performance), "ascii")
        command: tuple[str | Path, ...] = (
            "fluidsynth", "-n", "-i", "-q", "-R", "0", "-C", "0", "-g", f"{GAIN}", "-r", str(performance.sample_rate),
            "-T", "raw", "-O", "float", "-E", "little", "-f", shell, "-F", out, soundfont, midi,
        )  # fmt: skip
        seconds = float(performance.events["at"].max(initial=0.0)) + TAIL
        return raw_sound(command, out, seconds=seconds, sample_rate=performance.sample_rate, progress=progress)


def _commands(performance: Performance) -> str:
    """A tuning of 128 keys in cents, every channel set to it but the drums', and where each part's channel stands."""
    pitches = performance.tuning.pitches
    lines = ["tuning antiphon 0 0"]
    lines += [f"tune 0 0 {key} {100 * pitch:.4f}" for key, pitch in enumerate(pitches) if np.isfinite(pitch)]
    lines += [f"settuning {channel} 0 0" for channel in MELODIC_CHANNELS]
    melodic = [i for i in np.unique(performance.events["instrument"]).tolist() if not is_drum(i)]
    if len(melodic) <= len(MELODIC_CHANNELS):  # else parts share channels
        for channel, instrument in zip(MELODIC_CHANNELS, melodic, strict=False):
            place = round(64 + 63 * performance.pans.get(instrument, 0.0))
            lines.append(f"cc {channel} {PAN} {place}")
    return "\n".join([*lines, ""])


def _score(performance: Performance) -> Score:
    """A part for each player, at a tempo that makes a tick half a millisecond or so."""
    notes = performance.notes()
    parts = []
    for instrument in np.unique(notes["instrument"]).tolist():
        own = notes[notes["instrument"] == instrument]
        per_second = TICKS * 1e6 / MICROSECONDS
        rows = np.empty(len(own), NOTE)
        rows["onset"] = np.rint(own["onset"] * per_second)
        rows["duration"] = np.maximum(np.rint((own["onset"] + own["duration"]) * per_second) - rows["onset"], 1)
        rows["pitch"], rows["velocity"] = own["pitch"], own["velocity"]
        parts.append(Part(performance.programs.get(instrument, 0), is_drum(instrument), rows))
    return Score(TICKS, tuple(parts), np.array([(0, MICROSECONDS)], TEMPO))
