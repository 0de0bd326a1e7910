"""Whatever the player does and however late it is woken, the improviser keeps its promises."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.jam.controls import CONTROLS, Settings
from antiphon.jam.improviser import Improviser
from antiphon.jam.voicing import Parts
from antiphon.music.event import Event
from tests.jam.scripted import RandomModel

MACHINE = (256, 257)
GRACE = 1e-9

pitches = st.integers(58, 64)
instruments = st.sampled_from([0, 128])
turnable = st.sampled_from([c for c in CONTROLS if c.name not in {"memory"}])


class Jam(RuleBasedStateMachine):
    """A player, a clock, and whoever carries the improviser, with all the ways in which they misbehave."""

    @initialize(seed=st.integers(0, 2**32), policy=st.sampled_from(["together", "answer"]), pace=st.floats(0.0, 2.0))
    def begin(self, seed: int, policy: str, pace: float) -> None:
        settings = Settings({"policy": policy, "memory": 3.0})
        self.model = RandomModel(pace)
        self.improviser = Improviser(self.model, settings, np.random.default_rng(seed), Parts(MACHINE))
        self.now = 100.0
        self.first_heard = math.inf
        self.sounding: dict[tuple[int, int], float] = {}

    @rule(instrument=instruments, pitch=pitches, velocity=st.integers(0, 127), old=st.sampled_from([0.0, 0.05]))
    def player_sends_anything(self, instrument: int, pitch: int, velocity: int, old: float) -> None:
        event = Event(self.now - old, instrument, pitch, velocity)
        if event.is_onset:
            self.first_heard = min(self.first_heard, self.now)
        self.take(self.improviser.receive(event, self.now))

    @rule(pitches=st.lists(pitches, min_size=1, max_size=5), lasting=st.sampled_from([0.0, 0.1, 0.5]))
    def player_plays_a_phrase(self, pitches: list[int], lasting: float) -> None:
        for pitch in pitches:
            self.player_sends_anything(0, pitch, 80, 0.0)
            self.time_passes_attended(lasting, 0.0)
            self.player_sends_anything(0, pitch, 0, 0.0)

    @rule(late=st.sampled_from([0.0, 0.003, 0.5]))
    def the_machine_has_its_time(self, late: float) -> None:
        self.time_passes_attended(3.0, late)

    @rule(passed=st.sampled_from([0.0, 0.001, 0.02, 0.3, 5.0]))
    def time_passes_unattended(self, passed: float) -> None:
        self.now += passed

    @rule(passed=st.floats(0.0, 4.0), late=st.sampled_from([0.0, 0.0, 0.0, 0.003, 0.5]))
    def time_passes_attended(self, passed: float, late: float) -> None:
        end = self.now + passed
        for _ in range(100_000):
            at = self.improviser.next_wake()
            if at is None or at > end:
                break
            self.now = max(self.now, at + late)
            self.wake()
        else:
            raise AssertionError("it is woken without end")
        self.now = max(self.now, end)

    @rule()
    def wake(self) -> None:
        fed = self.model.fed
        self.take(self.improviser.wake(self.now))
        assert self.model.fed - fed <= len(MACHINE) * 32 + 8, "one wake is not bounded"

    @rule(control=turnable, position=st.integers(0, 127))
    def turn(self, control, position: int) -> None:  # type: ignore[no-untyped-def]
        self.improviser.set(control.name, control.from_cc(position))

    @rule(everyone=st.booleans(), really=st.sampled_from([False, False, False, True]))
    def end(self, everyone: bool, really: bool) -> None:
        if not really:
            return
        closed = self.improviser.panic(self.now) if everyone else self.improviser.stop(self.now)
        self.take(event for event in closed if event.instrument in MACHINE)
        self.first_heard = math.inf
        self.assert_machine_is_silent()
        assert len(self.improviser.ledger) == 0 or not everyone

    @precondition(lambda self: self.improviser.settings["policy"] == "answer")
    @rule()
    def after_a_long_silence_it_rests(self) -> None:
        settings = self.improviser.settings
        longest = settings.number("silence") + settings.number("answer") + settings.number("ring")
        self.time_passes_attended(longest + settings.number("lookahead") + 0.01, 0.0)
        self.assert_machine_is_silent_unless_player_holds()

    @invariant()
    def nothing_sounds_too_long(self) -> None:
        if not self.sounding:
            return
        wake = self.improviser.next_wake()
        longest = max(self.improviser.settings.number("length_max"), self.improviser.settings.number("length_min"))
        assert wake is not None
        assert wake <= max(self.now, min(self.sounding.values()) + longest) + GRACE

    @invariant()
    def memory_is_bounded(self) -> None:
        memory = self.improviser._context.memory
        stamps = [event.at for event in memory._events]
        assert not stamps or stamps[-1] - stamps[0] <= memory.seconds
        assert len(memory) <= 4096 + 2 * 128 * (len(MACHINE) + 2)

    def take(self, events) -> None:  # type: ignore[no-untyped-def]
        for event in events:
            key = (event.instrument, event.pitch)
            assert event.instrument in MACHINE
            assert event.at >= self.now, f"{event} is in the past at {self.now}"
            assert event.at >= self.first_heard or not event.is_onset, "an onset comes before its cause"
            if event.is_onset:
                assert key not in self.sounding, f"{event} is struck twice"
                assert self.first_heard < math.inf, "nobody has played"
                assert self.improviser._playing, "it strikes a note out of turn"
                self.sounding[key] = event.at
            else:
                assert event.at >= self.sounding.pop(key), f"{event} ends before it began"

    def assert_machine_is_silent(self) -> None:
        assert not self.sounding

    def assert_machine_is_silent_unless_player_holds(self) -> None:
        if not self.improviser._held:
            self.assert_machine_is_silent()

    def teardown(self) -> None:
        if hasattr(self, "improviser"):
            self.take(e for e in self.improviser.panic(self.now) if e.instrument in MACHINE)
            self.assert_machine_is_silent()


Jam.TestCase.settings = hypothesis_settings(max_examples=150, stateful_step_count=40, deadline=None)
TestJam = Jam.TestCase
