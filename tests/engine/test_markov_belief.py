"""Belief propagation is exact: held against the enumeration of every sequence there is."""

from __future__ import annotations

import math
from itertools import product
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine import belief
from antiphon.engine.belief import chain, constrained_draw, staying
from antiphon.engine.markov_continuation import next_pitches
from antiphon.engine.markov_repertoire import extended
from antiphon.engine.model import Constraints, NothingPossible, Voice
from tests.engine.phrases import phrase, taught

RNG = np.random.default_rng(0)


def drawn_probabilities(draw_all):
    """Every result of `draw_all()` with its probability: each draw in it takes each of its values in turn."""
    found, scripts = {}, [()]
    while scripts:
        script = scripts.pop()
        position, probability = 0, 1.0

        def scripted(p, _rng, script=script):
            nonlocal position, probability
            possible = np.flatnonzero(p)
            if position == len(script):
                scripts.extend((*script, int(i)) for i in possible)
                raise StopAsyncIteration
            position += 1
            probability *= p[script[position - 1]]
            return script[position - 1]

        with patch.object(belief, "draw", scripted):
            try:
                result = tuple(draw_all())
                found[result] = probability
            except StopAsyncIteration:
                continue
    return found


def enumerated(probability_of, allowed):
    """Every sequence within `allowed`, shape (n, K), with its probability given that it is."""
    joint = {s: probability_of(s) for s in product(*(np.flatnonzero(row).tolist() for row in allowed))}
    total = math.fsum(joint.values())
    return {s: p / total for s, p in joint.items() if p > 0} if total > 0 else {}


@st.composite
def first_order_chains(draw):
    """A transition table with holes (K, K), where it begins, and masks (n, K)."""
    k, n = draw(st.integers(2, 4)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = rng.random((k, k)) * (rng.random((k, k)) < draw(st.sampled_from([0.3, 0.6, 1.0])))
    table /= np.maximum(table.sum(1, keepdims=True), 1e-300)
    return table, int(rng.integers(k)), rng.random((n, k)) < draw(st.sampled_from([0.4, 0.8, 1.0]))


@settings(max_examples=200, deadline=None)
@given(first_order_chains())
def test_a_draw_has_exactly_the_probability_of_its_sequence_given_the_constraints(case):
    table, start, allowed = case
    net = chain(start, lambda s: [(x, table[s, x], x) for x in np.flatnonzero(table[s]).tolist()], len(allowed))

    def probability(sequence):
        return math.prod(table[a, b] for a, b in zip((start, *sequence), sequence, strict=False))

    expected = enumerated(probability, allowed)
    if not expected:
        with pytest.raises(NothingPossible):
            constrained_draw(net, allowed, RNG)
        return
    found = drawn_probabilities(lambda: constrained_draw(net, allowed, RNG))
    assert found.keys() == expected.keys()
    for sequence, p in expected.items():
        assert found[sequence] == pytest.approx(p, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([60, 62, 64]), min_size=2, max_size=25),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_a_phrase_has_exactly_the_probability_of_the_variable_order_process(learned, order, n, seed):
    model = taught(phrase([*learned, 60]), order=order)
    repertoire = model.melodic
    allowed = np.zeros((n, 128), np.bool_)
    allowed[:, [60, 62, 64]] = np.random.default_rng(seed).random((n, 3)) < 0.7
    begin = model._line(0, model._at).context

    def probability(sequence):
        context, p = begin, 1.0
        for pitch in sequence:
            p *= next_pitches(repertoire, context).get(pitch, 0.0)
            context = extended(context, pitch)
        return p

    expected = enumerated(probability, allowed)
    if not expected:
        with pytest.raises(NothingPossible):
            model.continuation(allowed, RNG)
        return
    found = drawn_probabilities(lambda: [onset.pitch for onset in model.continuation(allowed, RNG)])
    assert found.keys() == expected.keys()
    for sequence, p in expected.items():
        assert found[sequence] == pytest.approx(p, rel=1e-9)


def test_what_comes_next_is_a_distribution():
    repertoire = taught(phrase([60, 62, 64, 62, 60, 64, 62, 65, 60, 62])).melodic
    after = next_pitches(repertoire, extended(extended(0, 60), 62))
    assert math.fsum(after.values()) == pytest.approx(1.0)
    assert set(after) == {64, 60, 65}  # all that ever followed 62, and nothing else


def test_a_phrase_ends_where_it_must_by_the_only_way_there_is():
    model = taught(phrase([60, 62, 64, 65, 67, 60, 62, 60]))
    allowed = np.ones((5, 128), np.bool_)
    allowed[-1] = np.arange(128) == 65
    for seed in range(20):
        phrase_ = model.continuation(allowed, np.random.default_rng(seed))
        assert [onset.pitch for onset in phrase_] == [62, 60, 62, 64, 65]


def test_an_end_that_cannot_be_reached_is_said_to_be_so():
    model = taught(phrase([60, 62] * 6))
    allowed = np.ones((3, 128), np.bool_)
    allowed[-1] = np.arange(128) == 62  # an even number of steps leads from 62 to 62, three do not
    with pytest.raises(NothingPossible, match="3 onsets"):
        model.continuation(allowed, RNG)
    allowed[-1] = np.arange(128) == 71  # was never heard at all
    with pytest.raises(NothingPossible):
        model.continuation(allowed, RNG)


def test_an_onset_of_a_phrase_is_one_that_was_learned():
    model = taught([*phrase([60, 62, 64], gap=0.5), *phrase([65, 67, 60], begin=2.0, gap=0.25)])
    for onset in model.continuation(np.ones((6, 128), np.bool_), RNG):
        assert onset.velocity == 80
        assert any(abs(onset.gap - gap) < 1e-6 for gap in (0.25, 0.5, 1.0))
        assert onset.duration == pytest.approx(0.45) or onset.duration == pytest.approx(0.225)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_staying_is_the_probability_of_never_leaving(seed, steps):
    rng = np.random.default_rng(seed)
    counts, struck = rng.integers(0, 3, (3, 3)).astype(float), rng.integers(1, 5, 3).astype(float)
    allowed = rng.random(3) < 0.7
    table = np.array([row / row.sum() if row.any() else struck / struck.sum() for row in counts])
    for start in range(3):
        ways = product(np.flatnonzero(allowed).tolist(), repeat=steps)
        whole = sum(math.prod(table[a, b] for a, b in zip((start, *w), w, strict=False)) for w in ways)
        assert staying(counts, struck, allowed, steps)[start] == pytest.approx(whole)


def test_it_never_takes_the_way_that_leads_out_of_its_range():
    """62 leads only to 64, 64 only to 61, which the voice may not play; 65 leads back."""
    model = taught(phrase([60, 62, 64, 61, 60, 65] * 2 + [60]), harmony=0.0)
    within = np.isin(np.arange(128), [60, 62, 64, 65])
    constraints = Constraints({0: Voice(pitches=within)}, earliest=model._at, fixed={"velocity": 80})
    pitches = [model.sample(constraints, np.random.default_rng(seed)).pitch for seed in range(100)]
    assert not {62, 64} & set(pitches)
    model.horizon = 1
    pitches = [model.sample(constraints, np.random.default_rng(seed)).pitch for seed in range(100)]
    assert pitches.count(62) > 20
