"""The mind: what the machine is about to do, thought of ahead of its time and dropped freely until then."""

from __future__ import annotations

import math

from antiphon.engine.model import NothingPossible
from antiphon.jam.answers import Script
from antiphon.jam.floor import Floor
from antiphon.jam.hands import Hands, moved
from antiphon.jam.memory import Context
from antiphon.jam.pace import Pace
from antiphon.jam.planning import Chord, Need, Plan, Planner
from antiphon.jam.player import Player
from antiphon.jam.scene import Scene
from antiphon.music.event import Event

__all__ = ["TOGETHER", "Mind"]

RALLY = 0.5
"""Seconds in which it finds a note when it has rested for as long as it may."""
TOGETHER = 0.02
"""Seconds within which two onsets are heard as one."""
PATIENCE = 0.02
"""Seconds for which it leaves room at least, when it expects the player to be next."""


class Mind:
    """Plans one event at a time. Nothing is fed before it is played, so that a plan costs nothing to forget."""

    def __init__(
        self, scene: Scene, floor: Floor, player: Player, hands: Hands, context: Context, planner: Planner
    ) -> None:
        self.plan: Plan | None = None
        self._waiting = False  # nothing was possible: ask again only when something has changed
        self._has_thought = False
        self._pace = Pace()
        self._scene, self._floor, self._player, self._hands = scene, floor, player, hands
        self._context, self._planner = context, planner

    def forget(self) -> None:
        """Something has changed: think again."""
        self.plan, self._waiting = None, False

    def took(self, seconds: float) -> None:
        """The call in which it may have thought took `seconds`."""
        if self._has_thought:
            self._pace.took(seconds)
            self._has_thought = False

    def due(self) -> float:
        """When the plan must be carried out, in seconds; inf without one."""
        return math.inf if self.plan is None else self.plan.event.at - self.ahead()

    def ahead(self) -> float:
        """Seconds before its time at which an event must be decided."""
        return max(self._scene.settings.number("lookahead"), self._pace.ahead())

    def is_committed(self) -> bool:
        """Whether the machine's next note is so close that it sounds together with what the player just did.

        It was meant for this moment; to think again would be to miss the beat that both found.
        """
        return self.plan is not None and self.plan.sounds and self.plan.event.at <= self._scene.now + TOGETHER

    def wants_to_think(self) -> bool:
        """Whether there is nothing in mind and something to be found."""
        if self.plan is not None or self._context.is_invalid:
            return False
        if self._floor.script is not None:
            return True
        return not self._waiting and (self._floor.plays or self._hands.auto_sounds())

    def think(self) -> None:
        """Plan the next event, to be held until it is due."""
        self._has_thought = True
        if self._floor.script is not None:
            self.plan = self._from_script(self._floor.script)
        elif self._hands.chord is not None:
            self.plan = self._next_of_chord(self._hands.chord)
        else:
            self._ask_model()

    def _ask_model(self) -> None:
        need = self._need()
        try:
            plan = self._planner.plan(need, self._scene.voicing, self._scene.settings)
        except NothingPossible:
            self._waiting = True
            return
        event, now = plan.event, self._scene.now
        if event.instrument in need.partners:
            self.plan = Plan(moved(event, max(event.at, now + self.ahead() + PATIENCE)), False)
        elif not plan.sounds:
            self.plan = Plan(moved(event, max(event.at, now + PATIENCE)), False)
        elif self._allows(event, need):
            self.plan = plan
        else:
            self._hands.tally.refused += 1
            self._waiting = True

    def _need(self) -> Need:
        return Need(
            now=self._scene.now,
            earliest=self._earliest(),
            latest=self._latest(),
            may_start=self._floor.may_strike(),
            voices=[i for i in self._scene.autos if i not in self._player.punched],
            partners=self._player.instruments if self._floor.leaves_room() else (),
            own=self._hands.own,
            grid=self._scene.grid,
            beat=self._scene.beat,
        )

    def _from_script(self, script: Script) -> Plan | None:
        """The next event of what is played again."""
        script.catch_up(self._scene.now)
        event = script.peek()
        if event is None:
            self._floor.script_is_over()
            return None
        return Plan(event)

    def _next_of_chord(self, chord: Chord) -> Plan | None:
        event, at = None, self._context.latest
        if at <= chord.at + TOGETHER and self._floor.may_strike():
            event = self._planner.chord_note(
                Chord(chord.instrument, at, chord.notes), self._need(), self._scene.voicing
            )
        self._hands.chord = None if event is None else Chord(chord.instrument, chord.at, chord.notes + 1)
        return None if event is None else Plan(event)

    def _earliest(self) -> float:
        """From when on the next event may be meant to sound.

        Much of music happens at once. What should sound together with an event just heard comes a few milliseconds
        after it, which nobody hears; to forbid it would be to forbid the machine the beat.
        """
        ahead, now = self.ahead(), self._scene.now
        if ahead <= TOGETHER and now - self._context.latest <= TOGETHER:
            return self._context.latest
        return max(now + ahead, self._context.latest)

    def _latest(self) -> float:
        """By when the next event must come: soon in a turn that is silent, in time to end what must end after it."""
        if not self._floor.plays:
            return self._scene.quiet_by
        if self._hands.auto_sounds() or not self._floor.may_strike():
            return math.inf
        return max(self._hands.silent_since + self._scene.settings.number("rest"), self._scene.now + RALLY)

    def _allows(self, event: Event, need: Need) -> bool:
        """Whatever the model's promises: no double onset, no release of silence, nothing in the past or out of turn."""
        key = (event.instrument, event.pitch)
        if event.instrument not in need.voices or not event.at >= need.earliest:
            return False
        return need.may_start and key not in self._hands.own if event.is_onset else key in self._hands.own
