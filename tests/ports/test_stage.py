"""The stage tells the process of its ports what to send, and the jam what it hears; it mends that process's deaths."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from typing import Any

import pytest

from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.mapping import Knob, Mapping
from antiphon.music.event import Event
from antiphon.ports import stage
from antiphon.ports.base import PortError
from antiphon.ports.frames import Frame, Kind
from antiphon.ports.inbox import Act, Arranged, Ended, Inbox, Message, Notice, Turn
from antiphon.ports.meter import Meter
from antiphon.ports.stage import MidiPorts

ENSEMBLE = Ensemble({1: Strip("input"), 15: Strip("auto", port="Organ"), 16: Strip("auto", program=7)})
PIANIST, ORGANIST = ENSEMBLE.instrument(16), ENSEMBLE.instrument(15)


class FakeChild:
    """Keeps what it is told; says what the test makes it say."""

    started: list[FakeChild]

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        self.told: list[Frame] = []
        self.names = {"inputs": ["Keys:out"], "outputs": ["Piano:in", "Organ:in"]}
        self.heard_of = time.monotonic()
        self.is_stuck = False
        self.number = 1
        self._said: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self.started.append(self)

    def tell(self, frame: Frame) -> None:
        self.told.append(frame)

    def frames(self) -> Iterator[Frame]:
        while (frame := self._said.get()) is not None:
            yield frame

    def say(self, frame: Frame) -> None:
        self._said.put(frame)

    def heard(self, *message: int) -> None:
        self.say(Frame(Kind.HEARD, bytes(message), at=12.5))

    def die(self) -> None:
        self._said.put(None)

    close = kill = forget = die

    def sent(self) -> list[Frame]:
        """The messages to be sent since the last time."""
        sent = [frame for frame in self.told if frame.kind is Kind.SEND]
        self.told.clear()
        return sent


class Scene:
    """Ports on a fake process, and whom they tell."""

    def __init__(self, **more: Any) -> None:
        self.meter, self.inbox, self.left = Meter(), Inbox(), list[tuple[Event, float]]()
        self.ports = MidiPorts(["Keys"], ["Piano", "Organ"], ENSEMBLE, self.meter, **more)
        self.ports.source.start(self.inbox)
        self.ports.open(self.inbox, lambda event, at: self.left.append((event, at)))

    @property
    def child(self) -> FakeChild:
        return FakeChild.started[-1]

    def told(self, count: int) -> list[Message]:
        """The next messages that the jam is told."""
        messages = [self.inbox.take(5.0) for _ in range(count)]
        assert None not in messages
        return [message for message in messages if message is not None]


@pytest.fixture(autouse=True)
def children(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeChild.started = []
    monkeypatch.setattr(stage, "Child", FakeChild)


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.ports.close()


def test_the_machines_programs_are_sent_first_and_the_thru_is_told_its_routes(scene: Scene) -> None:
    (routes,) = [frame for frame in scene.child.told if frame.kind is Kind.ROUTES]
    assert [row[:3] for row in routes.content["routes"]] == [[0, 0, 0]]
    assert [(frame.port, frame.payload) for frame in scene.child.sent()] == [
        (1, bytes((0xCE, 0))), (0, bytes((0xCF, 7))),
    ]  # fmt: skip


def test_an_event_is_sent_as_much_earlier_as_its_output_is_late_and_reported_when_it_sounds() -> None:
    scene = Scene(latency={"Piano:in": 0.25, "Organ:in": 0.0}.__getitem__)
    scene.child.sent()
    soon = time.monotonic() + 10.0
    onset = Event(soon, PIANIST, 60, 80)
    scene.ports.post([onset, Event(soon, ORGANIST, 48, 80)])
    first, second = scene.child.sent()
    assert (first.port, first.payload, first.at) == (0, bytes((0x9F, 60, 80)), pytest.approx(soon - 0.25))
    assert (second.port, second.payload, second.at) == (1, bytes((0x9E, 48, 80)), pytest.approx(soon))
    scene.child.say(Frame(Kind.LEFT, number=first.number, at=soon - 0.248))
    scene.child.say(Frame.saying(Kind.NOTICE, "done"))
    scene.told(1)
    assert scene.left == [(onset, pytest.approx(soon + 0.002))]
    assert scene.meter.lateness.summary()["max_ms"] == pytest.approx(2.0)
    scene.ports.close()


def test_clocks_go_to_every_output_and_clicks_to_the_first(scene: Scene) -> None:
    scene.child.sent()
    scene.ports.tick([(5.0, b"\xf8"), (6.0, bytes((0x99, 76, 100)))])
    assert [(frame.port, frame.at) for frame in scene.child.sent()] == [(0, 5.0), (1, 5.0), (0, 6.0)]


def test_what_comes_in_is_told_as_what_it_means() -> None:
    pad = Knob("panic", "note", 36, channel=1)
    ticks = list[tuple[bytes, float]]()
    scene = Scene(clock=lambda *tick: ticks.append(tick), mapping=Mapping([Knob("density", "cc", 24), pad]))
    for message in ((0x90, 60, 80), (0xB0, 24, 127), (0xC0, 5), (0x90, 36, 80), (0xF8,), (0x80, 60, 0)):
        scene.child.heard(*message)
    assert scene.told(5) == [
        Event(12.5, 0, 60, 80),
        Turn("density", 4.0),
        Arranged(1, {"program": 5}),
        Act("panic", ""),
        Event(12.5, 0, 60, 0),
    ]
    assert ticks == [(b"\xf8", 12.5)]
    (routes,) = [frame for frame in scene.child.told if frame.kind is Kind.ROUTES]
    assert routes.content["swallowed"] == [[0, 36]]
    assert scene.meter.thru.count == 6
    scene.ports.close()


def test_a_lost_input_lets_go_of_its_keys(scene: Scene) -> None:
    scene.child.heard(0x90, 60, 80)
    scene.child.say(Frame(Kind.GONE, port=0, at=13.0))
    assert scene.told(2) == [Event(12.5, 0, 60, 80), Event(13.0, 0, 60, 0)]


def test_the_source_tells_nothing_once_it_is_closed(scene: Scene) -> None:
    scene.ports.source.close()
    scene.child.heard(0x90, 60, 80)
    scene.child.say(Frame.saying(Kind.NOTICE, "still there"))
    assert scene.told(1) == [Notice("still there")]


def test_other_strips_are_told_and_one_that_asks_for_an_output_that_is_not_open_is_said(scene: Scene) -> None:
    scene.child.sent()
    scene.ports.arrange(ENSEMBLE.changed(16, program=9, port="Moog"))
    assert [(frame.port, frame.payload) for frame in scene.child.sent()] == [(0, bytes((0xCF, 9)))]
    assert scene.told(1) == [Notice("channel 16 asks for the output 'Moog', which is not open here")]


def test_a_process_that_dies_is_replaced_and_its_successor_closes_what_may_sound(scene: Scene) -> None:
    """What was reported to have left, what may have left unreported, and what the player held."""
    first = scene.child
    first.sent()
    scene.ports.post([Event(1.0, PIANIST, 60, 80), Event(1.0, PIANIST, 61, 80), Event(1.0, ORGANIST, 62, 80)])
    now = time.monotonic()
    for frame in first.sent()[:2]:
        first.say(Frame(Kind.LEFT, number=frame.number, at=now))
    scene.ports.post([Event(2.0, PIANIST, 61, 0), Event(1.0, PIANIST, 65, 80)])
    first.say(Frame(Kind.LEFT, number=first.sent()[0].number, at=now))
    first.heard(0x90, 40, 80)
    first.die()
    struck, lifted, said = scene.told(3)
    assert struck == Event(12.5, 0, 40, 80)
    assert isinstance(lifted, Event)
    assert (lifted.pitch, lifted.velocity) == (40, 0)
    assert said == Notice("the MIDI ports are opened again")
    while len(FakeChild.started) < 2 or not scene.child.told:
        time.sleep(0.001)
    successor = scene.child
    assert successor.wanted["patiently"]
    owed = [{bytes(message) for message in messages} for messages in successor.wanted["owed"]]
    assert {bytes((0x8F, 60, 0)), bytes((0x8F, 65, 0)), bytes((0x80, 40, 0)), bytes((0xBF, 123, 0))} <= owed[0]
    assert bytes((0x8F, 61, 0)) in owed[0]  # it may have been released where nobody was left to hear it
    assert bytes((0x8E, 62, 0)) in owed[1]
    scene.ports.post([Event(3.0, PIANIST, 70, 80)])
    assert successor.sent()[-1].payload == bytes((0x9F, 70, 80))


def test_a_process_that_dies_again_and_again_ends_the_jam_with_one_line(scene: Scene) -> None:
    for count in range(1, stage.TOO_OFTEN + 1):
        while len(FakeChild.started) < count:
            time.sleep(0.001)
        FakeChild.started[count - 1].die()
    messages = scene.told(stage.TOO_OFTEN)
    assert messages[-1] == Ended("the process that holds the MIDI ports dies again and again", error=True)


def test_a_process_that_is_stuck_is_ended_and_replaced(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.child.is_stuck = True
    assert scene.told(1) == [Notice("the MIDI ports are opened again")]


def test_ports_that_cannot_be_opened_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(wanted: dict[str, Any]) -> FakeChild:
        raise PortError("no MIDI output is named 'Piano': there are none")

    monkeypatch.setattr(stage, "Child", refuse)
    with pytest.raises(PortError, match="no MIDI output"):
        Scene()


def test_every_output_is_told_its_tuning_before_anything_else() -> None:
    scene = Scene(retuning=[b"\xf0\x7f\x7f\x08\xf7"])
    first, second, *programs = [(frame.port, frame.payload) for frame in scene.child.sent()]
    assert (first, second) == ((0, b"\xf0\x7f\x7f\x08\xf7"), (1, b"\xf0\x7f\x7f\x08\xf7"))
    assert len(programs) == 2
    scene.ports.close()
