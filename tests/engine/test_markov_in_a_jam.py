"""The learning model as a partner in simulated time: it keeps the promises, and plays in the player's key."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine.markov import MarkovModel
from antiphon.engine.mixture import Mixture
from antiphon.engine.neural import NeuralModel
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import duet
from antiphon.jam.improviser import Improviser
from antiphon.music.event import EVENT
from antiphon.music.key import find_key
from antiphon.music.measures import double_onsets, key_agreement, machine_gun_rate, unclosed
from antiphon.music.midi_read import read_midi
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from antiphon.tunes import MENUET
from tests.engine.phrases import phrase, streams
from tests.engine.random_bundle import RandomBundle


def jammed(model, tune, seed=0, **controls):
    """What the player and the machine played."""
    recorder, ensemble = Recorder(), duet()
    improviser = Improviser(model, Settings(controls), np.random.default_rng(seed), ensemble)
    run_simulated(improviser, tune, recorder, until=float(tune["at"][-1]) + 20.0 if len(tune) else 1.0)
    return recorder.events(PLAYER), recorder.events(MACHINE), improviser


def array(events):
    return np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in events], EVENT)


def onsets(events):
    return events[events["velocity"] > 0]


def test_it_plays_a_minuet_together_with_the_player_and_learns_from_them_alone():
    model = MarkovModel()
    player, machine, improviser = jammed(model, read_midi(MENUET).events(), policy="together")
    assert (unclosed(machine), double_onsets(machine)) == (0, 0)
    assert improviser.tally.refused == 0
    assert len(onsets(machine)) > 50
    assert key_agreement(machine, find_key(player)) > 0.95
    assert machine_gun_rate(machine) < 0.02
    assert len(model) == len(onsets(player))


def test_it_answers_what_it_has_just_learned():
    player = phrase([60, 64, 67, 72, 71, 67, 64, 62] * 2)
    _, machine, _ = jammed(MarkovModel(), array(player), policy="answer", silence=1.0, answer=6.0)
    assert len(onsets(machine)) >= 8
    assert set(onsets(machine)["pitch"].tolist()) <= {60, 62, 64, 67, 71, 72}
    assert machine["at"].min() >= 4.0


def test_it_rests_as_long_as_it_has_learned_nothing():
    _, machine, _ = jammed(MarkovModel(teachers=()), read_midi(MENUET).events(), policy="together")
    assert len(machine) == 0


@settings(max_examples=25, deadline=None)
@given(streams(), st.sampled_from(["together", "answer"]), st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 4))
def test_whatever_the_player_does_its_notes_are_closed_and_never_doubled(heard, policy, seed, mixed, polyphony):
    learner = MarkovModel()
    model = Mixture(NeuralModel(RandomBundle(seed)), learner) if mixed else learner
    controls = {"policy": policy, "polyphony": polyphony, "memory": 3.0, "silence": 0.3, "answer": 3.0}
    _, machine, improviser = jammed(model, array(heard), seed, **controls)
    assert (unclosed(machine), double_onsets(machine)) == (0, 0)
    assert len(improviser.ledger) == 0
    assert len(learner) <= len([e for e in heard if e.velocity]) + len(onsets(machine))
