"""Harmony: voices that follow another one, note by note, in chains if that is asked."""

from __future__ import annotations

from antiphon.engine.model import Voice
from antiphon.jam.ensemble import Strip
from antiphon.jam.voicing import Mask, pitches_within
from antiphon.music.event import Event
from antiphon.music.ledger import Key

__all__ = ["Harmony", "follower_voice"]


class Harmony:
    """Which notes were struck because of which others, so that they end together."""

    def __init__(self) -> None:
        self._because: dict[Key, list[Key]] = {}

    def struck(self, source: Key, follower: Key) -> None:
        """`follower` was struck because of `source`."""
        self._because.setdefault(source, []).append(follower)

    def released(self, source: Key) -> list[Key]:
        """The notes that end with `source`; each of them may have followers of its own."""
        return self._because.pop(source, [])

    def clear(self) -> None:
        """Nothing follows any more."""
        self._because.clear()


def follower_voice(strip: Strip, source: Event, pitches: Mask | None) -> Voice | None:
    """What a follower with `strip` may strike with the onset `source`: not its pitch; None where nothing is left.

    `pitches`: where the follower may strike at all, shape (128,); None for anywhere.
    """
    low, high = strip.interval
    mask = pitches_within(source.pitch + low, source.pitch + high)
    mask[source.pitch] = False
    if pitches is not None:
        mask &= pitches
    if not mask.any():
        return None
    softest, loudest = strip.velocity
    velocity = min(max(source.velocity, softest), loudest)
    return Voice(pitches=mask, min_velocity=velocity, max_velocity=velocity, max_polyphony=max(1, strip.polyphony[1]))
