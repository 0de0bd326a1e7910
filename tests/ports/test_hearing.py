"""The player's messages become events that follow from each other, pedals and all, whatever bytes come."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.ensemble import Ensemble, Strip, duet
from antiphon.music.event import Event
from antiphon.ports.hearing import Hearing
from antiphon.ports.passage import Passage
from antiphon.ports.sending import routes_of
from antiphon.ports.wire import WireLedger

PLAIN = Ensemble({1: Strip("input"), 10: Strip("input"), 16: Strip("auto")})
ON, OFF = (0x90, 60, 80), (0x80, 60, 64)
DOWN, UP = (0xB0, 64, 127), (0xB0, 64, 0)
messages = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(st.binary(max_size=5), st.sampled_from([*map(bytes, (ON, OFF, DOWN, UP))]))),
    max_size=80,
)


def hear(*stream: tuple[int, ...], ensemble: Ensemble = PLAIN, mpe: bool = False) -> list[tuple[int, int, int]]:
    hearing = Hearing(ensemble, mpe=mpe)
    events = [event for message in stream for event in hearing.hear(0, message, 1.0).events]
    return [(event.instrument, event.pitch, event.velocity) for event in events]


def test_a_note_is_an_onset_and_a_release() -> None:
    hearing = Hearing(PLAIN)
    assert hearing.hear(0, ON, 1.0).events == (Event(1.0, 0, 60, 80),)
    assert hearing.hear(0, OFF, 2.0).events == (Event(2.0, 0, 60, 0),)


def test_an_onset_of_velocity_zero_is_a_release() -> None:
    assert hear(ON, (0x90, 60, 0)) == [(0, 60, 80), (0, 60, 0)]


def test_channel_ten_is_drums_and_the_machines_channel_is_not_heard() -> None:
    assert hear((0x99, 36, 80), (0x9F, 36, 80), (0x92, 36, 80)) == [(128, 36, 80)]


def test_two_strips_that_listen_to_one_channel_both_hear_it() -> None:
    layered = Ensemble({1: Strip("input", program=3), 2: Strip("input", program=5, hears=1, fixed_velocity=100)})
    assert hear(ON, OFF, ensemble=layered) == [(3, 60, 80), (5, 60, 100), (3, 60, 0), (5, 60, 0)]


def test_a_muted_strip_is_still_heard() -> None:
    assert hear(ON, ensemble=PLAIN.changed(1, mute=True)) == [(0, 60, 80)]


def test_a_voice_with_punch_in_is_heard_where_the_player_takes_it() -> None:
    assert hear((0x9F, 60, 80), ensemble=PLAIN.changed(16, punch_in=True, program=7)) == [(7, 60, 80)]


def test_the_pedal_holds_releases_back_until_it_is_up_or_the_key_is_struck_again() -> None:
    assert hear(DOWN, ON, OFF) == [(0, 60, 80)]
    assert hear(DOWN, ON, OFF, UP) == [(0, 60, 80), (0, 60, 0)]
    assert hear(DOWN, ON, OFF, ON) == [(0, 60, 80), (0, 60, 0), (0, 60, 80)]
    assert hear(DOWN, ON, UP) == [(0, 60, 80)]


def test_the_sostenuto_pedal_holds_only_what_was_down_when_it_was_pressed() -> None:
    press, lift = (0xB0, 66, 127), (0xB0, 66, 0)
    assert hear(ON, press, OFF, (0x90, 64, 80), (0x80, 64, 0), lift) == [
        (0, 60, 80), (0, 64, 80), (0, 64, 0), (0, 60, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [120, 123, 124, 125, 126, 127])
def test_messages_that_end_all_notes_release_that_channel_even_with_the_pedal_down(number: int) -> None:
    assert hear(DOWN, ON, OFF, (0x99, 36, 80), (0xB0, number, 0)) == [(0, 60, 80), (128, 36, 80), (0, 60, 0)]


def test_reset_all_controllers_lets_the_pedals_up() -> None:
    assert hear(DOWN, ON, OFF, (0x90, 64, 80), (0xB0, 121, 0)) == [(0, 60, 80), (0, 64, 80), (0, 60, 0)]


def test_a_program_change_is_told_with_the_strip_that_hears_it() -> None:
    heard = Hearing(PLAIN.changed(1, hears=3)).hear(0, (0xC2, 5), 0.0)
    assert heard.programs == ((1, 5),)
    assert heard.events == ()


def test_a_release_goes_to_the_instrument_that_was_struck_whatever_the_ensemble_has_become() -> None:
    hearing = Hearing(PLAIN)
    hearing.hear(0, ON, 1.0)
    hearing.arrange(PLAIN.changed(1, program=9))
    assert hearing.hear(0, OFF, 2.0).events == (Event(2.0, 0, 60, 0),)
    assert hearing.hear(0, ON, 3.0).events == (Event(3.0, 9, 60, 80),)


def test_member_channels_of_an_mpe_zone_play_the_managers_strip_and_one_note_twice_sounds_until_both_let_go() -> None:
    configured = ((0xB0, 101, 0), (0xB0, 100, 6), (0xB0, 6, 15))
    playing = ((0x91, 60, 80), (0x92, 60, 70), (0x81, 60, 0), (0x82, 60, 0))
    expected = [(0, 60, 80), (0, 60, 0), (0, 60, 70), (0, 60, 0)]
    assert hear(*configured, *playing) == expected
    assert hear(*playing, mpe=True) == expected
    assert hear(*playing) == []


def test_the_managers_pedal_holds_the_notes_of_its_members() -> None:
    assert hear(DOWN, (0x91, 60, 80), (0x81, 60, 0), mpe=True) == [(0, 60, 80)]
    assert hear(DOWN, (0x91, 60, 80), (0x81, 60, 0), UP, mpe=True) == [(0, 60, 80), (0, 60, 0)]


def test_a_lost_input_lets_go_of_its_own_notes_only() -> None:
    hearing = Hearing(PLAIN)
    for source, pitch in ((0, 60), (1, 64), (0, 67), (1, 67)):
        hearing.hear(source, (0x90, pitch, 80), 0.0)
    assert hearing.lost(0, 1.0) == [Event(1.0, 0, 60, 0)]
    assert hearing.lost(1, 2.0) == [Event(2.0, 0, 64, 0), Event(2.0, 0, 67, 0)]


@given(messages, st.booleans())
def test_any_bytes_give_onsets_and_releases_in_turn_and_nothing_is_left_at_the_end(
    stream: list[tuple[int, bytes]], mpe: bool
) -> None:
    hearing, sounding = Hearing(PLAIN, mpe=mpe), set[tuple[int, int]]()

    def follow(events: tuple[Event, ...]) -> None:
        for event in events:
            assert 0 <= event.pitch < 128
            assert event.is_onset != ((event.instrument, event.pitch) in sounding)
            sounding.symmetric_difference_update({(event.instrument, event.pitch)})

    for source, message in stream:
        follow(hearing.hear(source, message, 0.0).events)
    follow(tuple(hearing.panic(1.0)))
    assert sounding == set()


def test_a_million_random_messages_are_survived() -> None:
    """Truncated ones, data without a status, lone sysex parts, statuses inside, and plenty that are whole."""
    rng = np.random.default_rng(1)
    ensemble = duet().changed(1, shift=30, note_map={90: 10})
    hearing, passage, ledger = Hearing(ensemble), Passage(routes_of(ensemble, ["out"])), WireLedger()
    lengths = rng.choice([0, 1, 2, 3, 4, 7], 1_000_000, p=[0.01, 0.04, 0.1, 0.8, 0.04, 0.01])
    data = rng.integers(0, 256, lengths.sum(), np.uint8)
    starts = lengths.cumsum() - lengths
    tame = rng.random(len(lengths)) < 0.7  # otherwise a whole message would be rare
    begin = starts[tame & (lengths > 0)]
    data &= 0x7F
    data[begin] |= 0x80
    wild = rng.random(len(data)) < 0.05
    data[wild] ^= 0x80
    raw, sounding, events = data.tobytes(), set[tuple[int, int]](), 0
    begun = time.process_time()
    for i, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
        message = raw[start : start + length]
        for post in passage.through(i & 1, message):
            ledger.enter(post.message, post.owner)
        for event in hearing.hear(i & 1, message, float(i)).events:
            events += 1
            sounding.symmetric_difference_update({(event.instrument, event.pitch)})
            assert event.is_onset == ((event.instrument, event.pitch) in sounding)
    assert time.process_time() - begun < 40
    assert events > 50_000
    for source in (0, 1):
        for event in hearing.lost(source, 1e7):
            sounding.remove((event.instrument, event.pitch))
        for post in passage.lost(source):
            ledger.enter(post.message, post.owner)
    assert sounding == set()
    assert len(ledger) == 0


def test_a_huge_sysex_is_no_event() -> None:
    assert hear((0xF0, *[1] * 1_000_000, 0xF7)) == []
