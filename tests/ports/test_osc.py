"""OSC: what is sent is what is read, nothing but OSC is, and bundles are carried out at their time."""

import random
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports.base import PortError
from antiphon.ports.osc import FURTHEST, OscPort, is_loopback
from antiphon.ports.osc_packets import (
    Double,
    Long,
    Message,
    OscError,
    Symbol,
    read_packet,
    write_bundle,
    write_message,
)

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ARGUMENT = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(width=32, allow_nan=False),
    st.floats(allow_nan=False).map(Double),
    st.booleans(),
    st.none(),
    TEXT,
    TEXT.map(Symbol),
    st.binary(max_size=20),
)
ARGUMENTS = st.lists(st.one_of(ARGUMENT, st.lists(ARGUMENT, max_size=4)), max_size=8)
MESSAGE = st.builds(Message, TEXT.map("/{}".format), ARGUMENTS)


@given(message=MESSAGE)
def test_a_message_is_read_as_it_was_written(message):
    packet = write_message(message.address, *message.args)
    assert len(packet) % 4 == 0
    (read,) = read_packet(packet)
    assert read == message
    assert [type(a) for a in read.args if not isinstance(a, int)] == [
        type(a) for a in message.args if not isinstance(a, int)
    ]


def test_what_others_write_is_read():
    # The two worked examples of the specification of OSC 1.0.
    oscillator = b"/oscillator/4/frequency\0,f\0\0\x43\xdc\0\0"
    foo = b"/foo\0\0\0\0,iisff\0\0\0\0\x03\xe8\xff\xff\xff\xffhello\0\0\0\x3f\x9d\xf3\xb6\x40\xb5\xb2\x2d"
    assert read_packet(oscillator) == [Message("/oscillator/4/frequency", [440.0])]
    (message,) = read_packet(foo)
    assert message.args[:3] == [1000, -1, "hello"]
    assert message.args[3:] == pytest.approx([1.234, 5.678])
    assert write_message("/oscillator/4/frequency", 440.0) == oscillator


def test_a_wide_number_stays_wide():
    (message,) = read_packet(write_message("/a", Long(7), Double(0.1), 7, 0.1))
    assert [type(a) for a in message.args] == [Long, Double, int, float]
    assert message.args[1] == 0.1
    assert write_message("/a", *message.args) == write_message("/a", Long(7), Double(0.1), 7, 0.1)


@given(messages=st.lists(MESSAGE, max_size=4), due=st.one_of(st.none(), st.floats(1e9, 3e9)))
def test_a_bundle_holds_its_messages_in_order_and_its_time(messages, due):
    packet = write_bundle([write_message(m.address, *m.args) for m in messages], due)
    read = read_packet(packet)
    assert [(m.address, m.args) for m in read] == [(m.address, m.args) for m in messages]
    assert all(m.due == (None if due is None else pytest.approx(due, abs=1e-6)) for m in read)


def test_a_bundle_within_another_is_never_due_before_it():
    inner = write_bundle([write_message("/inner")], 1.5e9)
    (message, after) = read_packet(write_bundle([inner, write_message("/after")], 1.6e9))
    assert (message.address, message.due) == ("/inner", pytest.approx(1.6e9))
    assert (after.address, after.due) == ("/after", pytest.approx(1.6e9))


def test_bundles_within_bundles_have_a_limit():
    packet = write_message("/a")
    for _ in range(1000):
        packet = write_bundle([packet])
    with pytest.raises(OscError, match="bundles within each other"):
        read_packet(packet)


def _refusal(packet):
    """Why a packet cannot be read, or nothing."""
    try:
        read_packet(packet)
    except OscError as error:
        return str(error)
    return ""


@given(data=st.binary(max_size=200))
def test_garbage_is_refused_in_one_line(data):
    for packet in (data, b"#bundle\0" + data, b"/a\0\0," + data, b"/a\0\0,[[ifsbhdtcrmTFNI]\0\0\0" + data):
        assert len(_refusal(packet).splitlines()) <= 1


@given(message=MESSAGE, seed=st.integers(0, 1 << 32))
def test_a_damaged_packet_is_read_or_refused(message, seed):
    chance = random.Random(seed)
    packet = bytearray(write_bundle([write_message(message.address, *message.args)], 1.7e9))
    for _ in range(chance.randrange(1, 8)):
        packet[chance.randrange(len(packet))] = chance.randrange(256)
    assert len(_refusal(bytes(packet[: chance.randrange(len(packet) + 1)])).splitlines()) <= 1


@pytest.mark.parametrize("value", [1 << 63, object(), {1: 2}])
def test_what_osc_cannot_carry_is_refused(value):
    with pytest.raises(OscError):
        write_message("/a", value)


@pytest.fixture
def port():
    port = OscPort("127.0.0.1", 0)
    yield port
    port.close()


class Listening:
    """A port that is being carried on in a thread, and someone who sends to it."""

    def __init__(self, port):
        self.port, self.heard, self.refused = port, [], []
        self.thread = threading.Thread(target=lambda: port.run(self._hear, self._refuse))
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def _hear(self, message, peer, at):
        self.heard.append((message.address, at, time.time()))
        if message.address == "/stop":
            self.port.stop("asked")

    def _refuse(self, message, peer, why):
        self.refused.append(why)

    def until_stopped(self, *packets):
        self.thread.start()
        for packet in packets:
            self.sender.sendto(packet, self.port.address)
        self.thread.join(10)
        self.sender.close()
        assert not self.thread.is_alive()
        return [address for address, _, _ in self.heard]


def test_messages_are_carried_out_in_order_and_bundles_at_their_time(port):
    now = time.time()
    listening = Listening(port)
    heard = listening.until_stopped(
        write_bundle([write_message("/c"), write_message("/stop")], now + 0.06),
        write_bundle([write_message("/b"), write_bundle([write_message("/b2")], now)], now + 0.03),
        write_message("/a"),
        write_bundle([write_message("/late")], now - 10),
    )
    assert heard == ["/a", "/late", "/b", "/b2", "/c", "/stop"]
    for _, due, done in listening.heard[2:]:
        assert done >= due
    assert listening.heard[1][1] == pytest.approx(now - 10, abs=1e-6)  # whoever is late says since when


def test_what_cannot_be_read_or_kept_is_refused_and_the_rest_is_heard(port):
    listening = Listening(port)
    far = write_bundle([write_message("/far")], time.time() + FURTHEST + 60)
    heard = listening.until_stopped(b"garbage", far, b"", write_message("/stop"))
    assert heard == ["/stop"]
    assert len(listening.refused) == 3


def test_a_call_from_a_thread_is_made_between_messages(port):
    listening = Listening(port)
    called = []
    listening.thread.start()
    port.call(lambda: called.append(threading.current_thread()))
    port.stop("asked")
    listening.thread.join(10)
    listening.sender.close()
    assert called == [listening.thread]


def test_a_reply_to_someone_who_has_gone_stops_nothing(port):
    gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gone.bind(("127.0.0.1", 0))
    peer = gone.getsockname()
    gone.close()
    for _ in range(3):
        port.send(peer, "/a", 1)
    assert Listening(port).until_stopped(write_message("/b"), write_message("/stop")) == ["/b", "/stop"]


def test_a_port_that_is_taken_is_refused_in_one_line(port):
    with pytest.raises(PortError, match=str(port.address[1])) as error:
        OscPort(*port.address)
    assert "\n" not in str(error.value)


def test_only_this_machine_is_this_machine():
    assert all(map(is_loopback, ["127.0.0.1", "localhost", "::1", "127.8.8.8"]))
    assert not any(map(is_loopback, ["0.0.0.0", "192.168.0.1", "::", "example.org", ""]))
