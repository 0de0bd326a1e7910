"""The graph that draws a whole event draws what the other two graphs and NumPy draw from the same numbers."""

import numpy as np
import pytest

from antiphon.codec.sounding import features
from antiphon.codec.stream import SIZES, TIME_FIRST
from antiphon.engine import Bundle, BundleError
from antiphon.engine.event_graph import EventGraph
from antiphon.engine.model import FIELDS, Constraints
from antiphon.music.event import Event
from antiphon.music.ledger import Ledger
from antiphon.train.export import export
from tests.embed.models import tiny_net
from tests.train.test_export import break_file, net_of

ORDER = [FIELDS.index(name) for name in Constraints({}).order]
TIE = 1e-5
"""How near to a boundary a random number is when single precision may decide: the sums of the heads, in another order,
differ by some 1e-6 of a logit."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    folder = tmp_path_factory.mktemp("event") / "tiny"
    export(tiny_net(), folder, name="tiny", precision="fp32", one_graph=True)
    return EventGraph(Bundle(folder))


class Host:
    """Feeds what was drawn, keeping what sounds and when: the least that a host must do."""

    def __init__(self, graph):
        self.graph, self.bundle, self.ledger = graph, graph.bundle, Ledger()
        self.code, self.at, self.begin = np.zeros((1, 4), np.int64), 0.0, True
        self.state = self.bundle.initial()

    def step(self, uniform, **given):
        """The event drawn, and, while it is at it, what the other two graphs know before it."""
        sounding = features(self.ledger, self.at)[None]
        base, after = self.bundle.hear(self.code, self.begin, sounding, self.state)
        event, self.state = self.graph.step(self.code, self.begin, sounding, self.state, uniform, **given)
        for name, array in after.items():
            np.testing.assert_allclose(self.state[name], array, atol=1e-6)
        return event, base, sounding

    def hear(self, code):
        instrument, pitch, time, velocity = code
        self.at += float(TIME_FIRST[time]) * 0.01
        self.ledger.apply(Event(self.at, instrument, pitch, velocity))
        self.code, self.begin = np.array([code]), False


def boundary(logits, value, number):
    """How far a number is, at the nearest, outside of what a value takes of the cumulative probability; 0 inside."""
    wide = logits.astype(np.float64)
    mass = np.exp(wide - wide.max())
    summed = np.append(0.0, np.cumsum(mass / mass.sum()))
    return max(summed[value] - number, number - summed[value + 1], 0.0)


def test_events_are_those_of_numpy(graph, request):
    """Each number must lie in its value's part of the cumulative probability, as the two graphs give it.

    Ten thousand events with `--soak`.
    """
    host, rng, ties = Host(graph), np.random.default_rng(0), 0
    events = 10_000 if request.config.getoption("soak") else 1_500
    for _ in range(events):
        uniform = rng.random((1, 4), np.float32)
        event, base, sounding = host.step(uniform)
        known = np.zeros((1, 4), np.float32)
        for field in ORDER:
            logits = host.bundle.logits(field, base, event, known, sounding)
            outside = boundary(logits, event[0, field], uniform[0, field])
            assert outside <= TIE
            ties += outside > 1e-12
            known[0, field] = 1
        host.hear(event[0].tolist())
    print(f"\n{ties} of {4 * events:,} numbers fell between the answers of the two")
    assert ties <= 1 + events // 2000


def test_what_has_no_odds_is_never_drawn(graph):
    host, rng = Host(graph), np.random.default_rng(1)
    release, onset = np.array([40, 50]), np.array([60, 61, 62])
    for _ in range(300):
        odds = {f"odds_{name}": np.zeros((2, size), np.float32) for name, size in (("pitch", 128), ("instrument", 320))}
        odds["odds_pitch"][0, release] = odds["odds_pitch"][1, onset] = 1
        odds["odds_instrument"][0, 5] = odds["odds_instrument"][1, 7] = 0.25
        odds["odds_velocity"] = np.zeros((1, 128), np.float32)
        odds["odds_velocity"][0, [0, 90]] = 1
        event, _, _ = host.step(rng.random((1, 4), np.float32), **odds)
        instrument, pitch, _, velocity = event[0].tolist()
        assert velocity in (0, 90)
        assert instrument == (7 if velocity else 5)
        assert pitch in (onset if velocity else release)
        host.hear(event[0].tolist())


def test_odds_multiply_probabilities(graph):
    host, rng, drawn = Host(graph), np.random.default_rng(2), []
    base, _ = host.bundle.hear(host.code, True, features(host.ledger, 0.0)[None], host.state)
    logits = host.bundle.logits(3, base, host.code, np.zeros((1, 4), np.float32), features(host.ledger, 0.0)[None])
    odds = np.ones((1, 128), np.float32)
    odds[0, 0] = 30.0
    weights = np.exp(logits.astype(np.float64) - logits.max()) * odds[0]
    for _ in range(1000):
        host.state = host.bundle.initial()
        drawn.append(host.step(rng.random((1, 4), np.float32), odds_velocity=odds)[0][0, 3])
    share = weights[0] / weights.sum()
    assert abs(np.mean(np.array(drawn) == 0) - share) < 4 * np.sqrt(share * (1 - share) / 1000)


def test_where_nothing_is_left_the_field_says_so(graph):
    event, _, _ = Host(graph).step(np.full((1, 4), 0.5, np.float32), odds_pitch=np.zeros((2, 128), np.float32))
    assert event[0, 1] == -1
    assert (np.delete(event[0], 1) >= 0).all()


@pytest.mark.parametrize("number", [0.0, 1.0])
def test_the_ends_of_the_numbers_are_possible_values(graph, number):
    event, _, _ = Host(graph).step(np.full((1, 4), number, np.float32))
    assert ((event[0] >= 0) & (event[0] < SIZES)).all()


def test_cold_it_takes_the_likeliest(graph):
    host = Host(graph)
    cold = np.full((1, 4), 1e-3, np.float32)
    drawn = [host.step(np.full((1, 4), u, np.float32), temperature=cold)[0][0].tolist() for u in (0.01,)]
    base, _ = host.bundle.hear(host.code, True, features(host.ledger, 0.0)[None], host.bundle.initial())
    sounding = features(host.ledger, 0.0)[None]
    logits = host.bundle.logits(3, base, host.code, np.zeros((1, 4), np.float32), sounding)
    assert drawn[0][3] == logits.argmax()


def test_a_bundle_without_the_graph_is_refused_in_one_line(tmp_path):
    export(net_of("gru"), tmp_path / "b", name="b", precision="fp32")
    with pytest.raises(BundleError, match="--one-graph"):
        EventGraph(Bundle(tmp_path / "b"))


def test_a_graph_that_draws_otherwise_is_not_verified(tmp_path):
    import hashlib

    export(net_of("gru"), tmp_path / "b", name="b", precision="fp32", one_graph=True)
    assert EventGraph(Bundle(tmp_path / "b")).verify() > 0.98
    vectors = tmp_path / "b" / "vectors.npz"
    with np.load(vectors) as arrays:
        np.savez(vectors, **{key: arrays[key] + (key == "events") for key in arrays})
    digest = hashlib.sha256(vectors.read_bytes()).hexdigest()
    break_file(tmp_path / "b", "", lambda about: about["files"].update({"vectors.npz": digest}))
    with pytest.raises(BundleError, match="other events"):
        EventGraph(Bundle(tmp_path / "b")).verify()
