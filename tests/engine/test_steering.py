"""Steering bends the odds the way it says, and leaves alone what it does not name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.draw import draw, probabilities
from antiphon.engine.model import Constraints, Steer, Voice
from antiphon.engine.neural import NeuralModel
from antiphon.music.event import Event
from tests.engine.random_bundle import RandomBundle

ALL = np.ones(8, np.bool_)
LOGITS = np.log(np.arange(1, 9) / 36).astype(np.float32)


class EvenBundle(RandomBundle):
    """Finds everything equally likely."""

    def __init__(self):
        super().__init__(0, spread=0.0)


def events(constraints, n=200):
    model, rng = NeuralModel(EvenBundle()), np.random.default_rng(0)
    model.feed(Event(0.0, 9, 60, 80))
    return [model.sample(constraints, rng) for _ in range(n)]


def test_without_steering_the_odds_are_the_models():
    np.testing.assert_allclose(probabilities(LOGITS, ALL), np.arange(1, 9) / 36, atol=1e-7)


def test_temperature_zero_is_the_likeliest():
    assert probabilities(LOGITS, ALL, Steer(temperature=0)).argmax() == 7
    assert probabilities(LOGITS, ALL, Steer(temperature=0)).max() == 1


def test_a_nucleus_keeps_the_fewest_values_that_suffice():
    p = probabilities(LOGITS, ALL, Steer(top_p=0.5))  # 8 + 7 = 15 of 36 are too few, 8 + 7 + 6 = 21 are enough
    assert np.flatnonzero(p).tolist() == [5, 6, 7]
    np.testing.assert_allclose(p[5:], np.array([6, 7, 8]) / 21)


def test_a_window_keeps_a_part_of_the_distribution():
    p = probabilities(LOGITS, ALL, Steer(window=(0.0, 10 / 36)))
    np.testing.assert_allclose(p[:4], np.arange(1, 5) / 10)
    assert p[4:].sum() < 1e-6


@given(st.floats(0, 1), st.integers(0, 100))
def test_an_empty_window_is_one_value_within_the_mask(at, seed):
    mask = np.random.default_rng(seed).random(8) < 0.5
    mask[seed % 8] = True
    p = probabilities(LOGITS, mask, Steer(window=(at, at)))
    assert p.max() == 1
    assert mask[p.argmax()]


@given(st.integers(0, 2**32 - 1))
def test_what_has_no_probability_is_never_drawn(seed):
    rng = np.random.default_rng(seed)
    p = rng.random(20) * (rng.random(20) < 0.3)
    p[seed % 20] = 1.0
    assert p[draw(p / p.sum(), rng)] > 0


def test_weights_draw_onsets_to_an_instrument():
    plain = events(Constraints({0: Voice(), 1: Voice()}))
    drawn = events(Constraints({0: Voice(), 1: Voice()}, weights={1: 20.0}))
    count = lambda found: sum(e.instrument == 1 for e in found if e.velocity)  # noqa: E731
    assert 60 < count(plain) < 140
    assert count(drawn) > 170


@pytest.mark.parametrize(("weight", "low", "high"), [(0.001, 0, 60), (1000.0, 190, 200)])
def test_onset_weight_is_more_notes_or_fewer(weight, low, high):
    found = events(Constraints({9: Voice(), 0: Voice()}, onset_weight=weight))
    assert low <= sum(e.velocity > 0 for e in found) <= high


def test_steering_velocity_leaves_releases_their_odds():
    voices = {9: Voice()}
    shares = [
        np.mean([e.velocity == 0 for e in events(Constraints(voices, steer={"velocity": steer}, onset_weight=1 / 127))])
        for steer in (Steer(), Steer(window=(0.9, 1.0)), Steer(temperature=0))
    ]
    assert all(0.4 < share < 0.6 for share in shares)
