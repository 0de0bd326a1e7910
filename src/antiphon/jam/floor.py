"""The floor: whose turn it is, and what of its own the machine plays again."""

from __future__ import annotations

import math

from antiphon.jam.answers import Script
from antiphon.jam.hands import Hands
from antiphon.jam.memory import Context
from antiphon.jam.scene import Scene
from antiphon.jam.turns import turns_named
from antiphon.music.event import Event

__all__ = ["Floor"]


class Floor:
    """Who has the floor. What the machine has in mind belongs to a turn, and is void when `settle` says it changed."""

    def __init__(self, scene: Scene, hands: Hands, context: Context) -> None:
        self.plays = False
        """Whether the machine may strike notes of its own."""
        self.script: Script | None = None
        """What is played again, as it was."""
        self.turns = turns_named(scene.settings.choice("policy"))
        self._scene = scene
        self._hands = hands
        self._context = context

    @property
    def is_shared(self) -> bool:
        """Whether the player plays in the machine's turn too."""
        return self.turns.shared

    def take_by(self, policy: str) -> None:
        """Turns are taken by another policy from now on."""
        self.drop_script()
        self.turns = turns_named(policy)

    def heard(self, event: Event, held: int) -> None:
        """The player did something, and now holds `held` notes."""
        self.turns.heard(event, held, self._scene.moment)

    def struck(self) -> None:
        """The player struck a note."""
        if self.turns.shared:
            self._hands.struck = 0
        else:
            self.drop_script()

    def settle(self) -> bool:
        """Give the floor to whom it belongs now. Returns whether it changed hands."""
        plays = not self._scene.is_muted and self.turns.plays(self._scene.moment)
        if plays == self.plays:
            return False
        self.plays, self._hands.silent_since = plays, self._scene.now
        if plays:
            self._hands.struck, self._scene.quiet_by = 0, math.inf
            self._hands.answer.over()
        else:
            self._turn_over()
            self._hands.cut_overdue()
        return True

    def _turn_over(self) -> None:
        if self._scene.says("hear_itself", "off"):
            self._context.refresh()
        if not self.turns.repeats or self._scene.is_muted:
            if self.script is None:
                self._scene.ring_out()
            return
        self._hands.close_all()
        if not self._hands.answer.onsets:
            self.rest()  # nothing to repeat: the player's next note begins anew
            return
        period = self._scene.moment.bars_from(0.0, self._scene.settings.whole("turn_bars"))
        self.play_again(Script(self._hands.answer.events, self._scene.now, period))

    def play_again(self, script: Script) -> None:
        """Have `script` played."""
        self.script, self._scene.quiet_by = script, math.inf

    def script_is_over(self) -> None:
        """All of it was played: the notes that are left may ring."""
        self.script = None
        self._scene.ring_out()

    def drop_script(self) -> None:
        """Play nothing again: what sounds of it may ring; a loop begins anew with the player's next note."""
        if self.turns.repeats:
            self.turns.rest()
        if self.script is not None:
            self.script_is_over()

    def rest(self) -> None:
        """The machine is silent until the player strikes a note."""
        self.turns.rest()
        self.plays, self._scene.quiet_by, self.script = False, self._scene.now, None

    def may_strike(self) -> bool:
        """Whether the machine may strike another note of its own."""
        most = self._scene.settings.whole("answer_notes")
        enough = most > 0 and self._hands.struck >= most
        return self.plays and not enough and self._scene.says("hold", "off")

    def leaves_room(self) -> bool:
        """Whether the next event may be the player's: in a shared turn, until the machine has been silent too long.

        Who plays how much is so the music's choice, not the clock's.
        """
        if not (self.may_strike() and self.turns.shared and self._scene.says("hear_you", "on")):
            return False
        patient = self._scene.now < self._hands.silent_since + self._scene.settings.number("rest")
        return self._hands.auto_sounds() or patient

    def next_change(self) -> float:
        """When time alone gives the floor to another, in seconds; inf for never."""
        changes = None if self._scene.is_muted else self.turns.changes(self._scene.moment)
        return math.inf if changes is None else changes
