"""The improviser: told what the player does and what time it is, it says what to play and when to be woken."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from antiphon.engine.model import Learns, Mixes, Model, NothingPossible
from antiphon.jam.answers import Script
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble
from antiphon.jam.hands import Hands, Scene, Tally, moved
from antiphon.jam.listening import Listening
from antiphon.jam.memory import LONGEST, Context
from antiphon.jam.pace import Pace
from antiphon.jam.planning import Chord, Need, Plan, Planner
from antiphon.jam.punch import Punched
from antiphon.jam.tempo import Tempo
from antiphon.jam.turns import Moment, turns_named
from antiphon.jam.voicing import Voicing
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Key, Ledger

__all__ = ["Improviser"]

CHORE = 4
"""Events fed to a renewed context at a time: some milliseconds, so that playing never waits longer."""
CHORE_SLACK = 0.02
"""Seconds that must be free of other work before a chore is begun."""
RALLY = 0.5
"""Seconds in which it finds a note when it has rested for as long as it may."""
TOGETHER = 0.02
"""Seconds within which two onsets are heard as one."""
PATIENCE = 0.02
"""Seconds for which it leaves room at least, when it expects the player to be next."""


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
        self._turns = turns_named(settings.choice("policy"))
        self._scene = Scene(settings, ensemble, Voicing(settings, ensemble, "free"))
        self._hands = Hands(self._scene, self._context, self._planner, self.listening)
        self._playing = False
        self._plan: Plan | None = None
        self._waiting = False  # nothing was possible: ask again only when something has changed
        self._script: Script | None = None
        self._held: set[Key] = set()
        self._partners: set[int] = set()  # the player's instruments, as heard
        self._punched = Punched()
        self._pace = Pace()
        self._has_thought = False
        self._tempo = Tempo()
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
        return self._tempo.grid(self.settings)

    @property
    def is_playing(self) -> bool:
        """Whether the machine may strike notes now, or plays something again."""
        return self._playing or self._script is not None

    @property
    def plan(self) -> Event | None:
        """The event that the machine has in mind, which may still change; None when there is none."""
        return self._plan.event if self._plan is not None and self._plan.sounds else None

    # What the player does

    def receive(self, event: Event, now: float) -> list[Event]:
        """Hear the player's `event`. Followers answer at once; playing may take the machine's turn away.

        Raises `ValueError` for an onset of an instrument that only the machine plays.
        """
        self._advance(now)
        key = (event.instrument, event.pitch)
        if event.is_onset:
            self._give_way(event.instrument)
            if key in self._held:
                self._hear(Event(event.at, *key, 0))
        elif key not in self._held:
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
        self._forget_plan()

    def _hear(self, event: Event) -> None:
        key, now = (event.instrument, event.pitch), self._scene.now
        (self._held.add if event.is_onset else self._held.discard)(key)
        self.tally.heard += 1
        if event.instrument in self._machine:
            self._punched.played(event.instrument, now)
        else:
            self._partners.add(event.instrument)
        entered = self._hands.hear(event)
        self.listening.heard(moved(event, now))
        if event.is_onset:
            self._hear_onset(event.velocity)
        self._turns.heard(event, len(self._held), self._moment())
        if not self._is_committed():
            self._forget_plan()
        if event.is_onset:
            self._hands.harmonise(entered)
        else:
            self._hands.release_followers(key)

    def _hear_onset(self, velocity: int) -> None:
        self._tempo.struck(velocity, self._scene.now)
        self._remember_by()
        self._planner.struck(None)
        if self._turns.shared:
            self._hands.struck = 0
        else:
            self._drop_script()

    # What the machine does

    def next_wake(self) -> float | None:
        """When `wake` has something to do, in seconds; the time last told, or earlier, for at once; None for never."""
        if self._hands.is_full or self._wants_prediction() or self._has_chore():
            return self._scene.now
        due = self._due()
        return due if due < math.inf else None

    def wake(self, now: float) -> list[Event]:
        """Do what is due at `now`: at most one event is predicted, so that it takes a few milliseconds at most."""
        self._advance(now)
        self._take_back()
        self._take_turns()
        self._cut_overdue()
        self._play_due()
        if self._hands.is_full:
            return self._hands.handed_out()  # at once: what comes next is predicted while this is on its way
        if self._wants_prediction():
            self._think()
        elif self._has_chore():
            self._context.renew(CHORE)
        return self._hands.handed_out()

    def took(self, seconds: float) -> None:
        """The last `wake` took `seconds`: on a slow machine it decides that much earlier, and so plays less."""
        if self._has_thought:
            self._pace.took(seconds)
            self._has_thought = False

    # What the musician asks for

    def set(self, control: str, value: object, now: float) -> list[Event]:
        """Turn a control. Raises `ValueError`, one line, and changes nothing for a name or a value not allowed."""
        before, self._scene.settings = self.settings, self.settings.turned(control, value)
        self._advance(now)
        if before["policy"] != self.settings["policy"]:
            self._drop_script()
            self._turns = turns_named(self.settings.choice("policy"))
        self._set_up()
        if self._muted():
            self._drop_script()
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
        self._partners -= self._machine
        self._punched.keep(self._machine)
        return self._hands.handed_out()

    def beat(self, grid: Grid | None, now: float) -> list[Event]:
        """Somebody gives the time: beats fall on `grid`; None when nobody does any more."""
        self._advance(now)
        self._tempo.clock = grid
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
        self._forget_plan()
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
        self._held.clear()
        self._punched.clear()
        return self._hands.handed_out()

    def reset(self, now: float) -> list[Event]:
        """Close the machine's notes and forget everything that was played."""
        closed = self.stop(now)
        self._context.forget()
        self._hands.answer.forget()
        self.listening.rest()
        self._tempo.rest()
        return closed

    def query(self, now: float) -> list[Event]:
        """Think again about what comes next; a loop begins anew with the player's next note."""
        if self._script is not None:
            return self.stop(now)
        self._advance(now)
        self._forget_plan()
        return self._hands.handed_out()

    def undo(self, now: float) -> list[Event]:
        """Take the machine's last answer back: its notes end, and it is forgotten as if it had never been played."""
        self._advance(now)
        self._drop_script()
        self._hands.close_all()
        self._context.forget(self._hands.answer.events)
        self._hands.answer.forget()
        if not self._turns.shared:
            self._rest()
        self._forget_plan()
        return self._hands.handed_out()

    def again(self, now: float) -> list[Event]:
        """Play the machine's last answer again, from now on."""
        self._advance(now)
        events = self._hands.answer.events
        if events:
            self._hands.close_all()
            self._hands.answer.over()
            self._begin_script(Script(events, self._scene.now + self._ahead()))
        return self._hands.handed_out()

    # Turns

    def _take_turns(self) -> None:
        plays = not self._muted() and self._turns.plays(self._moment())
        if plays == self._playing:
            return
        self._playing, self._hands.silent_since = plays, self._scene.now
        self._forget_plan()
        if plays:
            self._hands.struck, self._scene.quiet_by = 0, math.inf
            self._hands.answer.over()
        else:
            self._turn_over()

    def _turn_over(self) -> None:
        if self._scene.says("hear_itself", "off"):
            self._context.refresh()
        if self._turns.repeats and not self._muted():
            self._hands.close_all()
            if not self._hands.answer.onsets:
                self._rest()  # nothing to repeat: the player's next note begins anew
                return
            period = self._moment().bars_from(0.0, self.settings.whole("turn_bars"))
            self._begin_script(Script(self._hands.answer.events, self._scene.now, period))
        elif self._script is None:
            self._scene.quiet_by = self._scene.now + self.settings.number("ring")
        self._cut_overdue()

    def _begin_script(self, script: Script) -> None:
        self._script, self._scene.quiet_by = script, math.inf
        self._forget_plan()

    def _drop_script(self) -> None:
        """Play nothing again: what sounds of it may ring; a loop begins anew with the player's next note."""
        if self._turns.repeats:
            self._turns.rest()
        if self._script is None:
            return
        self._script, self._scene.quiet_by = None, self._scene.now + self.settings.number("ring")

    def _rest(self) -> None:
        self._turns.rest()
        self._playing, self._scene.quiet_by, self._script = False, self._scene.now, None
        self._forget_plan()

    def _muted(self) -> bool:
        return self._scene.says("mute", "on")

    def _moment(self) -> Moment:
        return Moment(self._scene.now, self.settings, self.grid)

    # Thinking

    def _wants_prediction(self) -> bool:
        if self._plan is not None or self._context.is_invalid:
            return False
        return self._script is not None or (not self._waiting and (self._playing or self._hands.auto_sounds()))

    def _think(self) -> None:
        """Plan the next event and hold it until it is due; not fed before it is played, it can be dropped freely."""
        self._has_thought = True
        if self._script is not None:
            self._plan = self._from_script(self._script)
        elif self._hands.chord is not None:
            self._plan = self._next_of_chord(self._hands.chord)
        else:
            self._ask_model()

    def _ask_model(self) -> None:
        need = self._need()
        try:
            plan = self._planner.plan(need, self._scene.voicing, self.settings)
        except NothingPossible:
            self._waiting = True
            return
        event, now = plan.event, self._scene.now
        if event.instrument in need.partners:
            self._plan = Plan(moved(event, max(event.at, now + self._ahead() + PATIENCE)), False)
        elif not plan.sounds:
            self._plan = Plan(moved(event, max(event.at, now + PATIENCE)), False)
        elif self._allows(event, need):
            self._plan = plan
        else:
            self.tally.refused += 1
            self._waiting = True

    def _need(self) -> Need:
        return Need(
            now=self._scene.now,
            earliest=self._earliest(),
            latest=self._latest(),
            may_start=self._may_strike(),
            voices=[i for i in self._autos if i not in self._punched],
            partners=self._partners if self._leaves_room() else (),
            own=self._hands.own,
            grid=self.grid,
        )

    def _from_script(self, script: Script) -> Plan | None:
        """The next event of what is played again. Where that is over, the notes that are left may ring."""
        script.catch_up(self._scene.now)
        event = script.peek()
        if event is None:
            self._script, self._scene.quiet_by = None, self._scene.now + self.settings.number("ring")
            return None
        return Plan(event)

    def _next_of_chord(self, chord: Chord) -> Plan | None:
        event, at = None, self._context.latest
        if at <= chord.at + TOGETHER and self._may_strike():
            event = self._planner.chord_note(
                Chord(chord.instrument, at, chord.notes), self._need(), self._scene.voicing
            )
        self._hands.chord = None if event is None else Chord(chord.instrument, chord.at, chord.notes + 1)
        return None if event is None else Plan(event)

    def _may_strike(self) -> bool:
        most = self.settings.whole("answer_notes")
        enough = most > 0 and self._hands.struck >= most
        return self._playing and not enough and self._scene.says("hold", "off")

    def _leaves_room(self) -> bool:
        """Whether the next event may be the player's: in a shared turn, until the machine has been silent too long.

        Who plays how much is so the music's choice, not the clock's.
        """
        if not (self._may_strike() and self._turns.shared and self._scene.says("hear_you", "on")):
            return False
        patient = self._scene.now < self._hands.silent_since + self.settings.number("rest")
        return self._hands.auto_sounds() or patient

    def _ahead(self) -> float:
        """Seconds before its time at which an event must be decided."""
        return max(self.settings.number("lookahead"), self._pace.ahead())

    def _earliest(self) -> float:
        """From when on the next event may be meant to sound.

        Much of music happens at once. What should sound together with an event just heard comes a few milliseconds
        after it, which nobody hears; to forbid it would be to forbid the machine the beat.
        """
        ahead, now = self._ahead(), self._scene.now
        if ahead <= TOGETHER and now - self._context.latest <= TOGETHER:
            return self._context.latest
        return max(now + ahead, self._context.latest)

    def _latest(self) -> float:
        """By when the next event must come: soon in a turn that is silent, in time to end what must end after it."""
        if not self._playing:
            return self._scene.quiet_by
        if self._hands.auto_sounds() or not self._may_strike():
            return math.inf
        return max(self._hands.silent_since + self.settings.number("rest"), self._scene.now + RALLY)

    def _allows(self, event: Event, need: Need) -> bool:
        """Whatever the model's promises: no double onset, no release of silence, nothing in the past or out of turn."""
        key = (event.instrument, event.pitch)
        if event.instrument not in need.voices or not event.at >= need.earliest:
            return False
        return need.may_start and key not in self._hands.own if event.is_onset else key in self._hands.own

    def _is_committed(self) -> bool:
        """Whether the machine's next note is so close that it sounds together with what the player just did.

        It was meant for this moment; to think again would be to miss the beat that both found.
        """
        return self._plan is not None and self._plan.sounds and self._plan.event.at <= self._scene.now + TOGETHER

    def _forget_plan(self) -> None:
        self._plan, self._waiting = None, False

    # Playing

    def _play_due(self) -> None:
        plan = self._plan
        if plan is None or self._plan_due() > self._scene.now:
            return
        self._plan = None
        if self._script is not None:
            self._script.advance()
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
        if event.instrument not in self._autos or event.instrument in self._punched:
            return False
        if self._scene.says("hold", "on"):
            return False
        if key in self._hands.own:
            self._hands.close(key)
        return True

    def _cut_overdue(self) -> None:
        if self._hands.cut_overdue():
            self._forget_plan()

    # Hearing and time

    def _advance(self, now: float) -> None:
        self._scene.now = max(self._scene.now, now)

    def _set_up(self) -> None:
        """Make what follows from strips and controls."""
        scene, ensemble = self._scene, self.ensemble
        scene.voicing = Voicing(self.settings, ensemble, self._turns.texture or self.settings.choice("texture"))
        self._machine = frozenset(ensemble.instruments("auto", "follow"))
        self._autos = tuple(i for i in ensemble.instruments("auto") if not ensemble.strip_of(i).mute)
        self._hands.chord = None
        self._set_up_learner()
        self._remember_by()
        self._forget_plan()

    def _set_up_learner(self) -> None:
        """Who learns while it plays learns from the player alone."""
        learner = self._model
        if isinstance(learner, Mixes):
            learner.share = self.settings.number("learner")
            learner = learner.learner
        if isinstance(learner, Learns):
            learner.ignores = self._machine

    def _remember_by(self) -> None:
        """Let memory reach as far back as the controls say, in seconds, bars or notes."""
        memory, settings, unit = self._context.memory, self.settings, self.settings.choice("memory_in")
        memory.notes = settings.whole("memory_notes") if unit == "notes" else math.inf
        if unit == "bars":
            bars = self._moment().bars_from(0.0, settings.whole("memory_bars"))
            memory.seconds = min(bars, LONGEST)
        else:
            memory.seconds = settings.number("memory") if unit == "seconds" else LONGEST

    def _due(self) -> float:
        """When time alone gives something to do; inf for never."""
        changes = None if self._muted() else self._turns.changes(self._moment())
        back = self._punched.next_back(self.ensemble, self._held_instruments())
        return min(self._plan_due(), self._hands.next_end(), back, math.inf if changes is None else changes)

    def _plan_due(self) -> float:
        return math.inf if self._plan is None else self._plan.event.at - self._ahead()

    def _has_chore(self) -> bool:
        if self._context.is_invalid:
            return True
        return self._context.is_stale and self._due() - self._scene.now > CHORE_SLACK

    def _take_back(self) -> None:
        if self._punched.take_back(self.ensemble, self._held_instruments(), self._scene.now):
            self._forget_plan()

    def _held_instruments(self) -> frozenset[int]:
        return frozenset(instrument for instrument, _ in self._held)
