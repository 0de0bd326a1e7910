"""Judging a predictor: it scores as the model does, ranks fairly, and the baselines are what they are said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from antiphon.codec.stream import SIZES, encode
from antiphon.engine import FIELDS, open_model
from antiphon.engine.judge import (
    ORDERS,
    QUESTIONS,
    NeuralPredictor,
    UniformPredictor,
    asked_in,
    judge,
    judge_orders,
)
from antiphon.engine.judge_markov import MarkovPredictor
from antiphon.music.event import EVENT, Events
from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET


@pytest.fixture(scope="module")
def menuet() -> Events:
    return read_midi(MENUET).events()


@pytest.fixture(scope="module")
def neural() -> NeuralPredictor:
    return NeuralPredictor(open_model("antiphon"))


def test_there_are_24_orders_and_32_questions() -> None:
    assert len(set(ORDERS)) == 24
    assert len(set(QUESTIONS)) == len(QUESTIONS) == 32


@pytest.mark.parametrize("order", [FIELDS, ("velocity", "time", "instrument", "pitch")])
def test_nats_are_those_of_the_model(neural: NeuralPredictor, menuet: Events, order: tuple[str, ...]) -> None:
    judged = judge(neural, menuet[:60], order)
    neural.model.reset()
    np.testing.assert_allclose(judged.nats, neural.model.likelihood(menuet[:60], order), rtol=0, atol=1e-9)


def test_each_order_is_as_when_judged_alone(neural: NeuralPredictor, menuet: Events) -> None:
    together = judge_orders(neural, menuet[:12])
    for number in (0, 7, 23):
        alone = judge(neural, menuet[:12], [FIELDS[field] for field in ORDERS[number]]).nats
        np.testing.assert_allclose(together[:, number], alone, atol=1e-9)


def test_what_is_asked_of_a_predictor_is_never_answered_by_the_past_of_another_piece(
    neural: NeuralPredictor, menuet: Events
) -> None:
    fresh = judge(neural, menuet[:20]).nats
    judge(neural, menuet[20:40])
    np.testing.assert_array_equal(judge(neural, menuet[:20]).nats, fresh)


def test_chance_is_chance(menuet: Events) -> None:
    judged = judge(UniformPredictor(), menuet[:50])
    assert judged.nats[:, 0] == pytest.approx(math.log(320))
    assert judged.nats[:, 1] == pytest.approx(math.log(128))
    for k in (1, 10):
        np.testing.assert_allclose(judged.top(k).mean(0), [k / size for size in SIZES])
    np.testing.assert_allclose(judged.confidence, judged.hit)


def test_ranks_count_what_was_held_likelier() -> None:
    class Slope:
        name = "slope"

        def predictions(self, events, asked, beats):
            for _ in events:
                yield [np.arange(SIZES[f], 0, -1) / np.arange(SIZES[f] + 1).sum() for f, _ in asked]

    events = np.array([(0.0, 0, 3, 1)], EVENT)
    judged = judge(Slope(), events)
    assert judged.above.tolist() == [[0, 3, 0, 1]]
    assert judged.top(3).tolist() == [[1, 0, 1, 1]]
    assert judged.hit.tolist() == [[1, 0, 1, 0]]


def test_witten_bell_is_worked_out_by_hand() -> None:
    """A piece of one event: seen once, with one follower, a context leaves half to the shorter one."""
    event = np.array([(0.0, 5, 60, 70)], EVENT)
    (answer,) = next(iter(MarkovPredictor([event]).predictions(event, [(1, ())])))
    p = 1 / 128
    for _ in range(6):  # contexts, all of which know just this event
        p = (1 + p) / 2
    assert answer[60] == pytest.approx(p)
    assert answer[61] == pytest.approx((1 - p) / 127)


@pytest.mark.parametrize("question", QUESTIONS)
def test_distributions_of_the_markov_model_are_distributions(
    menuet: Events, question: tuple[int, tuple[int, ...]]
) -> None:
    model = MarkovPredictor([menuet[:100]])
    for (p,) in model.predictions(menuet[90:130], [question]):
        assert p.sum() == pytest.approx(1)
        assert p.min() > 0


def test_the_markov_model_knows_what_it_learned_before_and_since(menuet: Events) -> None:
    chance, knows, learns = (
        judge(p, menuet).nats.sum(1) for p in (UniformPredictor(), MarkovPredictor([menuet]), MarkovPredictor([]))
    )
    assert knows.mean() < chance.mean() / 3
    assert learns[0] == pytest.approx(chance[0])
    assert knows.mean() < learns[-100:].mean() < chance.mean() / 2


def test_the_markov_model_forgets_a_piece_that_it_was_judged_on(menuet: Events) -> None:
    model = MarkovPredictor([menuet[:50]])
    first = judge(model, menuet).nats
    np.testing.assert_array_equal(judge(model, menuet).nats, first)


def test_a_field_is_easier_to_tell_when_others_are_known(menuet: Events) -> None:
    model = MarkovPredictor([menuet])
    codes = encode(menuet)
    questions = asked_in((0, 2, 3, 1))[-1], (1, ())
    told, untold = np.mean(
        [
            [p[code[1]] for p in answers]
            for code, answers in zip(codes, model.predictions(menuet, questions), strict=True)
        ],
        axis=0,
    )
    assert told > untold
