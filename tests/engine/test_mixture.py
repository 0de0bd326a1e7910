"""Two models play as one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from antiphon.engine.markov import MarkovModel
from antiphon.engine.mixture import Mixture
from antiphon.engine.model import Constraints, NothingPossible, Voice
from antiphon.engine.neural import NeuralModel
from antiphon.music.event import Event
from tests.engine.phrases import phrase
from tests.engine.random_bundle import RandomBundle

LOUD = Constraints({0: Voice(pitches=np.arange(128) < 64)})


def mixture(share):
    """A random net that strikes anything, and a learner that knows two pitches."""
    both = Mixture(NeuralModel(RandomBundle(3)), MarkovModel(), share)
    for event in phrase([60, 62] * 3):
        both.feed(event)
    return both


def heard(both, n=200):
    rng = np.random.default_rng(0)
    return [both.sample(Constraints({256: Voice()}, fixed={"velocity": 80}), rng).pitch in (60, 62) for _ in range(n)]


def test_the_share_says_how_often_the_learner_answers():
    both = mixture(0.0)
    assert np.mean(heard(both)) < 0.2
    both.share = 0.5
    assert 0.35 < np.mean(heard(both)) < 0.7
    both.share = 1.0
    assert all(heard(both))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_one_finds_nothing_the_other_is_asked(share):
    class Silent(MarkovModel):
        def sample(self, constraints, rng):
            raise NothingPossible("not today")

    both = mixture(1.0)
    both.trained = Silent()
    both.share = 0.0
    assert both.sample(LOUD, np.random.default_rng(0)).pitch in (60, 62)
    beginner = Mixture(NeuralModel(RandomBundle(3)), MarkovModel(), share)
    assert beginner.sample(LOUD, np.random.default_rng(0)).velocity > 0
    with pytest.raises(NothingPossible):
        beginner.sample(Constraints({0: Voice(may_start=False)}), np.random.default_rng(0))


def test_both_hear_everything_and_go_back_together():
    both = mixture(0.5)
    before = both.snapshot()
    both.feed(Event(9.0, 5, 70, 80))
    assert both.trained.snapshot().at == both.learner.snapshot().at == 9.0
    assert dict(both.learner.snapshot().ledger.sounding) == dict(both.trained.snapshot().ledger.sounding)
    both.restore(before)
    assert both.trained.snapshot().at == both.learner.snapshot().at < 9.0


def test_what_one_refuses_neither_has_heard():
    class Picky(MarkovModel):
        def feed(self, event, beat=None):
            raise ValueError("no")

    both = mixture(0.5)
    both.learner = Picky()
    before = both.trained.snapshot().at
    with pytest.raises(ValueError, match="no"):
        both.feed(Event(9.0, 5, 70, 80))
    with pytest.raises(ValueError, match="time"):
        both.feed(Event(math.nan, 5, 70, 80))
    assert both.trained.snapshot().at == before


def test_it_is_named_for_both():
    assert mixture(0.5).name == "random and markov"
