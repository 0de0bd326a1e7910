"""What is forbidden has probability zero for the model that learns, too: anything learned, any constraints."""

from __future__ import annotations

import math
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine.markov import MarkovModel
from antiphon.engine.model import FIELDS, Constraints, NothingPossible, Voice
from antiphon.music.event import Event, is_drum
from antiphon.music.ledger import Ledger
from tests.engine.phrases import phrase, streams, taught
from tests.engine.promises import full, keeps_its_promises, limits, steering, voices


@settings(max_examples=400, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    streams(),
    st.dictionaries(st.integers(0, 319), voices(), min_size=1, max_size=4),
    st.sampled_from(list(permutations(FIELDS))),
    st.dictionaries(st.sampled_from(FIELDS), steering()),
    st.sampled_from([0.0, 0.004, 0.2, 30.0]),
    st.sampled_from([0.0, 0.2, 5.0, math.inf]),
    st.sampled_from([0.01, 1.0, 20.0]),
)
def test_no_event_is_ever_one_that_the_constraints_forbid(seed, heard, voices, order, steer, wait, span, weight):
    model, rng, ledger = MarkovModel(horizon=1 + seed % 4), np.random.default_rng(seed), Ledger()
    for event in heard:
        model.feed(event)
        ledger.apply(event)
    last = heard[-1].at if heard else 0.0
    weights = dict.fromkeys(list(voices)[:1], 20.0)
    at = partial(limits, voices, wait=wait, span=span, order=order, steer=steer, onset_weight=weight, weights=weights)

    def has_a_reason(voices, held):
        full({i: v for i, v in voices.items() if len(model.drums if is_drum(i) else model.melodic)}, held)

    keeps_its_promises(model, at, rng, 20, has_a_reason, ledger.sounding, last)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    streams(),
    st.dictionaries(st.sampled_from(FIELDS), st.integers(0, 127), min_size=1),
    st.sampled_from(list(permutations(FIELDS))),
)
def test_any_field_can_be_fixed_and_any_order_drawn(seed, heard, fixed, order):
    model, rng = taught(phrase([60, 62, 64, 62])), np.random.default_rng(seed)
    for event in heard:
        model.feed(Event(2.0 + event.at, event.instrument, event.pitch, event.velocity))
    wanted = {name: float(value) for name, value in fixed.items()}
    try:
        event = model.sample(Constraints({i: Voice() for i in (5, 6, 130)}, fixed=wanted, order=order), rng)
    except NothingPossible as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert any(why in reason for why in (*fixed, "no voice", "nothing was heard"))  # it says which
        return
    for name, value in fixed.items():
        assert (event.at if name == "time" else getattr(event, name)) == value


def test_before_it_has_heard_anything_it_rests():
    with pytest.raises(NothingPossible, match="nothing was heard"):
        MarkovModel().sample(Constraints({0: Voice()}), np.random.default_rng(0))


def test_what_sounds_is_released_even_when_nothing_was_learned():
    model = MarkovModel(teachers=())
    model.feed(Event(1.0, 0, 60, 80))
    model.feed(Event(1.0, 1, 64, 80))
    event = model.sample(Constraints({0: Voice()}, latest=3.0), np.random.default_rng(0))
    assert (event.instrument, event.pitch, event.velocity) == (0, 60, 0)
    assert 1.0 <= event.at <= 3.0


def test_drums_learn_from_drums_alone():
    model, rng = taught(phrase([36, 38, 36, 38], instrument=128)), np.random.default_rng(0)
    with pytest.raises(NothingPossible):
        model.sample(Constraints({0: Voice()}), rng)
    assert model.sample(Constraints({129: Voice()}), rng).pitch in (36, 38)


def test_an_overdue_note_is_released_before_anything_else_happens():
    model = taught([*phrase([60, 62, 64]), Event(5.0, 0, 60, 64)])
    event = model.sample(Constraints({0: Voice(max_length=1.0), 1: Voice()}, earliest=8.0), np.random.default_rng(0))
    assert event == Event(8.0, 0, 60, 0)


@pytest.mark.parametrize(
    "event", [Event(math.nan, 0, 60, 64), Event(0.0, 999, 60, 64), Event(0.0, 0, 128, 64), Event(0.0, 0, 60, 300)]
)
def test_an_impossible_event_is_refused_and_changes_nothing(event):
    model = taught(phrase([60, 62]))
    before = model.snapshot()
    with pytest.raises(ValueError, match=r"time|no such event"):
        model.feed(event)
    after = model.snapshot()
    assert (after.tick, after.at, after.lines, dict(after.ledger.sounding)) == (
        before.tick,
        before.at,
        before.lines,
        dict(before.ledger.sounding),
    )


def test_an_order_or_a_memory_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="1 to 7"):
        MarkovModel(order=8)
    with pytest.raises(ValueError, match="most"):
        MarkovModel(most=0)
