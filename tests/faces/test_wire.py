"""A jam over OSC: its address space, patterns, and what is answered."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.faces.scene import Scene, hello_of
from antiphon.faces.wire.desk import ERROR, JamDesk
from antiphon.faces.wire.space import STRIP, matching, nodes_of, tree
from antiphon.jam.controls import ACTIONS, CONTROLS
from antiphon.jam.preset import strip_fields
from antiphon.ports.osc_packets import Message
from tests.ports.fakes import random_jam

HERE, ELSEWHERE = ("127.0.0.1", 5000), ("10.1.2.3", 5000)
NODES = nodes_of(hello_of("random"))


class Wire:
    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def send(self, peer: tuple[str, int], address: str, *args: Any) -> None:
        self.sent.append((peer, address, *args))


class Jam:
    """A desk, what it asked of the jam, and what it sent."""

    def __init__(self, token: str | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.wire = Wire()
        self.desk = JamDesk(self.asked.append, self.wire, token=token)
        self.improviser = random_jam()
        self.scene = Scene(self.improviser, "random")
        self.scene.look(0.0)
        self.scene.join(self.desk.tell)

    def says(self, address: str, *args: Any, peer: tuple[str, int] = HERE) -> list[tuple[Any, ...]]:
        """What comes back when this is said."""
        self.wire.sent.clear()
        self.asked.clear()
        self.desk.receive(Message(address, list(args)), peer, 0.0)
        return self.wire.sent


def test_every_control_action_and_field_of_a_strip_has_an_address() -> None:
    assert {f"/antiphon/control/{control.name}" for control in CONTROLS} <= NODES.keys()
    assert {f"/antiphon/action/{action.name}" for action in ACTIONS} <= NODES.keys()
    assert {f"/antiphon/strip/{channel}/{name}" for channel in range(1, 17) for name in STRIP} <= NODES.keys()


def test_a_control_is_asked_for_with_a_value_and_told_without() -> None:
    jam = Jam()
    assert jam.says("/antiphon/control/tempo") == [(HERE, "/antiphon/control/tempo", 100.0)]
    assert not jam.asked
    jam.says("/antiphon/control/tempo", 0.1 + 0.2)
    (asked,) = jam.asked
    assert (asked["t"], asked["name"], asked["value"]) == ("set", "tempo", 0.3)


def test_a_number_of_32_bits_is_the_number_that_was_meant() -> None:
    import struct

    jam = Jam()
    jam.says("/antiphon/control/share", struct.unpack("f", struct.pack("f", 0.7))[0])
    assert jam.asked[0]["value"] == 0.7


@pytest.mark.parametrize(
    ("address", "args", "asked"),
    [
        ("/antiphon/action/panic", (), {"t": "act", "name": "panic", "argument": ""}),
        ("/antiphon/action/preset", ("strings",), {"t": "act", "name": "preset", "argument": "strings"}),
        ("/antiphon/strip/3/range", (40, 60.0), {"t": "strip", "channel": 3, "fields": {"range": [40, 60]}}),
        ("/antiphon/strip/3/mute", (1,), {"t": "strip", "channel": 3, "fields": {"mute": True}}),
        ("/antiphon/strip/16/program", (40.0,), {"t": "strip", "channel": 16, "fields": {"program": 40}}),
        ("/antiphon/note", (1, 60, 80), {"t": "midi", "data": [0x90, 60, 80]}),
        ("/antiphon/midi", (0xB0, 64, 127), {"t": "midi", "data": [0xB0, 64, 127]}),
        ("/notochord/homunculus/pitch_temp", (0.5,), {"t": "set", "name": "pitch_temperature", "value": 0.5}),
        ("/notochord/homunculus/reset", (), {"t": "act", "name": "reset", "argument": ""}),
    ],
)
def test_what_is_said_is_asked_of_the_jam(address: str, args: tuple[Any, ...], asked: dict[str, Any]) -> None:
    jam = Jam()
    assert jam.says(address, *args) == []
    assert {name: jam.asked[0][name] for name in asked} == asked
    if asked["t"] == "strip":
        jam.improviser.ensemble.changed(asked["channel"], **strip_fields(asked["fields"]))


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("/antiphon/control/loudness_of_the_moon", (1,)),
        ("/antiphon/control/tempo", (1, 2)),
        ("/antiphon/strip/17/mute", (1,)),
        ("/antiphon/strip/1/range", (1,)),
        ("/antiphon/note", (0, 60, 80)),
        ("/antiphon/note", (1, -1, 300)),
        ("/antiphon/strip/1/mute", ("false",)),
        ("/antiphon/control/" + "*" * 24 + "~" + "*a" * 10, (1,)),
        ("/antiphon/note", (1, 60)),
        ("/antiphon/midi", ("loud",)),
        ("/antiphon/midi", (0x90, 900, 1)),
        ("/antiphon/midi", (0xF0, 1, 2, 0xF7)),
        ("/antiphon/note/it", (1, 2, 3)),
        ("/antiphon/control/[", (1,)),
        ("", ()),
    ],
)
def test_what_cannot_be_done_is_answered_in_one_line(address: str, args: tuple[Any, ...]) -> None:
    jam = Jam()
    ((_, where, what, why),) = jam.says(address, *args)
    assert (where, what) == (ERROR, address)
    assert why
    assert "\n" not in why
    assert not jam.asked


def test_the_jams_refusal_reaches_the_one_who_asked() -> None:
    jam = Jam()
    jam.says("/antiphon/control/tempo", 9999.0)
    number = jam.asked[0]["face"]
    jam.says("/antiphon/control/tempo", 9999.0, peer=("127.0.0.1", 6000))
    jam.wire.sent.clear()
    jam.desk.tell({"t": "refused", "what": "set", "why": "tempo cannot be 9999.0", "face": number})
    assert jam.wire.sent == [(HERE, ERROR, "set", "tempo cannot be 9999.0")]


def test_patterns_mean_every_address_that_they_fit() -> None:
    assert {node.path for node in matching("/antiphon/control/steer_*", NODES)} == {
        f"/antiphon/control/steer_{what}" for what in ("pitch", "rate", "velocity")
    }
    assert len(matching("/antiphon/strip/*/mute", NODES)) == 16
    assert len(matching("/antiphon/strip/[1-9]/mute", NODES)) == 9
    assert len(matching("/antiphon/strip/[!1-9]/mute", NODES)) == 0
    assert len(matching("/antiphon/strip/1?/mute", NODES)) == 7
    assert len(matching("/antiphon/control/{tempo,meter}", NODES)) == 2
    assert not matching("/antiphon/*", {})


@given(st.text("/antiphonc*?[]{}!-,^\\.+()|$", max_size=40))
def test_no_pattern_does_harm(pattern: str) -> None:
    with contextlib.suppress(ValueError):  # one that would take too long
        for node in matching(pattern, NODES):
            assert node in NODES.values()


@given(st.sampled_from(sorted(NODES)), st.integers(0, 60))
def test_a_star_fits_what_it_stands_for(path: str, cut: int) -> None:
    head, _, tail = path.rpartition("/")
    pattern = f"{head}/{tail[:cut]}*"
    assert NODES[path] in matching(pattern, NODES)
    assert all(re.match(re.escape(head), node.path) for node in matching(pattern, NODES))


def test_subscribers_are_told_what_there_is_and_what_changes() -> None:
    jam = Jam()
    told = {address: args for _, address, *args in jam.says("/antiphon/subscribe")}
    assert told["/antiphon/control/share"] == [0.45]
    jam.wire.sent.clear()
    jam.improviser.set("share", 0.6, 1.0)
    jam.improviser.rearrange(jam.improviser.ensemble.changed(1, mute=True), 1.0)
    jam.scene.look(1.0)
    changes = {address: args for _, address, *args in jam.wire.sent if not address.startswith("/antiphon/sense")}
    assert changes == {"/antiphon/control/share": [0.6], "/antiphon/strip/1/mute": [True]}
    jam.says("/antiphon/unsubscribe")
    jam.improviser.set("share", 0.7, 2.0)
    jam.scene.look(2.0)
    assert jam.wire.sent == []


def test_other_machines_say_the_token_first_and_hear_nothing_before() -> None:
    closed, jam = Jam(), Jam(token="sesame")
    assert closed.says("/antiphon/enter", "sesame", peer=ELSEWHERE) == []
    assert closed.says("/antiphon/ping", peer=ELSEWHERE) == []
    assert jam.says("/antiphon/ping", peer=ELSEWHERE) == []
    assert jam.says("/antiphon/enter", "guess", peer=ELSEWHERE) == []
    assert jam.says("/antiphon/action/panic", peer=ELSEWHERE) == []
    assert not jam.asked
    assert jam.says("/antiphon/enter", "sesame", peer=ELSEWHERE) == [(ELSEWHERE, "/antiphon/enter")]
    assert jam.says("/antiphon/ping", 7, peer=ELSEWHERE) == [(ELSEWHERE, "/antiphon/pong", 7)]


def test_a_flood_is_cut_and_said_so_once() -> None:
    jam = Jam()
    for _ in range(3000):
        jam.desk.receive(Message("/antiphon/note", [1, 60, 80]), HERE, 0.0)
    assert 500 <= len(jam.asked) < 1500
    complaints = [sent for sent in jam.wire.sent if "too much" in str(sent)]
    assert 1 <= len(complaints) <= 3


def test_the_description_is_oscquerys_json_with_the_values_of_now() -> None:
    jam = Jam()
    ((_, _, text),) = jam.says("/antiphon/describe")
    page = json.loads(text)
    share = page["CONTENTS"]["antiphon"]["CONTENTS"]["control"]["CONTENTS"]["share"]
    assert share["FULL_PATH"] == "/antiphon/control/share"
    assert share["TYPE"] == "f"
    assert share["VALUE"] == [0.45]
    assert share["RANGE"] == [{"MIN": 0.0, "MAX": 1.0}]
    assert len(text) < 65_000  # it must fit into one datagram
    assert tree(NODES.values(), {}, "/antiphon/nowhere") is None


def test_what_one_port_strikes_another_lets_go() -> None:
    jam = Jam()
    jam.says("/antiphon/note", 1, 62, 100)
    struck = jam.asked[0]["face"]
    jam.says("/antiphon/note", 1, 62, 0, peer=("127.0.0.1", 6001))
    assert jam.asked[0]["face"] == struck
