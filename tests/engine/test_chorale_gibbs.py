"""What Gibbs sampling and the last pass promise, whatever the model believes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antiphon.codec.grid import CLASSES, REST, decode
from antiphon.engine.gibbs import Annealing, Gibbs, Sampling, steps_for
from antiphon.engine.polish import polish
from antiphon.music.counterpoint import parallels
from tests.engine.choirs import RandomChoir, SteadyChoir

SHAPE = (2, 4, 6)
CELLS = arrays.arrays(np.int64, SHAPE, elements=st.integers(0, REST))
FREE = arrays.arrays(np.bool_, SHAPE)


TOGETHER = st.sampled_from([None, 0.0, 2.5, 9.0, math.inf])


@given(CELLS, FREE, st.integers(0, 2**32), TOGETHER)
@settings(max_examples=30, deadline=None)
def test_what_is_given_is_kept_to_the_letter(cells, free, seed, together):
    gibbs = Gibbs(RandomChoir().predict, np.random.default_rng(seed), Sampling(steps=3, together=together))
    made = gibbs.sample(cells, free).cells
    assert (made == cells)[~free].all()


@given(FREE, arrays.arrays(np.bool_, CLASSES), st.integers(0, 2**32), TOGETHER)
@settings(max_examples=30, deadline=None)
def test_what_is_forbidden_never_comes(free, allowed, seed, together):
    allowed[17] = True
    gibbs = Gibbs(RandomChoir().predict, np.random.default_rng(seed), Sampling(steps=3, together=together))
    made = gibbs.sample(np.zeros(SHAPE, np.int64), free, allowed=allowed).cells
    assert allowed[made[free]].all()


def test_a_cell_that_may_be_nothing_is_an_error():
    gibbs = Gibbs(RandomChoir().predict, np.random.default_rng(0), Sampling(steps=3))
    with pytest.raises(ValueError, match="allowed no pitch"):
        gibbs.sample(np.zeros(SHAPE, np.int64), np.ones(SHAPE, bool), allowed=np.zeros(CLASSES, bool))


def test_a_seed_gives_the_same_scores():
    def made(seed):
        gibbs = Gibbs(RandomChoir().predict, np.random.default_rng(seed), Sampling(steps=3))
        return gibbs.sample(np.zeros(SHAPE, np.int64), np.ones(SHAPE, bool)).cells

    assert (made(3) == made(3)).all()
    assert (made(3) != made(4)).any()


def test_the_model_is_never_shown_what_it_is_asked_for():
    choir = RandomChoir()
    free = np.zeros(SHAPE, bool)
    free[:, 1] = True
    sampling = Sampling(steps=5, together=math.inf)
    Gibbs(choir.predict, np.random.default_rng(0), sampling).sample(np.zeros(SHAPE, np.int64), free)
    assert not (choir.asked[0][1] & free).any()  # at first all that is free is hidden
    shares = [1 - known[free].mean() for _, known in choir.asked]
    assert all(known[~free].all() for _, known in choir.asked)
    assert len(shares) == 5


def test_the_block_shrinks():
    annealing = Annealing()
    shares = [annealing.share(step, 100) for step in range(100)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(0.95)
    assert shares[-1] == pytest.approx(0.05)


def test_one_cell_at_a_time_asks_once_for_each():
    choir, free = RandomChoir(), np.ones(SHAPE, bool)
    gibbs = Gibbs(choir.predict, np.random.default_rng(0), Sampling(steps=1, together=0.0))
    gibbs.sample(np.zeros(SHAPE, np.int64), free)
    known = np.array([known.sum() for _, known in choir.asked])
    assert (known == 2 * np.arange(24)).all()


@given(FREE, st.floats(0, 12), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_what_is_drawn_together_is_no_more_unsure_than_was_asked(free, together, seed):
    rng = np.random.default_rng(seed)
    choir = SteadyChoir(rng.gamma(0.3, size=(*SHAPE[1:], CLASSES)))
    unsure = -(np.exp(choir.log_p) * choir.log_p).sum(-1)
    asked = []

    def predict(cells, known):
        asked.append((cells, known))
        return choir.predict(cells, known)

    made = Gibbs(predict, rng, Sampling(steps=1, together=together)).sample(np.zeros(SHAPE, np.int64), free).cells
    after = [known for _, known in asked[1:]] + [np.ones(SHAPE, bool)]
    for (cells, known), then in zip(asked, after, strict=False):
        assert (cells == made)[known].all()  # each go sees what was drawn before it
        for score in range(len(made)):
            drawn = unsure[(then & ~known)[score]]
            assert len(drawn) or known[score].all()
            assert drawn.sum() - drawn.max(initial=0) <= together + 1e-4


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_net_that_gives_no_numbers_keeps_nobody_waiting():
    asked = []

    def predict(cells, known):
        asked.append(known)
        assert len(asked) <= known[0].size, "it never ends"
        return np.full((*cells.shape, CLASSES), np.nan, np.float32)

    gibbs = Gibbs(predict, np.random.default_rng(0), Sampling(steps=1, together=0.3))
    gibbs.sample(np.zeros(SHAPE, np.int64), np.ones(SHAPE, bool))
    assert len(asked) == 24


def test_cells_that_are_sure_are_drawn_at_once():
    weights = np.zeros((4, 6, CLASSES))
    weights[..., 20] = 1.0
    asked = []

    def predict(cells, known):
        asked.append(known)
        return SteadyChoir(weights).predict(cells, known)

    gibbs = Gibbs(predict, np.random.default_rng(0), Sampling(steps=1, together=0.1))
    gibbs.sample(np.zeros(SHAPE, np.int64), np.ones(SHAPE, bool))
    assert len(asked) == 1


def test_a_line_is_drawn_with_care_and_several_voices_by_many_steps():
    line, choir = np.zeros(SHAPE, bool), Sampling(temperature=0.5)
    line[:, 2] = True
    assert choir.schedule_for(line).together < math.inf
    assert choir.schedule_for(~line).together == math.inf
    assert choir.schedule_for(~line).steps == steps_for(~line)
    own = Sampling(steps=3, together=0.0, annealing=Annealing(0.5)).schedule_for(line)
    assert (own.steps, own.together, own.annealing.most) == (3, 0.0, 0.5)


def test_it_stops_when_nothing_changes():
    weights = np.zeros((4, 6, CLASSES))
    weights[..., 20] = 1.0
    gibbs = Gibbs(SteadyChoir(weights).predict, np.random.default_rng(0), Sampling(steps=90, settled=3))
    sampled = gibbs.sample(np.zeros(SHAPE, np.int64), np.ones(SHAPE, bool))
    assert sampled.steps == 4
    assert (sampled.cells == 20).all()


def test_steps_follow_what_is_free():
    assert steps_for(np.zeros((1, 4, 32), bool)) == 8
    one_voice = np.zeros((7, 4, 32), bool)
    one_voice[:, 0] = True
    assert steps_for(one_voice) == 32
    assert steps_for(np.ones((1, 4, 24), bool)) == 96
    assert steps_for(np.ones((1, 4, 640), bool)) == 128


def test_what_is_drawn_is_what_the_model_believes():
    weights = np.zeros((4, 6, CLASSES))
    weights[..., 10], weights[..., 20] = 3.0, 1.0
    gibbs = Gibbs(SteadyChoir(weights).predict, np.random.default_rng(0), Sampling(steps=1, temperature=1.0))
    made = gibbs.sample(np.zeros((200, 4, 6), np.int64), np.ones((200, 4, 6), bool)).cells
    assert (made == 10).mean() == pytest.approx(0.75, abs=0.02)
    cold = Gibbs(SteadyChoir(weights).predict, np.random.default_rng(0), Sampling(steps=1, temperature=0.0))
    assert (cold.sample(np.zeros(SHAPE, np.int64), np.ones(SHAPE, bool)).cells == 10).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"together": -1.0},
        {"together": float("nan")},
        {"settled": -1},
    ],
)
def test_wrong_sampling_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be"):
        Sampling(**wrong)


@given(CELLS, FREE, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_last_pass_keeps_what_is_given_and_makes_nothing_worse(cells, free, seed):
    cells = cells % 24 + 10
    made = polish(RandomChoir().predict, cells, free, np.random.default_rng(seed), rounds=4)
    assert (made == cells)[~free].all()
    for before, after in zip(cells, made, strict=True):
        assert parallels(decode(after)).sum() <= parallels(decode(before)).sum()
    assert (made != REST).all()


def test_a_parallel_that_can_be_avoided_is():
    cells = np.array([[[31, 31, 33, 33], [24, 24, 26, 26]]])
    weights = np.zeros((2, 4, CLASSES))
    weights[:, :, 20:36] = 1.0
    made = polish(SteadyChoir(weights).predict, cells, np.ones(cells.shape, bool), np.random.default_rng(0))
    assert not parallels(decode(made[0])).any()
