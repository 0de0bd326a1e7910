"""Continuation: go on where a piece ends, with its own parts in their own ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from antiphon.engine.model import Constraints, Model, NothingPossible, Steer, Voice
from antiphon.music.beats import NO_BEATS, Beats, grid_at
from antiphon.music.event import EVENT, Event, Events, is_drum
from antiphon.music.ledger import Ledger
from antiphon.music.notes import notes_of
from antiphon.music.score import NOTE, Score

__all__ = ["DEFAULT_STEER", "continued", "joined", "opening", "voices_of"]

DEFAULT_STEER: Mapping[str, Steer] = {
    "pitch": Steer(top_p=0.95),
    "time": Steer(top_p=0.98),
    "instrument": Steer(top_p=0.98),
}
_LISTENED = 2000  # events of the piece that are heard; more changes little and takes longer
_SHORTEST = 0.02  # seconds a note lasts at least
_TICKS_PER_QUARTER = 480
_LONGEST_REST = 3.0  # seconds without any event


def voices_of(events: Events) -> dict[int, Voice]:
    """What each instrument in `events` plays: its pitches (a fourth wider), dynamics, chord sizes and lengths."""
    voices = {}
    for instrument in np.unique(events["instrument"]).tolist():
        own = events[events["instrument"] == instrument]
        struck = own[own["velocity"] > 0]
        if not len(struck):
            continue
        pitches = np.zeros(128, np.bool_)
        pitches[max(int(struck["pitch"].min()) - 5, 0) : int(struck["pitch"].max()) + 6] = True
        if is_drum(instrument):  # drums have no neighbours
            pitches = np.isin(np.arange(128), struck["pitch"])
        ledger, most, longest = Ledger(), 1, 0.5
        for row in own:
            event = Event(*row.item())
            if not event.velocity:
                longest = max(longest, event.at - ledger.sounding.get((event.instrument, event.pitch), event.at))
            ledger.apply(event)
            most = max(most, len(ledger))
        voices[instrument] = Voice(
            pitches=pitches,
            min_velocity=int(struck["velocity"].min()),
            max_velocity=int(struck["velocity"].max()),
            max_polyphony=most,
            min_length=_SHORTEST,
            max_length=longest,
        )
    return voices


def opening(events: Events, end: float) -> Events:
    """The events before `end` seconds, with what then still sounds released there."""
    kept, ledger = events[events["at"] < end], Ledger()
    for row in kept:
        ledger.apply(Event(*row.item()))
    return np.concatenate([kept, _array(ledger.closing(end))])


def _array(events: list[Event]) -> Events:
    return np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in events], EVENT)


def joined(score: Score, end: float, follows: Events) -> Score:
    """`score` up to `end` seconds with `follows` after it, on the score's own ticks, tempo, meter and keys.

    What follows on an instrument goes to the first of its parts. Coarse ticks are divided, for music is not on a grid.
    """
    score = score.finer(_TICKS_PER_QUARTER)
    last, notes = int(score.ticks(end)), notes_of(follows)
    taken: set[int] = set()
    parts = []
    for part in score.parts:
        kept = part.notes[part.notes["onset"] < last].copy()
        kept["duration"] = np.maximum(np.minimum(kept["duration"], last - kept["onset"]), 1)
        own = notes[notes["instrument"] == part.instrument] if part.instrument not in taken else notes[:0]
        taken.add(part.instrument)
        new = np.empty(len(own), NOTE)
        new["onset"] = np.maximum(score.ticks(own["onset"]), last)
        new["duration"] = np.maximum(score.ticks(own["onset"] + own["duration"]) - new["onset"], 1)
        new["pitch"], new["velocity"] = own["pitch"], own["velocity"]
        parts.append(replace(part, notes=np.concatenate([kept, new])))
    return replace(score, parts=tuple(parts))


def continued(
    model: Model,
    events: Events,
    seconds: float,
    rng: np.random.Generator,
    *,
    beats: Beats = NO_BEATS,
    steer: Mapping[str, Steer] = DEFAULT_STEER,
    progress: Callable[[float], None] | None = None,
) -> Events:
    """`seconds` of music that follow `events`, on the same clock, every note closed at the end.

    `beats` tells a model that can make something of it where beats fall, in what is heard and on. `progress` is told
    the share that is done, 0 to 1. Raises ValueError when there is nothing to continue.
    """
    heard = events[-_LISTENED:]
    voices = voices_of(heard)
    if not voices:
        raise ValueError("there are no notes to continue from")
    for row in heard:
        model.feed(Event(*row.item()), grid_at(beats, row["at"]))
    begin = last = float(events["at"][-1])
    end, played, ledger = begin + seconds, [], Ledger()
    while True:
        constraints = Constraints(
            voices, earliest=last, latest=last + _LONGEST_REST, steer=steer, beat=grid_at(beats, last)
        )
        try:
            event = model.sample(constraints, rng)
        except NothingPossible:
            break
        if event.at >= end:
            break
        model.feed(event, grid_at(beats, event.at))
        ledger.apply(event)
        played.append(event)
        last = event.at
        if progress is not None:
            progress(min((last - begin) / seconds, 1.0))
    played += ledger.closing(end)
    return _array(played)
