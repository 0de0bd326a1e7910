"""What is forbidden has probability zero, whatever the model says: random models under random constraints."""

import math
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine.model import FIELDS, Constraints, NothingPossible, Voice
from antiphon.engine.neural import NeuralModel
from antiphon.music.event import Event
from tests.engine.promises import full, keeps_its_promises, limits, steering, voices
from tests.engine.random_bundle import RandomBundle


@settings(max_examples=5000, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.integers(0, 319), voices(), min_size=1, max_size=4),
    st.sampled_from(list(permutations(FIELDS))),
    st.dictionaries(st.sampled_from(FIELDS), steering()),
    st.sampled_from([0.0, 0.004, 0.2, 30.0]),
    st.sampled_from([0.0, 0.2, 5.0, math.inf]),
    st.sampled_from([0.01, 1.0, 20.0]),
)
def test_no_event_is_ever_one_that_the_constraints_forbid(seed, voices, order, steer, wait, span, weight):
    at = partial(limits, voices, wait=wait, span=span, order=order, steer=steer, onset_weight=weight)
    keeps_its_promises(NeuralModel(RandomBundle(seed)), at, np.random.default_rng(seed), 40, full)


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.sampled_from(FIELDS), st.integers(0, 127), min_size=1),
    st.sampled_from(list(permutations(FIELDS))),
)
def test_any_field_can_be_fixed_and_any_order_drawn(seed, fixed, order):
    model, rng = NeuralModel(RandomBundle(seed)), np.random.default_rng(seed)
    model.feed(Event(1.0, 5, 60, 64))
    wanted = {name: float(value) for name, value in fixed.items()}
    try:
        event = model.sample(Constraints({i: Voice() for i in (5, 6, 130)}, fixed=wanted, order=order), rng)
    except NothingPossible as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert any(name in reason for name in fixed)  # it says which
        return
    for name, value in fixed.items():
        assert (event.at if name == "time" else getattr(event, name)) == value


def test_an_empty_choice_is_an_error_that_says_why():
    model, rng = NeuralModel(RandomBundle(0)), np.random.default_rng(0)
    with pytest.raises(NothingPossible, match="no voice may strike"):
        model.sample(Constraints({0: Voice(may_start=False)}), rng)
    with pytest.raises(NothingPossible, match="earliest"):
        model.sample(Constraints({0: Voice()}, earliest=2.0, latest=1.0), rng)
    with pytest.raises(NothingPossible, match="pitch 61"):
        model.sample(Constraints({0: Voice(pitches=np.arange(128) == 60)}, fixed={"pitch": 61}), rng)


def test_an_overdue_note_is_released_before_anything_else_happens():
    model, rng = NeuralModel(RandomBundle(1)), np.random.default_rng(1)
    model.feed(Event(0.0, 0, 60, 64))
    event = model.sample(Constraints({0: Voice(max_length=1.0), 1: Voice()}, earliest=3.0), rng)
    assert event == Event(3.0, 0, 60, 0)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_restoring_a_snapshot_gives_the_same_future(seed):
    model, constraints = NeuralModel(RandomBundle(seed)), Constraints({0: Voice(max_polyphony=3)})
    rng = np.random.default_rng(seed)
    for _ in range(5):
        model.feed(model.sample(constraints, rng))
    before = model.snapshot()
    futures = []
    for _ in range(2):
        model.restore(before)
        model.bundle = RandomBundle(7)
        rng = np.random.default_rng(7)
        future = []
        for _ in range(8):
            future.append(model.sample(constraints, rng))
            model.feed(future[-1])
        futures.append(future)
    assert futures[0] == futures[1]


@pytest.mark.parametrize(
    "event", [Event(math.nan, 0, 60, 64), Event(0.0, 999, 60, 64), Event(0.0, 0, 128, 64), Event(0.0, 0, 60, 300)]
)
def test_an_impossible_event_is_refused_and_changes_nothing(event):
    model = NeuralModel(RandomBundle(0))
    before = model.snapshot()
    with pytest.raises(ValueError, match=r"time|no such event"):
        model.feed(event)
    after = model.snapshot()
    assert (after.tick, after.at, dict(after.ledger.sounding)) == (before.tick, before.at, dict(before.ledger.sounding))


def test_a_model_whose_answer_is_not_a_number_is_an_error_not_a_random_note():
    model = NeuralModel(RandomBundle(0, spread=math.nan))
    with pytest.raises(FloatingPointError, match="not a number"):
        model.sample(Constraints({0: Voice()}), np.random.default_rng(0))
