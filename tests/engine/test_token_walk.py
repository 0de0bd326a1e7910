"""The walk over words keeps every constraint, whatever the words' odds are."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec.token import TICK, VOCABULARY, spelt, tick_of
from antiphon.engine.model import FIELDS, Constraints, NothingPossible, Steer, Voice
from antiphon.engine.token_model import TokenModel
from antiphon.music.event import Event, is_drum
from tests.engine.promises import full, keeps_its_promises, limits, steering, voices


class RandomWords:
    """Odds that depend on the words that were heard and on a seed, and on nothing else."""

    def __init__(self, seed: int, spread: float = 6.0) -> None:
        self._heard: tuple[int, ...] = (seed,)
        self._spread = spread

    def logits(self):
        return (self._spread * np.random.default_rng(self._heard).standard_normal(VOCABULARY)).astype(np.float32)

    def hear(self, word):
        self._heard = (*self._heard[:1], *self._heard[-3:], word)

    def snapshot(self):
        return self._heard

    def restore(self, state):
        self._heard = state


def random_model(seed, spread=6.0):
    return TokenModel(RandomWords(seed, spread), "random")


def played(model, constraints, rng, events):
    heard = []
    for _ in range(events):
        heard.append(model.sample(constraints, rng))
        model.feed(heard[-1])
    return heard


melodic = st.integers(0, 319).filter(lambda i: not is_drum(i))


@settings(max_examples=600, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.dictionaries(melodic, voices(), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(FIELDS), steering()),
    st.sampled_from([0.0, 0.004, 0.2, 30.0]),
    st.sampled_from([0.0, 0.005, 0.2, 5.0, math.inf]),
    st.sampled_from([0.01, 1.0, 20.0]),
)
def test_no_event_is_ever_one_that_the_constraints_forbid(seed, voices, steer, wait, span, weight):
    at = partial(limits, voices, wait=wait, span=span, steer=steer, onset_weight=weight)
    keeps_its_promises(random_model(seed), at, np.random.default_rng(seed), 25, full)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.dictionaries(st.sampled_from(FIELDS), st.integers(0, 127), min_size=1))
def test_any_field_can_be_fixed(seed, fixed):
    model, rng = random_model(seed), np.random.default_rng(seed)
    model.feed(Event(1.0, 5, 60, 64))
    wanted = {name: float(value) for name, value in fixed.items()}
    try:
        event = model.sample(Constraints({i: Voice() for i in (5, 6, 40)}, fixed=wanted), rng)
    except NothingPossible as error:
        assert any(name in str(error) for name in fixed)  # noqa: PT017 - most draws are possible
        return
    for name, value in fixed.items():
        assert (event.at if name == "time" else getattr(event, name)) == value


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_was_drawn_is_what_is_heard(seed):
    """The tick and the words that were walked are those that feeding the event spells."""
    model, rng = random_model(seed), np.random.default_rng(seed)
    heard: list[int] = []
    model.words.hear = heard.append  # no state: all that counts is what is spelt
    last = None
    for _ in range(20):
        heard.clear()
        event = model.sample(Constraints({0: Voice(max_polyphony=3)}, latest=100.0), rng)
        # A word that nothing was to be chosen after is not asked about, nor heard: the pitch.
        walked = list(heard)
        heard.clear()
        model.feed(event)
        if last is not None:
            assert heard[: len(walked)] == walked
            assert heard == spelt(tick_of(event.at) - tick_of(last), event.pitch, event.velocity)
        last = event.at


def test_odds_of_the_words_are_odds_of_the_events():
    """Times, releases, velocities and pitches come as often as the words say, to within sampling's own spread."""

    class Fixed(RandomWords):
        def logits(self):
            return np.log(odds)

        def hear(self, word):
            pass

    odds = np.full(VOCABULARY, 1e-9)
    odds[260 + 4], odds[292 + 3], odds[292 + 5], odds[132 + 60] = 0.5, 0.3, 0.1, 0.1
    odds[4 + 70], odds[4 + 71] = 0.6, 0.2
    model, rng = TokenModel(Fixed(0), "fixed"), np.random.default_rng(0)
    model.feed(Event(0.0, 0, 60, 80))
    drawn = [model.sample(Constraints({0: Voice()}, latest=1.0), rng) for _ in range(4000)]
    for share, found in (
        (0.5, [e.at > 4.5 * TICK for e in drawn]),
        (0.2, [not e.velocity for e in drawn]),
        (0.6, [48 <= e.velocity < 64 for e in drawn]),
        (0.6, [e.pitch == 70 for e in drawn]),
    ):
        assert abs(np.mean(found) - share) < 0.03


def test_an_onsets_odds_are_turned_without_touching_time():
    class Even(RandomWords):
        def logits(self):
            return np.zeros(VOCABULARY)

    shares, waits = [], []
    for weight in (0.1, 10.0):
        model, rng = TokenModel(Even(0), "even"), np.random.default_rng(1)
        model.feed(Event(0.0, 0, 60, 80))
        drawn = [model.sample(Constraints({0: Voice()}, latest=0.5, onset_weight=weight), rng) for _ in range(1500)]
        shares.append(np.mean([e.velocity > 0 for e in drawn]))
        waits.append(np.mean([e.at for e in drawn]))
    odds = [share / (1 - share) for share in shares]
    assert 40 < odds[1] / odds[0] < 250
    assert abs(waits[0] - waits[1]) < 0.02


def test_a_window_of_time_is_about_all_times():
    """The upper half of the quantiles is later than the lower half, across the longest shift."""

    class Even(RandomWords):
        def logits(self):
            return np.zeros(VOCABULARY)

    latest, earliest = [], []
    for window in ((0.0, 0.4), (0.4, 1.0)):
        model, rng = TokenModel(Even(0), "even"), np.random.default_rng(1)
        model.feed(Event(0.0, 0, 60, 80))
        constraints = Constraints({0: Voice()}, latest=9.0, steer={"time": Steer(window=window)})
        drawn = [tick_of(model.sample(constraints, rng).at) for _ in range(400)]
        latest.append(max(drawn))
        earliest.append(min(drawn))
    assert latest[0] <= earliest[1]


def test_weights_choose_who_plays():
    model, rng = random_model(0, 0.0), np.random.default_rng(0)
    constraints = Constraints({0: Voice(), 40: Voice()}, latest=1.0, weights={0: 3.0})
    drawn = [model.sample(constraints, rng).instrument for _ in range(1000)]
    assert 0.7 < drawn.count(0) / 1000 < 0.8


def test_drums_are_released_but_never_struck():
    model, rng = random_model(0), np.random.default_rng(0)
    with pytest.raises(NothingPossible, match="drums"):
        model.sample(Constraints({128: Voice()}), rng)
    model.feed(Event(0.0, 128, 36, 90))
    event = model.sample(Constraints({128: Voice(max_length=0.5), 0: Voice()}, earliest=0.7), rng)
    assert (event.instrument, event.pitch, event.velocity) == (128, 36, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_restoring_a_snapshot_gives_the_same_future(seed):
    model, constraints = random_model(seed), Constraints({0: Voice(max_polyphony=3)}, latest=60.0)
    played(model, constraints, np.random.default_rng(seed), 5)
    before = model.snapshot()
    futures = []
    for _ in range(2):
        model.restore(before)
        futures.append(played(model, constraints, np.random.default_rng(7), 8))
    assert futures[0] == futures[1]


def test_words_whose_odds_are_not_numbers_are_an_error_not_a_random_note():
    model = random_model(0, math.nan)
    with pytest.raises(FloatingPointError, match="not a number"):
        model.sample(Constraints({0: Voice()}), np.random.default_rng(0))
