"""What a receiver sounds is known, however many play the same note, and can always be closed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports.wire import WireLedger, Zones
from tests.ports.synth import Synth

notes = st.tuples(st.sampled_from((0x80, 0x90)), st.integers(60, 62), st.integers(0, 1), st.integers(1, 3))
anything = st.lists(st.binary(max_size=4), max_size=60)


def test_a_note_held_by_two_ends_when_the_second_lets_go() -> None:
    ledger = WireLedger()
    onset, release = bytes((0x90, 60, 80)), bytes((0x80, 60, 0))
    assert ledger.enter(onset, 1) == [onset]
    assert ledger.enter(onset, 2) == [release, onset]
    assert ledger.enter(release, 1) == []
    assert ledger.enter(release, 2) == [release]
    assert len(ledger) == 0


def test_a_note_struck_twice_by_one_ends_with_its_first_release() -> None:
    ledger = WireLedger()
    for _ in range(2):
        ledger.enter(bytes((0x90, 60, 80)), 1)
    assert ledger.enter(bytes((0x80, 60, 0)), 1) == [bytes((0x80, 60, 0))]


@given(st.lists(notes, max_size=80))
def test_a_note_sounds_exactly_as_long_as_somebody_holds_it(stream: list[tuple[int, int, int, int]]) -> None:
    ledger, synth, held = WireLedger(), Synth(), dict[tuple[int, int], set[int]]()
    for status, pitch, channel, owner in stream:
        message = bytes((status | channel, pitch, 80 if status == 0x90 else 0))
        for passed in ledger.enter(message, owner):
            synth.take(passed)
        holders = held.setdefault((channel, pitch), set())
        (holders.add if status == 0x90 else holders.discard)(owner)
        assert synth.sounding == {key for key, holders in held.items() if holders}
    assert synth.struck_twice == 0


@given(anything)
def test_whatever_was_sent_closing_it_leaves_nothing_sounding(stream: list[bytes]) -> None:
    ledger, synth = WireLedger(), Synth()
    for message in stream:
        for passed in ledger.enter(message):
            synth.take(passed)
    for message in ledger.closing():
        synth.take(message)
    assert synth.sounding == set()


def test_closing_ends_notes_first_and_then_lets_the_pedal_up() -> None:
    ledger = WireLedger()
    ledger.enter(bytes((0x93, 60, 80)))
    ledger.enter(bytes((0xB1, 64, 127)))
    quiet = [bytes((0xB0 | channel, number, 0)) for channel in (1, 3) for number in (64, 120, 123)]
    assert ledger.closing() == [bytes((0x83, 60, 0)), *quiet]
    assert len(ledger.closing(everywhere=True)) == 1 + 16 * 3
    ledger.clear()
    assert ledger.closing() == []


def test_a_message_that_ends_all_notes_of_a_channel_ends_them_in_the_ledger() -> None:
    ledger = WireLedger()
    for channel in (0, 1):
        ledger.enter(bytes((0x90 | channel, 60, 80)))
    ledger.enter(bytes((0xB0, 123, 0)))
    assert ledger.closing()[0] == bytes((0x81, 60, 0))
    assert len(ledger) == 1


def configure(zones: Zones, channel: int, members: int) -> None:
    for number, value in ((101, 0), (100, 6), (6, members)):
        zones.take(bytes((0xB0 | channel, number, value)))


def test_without_a_configuration_each_channel_speaks_for_itself() -> None:
    zones = Zones()
    configure(zones, 3, 5)  # on no manager's channel
    zones.take(bytes((0xB0, 6, 5)))  # without its parameter number
    assert [zones.manager(channel) for channel in range(16)] == list(range(16))


def test_a_configuration_gives_members_to_a_manager_and_takes_them_from_the_other() -> None:
    zones = Zones()
    configure(zones, 0, 7)
    configure(zones, 15, 7)
    assert [zones.manager(channel) for channel in range(16)] == [0] * 8 + [15] * 8
    configure(zones, 0, 10)
    assert [zones.manager(channel) for channel in range(16)] == [0] * 11 + [15] * 5
    configure(zones, 0, 0)
    assert [zones.manager(channel) for channel in range(11)] == list(range(11))
    assert Zones(mpe=True).manager(15) == 0
