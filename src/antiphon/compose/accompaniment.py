"""Playing with a part that is given, off-line: the model fills in the others, as it would beside a player."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from antiphon.compose.continuation import DEFAULT_STEER, voices_of
from antiphon.engine.model import Constraints, Model, NothingPossible, Steer
from antiphon.music.beats import NO_BEATS, Beats, grid_at
from antiphon.music.event import ANONYMOUS, EVENT, Event, Events, is_drum
from antiphon.music.ledger import Ledger

__all__ = ["accompanied", "repeated", "two_players"]

_HEARD = 2000  # events of what came before; more changes little and takes longer
_LONGEST_REST = 3.0  # seconds without any event


def two_players(events: Events) -> tuple[Events, Events]:
    """`events` as those of two players: the highest melodic part, and everything else.

    Where one melodic instrument is alone it is divided by pitch, as between two hands, and the lower one becomes an
    anonymous part. Both are empty where there is no melodic part.
    """
    struck = events[events["velocity"] > 0]
    melodic = [i for i in np.unique(struck["instrument"]).tolist() if not is_drum(i)]
    if not melodic:
        return events[:0], events[:0]
    if len(melodic) > 1:
        highest = max(melodic, key=lambda i: float(struck["pitch"][struck["instrument"] == i].mean()))
        own = events["instrument"] == highest
        return events[own], events[~own]
    alone = events["instrument"] == melodic[0]
    own = alone & (events["pitch"] >= np.median(struck["pitch"][struck["instrument"] == melodic[0]]))
    others = events[~own].copy()
    others["instrument"][alone[~own]] = ANONYMOUS
    return events[own], others


def accompanied(
    model: Model,
    before: Events,
    given: Events,
    instruments: Collection[int],
    end: float,
    rng: np.random.Generator,
    *,
    beats: Beats = NO_BEATS,
    steer: Mapping[str, Steer] = DEFAULT_STEER,
) -> Events:
    """What `instruments` play up to `end` seconds while `given` is played, after `before`, on one clock and closed.

    A note that the model meant to play after the next given event is thought over again when that was heard. `beats`
    tells a model that can make something of it where beats fall. Raises ValueError when `instruments` have played
    nothing before, for they play in the range that they had.
    """
    heard = before[-_HEARD:]
    voices = {i: voice for i, voice in voices_of(heard).items() if i in instruments}
    if not voices:
        raise ValueError("there are no notes to go on from")
    for row in heard:
        model.feed(Event(*row.item()), grid_at(beats, row["at"]))
    last = float(before["at"][-1])
    waiting, played, ledger = [Event(*row.item()) for row in given[::-1]], [], Ledger()
    while last < end:
        until = min(waiting[-1].at, end) if waiting else end
        constraints = Constraints(
            voices, earliest=last, latest=last + _LONGEST_REST, steer=steer, beat=grid_at(beats, last)
        )
        try:
            event = model.sample(constraints, rng)
        except NothingPossible:
            event = None
        if event is not None and event.at < until:
            model.feed(event, grid_at(beats, event.at))
            ledger.apply(event)
            played.append(event)
            last = event.at
        elif waiting and until < end:
            model.feed(waiting[-1], grid_at(beats, waiting[-1].at))
            last = max(last, waiting.pop().at)
        else:
            break
    played += ledger.closing(end)
    return np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in played], EVENT)


def repeated(events: Events, begin: float, phrase: float, seconds: float) -> Events:
    """The last `phrase` seconds of `events` before `begin`, over and over for `seconds` after it: nothing new at all.

    Notes are cut and closed where a phrase ends. Raises ValueError for a phrase that lasts no time.
    """
    if not phrase > 0:
        raise ValueError(f"a phrase cannot last {phrase:g} seconds")
    last = events[(events["at"] >= begin - phrase) & (events["at"] < begin)]
    found, ledger, start = [], Ledger(), begin
    end = begin + seconds
    while start < end and len(last):
        for row in last:
            event = Event(float(row["at"]) - begin + phrase + start, *row.item()[1:])
            if event.at < end and (event.is_onset or (event.instrument, event.pitch) in ledger):
                ledger.apply(event)
                found.append(event)
        start = min(start + phrase, end)
        for closing in ledger.closing(start):
            ledger.apply(closing)
            found.append(closing)
    return np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in found], EVENT)
