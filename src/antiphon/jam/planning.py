"""Planning: what the machine will do next, under everything that the strips, the controls and the player ask for."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from antiphon.engine.model import Constraints, NothingPossible, Voice
from antiphon.jam.controls import DIVISIONS, Settings
from antiphon.jam.listening import Listening
from antiphon.jam.memory import Context
from antiphon.jam.voicing import Voicing
from antiphon.music.event import Event, is_drum
from antiphon.music.grid import Grid
from antiphon.music.ledger import Key

__all__ = ["Chord", "Need", "Plan", "Planner"]

RECENT = 24
"""Onsets of both players over which the machine's share is counted."""
PULL = 1.0
"""How strongly a missing note draws the next one to the machine: the natural log of its odds."""
EVENNESS = 2.0
"""How strongly, at full `balance`, a note more than the other voices have holds a voice back: log odds."""
CHORD_NOTES = 3
"""Notes that a chord is built of where only chords are wanted."""
APART = 2
"""Semitones within which no second note is put into such a chord."""
LINES: Mapping[str, float] = dict(zip(DIVISIONS, (1.0, 2.0, 3.0, 4.0, 6.0, 8.0), strict=True))
"""Lines of the grid a beat, by the name of the division."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The next event, and whether it sounds; one that does not is a wait until its time."""

    event: Event
    sounds: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """What a plan must fit: the times allowed, who may strike, and whose turn it may be instead.

    `voices`: the machine's instruments that may do something; `partners`: the player's, where room is left for them.
    `own`: the machine's sounding notes. `grid`: where the beats fall; `beat` as well, if that is known and not assumed.
    """

    now: float
    earliest: float
    latest: float
    may_start: bool
    voices: Collection[int]
    partners: Collection[int]
    own: Collection[Key]
    grid: Grid
    beat: Grid | None = None


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord that is being built: by whom, at which time and how many of its notes are down."""

    instrument: int
    at: float
    notes: int


class Planner:
    """Asks the model for the next event, and shapes what it says. Counts who struck how much."""

    def __init__(self, context: Context, listening: Listening, rng: np.random.Generator) -> None:
        self._context = context
        self._listening = listening
        self._rng = rng
        self._recent: deque[int | None] = deque(maxlen=RECENT)  # who struck: an instrument of the machine's, or None

    def struck(self, instrument: int | None) -> None:
        """One of the machine's instruments struck a note; None for the player."""
        self._recent.append(instrument)

    def plan(self, need: Need, voicing: Voicing, settings: Settings) -> Plan:
        """The next event. Raises `NothingPossible`."""
        voices = {i: self._voice(i, need, voicing) for i in need.voices}
        constraints = voicing.constraints(
            voices,
            earliest=need.earliest,
            latest=need.latest,
            partners=need.partners,
            weights=self._weights(need, settings),
            doublings=self._complement(need.now, settings),
            beat=need.beat,
        )
        event = self._context.sample(constraints, self._rng)
        if event.instrument not in voices or not event.is_onset:
            return Plan(event, event.instrument in voices)
        taken = [pitch for instrument, pitch in need.own if instrument == event.instrument]
        pitch = voicing.snapped(event.instrument, event.pitch, need.now, self._listening, taken)
        at = _quantised(event.at, need, settings)
        sounds = pitch not in taken and self._rng.random() < settings.number("probability")
        return Plan(Event(at, event.instrument, pitch, event.velocity), sounds)

    def chord_note(self, chord: Chord, need: Need, voicing: Voicing) -> Event | None:
        """One more note of `chord`; None when it is complete."""
        taken = [pitch for instrument, pitch in need.own if instrument == chord.instrument]
        if chord.notes >= min(CHORD_NOTES, voicing.most(chord.instrument)):
            return None
        voice = voicing.voice(chord.instrument, need.now, self._listening, may_start=True)
        free = np.ones(128, np.bool_) if voice.pitches is None else voice.pitches.copy()
        for pitch in taken:
            free[max(0, pitch - APART) : pitch + APART + 1] = False
        # Nothing is released while the chord is being struck.
        voice = replace(voice, pitches=free, min_length=math.inf, max_length=math.inf, min_polyphony=0)
        constraints = voicing.constraints({chord.instrument: voice}, earliest=chord.at, latest=chord.at)
        try:
            event = self._context.sample(constraints, self._rng)
        except NothingPossible:
            return None
        pitch = voicing.snapped(event.instrument, event.pitch, need.now, self._listening, taken)
        return None if pitch in taken else Event(event.at, event.instrument, pitch, event.velocity)

    def follower(self, instrument: int, voice: Voice, voicing: Voicing) -> Event | None:
        """What a follower strikes together with what was heard last; None where it can strike nothing."""
        at = self._context.latest
        voice = replace(voice, min_length=math.inf, max_length=math.inf)
        constraints: Constraints = voicing.constraints({instrument: voice}, earliest=at, latest=at)
        try:
            event = self._context.sample(constraints, self._rng)
        except NothingPossible:
            return None
        return event if event.is_onset and event.instrument == instrument else None

    def _voice(self, instrument: int, need: Need, voicing: Voicing) -> Voice:
        # Where only chords are wanted, a voice strikes the next one when the last has ended.
        busy = voicing.texture == "chords" and not is_drum(instrument) and _holds(instrument, need.own)
        return voicing.voice(instrument, need.now, self._listening, may_start=need.may_start and not busy)

    def _weights(self, need: Need, settings: Settings) -> dict[int, float]:
        """Odds that draw the machine's share of the recent notes, and each voice's, to what the musician wants."""
        mine = [who for who in self._recent if who is not None]
        share = _leaning(settings.number("share"), self._complement(need.now, settings))
        missing = share * len(self._recent) - len(mine)
        pull = min(max(PULL * missing, -8.0), 8.0)
        evenly = EVENNESS * settings.number("balance")
        mean = len(mine) / max(len(need.voices), 1)
        return {i: math.exp(pull + min(max(evenly * (mean - mine.count(i)), -8.0), 8.0)) for i in need.voices}

    def _complement(self, now: float, settings: Settings) -> float:
        complement = settings.number("complement")
        return -complement * self._listening.busyness(now) if complement else 0.0


def _holds(instrument: int, own: Collection[Key]) -> bool:
    return any(holder == instrument for holder, _ in own)


def _leaning(share: float, doublings: float) -> float:
    """A share whose odds are multiplied by 2 ** `doublings`."""
    odds: float = share / max(1.0 - share, 1e-6) * 2.0**doublings
    return odds / (1.0 + odds)


def _quantised(at: float, need: Need, settings: Settings) -> float:
    """`at`, drawn towards the nearest line of the grid that can still be reached, as far as `quantise` says."""
    strength = settings.number("quantise")
    if not strength or not need.may_start:
        return at
    division, swing = LINES[settings.choice("division")], settings.number("swing")
    line = need.grid.nearest(at, division, swing)
    if line < need.earliest:
        line = need.grid.line_after(need.earliest, division, swing)
    return min(max(at + strength * (line - at), need.earliest), max(need.latest, at))
