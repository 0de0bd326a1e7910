"""The published protocol, on models whose likelihood can be worked out by hand."""

import math

import numpy as np
import pytest

from antiphon.codec.grid import CLASSES, REST
from antiphon.engine.chorale_nats import ORDERS, UNITS, Crop, crops, framewise, judge, notewise
from tests.engine.choirs import RandomChoir, SteadyChoir

PIECES = [np.random.default_rng(i).integers(0, REST, (4, steps)) for i, steps in enumerate((6, 9))]
WHOLE = crops(PIECES, 0, np.random.default_rng(0))
EVEN = SteadyChoir(np.ones((4, 1, CLASSES)))


@pytest.mark.parametrize("order", ORDERS)
def test_a_model_that_knows_nothing_pays_for_it(order):
    assert judge(EVEN, WHOLE, "framewise", order).nats == pytest.approx(4 * math.log(CLASSES), abs=1e-5)
    assert judge(EVEN, WHOLE, "notewise", order).nats == pytest.approx(math.log(CLASSES), abs=1e-5)


@pytest.mark.parametrize("unit", UNITS)
def test_a_rest_costs_nothing_but_counts(unit):
    piece = PIECES[1].copy()
    piece[:, :3] = REST
    judged = judge(EVEN, [Crop(piece)], unit, "random", orderings=1)
    voices = 4 if unit == "framewise" else 1
    assert judged.nats == pytest.approx(voices * math.log(CLASSES) * 6 / 9, abs=1e-5)
    assert judged.units == (9 if unit == "framewise" else 36)


def test_orders_are_averaged_in_probability_for_each_step():
    class Moody:
        """Certain in one order, clueless in the next."""

        calls = 0

        def log_probabilities(self, cells, known, *, edges):
            self.calls += 1
            log_p = np.full((*cells.shape, CLASSES), -math.log(CLASSES), np.float32)
            return np.where((self.calls - 1) // 4 % 2 == 0, log_p, -2.0)

    judged = judge(Moody(), WHOLE[:1], "framewise", "random", orderings=2)
    each = [-4 * math.log(CLASSES), -8.0]
    assert judged.nats == pytest.approx(math.log(2) - np.logaddexp(*each), abs=1e-4)


def test_in_time_a_step_sees_exactly_what_came_before_it():
    choir = RandomChoir()
    list(framewise(choir.predict, PIECES[0], "chronological", 1, np.random.default_rng(0)))
    for turn, (cells, known) in enumerate(choir.asked):
        for step in range(6):
            assert known[step, :, :step].all()
            assert not known[step, :, step + 1 :].any()
            assert known[step, :, step].sum() == turn
            assert (cells[step, :, :step] == PIECES[0][:, :step]).all()


def test_within_a_step_it_hears_its_own_best_guess_and_not_the_truth():
    weights = np.zeros((4, 1, CLASSES))
    weights[..., 7] = 1.0
    steady, asked = SteadyChoir(weights), []

    def predict(cells, known):
        asked.append((cells.copy(), known.copy()))
        return steady.predict(cells, known)

    piece = np.full((4, 5), 30)
    list(framewise(predict, piece, "random", 1, np.random.default_rng(0)))
    cells, known = asked[-1]
    for step in range(5):
        assert (cells[step, known[step, :, step], step] == 7).all()
        assert known[step, :, step].sum() == 3


def test_at_random_contexts_of_every_size_are_met_once():
    choir = RandomChoir()
    list(framewise(choir.predict, PIECES[1], "random", 1, np.random.default_rng(0)))
    assert sorted(choir.asked[0][1][:, 0].sum(-1)) == list(range(9))
    choir = RandomChoir()
    list(notewise(choir.predict, PIECES[1], "random", 1, np.random.default_rng(0)))
    assert sorted(choir.asked[0][1].sum((1, 2))) == list(range(36))


def test_a_sample_of_the_steps_is_as_large_in_every_order():
    whole = list(framewise(EVEN.predict, PIECES[1], "random", 2, np.random.default_rng(0)))
    some = list(framewise(EVEN.predict, PIECES[1], "random", 2, np.random.default_rng(0), at_most=4))
    assert [len(x) for x in whole] == [9, 9]
    assert [len(x) for x in some] == [4, 4]


def test_crops_begin_on_a_beat_and_know_the_edges_of_their_piece():
    piece, met = np.arange(100)[None] * np.ones((4, 1), int), set()
    for seed in range(60):
        (crop,) = crops([piece], 32, np.random.default_rng(seed))
        assert crop.cells.shape == (4, 32)
        assert crop.cells[0, 0] % 4 == 0
        assert crop.edges == (crop.cells[0, 0] == 0, crop.cells[0, -1] == 99)
        met.add(crop.edges)
    assert met == {(True, False), (False, False), (False, True)}
    (whole,) = crops([piece], 0, np.random.default_rng(0))
    assert whole.cells is piece
    assert whole.edges == (True, True)
    (longer,) = crops([piece], 128, np.random.default_rng(0))
    assert longer.cells.shape == (4, 100)
    assert longer.edges == (True, True)


def test_a_model_is_told_where_the_piece_begins_and_ends():
    heard = []

    class Listening(SteadyChoir):
        def log_probabilities(self, cells, known, *, edges):
            heard.append(edges)
            return self.predict(cells, known)

    model = Listening(np.ones((4, 1, CLASSES)))
    judge(model, [Crop(PIECES[0], (True, False)), Crop(PIECES[1], (False, True))], "notewise", "random", orderings=1)
    assert heard == [(True, False), (False, True)]
