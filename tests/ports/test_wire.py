"""MIDI messages and events mean the same thing both ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.event import Event
from antiphon.ports.wire import Decoder, Encoder, WireLedger, control_turned

MACHINE = (256, 48)
messages = st.lists(st.lists(st.integers(0, 255), max_size=4), max_size=60)


def decode(*stream: tuple[int, ...], program: int = 0) -> list[Event]:
    decoder = Decoder(program, MACHINE)
    return [event for message in stream for event in decoder.decode(message, 1.0)]


def test_a_note_is_an_onset_and_a_release() -> None:
    assert decode((0x90, 60, 80), (0x80, 60, 64)) == [Event(1.0, 0, 60, 80), Event(1.0, 0, 60, 0)]


def test_an_onset_of_velocity_zero_is_a_release() -> None:
    assert decode((0x90, 60, 80), (0x90, 60, 0)) == [Event(1.0, 0, 60, 80), Event(1.0, 0, 60, 0)]


def test_channel_ten_is_drums() -> None:
    assert decode((0x99, 36, 80)) == [Event(1.0, 128, 36, 80)]


def test_a_release_goes_to_the_instrument_that_was_struck_whatever_program_has_come_since() -> None:
    assert decode((0x90, 60, 80), (0xC0, 5), (0x80, 60, 0), (0x90, 60, 80)) == [
        Event(1.0, 0, 60, 80),
        Event(1.0, 0, 60, 0),
        Event(1.0, 5, 60, 80),
    ]


def test_the_player_is_never_given_the_machines_instrument() -> None:
    assert decode((0xC0, 48), (0x90, 60, 80)) == [Event(1.0, 257, 60, 80)]


def test_notes_off_and_sound_off_release_that_channel() -> None:
    assert decode((0x90, 60, 80), (0x91, 61, 80), (0xB0, 123, 0)) == [
        Event(1.0, 0, 60, 80),
        Event(1.0, 0, 61, 80),
        Event(1.0, 0, 60, 0),
    ]


@given(messages)
def test_any_bytes_give_a_stream_in_which_each_onset_is_released_before_the_next(stream: list[list[int]]) -> None:
    decoder, sounding = Decoder(0, MACHINE), dict[tuple[int, int], int]()
    for message in stream:
        for event in decoder.decode(message, 0.0):
            assert 0 <= event.pitch < 128
            assert event.instrument not in MACHINE
            key = (event.instrument, event.pitch)
            sounding[key] = sounding.get(key, 0) + (1 if event.is_onset else -1)
            assert 0 <= sounding[key] <= 16  # one a channel
    for event in decoder.release_all(0.0):
        sounding[event.instrument, event.pitch] -= 1
    assert set(sounding.values()) <= {0}


@given(st.integers(0, 127), st.integers(0, 127), st.integers(0, 15))
def test_what_is_encoded_is_decoded_again(pitch: int, velocity: int, channel: int) -> None:
    encoder = Encoder({256: (channel, 7)})
    ledger = WireLedger()
    onset, release = Event(1.0, 256, pitch, velocity), Event(1.0, 256, pitch, 0)
    ledger.sent(encoder.encode(onset))
    assert len(ledger) == onset.is_onset
    ledger.sent(encoder.encode(release))
    assert len(ledger) == 0
    assert encoder.opening() == [bytes((0xC0 | channel, 7))]


@given(messages)
def test_whatever_was_sent_closing_it_leaves_nothing_sounding(stream: list[list[int]]) -> None:
    ledger = WireLedger()
    for message in stream:
        if all(byte < 128 for byte in message[1:]):
            ledger.sent(message)
    closing = ledger.closing()
    for message in closing:
        ledger.sent(message)
    assert len(ledger) == 0


def test_closing_ends_notes_first_and_then_lets_the_pedal_up() -> None:
    ledger = WireLedger()
    ledger.sent((0x93, 60, 80))
    ledger.sent((0xB1, 64, 127))
    assert ledger.closing() == [
        bytes((0x83, 60, 0)),
        *(bytes((0xB0 | channel, number, 0)) for channel in (1, 3) for number in (64, 120, 123)),
    ]
    ledger.clear()
    assert ledger.closing() == []


def test_undefined_control_changes_turn_controls_and_defined_ones_do_not() -> None:
    assert control_turned((0xB0, 21, 127)) == ("answer", 120.0)
    assert control_turned((0xB0, 7, 127)) is None
    assert control_turned((0xB0, 64, 127)) is None
    assert control_turned((0x90, 21, 127)) is None
