"""An ordeal: a player, a clock and a host that misbehave in every way, and the promises that must hold meanwhile."""

from __future__ import annotations

import contextlib

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.engine.model import Constraints
from antiphon.jam.controls import CONTROLS, Settings
from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.improviser import Improviser
from antiphon.jam.turns import POLICIES
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from tests.jam.scripted import RandomModel

GRACE = 1e-9
PLAYER, DRUMS = 0, 128

pitches = st.integers(58, 64)
turnable = st.sampled_from([c for c in CONTROLS if c.name not in {"memory"}])


def band(punch_in: bool, chain: bool, mute: bool) -> Ensemble:
    """The player's piano and drums, a machine that may be taken over, two that follow, one of them the machine."""
    return Ensemble(
        {
            1: Strip(mode="input"),
            2: Strip(mode="auto", program=32, punch_in=punch_in, punch_out=0.3, polyphony=(0, 2)),
            3: Strip(mode="follow", program=48, source=1, interval=(-5, 7)),
            4: Strip(mode="follow" if chain else "auto", program=49, source=3, mute=mute),
            10: Strip(mode="input"),
            16: Strip(mode="auto", program=16, length=(0.1, 1.5)),
        }
    )


class Fickle(RandomModel):
    """A model that fails when it is told to."""

    fails = False

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        if self.fails:
            raise RuntimeError("out of order")
        return super().sample(constraints, rng)


class Ordeal(RuleBasedStateMachine):
    """A player, a clock, and whoever carries the improviser, with all the ways in which they misbehave."""

    @initialize(
        seed=st.integers(0, 2**32),
        policy=st.sampled_from(sorted(POLICIES)),
        pace=st.floats(0.0, 2.0),
        ensemble=st.builds(band, st.booleans(), st.booleans(), st.booleans()),
    )
    def begin(self, seed: int, policy: str, pace: float, ensemble: Ensemble) -> None:
        settings = Settings({"policy": policy, "memory": 3.0, "turn_bars": 1, "tempo": 240.0})
        self.pace, self.seed = pace, seed
        self.model = Fickle(pace)
        self.improviser = Improviser(self.model, settings, np.random.default_rng(seed), ensemble)
        self.now = 100.0
        self.heard_any = False
        self.struck = 0
        self.sounding: dict[tuple[int, int], float] = {}

    def players(self) -> list[int]:
        ensemble = self.improviser.ensemble
        punched = [i for i in ensemble.instruments("auto") if ensemble.strip_of(i).punch_in]
        return [*ensemble.instruments("input"), *punched]

    @rule(which=st.integers(0, 9), pitch=pitches, velocity=st.integers(0, 127), old=st.sampled_from([0.0, 0.05]))
    def player_sends_anything(self, which: int, pitch: int, velocity: int, old: float) -> None:
        among = self.players()
        event = Event(self.now - old, among[which % len(among)], pitch, velocity)
        self.heard_any = self.heard_any or event.is_onset
        self.take(self.improviser.receive(event, self.now))
        if event.is_onset:
            assert event.instrument not in {i for i, _ in self.sounding}, "it did not give way"

    @rule(pitches=st.lists(pitches, min_size=1, max_size=5), lasting=st.sampled_from([0.0, 0.1, 0.5]))
    def player_plays_a_phrase(self, pitches: list[int], lasting: float) -> None:
        for pitch in pitches:
            self.player_sends_anything(0, pitch, 80, 0.0)
            self.time_passes_attended(lasting, 0.0)
            self.player_sends_anything(0, pitch, 0, 0.0)

    @rule(notes=st.integers(1, 60), seed=st.integers(0, 99))
    def a_storm_of_notes(self, notes: int, seed: int) -> None:
        """Ten thousand notes a second, woken as often as there is time between them."""
        for pitch in np.random.default_rng(seed).integers(0, 128, notes).tolist():
            self.player_sends_anything(pitch, pitch, 80 * (pitch % 3 > 0), 0.0)
            self.now += 1e-4
            self.wake()

    @rule(late=st.sampled_from([0.0, 0.003, 0.5]))
    def the_machine_has_its_time(self, late: float) -> None:
        self.time_passes_attended(3.0, late)

    @rule(passed=st.sampled_from([0.0, 0.001, 0.02, 0.3, 5.0, 3600.0]))
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
        assert self.model.fed - fed <= 4 * 64 + 8, "one wake is not bounded"

    @rule(control=turnable, position=st.integers(0, 127))
    def turn(self, control, position: int) -> None:  # type: ignore[no-untyped-def]
        self.take(self.improviser.set(control.name, control.from_cc(position), self.now))

    @rule(ensemble=st.builds(band, st.booleans(), st.booleans(), st.booleans()))
    def other_strips(self, ensemble: Ensemble) -> None:
        self.take(self.improviser.rearrange(ensemble, self.now))
        sounding = {i for i, _ in self.sounding}
        allowed = {i for i in ensemble.instruments("auto", "follow") if not ensemble.strip_of(i).mute}
        assert sounding <= allowed

    @rule(grid=st.one_of(st.none(), st.builds(Grid, st.floats(0, 200), st.floats(30, 300), st.integers(1, 7))))
    def somebody_gives_the_time(self, grid: Grid | None) -> None:
        self.take(self.improviser.beat(grid, self.now))

    @rule(action=st.sampled_from(["query", "undo", "again", "stop", "reset"]))
    def act(self, action: str) -> None:
        self.take(self.improviser.act(action, "", self.now))
        if action in ("stop", "undo", "reset"):
            self.assert_machine_is_silent()

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.05, 0.8]))
    def predicting_takes(self, seconds: float) -> None:
        self.improviser.took(seconds)

    @rule(really=st.sampled_from([False, False, False, True]))
    def panic(self, really: bool) -> None:
        if not really:
            return
        self.take(self.improviser.panic(self.now))
        self.assert_machine_is_silent()
        assert len(self.improviser.ledger) == 0

    @rule()
    def the_model_fails_and_the_host_panics(self) -> None:
        self.model.fails = True
        with contextlib.suppress(RuntimeError):
            for _ in range(3):
                self.player_sends_anything(0, 60, 80, 0.0)
                self.player_sends_anything(0, 60, 0, 0.0)
                self.time_passes_attended(1.0, 0.0)
        self.model.fails = False
        self.panic(True)

    @rule()
    def the_clock_jumps_back(self) -> None:
        self.now -= 0.5
        self.player_sends_anything(0, 61, 80, 0.0)
        self.take(self.improviser.wake(self.now))
        self.now += 0.5

    @rule()
    def the_player_is_unplugged(self) -> None:
        """What a port does when it is gone: it releases all that was struck on it."""
        for instrument, pitch in list(self.improviser._player.held):
            self.take(self.improviser.receive(Event(self.now, instrument, pitch, 0), self.now))
        assert not self.improviser._player.held

    @rule()
    def it_is_started_again(self) -> None:
        """A new improviser goes on from what the old one remembered."""
        before = self.improviser
        self.panic(True)
        self.model = Fickle(self.pace)
        rng = np.random.default_rng(self.seed)
        self.improviser = Improviser(self.model, before.settings, rng, before.ensemble)
        self.take(self.improviser.recall(list(before._context.memory), self.now))

    @precondition(lambda self: self.improviser.settings["policy"] == "answer" and not self.improviser._floor.script)
    @rule()
    def after_a_long_silence_it_rests(self) -> None:
        settings = self.improviser.settings
        longest = settings.number("silence") + settings.number("answer") + settings.number("ring")
        longest = max(longest, 60.0)  # what follows the player may last as long as its strip says
        self.time_passes_attended(longest + settings.number("lookahead") + 0.01, 0.0)
        if not self.improviser._player.held:
            self.assert_machine_is_silent()

    @invariant()
    def nothing_sounds_too_long(self) -> None:
        if not self.sounding:
            return
        wake = self.improviser.next_wake()
        assert wake is not None
        ends = [at + self.improviser._scene.voicing.longest(i) for (i, _), at in self.sounding.items()]
        assert wake <= max(self.now, max(ends)) + GRACE

    @invariant()
    def memory_is_bounded(self) -> None:
        memory = self.improviser._context.memory
        stamps = [event.at for event in memory._events]
        assert not stamps or stamps[-1] - stamps[0] <= max(memory.seconds, 600.0)
        assert len(memory) <= 4096 + 128 * 6

    def take(self, events) -> None:  # type: ignore[no-untyped-def]
        for event in events:
            key = (event.instrument, event.pitch)
            assert event.at >= self.now, f"{event} is in the past at {self.now}"
            if event.is_onset:
                assert event.instrument in self.improviser.ensemble.instruments("auto", "follow")
                assert key not in self.sounding, f"{event} is struck twice"
                assert self.heard_any, "nobody has played"
                self.sounding[key] = event.at
                self.struck += 1
            else:
                assert event.at >= self.sounding.pop(key), f"{event} ends before it began"

    def assert_machine_is_silent(self) -> None:
        assert not self.sounding

    def teardown(self) -> None:
        if hasattr(self, "improviser"):
            self.panic(True)
