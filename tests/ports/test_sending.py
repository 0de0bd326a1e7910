"""Events leave, and the player's messages pass, as the strips say; what was begun ends where it was begun."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.ensemble import Ensemble, Strip, duet
from antiphon.music.event import Event
from antiphon.ports.passage import Passage, Post
from antiphon.ports.sending import Sending, routes_of
from antiphon.ports.wire import WireLedger
from tests.ports.synth import Synth

OUTPUTS = ["FLUID Synth", "Organ"]
BAND = Ensemble(
    {
        1: Strip("input", cc={7: 90}),
        2: Strip("input", hears=2, shift=12, channel=5, port="organ", fixed_velocity=99),
        16: Strip("auto", program=32),
    }
)
BASS = BAND.instrument(16)


def through(*stream: tuple[int, ...], ensemble: Ensemble = BAND) -> list[tuple[int, ...]]:
    passage = Passage(routes_of(ensemble, OUTPUTS))
    return [(post.output, *post.message) for message in stream for post in passage.through(0, message)]


def test_the_machine_plays_on_its_channel() -> None:
    sending = Sending(BAND, OUTPUTS)
    assert [p[:2] for p in sending.posts(Event(1.0, BASS, 40, 80))] == [(0, bytes((0x9F, 40, 80)))]
    assert [p[:2] for p in sending.posts(Event(2.0, BASS, 40, 0))] == [(0, bytes((0x8F, 40, 0)))]
    assert sending.posts(Event(3.0, BASS, 40, 0)) == []


def test_opening_sets_up_the_machines_programs_and_what_strips_ask_for() -> None:
    assert Sending(BAND, OUTPUTS).opening() == [Post(0, bytes((0xB0, 7, 90))), Post(0, bytes((0xCF, 32)))]


def test_a_change_sets_up_what_has_changed() -> None:
    sending = Sending(BAND, OUTPUTS)
    assert sending.arrange(BAND.changed(16, mute=True)) == []
    assert sending.arrange(BAND.changed(16, program=33, port="Organ")) == [Post(1, bytes((0xCF, 33)))]


def test_a_release_goes_where_its_onset_went_whatever_the_ensemble_has_become_since() -> None:
    sending = Sending(BAND, OUTPUTS)
    sending.posts(Event(1.0, BASS, 40, 80))
    sending.arrange(BAND.changed(16, mode="off"))
    assert sending.posts(Event(2.0, BASS, 40, 0))[0][:2] == (0, bytes((0x8F, 40, 0)))
    assert sending.posts(Event(3.0, BASS, 40, 80)) == []


def test_a_muted_voice_sends_no_onset() -> None:
    assert Sending(BAND.changed(16, mute=True), OUTPUTS).posts(Event(1.0, BASS, 40, 80)) == []


def test_a_strip_whose_port_is_not_there_sounds_on_the_first() -> None:
    sending = Sending(BAND.changed(16, port="Moog"), OUTPUTS)
    assert sending.posts(Event(1.0, BASS, 40, 80))[0].output == 0


def test_notes_are_mapped_and_everything_else_passes_untouched_but_for_its_channel() -> None:
    assert through((0x91, 60, 20), (0xA1, 60, 7), (0x81, 60, 33)) == [
        (1, 0x94, 72, 99),
        (1, 0xA4, 72, 7),
        (1, 0x84, 72, 33),
    ]
    untouched = [(0xE0, 1, 2), (0xD0, 3), (0xB0, 64, 127), (0xB0, 64, 63), (0xC0, 9), (0xB0, 1, 2)]
    assert through(*untouched) == [(0, *message) for message in untouched]
    assert through((0xE1, 1, 2)) == [(1, 0xE4, 1, 2)]


def test_sysex_goes_to_every_output_that_the_player_has_and_clocks_go_nowhere() -> None:
    assert through((0xF0, 1, 2, 0xF7)) == [(0, 0xF0, 1, 2, 0xF7), (1, 0xF0, 1, 2, 0xF7)]
    assert through((0xF8,), (0xFE,), (0xF2, 1, 2), (0xF0, 1), (), (60, 80)) == []


def test_what_only_the_machine_plays_and_what_is_muted_does_not_pass() -> None:
    assert through((0x9F, 60, 80), (0x95, 60, 80)) == []
    assert through((0x90, 60, 80), ensemble=BAND.changed(1, mute=True)) == []


def test_pads_that_play_no_music_are_swallowed() -> None:
    passage = Passage()
    passage.arrange(routes_of(BAND, OUTPUTS), [(0, 36), (None, 37)])
    assert passage.through(0, (0x90, 36, 80)) == passage.through(0, (0x91, 37, 80)) == []
    assert len(passage.through(0, (0x91, 36, 80))) == 1


def test_keys_and_pedals_are_let_go_where_they_were_pressed_whatever_the_routes() -> None:
    passage = Passage(routes_of(BAND, OUTPUTS))
    passage.through(0, (0x91, 60, 80))
    passage.through(0, (0xB1, 64, 127))
    passage.arrange([])
    assert [p[:2] for p in passage.through(0, (0x81, 60, 0))] == [(1, bytes((0x84, 72, 0)))]
    assert [p[:2] for p in passage.through(0, (0xB1, 64, 0))] == [(1, bytes((0xB4, 64, 0)))]


def test_what_is_heard_on_every_channel_passes_on_the_channel_on_which_it_came() -> None:
    assert through((0x94, 60, 80), (0x84, 60, 0), ensemble=duet()) == [(0, 0x94, 60, 80), (0, 0x84, 60, 0)]


def test_bends_of_mpe_members_stay_on_their_channels() -> None:
    passage = Passage(routes_of(BAND, OUTPUTS), mpe=True)
    assert [p.message for p in passage.through(0, (0xE3, 1, 2))] == [bytes((0xE3, 1, 2))]
    assert [p.message for p in passage.through(0, (0x93, 60, 80))] == [bytes((0x93, 60, 80))]


keys = st.tuples(st.integers(0, 1), st.sampled_from((0x80, 0x90)), st.integers(0, 2), st.integers(58, 62))
plays = st.one_of(keys, st.tuples(st.just("machine"), st.booleans(), st.integers(46, 62)), st.integers(0, 3))


@given(st.lists(plays, max_size=60))
def test_whatever_is_played_through_whatever_changes_all_ends_when_all_have_let_go(stream: list[object]) -> None:
    """The player's thru and the machine share channel 5 of one output, from different pitches."""
    bands = [
        BAND,
        Ensemble({**BAND.strips, 16: Strip("auto", program=32, channel=5, port="organ")}),
        BAND.changed(2, mute=True),
        BAND.changed(1, shift=3),
    ]
    passage, sending = Passage(routes_of(BAND, OUTPUTS)), Sending(BAND, OUTPUTS)
    ledgers, synths = [WireLedger(), WireLedger()], [Synth(), Synth()]

    def send(posts: list[Post]) -> None:
        for post in posts:
            for message in ledgers[post.output].enter(post.message, post.owner):
                synths[post.output].take(message)

    for step in stream:
        match step:
            case int(band):
                send(sending.arrange(bands[band]))
                passage.arrange(routes_of(bands[band], OUTPUTS))
            case ("machine", bool(strikes), int(pitch)):
                send(sending.posts(Event(0.0, BASS, pitch, 80 * strikes)))
            case (int(source), int(status), int(channel), int(pitch)):
                send(passage.through(source, (status | channel, pitch, 80)))
    send(passage.lost(0) + passage.lost(1))
    for pitch in range(128):
        send(sending.posts(Event(0.0, BASS, pitch, 0)))
    assert [synth.sounding for synth in synths] == [set(), set()]
    assert [synth.struck_twice for synth in synths] == [0, 0]
