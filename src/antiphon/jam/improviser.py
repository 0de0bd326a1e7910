"""The improviser: told what the player does and what time it is, it says what to play and when to be woken."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from antiphon.engine.model import Learns, Mixes, Model
from antiphon.jam.answers import Script
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.floor import Floor
from antiphon.jam.hands import Hands, Tally, moved
from antiphon.jam.listening import Listening
from antiphon.jam.memory import LONGEST, Context
from antiphon.jam.mind import Mind
from antiphon.jam.planning import Planner
from antiphon.jam.player import Player
from antiphon.jam.scene import Scene
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Ledger

__all__ = ["Improviser"]

CHORE = 4
"""Events fed to a renewed context at a time: some milliseconds, so that playing never waits longer."""
CHORE_SLACK = 0.02
"""Seconds that must be free of other work before a chore is begun."""


class Improviser:
    """One musical partner. It knows no clock, thread or port: each call is given `now`, seconds on one clock.

    Whoever carries it calls `receive` for each event of the player, and `wake` when `next_wake` says so; all calls
    answer with the machine's events to be sent, each at its `at` (never before `now`; at one time, in the order
    given). `now` that runs backwards is taken as standing still. Not safe to call from two threads at once.
    When the model raises, so does the call; whatever was to be sent comes with the answer to the next call, and
    `panic`, which asks nothing of the model, puts everything right.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        rng: np.random.Generator,
        ensemble: Ensemble,
        *,
        models: Callable[[str], Model] | None = None,
    ) -> None:
        """`models` gives the model of a name, which has heard nothing yet, for `choose`."""
        self.listening = Listening()
        self._model = model
        self._models = models
        self._context = Context(model, settings.number("memory"))
        self._planner = Planner(self._context, self.listening, rng)
        self._scene = scene = Scene(settings, ensemble)
        self._player = Player(scene)
        self._hands = Hands(scene, self._context, self._planner, self.listening)
        self._floor = Floor(scene, self._hands, self._context)
        self._mind = Mind(scene, self._floor, self._player, self._hands, self._context, self._planner)
        self._set_up()

    # What faces show

    @property
    def settings(self) -> Settings:
        """Where every control stands."""
        return self._scene.settings

    @property
    def ensemble(self) -> Ensemble:
        """The strips."""
        return self._scene.ensemble

    @property
    def ledger(self) -> Ledger:
        """What sounds, of the player's and the machine's."""
        return self._hands.ledger

    @property
    def tally(self) -> Tally:
        """What happened so far."""
        return self._hands.tally

    @property
    def grid(self) -> Grid:
        """Where the beats fall: by a clock, else as found in the player's notes, else by the control `tempo`."""
        return self._scene.grid

    @property
    def is_playing(self) -> bool:
        """Whether the machine may strike notes now, or plays something again."""
        return self._floor.plays or self._floor.script is not None

    @property
    def plan(self) -> Event | None:
        """The event that the machine has in mind, which may still change; None when there is none."""
        plan = self._mind.plan
        return plan.event if plan is not None and plan.sounds else None

    # What the player does

    def receive(self, event: Event, now: float) -> list[Event]:
        """Hear the player's `event`. Followers answer at once; playing may take the machine's turn away.

        Raises `ValueError` for an onset of an instrument that only the machine plays.
        """
        self._advance(now)
        key = (event.instrument, event.pitch)
        if event.is_onset:
            self._give_way(event.instrument)
            if key in self._player.held:
                self._hear(Event(event.at, *key, 0))
        elif key not in self._player.held:
            return self._hands.handed_out()
        self._hear(event)
        self._take_turns()
        return self._hands.handed_out()

    def _give_way(self, instrument: int) -> None:
        """The player plays `instrument`: where it is a voice that may be taken over, the machine lets go of it."""
        channel = self.ensemble.channel_of(instrument)
        strip = None if channel is None else self.ensemble.strips[channel]
        if strip is None or strip.mode == "input":
            return
        if strip.mode != "auto" or not strip.punch_in:
            raise ValueError(f"instrument {instrument} is the machine's, so the player cannot play it")
        self._hands.close_voice(instrument)
        self._mind.forget()

    def _hear(self, event: Event) -> None:
        self.tally.heard += 1
        self._player.did(event)
        entered = self._hands.hear(event)
        self.listening.heard(moved(event, self._scene.now))
        if event.is_onset:
            self._scene.tempo.struck(event.velocity, self._scene.now)
            self._remember_by()
            self._planner.struck(None)
            self._floor.struck()
        self._floor.heard(event, len(self._player.held))
        if not self._mind.is_committed():
            self._mind.forget()
        if event.is_onset:
            self._hands.harmonise(entered)
        else:
            self._hands.release_followers((event.instrument, event.pitch))

    # What the machine does

    def next_wake(self) -> float | None:
        """When `wake` has something to do, in seconds; the time last told, or earlier, for at once; None for never."""
        if self._hands.is_full or self._mind.wants_to_think() or self._has_chore():
            return self._scene.now
        due = self._due()
        return due if due < math.inf else None

    def wake(self, now: float) -> list[Event]:
        """Do what is due at `now`: at most one event is predicted, so that it takes a few milliseconds at most."""
        self._advance(now)
        if self._player.gives_back():
            self._mind.forget()
        self._take_turns()
        self._cut_overdue()
        self._play_due()
        if self._hands.is_full:
            return self._hands.handed_out()  # at once: what comes next is predicted while this is on its way
        if self._mind.wants_to_think():
            self._mind.think()
        elif self._has_chore():
            self._context.renew(CHORE)
        return self._hands.handed_out()

    def took(self, seconds: float) -> None:
        """The last `wake` took `seconds`: on a slow machine it decides that much earlier, and so plays less."""
        self._mind.took(seconds)

    # What the musician asks for

    def set(self, control: str, value: object, now: float) -> list[Event]:
        """Turn a control. Raises `ValueError`, one line, and changes nothing for a name or a value not allowed."""
        before, self._scene.settings = self.settings, self.settings.turned(control, value)
        self._advance(now)
        if before["policy"] != self.settings["policy"]:
            self._floor.take_by(self.settings.choice("policy"))
        self._set_up()
        if self._scene.is_muted:
            self._floor.drop_script()
            self._scene.quiet_by = self._scene.now
            self._hands.close_all()
        self._take_turns()
        return self._hands.handed_out()

    def rearrange(self, ensemble: Ensemble, now: float) -> list[Event]:
        """Play by other strips from now on. Notes of voices that are no longer the machine's are closed."""
        self._advance(now)
        remaining = {i for i in ensemble.instruments("auto", "follow") if not ensemble.strip_of(i).mute}
        self._hands.close_all([key for key in self._hands.own if key[0] not in remaining])
        self._scene.ensemble = ensemble
        self._set_up()
        self._player.rearranged()
        return self._hands.handed_out()

    def beat(self, grid: Grid | None, now: float) -> list[Event]:
        """Somebody gives the time: beats fall on `grid`; None when nobody does any more."""
        self._advance(now)
        self._scene.tempo.clock = grid
        self._remember_by()
        return self._hands.handed_out()

    def act(self, action: str, argument: str, now: float) -> list[Event]:  # noqa: ARG002 - none of these takes one
        """Do an action of the table that concerns the music. Raises `ValueError` for one that does not."""
        actions = {"panic": self.panic, "stop": self.stop, "reset": self.reset}
        actions |= {"query": self.query, "undo": self.undo, "again": self.again}
        if action not in actions:
            raise ValueError(f"the improviser knows no action {action!r}: there are {', '.join(actions)}")
        return actions[action](now)

    def recall(self, events: Sequence[Event], now: float) -> list[Event]:
        """Remember `events`, in order of time and ending at `now` at the latest, as if they had just been played."""
        self._advance(now)
        self._context.recall(events)
        self._mind.forget()
        return self._hands.handed_out()

    def choose(self, name: str, now: float) -> list[Event]:
        """Go on with the model of another name, which is told what is remembered; what sounds goes on sounding.

        Raises `ValueError`, and changes nothing, where there is no such model.
        """
        if self._models is None:
            raise ValueError("there is no other model to play with here")
        model = self._models(name)
        self._advance(now)
        self._model = self._context.adopt(lambda old: old.exchanged(model) if isinstance(old, Mixes) else model)
        self._set_up()
        return self._hands.handed_out()

    def stop(self, now: float) -> list[Event]:
        """Close the machine's notes and rest until the player strikes a note. Returns the releases."""
        self._advance(now)
        self._rest()
        self._hands.close_all()
        return self._hands.handed_out()

    def panic(self, now: float) -> list[Event]:
        """Close everyone's notes and rest, without asking the model for anything. Returns the machine's releases.

        The player's notes count as released; who passes them on must close them.
        """
        self._advance(now)
        self._context.renew_all()
        self._rest()
        self._hands.panic()
        self._player.let_go()
        return self._hands.handed_out()

    def reset(self, now: float) -> list[Event]:
        """Close the machine's notes and forget everything that was played."""
        closed = self.stop(now)
        self._context.forget()
        self._hands.answer.forget()
        self.listening.rest()
        self._scene.tempo.rest()
        return closed

    def query(self, now: float) -> list[Event]:
        """Think again about what comes next; a loop begins anew with the player's next note."""
        if self._floor.script is not None:
            return self.stop(now)
        self._advance(now)
        self._mind.forget()
        return self._hands.handed_out()

    def undo(self, now: float) -> list[Event]:
        """Take the machine's last answer back: its notes end, and it is forgotten as if it had never been played."""
        self._advance(now)
        self._floor.drop_script()
        self._hands.close_all()
        self._context.forget(self._hands.answer.events)
        self._hands.answer.forget()
        if not self._floor.is_shared:
            self._floor.rest()
        self._mind.forget()
        return self._hands.handed_out()

    def again(self, now: float) -> list[Event]:
        """Play the machine's last answer again, from now on."""
        self._advance(now)
        events = self._hands.answer.events
        if events:
            self._hands.close_all()
            self._hands.answer.over()
            self._floor.play_again(Script(events, self._scene.now + self._mind.ahead()))
            self._mind.forget()
        return self._hands.handed_out()

    # Playing

    def _take_turns(self) -> None:
        if self._floor.settle():
            self._mind.forget()

    def _rest(self) -> None:
        self._floor.rest()
        self._mind.forget()

    def _play_due(self) -> None:
        plan = self._mind.plan
        if plan is None or self._mind.due() > self._scene.now:
            return
        self._mind.plan = None
        if self._floor.script is not None:
            self._floor.script.advance()
        if not plan.sounds or not self._still_fits(plan.event):
            return
        if plan.event.is_onset and self._scene.now - plan.event.at > self.settings.number("lateness"):
            self.tally.late += 1
            return
        self._hands.play(plan.event)

    def _still_fits(self, event: Event) -> bool:
        """Whether a planned event still makes sense: what is played again was never asked of the model."""
        key = (event.instrument, event.pitch)
        if not event.is_onset:
            return key in self._hands.own
        if event.instrument not in self._scene.autos or event.instrument in self._player.punched:
            return False
        if self._scene.says("hold", "on"):
            return False
        if key in self._hands.own:
            self._hands.close(key)
        return True

    def _cut_overdue(self) -> None:
        if self._hands.cut_overdue():
            self._mind.forget()

    # Hearing and time

    def _advance(self, now: float) -> None:
        self._scene.now = max(self._scene.now, now)

    def _set_up(self) -> None:
        """Make what follows from strips and controls."""
        self._scene.set_up(self._floor.turns.texture)
        self._hands.chord = None
        self._set_up_learner()
        self._remember_by()
        self._mind.forget()

    def _set_up_learner(self) -> None:
        """Who learns while it plays learns from the player alone."""
        learner = self._model
        if isinstance(learner, Mixes):
            learner.share = self.settings.number("learner")
            learner = learner.learner
        if isinstance(learner, Learns):
            learner.ignores = self._scene.machine

    def _remember_by(self) -> None:
        """Let memory reach as far back as the controls say, in seconds, bars or notes."""
        memory, settings, unit = self._context.memory, self.settings, self.settings.choice("memory_in")
        memory.notes = settings.whole("memory_notes") if unit == "notes" else math.inf
        if unit == "bars":
            bars = self._scene.moment.bars_from(0.0, settings.whole("memory_bars"))
            memory.seconds = min(bars, LONGEST)
        else:
            memory.seconds = settings.number("memory") if unit == "seconds" else LONGEST

    def _due(self) -> float:
        """When time alone gives something to do; inf for never."""
        return min(self._mind.due(), self._hands.next_end(), self._player.next_back(), self._floor.next_change())

    def _has_chore(self) -> bool:
        if self._context.is_invalid:
            return True
        return self._context.is_stale and self._due() - self._scene.now > CHORE_SLACK
