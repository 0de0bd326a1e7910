"""Strips make sense together, and each voice is one instrument to the model."""

from __future__ import annotations

import pytest
from hypothesis import given

from antiphon.jam.ensemble import CHANNELS, Ensemble, Strip, apart_from, duet
from tests.jam.strategies import ensembles


@given(ensembles)
def test_no_two_voices_are_one_instrument(ensemble: Ensemble) -> None:
    voices = ensemble.instruments("input", "auto", "follow")
    assert len(set(voices)) == len(voices)
    for instrument in voices:
        channel = ensemble.channel_of(instrument)
        assert channel is not None
        assert ensemble.instrument(channel) == instrument


@given(ensembles)
def test_what_is_heard_on_a_channel_goes_to_the_players_strips_only(ensemble: Ensemble) -> None:
    for channel in CHANNELS:
        for own in ensemble.listens(channel):
            strip = ensemble.strips[own]
            assert strip.mode == "input" or (strip.mode == "auto" and strip.punch_in)
            assert strip.hears in (channel, 0) or (strip.hears is None and own == channel)
            assert 1 <= ensemble.out_channel(own, channel) <= 16


def test_the_plainest_ensemble_is_a_player_on_every_channel_but_the_machines() -> None:
    ensemble = duet(program=40, channel=3, player_program=5)
    assert ensemble.instruments("auto") == (40,)
    assert ensemble.listens(1) == ensemble.listens(7) == (1,)
    assert ensemble.listens(10) == (10,)
    assert ensemble.listens(3) == ()
    assert ensemble.out_channel(1, 7) == 7
    assert duet(channel=1).listens(5) == (2,)
    assert duet(channel=10).listens(10) == ()


def test_parts_are_told_apart() -> None:
    assert apart_from([1, 2], 0) == 0
    assert apart_from([0], 0) == 256
    assert apart_from([0, 256], 0) == 257
    assert apart_from([128], 128) == 288
    with pytest.raises(ValueError, match="no anonymous part"):
        apart_from(range(320), 5)


def test_what_cannot_be_is_refused_with_the_channel_and_the_field() -> None:
    with pytest.raises(ValueError, match=r"channel 2: source cannot be 3: it would follow itself"):
        Ensemble({2: Strip(mode="follow", source=3), 3: Strip(mode="follow", source=2)})
    with pytest.raises(ValueError, match=r"channel 2: source cannot be 5: channel 5 is off"):
        Ensemble({2: Strip(mode="follow", source=5)})
    with pytest.raises(ValueError, match=r"channel 2: velocity cannot be \(0, 5\)"):
        duet().changed(2, velocity=(0, 5))
    with pytest.raises(ValueError, match="there is no channel 17"):
        Ensemble({17: Strip()})
    with pytest.raises(ValueError, match="source is missing"):
        Strip(mode="follow")


def test_a_changed_strip_leaves_the_others_and_the_old_ensemble_alone() -> None:
    before = duet()
    after = before.changed(16, program=52)
    assert after.instruments("auto") == (52,)
    assert before.instruments("auto") == (256,)
    assert after.changed(16, channel=5).out_channel(16) == 5
    assert after.strips[1] == before.strips[1]


def test_pitches_are_shifted_and_mapped_on_the_way_out() -> None:
    strip = Strip(shift=12, note_map={72: 36})
    assert [strip.sounding_pitch(pitch) for pitch in (60, 61, 120)] == [36, 73, None]
