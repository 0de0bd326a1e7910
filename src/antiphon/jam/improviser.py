"""The improviser: told what the player does and what time it is, it says what to play and when to be woken."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from antiphon.engine.model import Model, NothingPossible
from antiphon.jam.controls import Settings
from antiphon.jam.memory import Context
from antiphon.jam.turns import turns_named
from antiphon.jam.voicing import Parts, Voicing
from antiphon.music.event import Event
from antiphon.music.ledger import Key, Ledger

__all__ = ["Improviser", "Tally"]

CHORE = 4
"""Events fed to a renewed context at a time: some milliseconds, so that playing never waits longer."""
CHORE_SLACK = 0.02
"""Seconds that must be free of other work before a chore is begun."""
RECENT = 24
"""Onsets of both players over which the machine's share is counted."""
PULL = 1.0
"""How strongly a missing note draws the next one to the machine: the natural log of its odds."""
RALLY = 0.5
"""Seconds in which it finds a note when it has rested for as long as it may."""
TOGETHER = 0.02
"""Seconds within which two onsets are heard as one."""
PATIENCE = 0.02
"""Seconds for which it leaves room at least, when it expects the player to be next."""


@dataclass
class Tally:
    """What happened so far, in events, for meters and tests."""

    heard: int = 0
    played: int = 0
    late: int = 0
    refused: int = 0
    forced: int = 0


class Improviser:
    """One musical partner. It knows no clock, thread or port: each call is given `now`, seconds on one clock.

    Whoever carries it calls `receive` for each event of the player, and `wake` when `next_wake` says so; both answer
    with the machine's events to be sent, each at its `at` (never before `now`; at one time, in the order given).
    `now` that runs backwards is taken as standing still. Not safe to call from two threads at once.
    """

    def __init__(self, model: Model, settings: Settings, rng: np.random.Generator, parts: Parts) -> None:
        self.settings = settings
        self.parts = parts
        self.tally = Tally()
        self.ledger = Ledger()
        self._voicing = Voicing(settings, parts)
        self._context = Context(model, settings.number("memory"))
        self._rng = rng
        self._turns = turns_named(settings.choice("policy"))
        self._playing = False
        self._now = -math.inf
        self._pending: Event | None = None
        self._partners: set[int] = set()  # the player's instruments, as heard
        self._recent: deque[bool] = deque(maxlen=RECENT)  # whether the machine struck, onset by onset
        self._silent_since = -math.inf  # when the machine last did something, or its turn began
        self._waiting = False  # nothing was possible: ask again only when something has changed
        self._quiet_by = math.inf  # by then every note of the turn that ended must have ended
        self._held: set[Key] = set()
        self._own: dict[Key, float] = {}  # the machine's sounding notes, longest first

    # What the player does

    def receive(self, event: Event, now: float) -> list[Event]:
        """Hear the player's `event`. Returns releases of the machine's own notes when playing takes the turn away.

        Raises `ValueError` for an event of the machine's own instruments.
        """
        if event.instrument in self.parts.machine:
            raise ValueError(f"instrument {event.instrument} is the machine's, so the player cannot play it")
        self._advance(now)
        key = (event.instrument, event.pitch)
        if not event.is_onset and key not in self._held:
            return []
        if event.is_onset and key in self._held:
            self._hear(Event(event.at, *key, 0))
        self._hear(event)
        return self._take_turns()

    def _hear(self, event: Event) -> None:
        key = (event.instrument, event.pitch)
        (self._held.add if event.is_onset else self._held.discard)(key)
        self.tally.heard += 1
        self._partners.add(event.instrument)
        self._enter(event)
        self._turns.heard(event, len(self._held), self._now)
        if not self._is_committed():
            self._forget_plan()

    # What the machine does

    def next_wake(self) -> float | None:
        """When `wake` has something to do, in seconds; the time last told, or earlier, for at once; None for never."""
        if self._wants_prediction() or self._has_chore():
            return self._now
        due = self._due()
        return due if due < math.inf else None

    def wake(self, now: float) -> list[Event]:
        """Do what is due at `now`: at most one event is predicted, so that it takes a few milliseconds at most."""
        self._advance(now)
        played = self._take_turns() + self._cut_overdue() + self._play_due()
        if played:
            return played  # at once: what comes next is predicted while this is on its way
        if self._wants_prediction():
            self._predict()
        elif self._has_chore():
            self._context.renew(CHORE)
        return played

    def set(self, control: str, value: object) -> None:
        """Turn a control. Raises `ValueError`, one line, and changes nothing for a name or a value not allowed."""
        before, self.settings = self.settings, self.settings.turned(control, value)
        self._voicing = Voicing(self.settings, self.parts)
        self._context.memory.seconds = self.settings.number("memory")
        if before["policy"] != self.settings["policy"]:
            self._turns = turns_named(self.settings.choice("policy"))
        self._forget_plan()

    def stop(self, now: float) -> list[Event]:
        """Close the machine's notes and rest until the player strikes a note. Returns the releases."""
        self._advance(now)
        self._rest()
        return [self._close(key) for key in list(self._own)]

    def panic(self, now: float) -> list[Event]:
        """Close everyone's notes, the player's too, and rest. Returns the releases."""
        closed = self.stop(now)
        for release in self.ledger.closing(self._now):
            self._enter(release)
            closed.append(release)
        self._held.clear()
        return closed

    # Turns

    def _take_turns(self) -> list[Event]:
        plays = self._turns.plays(self._now, self.settings)
        if plays == self._playing:
            return []
        self._playing, self._silent_since = plays, self._now
        self._quiet_by = math.inf if plays else self._now + self.settings.number("ring")
        self._forget_plan()
        return self._cut_overdue()

    def _rest(self) -> None:
        self._turns.rest()
        self._playing, self._quiet_by = False, self._now
        self._forget_plan()

    # Predicting

    def _wants_prediction(self) -> bool:
        return self._pending is None and not self._waiting and (self._playing or bool(self._own))

    def _predict(self) -> None:
        """Ask for the next event and hold it until it is due; not fed before it is played, it can be dropped freely.

        Where both play, the next event may be the player's: then the machine leaves room for it, and asks again when
        it has come or failed to come. Who plays how much is so the music's choice, not the clock's.
        """
        earliest = self._earliest()
        constraints = self._voicing.constraints(
            earliest=earliest,
            latest=self._latest(),
            may_start=self._playing,
            partners=self._partners if self._leaves_room() else (),
            weights=self._balance(),
        )
        try:
            event = self._context.sample(constraints, self._rng)
        except NothingPossible:
            self._waiting = True
            return
        if event.instrument in self._partners and self._leaves_room():
            room = max(event.at, self._now + self.settings.number("lookahead") + PATIENCE)
            self._pending = Event(room, event.instrument, event.pitch, event.velocity)
        elif self._allows(event, earliest):
            self._pending = event
        else:
            self.tally.refused += 1
            self._waiting = True

    def _balance(self) -> dict[int, float]:
        """Odds that draw the machine's share of the recent notes towards what the musician wants."""
        missing = self.settings.number("share") * len(self._recent) - sum(self._recent)
        weight = math.exp(min(max(PULL * missing, -8.0), 8.0))
        return dict.fromkeys(self.parts.machine, weight)

    def _leaves_room(self) -> bool:
        """Whether the next event may be the player's: in a shared turn, until the machine has been silent too long."""
        shared = self._playing and self._turns.shared
        return shared and (bool(self._own) or self._now < self._silent_since + self.settings.number("rest"))

    def _earliest(self) -> float:
        """From when on the next event may be meant to sound.

        Much of music happens at once. What should sound together with an event just heard comes a few milliseconds
        after it, which nobody hears; to forbid it would be to forbid the machine the beat.
        """
        ahead = self.settings.number("lookahead")
        if ahead <= TOGETHER and self._now - self._context.latest <= TOGETHER:
            return self._context.latest
        return max(self._now + ahead, self._context.latest)

    def _latest(self) -> float:
        """By when the next event must come: soon in a turn that is silent, in time to end what must end after it."""
        if not self._playing:
            return self._quiet_by
        if self._own:
            return math.inf
        return max(self._silent_since + self.settings.number("rest"), self._now + RALLY)

    def _allows(self, event: Event, earliest: float) -> bool:
        """Whatever the model's promises: no double onset, no release of silence, nothing in the past or out of turn."""
        key = (event.instrument, event.pitch)
        if event.instrument not in self.parts.machine or not event.at >= earliest:
            return False
        return self._playing and key not in self._own if event.is_onset else key in self._own

    def _is_committed(self) -> bool:
        """Whether the machine's next note is so close that it sounds together with what the player just did.

        It was meant for this moment; to think again would be to miss the beat that both found.
        """
        event = self._pending
        return event is not None and event.instrument in self.parts.machine and event.at <= self._now + TOGETHER

    def _forget_plan(self) -> None:
        self._pending, self._waiting = None, False

    # Playing

    def _play_due(self) -> list[Event]:
        event = self._pending
        if event is None or self._pending_due() > self._now:
            return []
        self._pending = None
        if event.instrument not in self.parts.machine:
            return []  # room was left for the player, who let it pass
        if event.is_onset and self._now - event.at > self.settings.number("lateness"):
            self.tally.late += 1
            return []
        return [self._play(event)]

    def _play(self, event: Event) -> Event:
        """Enter and feed the machine's own event, at the time at which it can sound: never in the past."""
        sent = Event(max(event.at, self._now), event.instrument, event.pitch, event.velocity)
        self._enter(sent)
        key = (event.instrument, event.pitch)
        if event.is_onset:
            self._own[key] = sent.at
        else:
            del self._own[key]
        self.tally.played += 1
        self._silent_since = sent.at
        return sent

    def _close(self, key: Key) -> Event:
        """Release one of the machine's notes now, or as soon as its onset, already handed out, has sounded."""
        self._forget_plan()
        return self._play(Event(max(self._now, self._own[key]), *key, 0))

    def _cut_overdue(self) -> list[Event]:
        """Release the machine's notes that have lasted as long as they may, whatever the model has in mind."""
        cut = []
        while self._deadline() <= self._now:
            cut.append(self._close(next(iter(self._own))))
        self.tally.forced += len(cut)
        return cut

    def _deadline(self) -> float:
        """When the machine's longest-sounding note must have ended; inf when nothing sounds."""
        if not self._own:
            return math.inf
        onset = next(iter(self._own.values()))
        return min(onset + self._voicing.longest, self._quiet_by)

    # Hearing and time

    def _enter(self, event: Event) -> None:
        """Ledger, memory and model hear `event`, at a time that never runs backwards."""
        if event.is_onset:
            self._recent.append(event.instrument in self.parts.machine)
        heard = Event(max(event.at, self._context.latest), event.instrument, event.pitch, event.velocity)
        self.ledger.apply(heard)
        self._context.feed(heard)

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)

    def _due(self) -> float:
        """When time alone gives something to do; inf for never."""
        changes = self._turns.changes(self._now, self.settings)
        return min(self._pending_due(), self._deadline(), math.inf if changes is None else changes)

    def _pending_due(self) -> float:
        return math.inf if self._pending is None else self._pending.at - self.settings.number("lookahead")

    def _has_chore(self) -> bool:
        return self._context.is_stale and self._due() - self._now > CHORE_SLACK
