"""The process of the ports, in this process and with ports that can be unplugged at will."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.ports import midi, slots
from antiphon.ports.frames import Frame, Frames, Kind
from antiphon.ports.midi import Opened
from antiphon.ports.outpost import Outpost
from antiphon.ports.sending import routes_of
from tests.ports.synth import Synth

ENSEMBLE = Ensemble({1: Strip("input"), 2: Strip("input", port="Organ"), 16: Strip("auto")})
OUTPUTS = ["Piano:in 20:0", "Organ:in 21:0"]
INPUTS = ["Piano:out 20:0", "Organ:out 21:0"]


class System:
    """A MIDI system: ports that exist, and what the receivers at them heard."""

    def __init__(self) -> None:
        self.ports = {"input": list(INPUTS), "output": list(OUTPUTS)}
        self.clients: list[Client] = []
        self.synths = {name: Synth() for name in OUTPUTS}
        self.log: list[tuple[str, bytes]] = []
        self.deaf = False

    def open(self, direction: str, name: str) -> Opened:
        client = Client(self, direction)
        self.clients.append(client)
        opened = Opened(client, None, "Fake")
        if not midi.reopen(opened, name):
            raise midi.PortError(f"no MIDI {direction} is named {name!r}")
        return opened

    def player(self, name: str) -> Callable[..., None]:
        """The hands at the input `name`."""

        def play(*message: int) -> None:
            (client,) = (c for c in self.clients if c.direction == "input" and c.name == name)
            assert client.callback is not None
            client.callback((list(message), 0.0), None)

        return play


class Client:
    """What rtmidi's clients do."""

    def __init__(self, system: System, direction: str) -> None:
        self.system, self.direction = system, direction
        self.name: str | None = None
        self.callback: Callable[[tuple[list[int], float], None], None] | None = None

    def get_ports(self) -> list[str]:
        return list(self.system.ports[self.direction])

    def open_port(self, place: int, _: str) -> None:
        self.name = self.get_ports()[place]

    def is_port_open(self) -> bool:
        return self.name is not None

    def close_port(self) -> None:
        self.name = None

    def set_callback(self, callback: Any) -> None:
        self.callback = callback

    def cancel_callback(self) -> None:
        self.callback = None

    def send_message(self, message: Sequence[int]) -> None:
        if self.name not in self.get_ports():
            raise OSError("nobody there")
        assert self.name is not None
        if self.system.deaf:
            return
        self.system.log.append((self.name, bytes(message)))
        self.system.synths.setdefault(self.name, Synth()).take(bytes(message))


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    system = System()
    monkeypatch.setattr(slots, "open_input", lambda name: system.open("input", name))
    monkeypatch.setattr(slots, "open_output", lambda name: system.open("output", name))
    monkeypatch.setattr(slots, "DRAIN", 0.0)
    return system


class Held:
    """An outpost and its reports."""

    def __init__(self, *, patiently: bool = False, owed: Sequence[Sequence[bytes]] = ((), ()), echoes: bool = True):
        self.reports: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        wanted = {"inputs": ["Piano", "Organ"], "outputs": ["Piano", "Organ"], "mpe": False, "echoes": echoes}
        self.outpost = Outpost({**wanted, "owed": [list(map(list, notes)) for notes in owed]}, self.reports)
        self.outpost.open(patiently=patiently)
        rows = [(r.hears, r.output, r.channel, r.pitches.hex(), r.velocity) for r in routes_of(ENSEMBLE, OUTPUTS)]
        self.outpost.take(Frame.saying(Kind.ROUTES, {"routes": rows, "swallowed": []}))

    def said(self, *kinds: Kind) -> list[Frame]:
        """The reports of `kinds` since the last time."""
        frames = []
        while not self.reports.empty():
            frame = self.reports.get()
            if frame is not None and frame.kind in kinds:
                frames.append(frame)
        return frames

    def notices(self) -> list[str]:
        return [frame.content for frame in self.said(Kind.NOTICE)]

    def send(self, output: int, *message: int, at: float = 0.0, number: int = 0, owner: int = 1) -> None:
        self.outpost.take(Frame(Kind.SEND, bytes(message), output, number, owner, at))


@pytest.fixture
def held(system: System) -> Iterator[Held]:
    held = Held()
    yield held
    held.outpost.close()


def test_what_is_played_passes_at_once_and_is_told(held: Held, system: System) -> None:
    system.player(INPUTS[0])(0x90, 60, 80)
    system.player(INPUTS[1])(0x91, 62, 80)
    assert system.log == [(OUTPUTS[0], bytes((0x90, 60, 80))), (OUTPUTS[1], bytes((0x91, 62, 80)))]
    told = held.said(Kind.HEARD)
    assert [(frame.port, frame.payload) for frame in told] == [(0, bytes((0x90, 60, 80))), (1, bytes((0x91, 62, 80)))]
    assert all(abs(frame.at - time.monotonic()) < 5 for frame in told)


def test_what_is_sent_leaves_in_order_of_time_and_is_reported(held: Held, system: System) -> None:
    soon = time.monotonic() + 0.05
    held.send(0, 0x9F, 62, 80, at=soon + 0.05, number=1)
    held.send(0, 0x9F, 61, 80, at=soon, number=2)
    held.send(0, 0x8F, 61, 0, at=soon, number=3)
    held.send(1, 0x9F, 60, 80, number=4)
    time.sleep(0.2)
    assert [message[1] for _, message in system.log] == [60, 61, 61, 62]
    left = held.said(Kind.LEFT)
    assert [frame.number for frame in left] == [4, 2, 3, 1]
    assert all(0 <= frame.at - soon < 0.05 for frame in left[1:3])


def test_silence_forgets_what_waits_and_closes_what_sounds(held: Held, system: System) -> None:
    held.send(0, 0x9F, 60, 80, number=1)
    held.send(0, 0x9F, 61, 80, at=time.monotonic() + 60.0, number=2)
    system.player(INPUTS[0])(0xB0, 64, 127)
    held.outpost.take(Frame(Kind.SILENCE))
    assert [frame.number for frame in held.said(Kind.FORGOTTEN)] == [2]
    assert not system.synths[OUTPUTS[0]].sounding
    assert not system.synths[OUTPUTS[0]].pedals
    system.log.clear()
    held.outpost.take(Frame(Kind.SILENCE, port=1))
    assert len(system.log) == 2 * 16 * 3


def test_an_output_that_is_unplugged_is_closed_when_it_is_back_under_whatever_number(
    held: Held, system: System
) -> None:
    held.send(0, 0x9F, 60, 80)
    held.send(0, 0x9F, 70, 80)
    system.deaf = True
    held.send(0, 0x8F, 70, 0)  # it is gone, and nobody has noticed
    system.ports["output"].remove(OUTPUTS[0])
    held.outpost.look()
    system.deaf = False
    assert held.notices() == [f"the MIDI output '{OUTPUTS[0]}' is gone: waiting for it"]
    held.send(0, 0x8F, 60, 0)  # the synth does not hear this
    held.send(0, 0x9F, 64, 80)
    held.outpost.look()
    assert held.notices() == []
    system.synths["Piano:in 24:0"] = system.synths[OUTPUTS[0]]
    system.ports["output"].append("Piano:in 24:0")
    held.outpost.look()
    assert held.notices() == ["the MIDI output 'Piano:in 24:0' is there"]
    assert system.synths[OUTPUTS[0]].sounding == set()
    held.send(0, 0x9F, 65, 80)
    assert system.synths[OUTPUTS[0]].sounding == {(15, 65)}


def test_an_input_that_is_unplugged_lets_go_of_its_keys_and_is_heard_again_when_it_is_back(
    held: Held, system: System
) -> None:
    system.player(INPUTS[0])(0x90, 60, 80)
    system.player(INPUTS[1])(0x90, 64, 80)
    system.ports["input"].remove(INPUTS[0])
    held.outpost.look()
    assert [frame.port for frame in held.said(Kind.GONE)] == [0]
    assert system.synths[OUTPUTS[0]].sounding == {(0, 64)}
    system.ports["input"].append("Piano:out 33:0")
    held.outpost.look()
    held.said(Kind.HEARD)
    system.player("Piano:out 33:0")(0x90, 67, 80)
    assert len(held.said(Kind.HEARD)) == 1


def test_an_output_that_breaks_while_it_is_sent_to_is_waited_for(held: Held, system: System) -> None:
    system.ports["output"].remove(OUTPUTS[0])
    held.send(0, 0x9F, 60, 80)
    assert len(held.notices()) == 1
    system.ports["output"].append(OUTPUTS[0])
    held.outpost.look()
    assert len(held.notices()) == 1


def test_a_successor_closes_what_its_predecessor_left_even_where_the_port_is_not_there_yet(system: System) -> None:
    system.synths[OUTPUTS[0]].sounding = {(15, 60)}
    system.ports = {"input": [], "output": []}
    held = Held(patiently=True, owed=[[bytes((0x8F, 60, 0))], []])
    assert len(held.notices()) == 4
    system.ports = {"input": list(INPUTS), "output": list(OUTPUTS)}
    held.outpost.look()
    assert len(held.notices()) == 4
    assert system.synths[OUTPUTS[0]].sounding == set()
    held.outpost.close()


def test_ports_that_are_not_there_are_an_error_unless_they_may_come_later(system: System) -> None:
    system.ports["input"] = []
    with pytest.raises(midi.PortError, match="no MIDI input is named 'Piano'"):
        Held()


def test_our_own_notes_that_a_device_sends_back_are_not_heard_again(held: Held, system: System) -> None:
    play = system.player(INPUTS[0])
    held.send(0, 0x9F, 60, 80)
    play(0x9F, 60, 80)
    play(0x90, 40, 70)  # what passes through comes back as well
    play(0x90, 40, 70)
    assert [frame.payload for frame in held.said(Kind.HEARD)] == [bytes((0x90, 40, 70))]
    assert len([message for _, message in system.log if message == bytes((0x90, 40, 70))]) == 1


def test_echoes_are_told_of_once_and_only_notes_of_the_same_device_that_come_back_at_once_are_echoes(
    held: Held, system: System
) -> None:
    held.send(0, 0x9F, 60, 80)
    system.player(INPUTS[1])(0x9F, 60, 80)  # of another device
    held.send(0, 0x9F, 61, 80)
    system.player(INPUTS[0])(0x9F, 61, 81)  # not the same note
    time.sleep(0.04)
    system.player(INPUTS[0])(0x9F, 61, 80)  # too late
    assert len(held.said(Kind.HEARD)) == 3
    for pitch in (62, 63):
        held.send(0, 0x9F, pitch, 80)
        system.player(INPUTS[0])(0x9F, pitch, 80)
    assert held.notices() == [f"our own notes come back on '{INPUTS[0]}', and are not heard again"]


def test_echoes_can_be_heard_when_that_is_wanted(system: System) -> None:
    held = Held(echoes=False)
    held.send(0, 0x9F, 60, 80)
    system.player(INPUTS[0])(0x9F, 60, 80)
    assert len(held.said(Kind.HEARD)) == 1
    held.outpost.close()


def test_active_sensing_is_passed_over_and_clocks_are_told(held: Held, system: System) -> None:
    play = system.player(INPUTS[0])
    for status in (0xFE, 0xF8, 0xF6, 0xFA, 0xF1):
        play(status)
    play()
    assert [frame.payload for frame in held.said(Kind.HEARD)] == [b"\xf8", b"\xfa"]
    assert system.log == []


def test_frames_survive_any_cutting_into_pieces() -> None:
    frames = [Frame(Kind.SEND, bytes(range(i)), i % 3, i, i * 7, i / 3) for i in range(20)]
    data = b"".join(frame.packed() for frame in frames)
    for step in (1, 7, 24, len(data)):
        reader = Frames()
        got = [frame for i in range(0, len(data), step) for frame in reader.read(data[i : i + step])]
        assert [f[:5] for f in got] == [f[:5] for f in frames]
        assert [f.at for f in got] == pytest.approx([f.at for f in frames], abs=1e-9)
