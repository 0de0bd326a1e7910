"""What came before: a take, a piece or one of a folder of them, from whose end the jam goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from antiphon.jam.ensemble import CHANNELS, DRUM_CHANNEL, Ensemble, Strip
from antiphon.music.event import Events, is_drum, program_of

__all__ = ["cast_of", "read_past"]


def read_past(path: Path, rng: np.random.Generator) -> Events:
    """The events (dtype `EVENT`) of a take, a MIDI file or notation; of a folder, those of a piece drawn by `rng`.

    A piece of a folder that cannot be read costs a line, and another is drawn. Raises `OSError`, or `ValueError` in one
    line.
    """
    from antiphon.music.score_files import open_score
    from antiphon.ports.take import SUFFIX, read_take

    if path.is_dir():
        return _drawn(path, rng)
    if path.suffix == SUFFIX:
        return read_take(path).recording().events()
    return open_score(path).events()


def _drawn(folder: Path, rng: np.random.Generator) -> Events:
    from antiphon.music.score_files import find_pieces

    pieces = find_pieces(folder)
    if not pieces:
        raise ValueError(f"{folder}: there is no music in it: neither MIDI, MusicXML, ABC nor kern")
    for i in rng.permutation(len(pieces)):
        try:
            return pieces[int(i)].read().events()
        except ValueError as error:
            print(f"antiphon jam: {error}", file=sys.stderr)
    raise ValueError(f"{folder}: none of its {len(pieces):,} pieces can be read")


def cast_of(past: Events) -> Ensemble:
    """Strips for the parts of `past`: the one with the most notes is the player's, the others are the machine's.

    Raises `ValueError` when there are not two parts.
    """
    onsets = past["instrument"][past["velocity"] > 0]
    instruments, counts = np.unique(onsets, return_counts=True)
    if len(instruments) < 2:
        raise ValueError("there is only one part in it: nothing is left for the machine to play")
    free = [channel for channel in CHANNELS if channel != DRUM_CHANNEL]
    strips: dict[int, Strip] = {}
    melodic = [int(i) for i in instruments[np.argsort(-counts, kind="stable")]]
    melodic.sort(key=is_drum)  # stable: the player's part is a melodic one if there is any
    for place, instrument in enumerate(melodic):
        if is_drum(instrument) and DRUM_CHANNEL in strips:
            continue
        channel = DRUM_CHANNEL if is_drum(instrument) else free.pop(0) if free else None
        if channel is not None:
            mode, hears = ("auto", None) if place else ("input", 0)
            pitches = past["pitch"][past["instrument"] == instrument]
            reach = (0, 127) if is_drum(instrument) else (int(pitches.min()), int(pitches.max()))
            program = program_of(instrument)
            strips[channel] = Strip(mode=mode, hears=hears, program=program, range=reach)  # type: ignore[arg-type]
    return Ensemble(strips)
