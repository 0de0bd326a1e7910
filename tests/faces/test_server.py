"""The server over OSC: it answers as Notochord's does, keeps what it is asked to keep, and says what is wrong."""

import json
import random
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import antiphon.faces.osc_desk as desk_module
from antiphon.engine import open_model
from antiphon.engine.neural import NeuralModel
from antiphon.faces.cli import main
from antiphon.faces.osc_addresses import ADDRESSES, SETS
from antiphon.faces.osc_desk import ERROR, Desk
from antiphon.faces.osc_session import Session, prepared
from antiphon.music.event import Event
from antiphon.music.midi_read import read_midi
from antiphon.ports.osc_packets import Long, Message, OscError, read_packet, write_bundle, write_message

ROOT = Path(__file__).parent.parent.parent
TUNE = ROOT / "src" / "antiphon" / "tunes" / "menuet.mid"
ME = ("127.0.0.1", 57120)
QUERY = "/return/notochord/query"
STREAM = [a.address for a in ADDRESSES.values() if a.deed == "stream"]
DRAWING = [address for address in STREAM if ADDRESSES[address].reply]


class Wire:
    """A wire that keeps what is sent, packed and read again; calls are made when the test says so."""

    def __init__(self):
        self.sent, self.calls, self.waiting = [], [], 0

    def send(self, peer, address, *args):
        (message,) = read_packet(write_message(address, *args))
        self.sent.append((peer, message))

    def call(self, what):
        self.calls.append(what)


@pytest.fixture(scope="module")
def bundle():
    return open_model("antiphon").bundle


@pytest.fixture
def desk(bundle):
    return _Client(bundle)


class _Client:
    """A desk, and someone who says things to it."""

    def __init__(self, bundle, **options):
        self.wire = Wire()
        self.session = Session(prepared(NeuralModel(bundle), None), np.random.default_rng(1))
        self.desk = Desk(self.session, self.wire, **options)

    def say(self, address, *args, at=0.0, peer=ME):
        """Say something; returns the replies."""
        (message,) = read_packet(write_message(address, *args))
        already = len(self.wire.sent)
        self.desk.receive(message, peer, at)
        return [message for _, message in self.wire.sent[already:]]

    def ask(self, address, *args, at=0.0):
        """Ask for an event; returns it as a dictionary."""
        (reply,) = self.say(address, *args, at=at)
        assert reply.address != ERROR, reply.args
        return dict(zip(reply.args[::2], reply.args[1::2], strict=True))

    def state(self):
        model = self.session.model.snapshot()
        held = dict(model.ledger.sounding)
        return self.session.at, self.session.step, held, model.at, {k: v.tobytes() for k, v in model.state.items()}

    def sounding(self):
        return {(i + 1, p) for i, p in self.session.model.snapshot().ledger}


# What Notochord's server does.


def test_a_reply_has_the_order_and_the_types_of_notochords(desk):
    desk.say("/notochord/feed", 1, 60, 0.2, 99)
    (reply,) = desk.say("/notochord/query", "handle", 7)
    assert reply.address == QUERY
    assert reply.args[::2] == ["inst", "pitch", "time", "vel", "end", "step", "handle"]
    assert [type(value) for value in reply.args[1::2]] == [int, int, float, float, float, int, int]
    assert reply.args[9:] == [0.0, "step", 2, "handle", 7]


def test_the_end_is_a_whole_number_where_it_was_asked_for(desk):
    assert type(desk.ask("/notochord/query", "allow_end", True)["end"]) is int


@pytest.mark.parametrize("handle", [7, 0.5, "abc", Long(1 << 40), True])
def test_a_handle_comes_back_as_it_went(desk, handle):
    assert desk.ask("/notochord/query", "handle", handle)["handle"] == handle
    (error,) = desk.say("/notochord/query", "handle", handle, "nonsense", 1)
    assert error.args[2:4] == ["handle", handle]


def test_an_event_is_fed_by_position_or_by_key(desk):
    assert desk.say("/notochord/feed", 1, 60, 0.25, 99) == []
    assert desk.say("/notochord/feed", "vel", 99.0, "pitch", 64, "time", 0.25, "inst", 33) == []
    assert desk.sounding() == {(1, 60), (33, 64)}
    assert desk.session.at == pytest.approx(0.5)
    assert desk.session.step == 3


def test_what_was_replied_can_be_fed_as_it_is(desk):
    (reply,) = desk.say("/notochord/query", "min_vel", 1, "handle", "x")
    assert desk.say("/notochord/feed", *reply.args) == []
    assert desk.sounding() == {(reply.args[1], reply.args[3])}


def test_keywords_may_come_before_the_event(desk):
    """As the published class for SuperCollider sends them."""
    event = desk.ask("/notochord/feed_query", "handle", 3, 1, 60, 0.1, 80, "next_inst", 33, "next_vel", 90)
    assert (event["handle"], event["inst"], event["vel"]) == (3, 33, 90.0)
    assert desk.sounding() == {(1, 60)}


def test_feed_query_feed_feeds_both(desk):
    event = desk.ask("/notochord/feed_query_feed", 1, 60, 0.1, 80, "next_inst", 33, "min_vel", 1, "next_time", 0.25)
    assert desk.sounding() == {(1, 60), (33, event["pitch"])}
    assert desk.session.at == pytest.approx(0.35)


def test_drums_and_anonymous_parts_have_notochords_numbers(desk):
    for number in (1, 128, 129, 256, 257, 288, 289, 320):
        desk.say("/notochord/feed", number, 40, 0.0, 64)
        assert (number, 40) in desk.sounding()
    assert {i for i, _ in desk.session.model.snapshot().ledger} == {0, 127, 128, 255, 256, 287, 288, 319}


def test_time_is_since_the_last_event_that_was_fed(desk):
    for _ in range(20):
        event = desk.ask("/notochord/query_feed", "min_time", 0.25, "max_time", 0.5)
        assert 0.25 <= event["time"] <= 0.5 + 1e-6
    assert 20 * 0.25 <= desk.session.at <= 20 * 0.5


@pytest.mark.parametrize("pitches", [[60, 62, 64], "%JSON:[60,62,64]"])
def test_lists_are_arrays_or_json(desk, pitches):
    for _ in range(20):
        assert desk.ask("/notochord/query_feed", "include_pitch", pitches)["pitch"] in (60, 62, 64)


def test_lists_may_be_bare_numbers_for_clients_without_arrays(desk):
    for _ in range(20):
        event = desk.ask("/notochord/query", "include_inst", 33.0, 1.0, "include_pitch", 60.0, "next_time", 0)
        assert event["inst"] in (1, 33)
        assert event["pitch"] == 60


@pytest.mark.parametrize("which", [{"next_inst": 33, "next_pitch": 40}, {"next_time": 0.5, "next_vel": 64}])
def test_what_is_fixed_is_what_comes(desk, which):
    event = desk.ask("/notochord/query", *(x for pair in which.items() for x in pair))
    for name, value in which.items():
        assert event[name.removeprefix("next_")] == value


def test_every_limit_of_a_query_is_kept(desk):
    for pitch in (50, 60, 70):
        desk.say("/notochord/feed", 1, pitch, 0.1, 80)
    for _ in range(60):
        event = desk.ask(
            "/notochord/query",
            *("include_inst", [1, 2, 3, 129, 257]),
            *("exclude_inst", 3),
            *("allow_anon", False),
            *("include_pitch", [60, 61, 62]),
            *("exclude_pitch", 62),
            *("include_drum", [36]),
        )
        assert event["inst"] in (1, 2, 129)
        assert event["pitch"] in ((36,) if event["inst"] == 129 else (60, 61))


def test_softest_and_loudest_decide_about_releases(desk):
    desk.say("/notochord/feed", 1, 60, 0.1, 80)
    for _ in range(20):
        assert desk.ask("/notochord/query", "min_vel", 1)["vel"] >= 1
        assert 30 <= desk.ask("/notochord/query", "min_vel", 30, "max_vel", 40)["vel"] <= 40
        assert desk.ask("/notochord/query", "max_vel", 0)["pitch"] == 60


def test_cold_queries_are_the_same_every_time(desk):
    desk.say("/notochord/feed", 1, 60, 0.1, 80)
    cold = [f"{name}_temp" for name in ("instrument", "pitch", "rhythm", "velocity")]
    asked = ["min_vel", 1, "next_time", 0.5, *(x for name in cold for x in (name, 0))]
    assert len({desk.ask("/notochord/query", *asked)["pitch"] for _ in range(10)}) == 1


def test_index_pitch_goes_down_the_list_of_likely_pitches(desk):
    asked = ["next_inst", 1, "next_time", 0.5, "next_vel", 80]
    ranked = [desk.ask("/notochord/query", "index_pitch", n, *asked)["pitch"] for n in range(6)]
    assert len(set(ranked)) == 6
    assert ranked[0] == desk.ask("/notochord/query", "pitch_temp", 0, *asked)["pitch"]
    assert ranked == [desk.ask("/notochord/query", "index_pitch", n, *asked)["pitch"] for n in range(6)]


def test_reset_begins_anew(desk):
    before = desk.state()
    desk.say("/notochord/feed", 1, 60, 0.1, 80)
    assert desk.state() != before
    assert desk.say("/notochord/reset") == []
    assert desk.state() == before


def test_replies_go_to_the_port_that_asked_or_to_the_one_that_was_said(bundle):
    client = _Client(bundle)
    client.say("/antiphon/ping", peer=("127.0.0.1", 4444))
    other = _Client(bundle, send_port=57120)
    other.say("/antiphon/ping", peer=("127.0.0.1", 4444))
    assert [client.wire.sent[0][0], other.wire.sent[0][0]] == [("127.0.0.1", 4444), ("127.0.0.1", 57120)]


# Prompts and models, prepared beside the session.


def _finished(client):
    """Wait for the thread that prepares, then let the desk hear of it."""
    for thread in threading.enumerate():
        if thread.name == "preparing":
            thread.join(60)
    (call,) = client.wire.calls
    client.wire.calls.clear()
    already = len(client.wire.sent)
    call()
    return [message for _, message in client.wire.sent[already:]]


def test_a_prompt_keeps_nobody_waiting_and_what_was_fed_meanwhile_comes_after_it(desk, bundle, monkeypatch):
    go_on = threading.Event()
    prompted = desk_module.prompted
    monkeypatch.setattr(desk_module, "prompted", lambda model, path: (go_on.wait(60), prompted(model, path))[1])
    assert desk.say("/notochord/prompt", str(TUNE), "handle", 5) == []
    desk.say("/notochord/feed", 1, 60, 0.5, 80)
    desk.ask("/notochord/query")
    (error,) = desk.say("/notochord/load", "antiphon")
    assert "still being prepared" in error.args[-1]
    go_on.set()
    (done,) = _finished(desk)
    assert (done.address, done.args) == ("/return/antiphon/prompt", ["path", str(TUNE), "handle", 5])

    by_hand = NeuralModel(bundle)
    tune = read_midi(TUNE, pedal=True).events()
    for event in tune:
        by_hand.feed(Event(*event.item()))
    by_hand.feed(Event(float(tune["at"][-1]) + 0.5, 0, 60, 80))
    for name, value in by_hand.snapshot().state.items():
        np.testing.assert_array_equal(desk.session.model.snapshot().state[name], value)
    assert desk.session.step == 1

    desk.say("/notochord/reset")
    assert (desk.session.at, desk.session.step) == (float(tune["at"][-1]), 0)
    desk.say("/notochord/reset", "start", True)
    assert (desk.session.at, desk.session.step) == (0.0, 1)


@pytest.mark.parametrize("address", ["/notochord/prompt", "/notochord/load"])
def test_what_cannot_be_prepared_is_said_and_nothing_changes(desk, address, tmp_path):
    pickled = tmp_path / "model.ckpt"
    pickled.write_bytes(b"\x80\x04cos\nsystem\n(S'touch /tmp/never'\ntR.")
    desk.say("/notochord/feed", 1, 60, 0.5, 80)
    before = desk.state()
    for path in (pickled, tmp_path / "nothing", tmp_path):
        assert desk.say(address, str(path), "handle", 9) == []
        (error,) = _finished(desk)
        assert error.address == ERROR
        assert error.args[:4] == ["address", address, "handle", 9]
        assert "\n" not in error.args[-1]
    assert desk.state() == before
    assert desk.say("/notochord/feed", 1, 64, 0.5, 80) == []


def test_another_model_is_loaded_from_a_bundle(desk, bundle):
    desk.say("/notochord/feed", 1, 60, 0.5, 80)
    desk.say("/notochord/load", str(bundle.folder))
    (done,) = _finished(desk)
    assert done.address == "/return/antiphon/load"
    assert desk.session.model.bundle is not bundle
    assert desk.sounding() == set()


# What it keeps to for certain.

NUMBERS = [1, 33, 129]
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "max_polyphony": st.integers(1, 4),
        "max_duration": st.floats(0.125, 2, width=32),
        "min_duration": st.floats(0, 0.125, width=32),
        "min_pitch": st.integers(40, 60),
        "max_pitch": st.integers(60, 80),
        "min_vel": st.integers(1, 60),
        "max_vel": st.integers(60, 127),
        "max_time": st.floats(0.125, 1, width=32),
        "steer_density": st.floats(0, 1, width=32),
        "pitch_temp": st.floats(0, 2, width=32),
        "order": st.permutations("vtip").map("".join),
    },
)


@settings(max_examples=15, deadline=None)
@given(limits=LIMITS, seed=st.integers(0, 1000))
def test_what_is_sampled_keeps_every_limit(bundle, limits, seed):
    client = _Client(bundle)
    client.session._rng = np.random.default_rng(seed)
    onset, at = {}, 0.0
    for _ in range(40):
        event = client.ask("/antiphon/sample_feed", "include_inst", NUMBERS, *(x for p in limits.items() for x in p))
        at = client.session.at
        key = event["inst"], event["pitch"]
        for since in onset.values():
            assert at - since <= limits.get("max_duration", np.inf) + 1e-6
        if event["vel"]:
            assert key not in onset, "a note that sounds was struck again"
            assert limits.get("min_pitch", 0) <= event["pitch"] <= limits.get("max_pitch", 127)
            assert limits.get("min_vel", 1) <= event["vel"] <= limits.get("max_vel", 127)
            onset[key] = at
            assert all(sum(i == n for i, _ in onset) <= limits.get("max_polyphony", 128) for n in NUMBERS)
        else:
            assert at - onset.pop(key) >= limits.get("min_duration", 0) - 1e-6


def test_limits_may_differ_between_instruments(desk):
    for _ in range(60):
        event = desk.ask(
            "/antiphon/sample_feed",
            *("include_inst", [1, 33]),
            *("max_pitch", '%JSON:{"33": 50}'),
            *("min_pitch", '%JSON:{"1": 60}'),
            *("max_polyphony", '%JSON:{"33": 1}'),
        )
        if event["vel"]:
            assert event["pitch"] <= 50 if event["inst"] == 33 else event["pitch"] >= 60
        assert sum(i == 33 for i, _ in desk.sounding()) <= 1


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_no_query_ever_strikes_what_sounds_or_releases_what_does_not(bundle, seed, data):
    client = _Client(bundle)
    client.session._rng = np.random.default_rng(seed)
    pitches = data.draw(st.lists(st.integers(50, 60), min_size=2, max_size=6, unique=True))
    for _ in range(40):
        before = client.sounding()
        event = client.ask("/notochord/query_feed", "include_inst", NUMBERS, "include_pitch", pitches)
        assert ((event["inst"], event["pitch"]) in before) == (event["vel"] == 0)
        assert event["pitch"] in pitches


# Tidal.


def test_an_event_of_tidal_ends_what_its_instrument_struck_before_but_not_its_chord(desk):
    desk.ask("/notochord/tidal_feed", "ncinst", 1, "ncpitch", 60, "ncvel", 80.0, "cps", 0.5, "delta", 1.0, at=100.0)
    desk.ask("/notochord/tidal_feed", "ncinst", 1, "ncpitch", 64, "ncvel", 80.0, at=100.0)
    desk.ask("/notochord/tidal_feed", "ncinst", 33, "ncpitch", 40, "ncvel", 80.0, at=100.0)
    assert desk.sounding() == {(1, 60), (1, 64), (33, 40)}
    event = desk.ask("/notochord/tidal_feed", "ncinst", 1, "ncpitch", -1, "ncvel", -1.0, at=100.5)
    assert event["time"] == pytest.approx(0.5)
    assert event["vel"] >= 1
    assert desk.sounding() == {(1, event["pitch"]), (33, 40)}
    assert desk.session.at == pytest.approx(0.5)


def test_tidal_may_leave_everything_to_the_model_release_and_reset(desk):
    event = desk.ask("/notochord/tidal_feed", "ncreset", -1)
    assert desk.sounding() == {(event["inst"], event["pitch"])}
    desk.say("/notochord/tidal_feed", "ncinst", event["inst"], "ncpitch", event["pitch"], "ncvel", 0.0, at=1.0)
    assert desk.sounding() == set()
    assert desk.say("/notochord/tidal_feed", "ncreset", 1) == []
    assert desk.session.at == 0


# What is wrong is said, and changes nothing.

WRONG = [
    ("/notochord/nothing",),
    ("/notochord/feed", 1, 60, 0.1),
    ("/notochord/feed", 1, 60, 0.1, 80, 5),
    ("/notochord/feed", "inst", 1, "pitch", 60),
    ("/notochord/feed", 1, 60, 0.1, 80, "pitch", 60),
    ("/notochord/feed", 0, 60, 0.1, 80),
    ("/notochord/feed", 321, 60, 0.1, 80),
    ("/notochord/feed", 1, 128, 0.1, 80),
    ("/notochord/feed", 1, 60.5, 0.1, 80),
    ("/notochord/feed", 1, 60, -5.0, 80),
    ("/notochord/feed", 1, 60, float("nan"), 80),
    ("/notochord/feed", 1, 60, float("inf"), 80),
    ("/notochord/feed", 1, 60, 0.1, 300),
    ("/notochord/feed", 1, [60], 0.1, 80),
    ("/notochord/feed", 1, b"60", 0.1, 80),
    ("/notochord/query", "fix_instrument", 1),
    ("/notochord/query", "next_inst"),
    ("/notochord/query", "next_inst", "piano"),
    ("/notochord/query", "next_pitch", 60, "next_pitch", 61),
    ("/notochord/query", 60),
    ("/notochord/query", "min_time", float("nan")),
    ("/notochord/query", "min_time", 2, "max_time", 1),
    ("/notochord/query", "min_vel", 90, "max_vel", 10),
    ("/notochord/query", "include_pitch", "%JSON:[60,"),
    ("/notochord/query", "include_pitch", "%JSON:" + "[" * 5000),
    ("/notochord/query", "include_pitch", '%JSON:{"1": 60}'),
    ("/notochord/query", "include_inst", [1], "exclude_inst", [1]),
    ("/notochord/query", "include_pitch", []),
    ("/notochord/query", "truncate_quantile_pitch", [0.9, 0.1]),
    ("/notochord/query", "truncate_quantile_time", [0.1]),
    ("/notochord/query", "sweep_time", True),
    ("/notochord/query", "return_params", True),
    ("/notochord/query", "pitch_topk", 3),
    ("/notochord/query", "next_inst", 1, "next_pitch", 60, "next_vel", 80),  # which sounds
    ("/notochord/query", "next_inst", 2, "next_pitch", 60, "next_vel", 0),  # which does not
    ("/notochord/query", "max_vel", 0, "include_inst", [2]),
    ("/notochord/query", "index_pitch", 5, "include_pitch", [61, 62], "min_vel", 1, "next_inst", 1),
    ("/notochord/feed_query_feed", 1, 72, 0.1, 80, "next_inst", 1, "next_pitch", 72, "next_vel", 80),
    ("/antiphon/sample", "order", "vvip"),
    ("/antiphon/sample", "inst_weights", 2),
    ("/antiphon/sample", "max_polyphony", '%JSON:{"piano": 2}'),
    ("/antiphon/sample", "max_polyphony", '%JSON:{"400": 2}'),
    ("/antiphon/sample", "min_pitch", 80, "max_pitch", 70, "max_time", 0.001, "min_duration", 10, "include_inst", 1),
    ("/notochord/tidal_feed", "ncchord", 3),
    ("/notochord/tidal_feed", "ncinst", 500),
    ("/notochord/reset", "start", "perhaps"),
    ("/notochord/prompt",),
    ("/notochord/prompt", 5),
    ("/notochord/load",),
    ("/antiphon/ping", "loud", 1),
]


@pytest.mark.parametrize("said", WRONG, ids=lambda said: " ".join(map(str, said))[:60])
def test_what_is_wrong_is_answered_in_one_line_and_changes_nothing(desk, said):
    desk.say("/notochord/feed", 1, 60, 0.1, 80)
    before = desk.state()
    (error,) = desk.say(*said)
    assert error.address == ERROR
    assert error.args[:2] == ["address", said[0]]
    assert error.args[-2] == "error"
    assert len(error.args[-1].splitlines()) == 1
    assert desk.state() == before


def test_a_near_miss_is_told_what_may_have_been_meant(desk):
    assert "did you mean min_time?" in desk.say("/notochord/query", "min_tim", 1)[0].args[-1]
    assert "did you mean /notochord/query?" in desk.say("/notochord/qwery")[0].args[-1]


def test_a_reply_that_comes_back_is_not_answered(desk):
    """Two servers that were set to talk to each other would never stop."""
    assert desk.say(QUERY, "inst", 1) == []
    assert desk.say(ERROR, "nonsense") == []


def _garbled(chance, packets):
    packet = bytearray(chance.choice(packets))
    for _ in range(chance.randrange(1, 6)):
        packet[chance.randrange(len(packet))] = chance.randrange(256)
    return bytes(packet[: chance.randrange(len(packet) + 1)] if chance.random() < 0.3 else packet)


def test_a_hundred_thousand_garbled_datagrams_are_survived(desk):
    chance = random.Random(0)
    good = [write_message(*said) for said in WRONG if said[0] in ADDRESSES and "prompt" not in said[0]]
    good += [write_bundle([write_message("/antiphon/ping"), write_message("/antiphon/status")], 1.7e9)]
    read = 0
    for n in range(100_000):
        data = _garbled(chance, good) if n % 2 else chance.randbytes(chance.randrange(64))
        try:
            messages = read_packet(data)
        except OscError as error:
            desk.desk.refuse(None, ME, str(error))
            continue
        for message in messages:
            read += 1
            desk.desk.receive(message, ME, 0.0)
        if n % 1000 == 0:
            desk.wire.sent.clear()
    assert read > 1000  # or only the reader was tried
    assert desk.say("/antiphon/ping", "handle", 1)[0].args == ["handle", 1]
    assert np.isfinite(desk.ask("/notochord/query")["time"])


# Who is heard, and how it describes itself.


def test_other_machines_are_only_heard_once_they_have_said_the_token(bundle):
    client, away = _Client(bundle, token="sesame"), ("192.0.2.7", 9000)
    assert client.say("/antiphon/ping", peer=away) == []
    assert client.say("/antiphon/enter", "open", peer=away) == []
    client.desk.refuse(None, away, "garbage")
    assert client.wire.sent == []
    assert client.say("/antiphon/enter", "sesame", peer=away)[0].address == "/return/antiphon/enter"
    assert client.say("/antiphon/ping", peer=away)[0].address == "/return/antiphon/ping"
    assert client.say("/antiphon/ping", peer=("192.0.2.8", 9000)) == []


def test_without_a_token_no_other_machine_is_heard(desk):
    assert desk.say("/antiphon/enter", "", peer=("192.0.2.7", 9000)) == []


def test_the_server_describes_every_address_and_keyword(desk):
    (reply,) = desk.say("/antiphon/describe")
    table = json.loads(reply.args[0])
    assert [row["address"] for row in table["addresses"]] == list(ADDRESSES)
    for row in table["addresses"]:
        assert row["help"]
        known = {word["name"] for name in row["keywords"] for word in table["keywords"][name]}
        assert set(row["arguments"]) <= known
    assert len(write_message(reply.address, *reply.args)) < 32_768  # what liblo takes by default


def test_the_status_counts(desk):
    desk.say("/notochord/feed", 1, 60, 0.25, 80)
    desk.say("/notochord/nothing")
    status = desk.ask("/antiphon/status")
    assert [status[name] for name in ("step", "sounding", "answered", "refused", "preparing")] == [2, 1, 1, 1, ""]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_is_documented(address):
    assert f"`{address}`" in (ROOT / "docs" / "server.md").read_text()


@pytest.mark.parametrize("name", ["query", "sample"])
def test_every_keyword_is_documented_as_it_is(name):
    page = (ROOT / "docs" / "server.md").read_text()
    for word in SETS[name]:
        row = rf"\| `{word.name}` \| {re.escape(word.range)} \| {re.escape(word.help)} \|"
        assert re.search(row, page), word.name


def test_other_machines_are_not_let_in_unasked(capsys):
    assert main(["server", "--host", "0.0.0.0"]) == 1
    assert "--allow-remote" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "70000"])
def test_a_port_that_cannot_be_is_refused(capsys, port):
    assert main(["server", "--port", port]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_rate_of_garbage_costs_queries_little(desk):
    """200 garbled datagrams a second take less than a hundredth of a processor."""
    chance = random.Random(0)
    good = [write_message(*said) for said in WRONG if said[0] in ADDRESSES]
    began = time.process_time()
    for _ in range(200):
        try:
            for message in read_packet(_garbled(chance, good[:10])):
                desk.desk.receive(Message("/nothing", message.args), ME, 0.0)
        except OscError as error:
            desk.desk.refuse(None, ME, str(error))
    assert time.process_time() - began < 0.1
