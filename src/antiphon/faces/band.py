"""The band: the strips for a tune that plays the human part, and the tune as those strips play it."""

from __future__ import annotations

import numpy as np

from antiphon.jam.ensemble import CHANNELS, DRUM_CHANNEL, Ensemble, Strip
from antiphon.music.event import Events, is_drum, program_of

__all__ = ["band_for", "played_by"]


def band_for(tune: Events, program: int, channel: int) -> Ensemble:
    """A strip of the player's for each instrument of `tune`, as far as channels go; the machine plays `program`."""
    free = [c for c in CHANNELS if c not in (channel, DRUM_CHANNEL)]
    strips = {channel: Strip(mode="auto", program=program)}
    for instrument in _by_weight(tune):
        if is_drum(instrument) and DRUM_CHANNEL not in strips:
            strips[DRUM_CHANNEL] = Strip(mode="input", program=program_of(instrument))
        elif free:
            strips[free.pop(0)] = Strip(mode="input", program=program_of(instrument), drums=is_drum(instrument))
    return Ensemble(strips)


def played_by(ensemble: Ensemble, tune: Events) -> Events:
    """`tune` with each of its instruments played by one of the player's strips, of its program and kind if possible.

    Parts for which no strip is left share the last one of their kind. Raises `ValueError` when the player has no strip.
    """
    autos = ensemble.instruments("auto")
    players = [*ensemble.instruments("input"), *(i for i in autos if ensemble.strip_of(i).punch_in)]
    if not players:
        raise ValueError("nobody can play the tune: no channel of the preset has the mode input or punch_in")
    left = list(players)
    taken: dict[int, int] = {}
    for instrument in _by_weight(tune):
        alike = [i for i in left if program_of(i) == program_of(instrument) and is_drum(i) == is_drum(instrument)]
        kind = [i for i in left if is_drum(i) == is_drum(instrument)]
        shared = [i for i in players if is_drum(i) == is_drum(instrument)]
        chosen = (alike or kind or shared[-1:] or players)[0]
        taken[instrument] = chosen
        if chosen in left:
            left.remove(chosen)
    played = tune.copy()
    for instrument, strip in taken.items():
        played["instrument"][tune["instrument"] == instrument] = strip
    return played


def _by_weight(tune: Events) -> list[int]:
    """The instruments of `tune`, those with the most notes first."""
    onsets = tune["instrument"][tune["velocity"] > 0]
    instruments, counts = np.unique(onsets, return_counts=True)
    return [int(i) for i in instruments[np.argsort(-counts, kind="stable")]]
