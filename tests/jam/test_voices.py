"""What strips and controls ask of the voices is what is heard."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest

from antiphon.engine.neural import NeuralModel
from antiphon.jam.controls import Settings
from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.improviser import Improviser
from antiphon.music.event import EVENT, Event, Events
from antiphon.music.grid import Grid
from antiphon.music.key import parse_key
from antiphon.music.notes import notes_of
from antiphon.ports.recorder import MACHINE, Recorder
from antiphon.ports.simulated import run_simulated
from tests.engine.random_bundle import RandomBundle
from tests.jam.bands import ME, OTHER, pair, trio
from tests.jam.scripted import RandomModel

C_MAJOR = (60, 62, 64, 65, 67, 69, 71, 72)


def line(pitches: Iterable[int], gap: float) -> Events:
    """The player's piano, a note every `gap` seconds."""
    notes = enumerate(pitches)
    return np.array([r for k, p in notes for r in ((k * gap, 0, p, 80), (k * gap + 0.8 * gap, 0, p, 0))], EVENT)


TUNE = line((C_MAJOR[k * 3 % 8] for k in range(80)), 0.5)


def improviser(ensemble: Ensemble | None = None, pace: float = 0.05, **settings: object) -> Improviser:
    ensemble = ensemble or pair()
    return Improviser(RandomModel(pace), Settings(settings), np.random.default_rng(1), ensemble)


def jam(ensemble: Ensemble | None = None, tune: Events = TUNE, until: float = 60.0, **settings: object) -> Events:
    """What the machine plays to a tune."""
    recorder = Recorder()
    run_simulated(improviser(ensemble, **settings), tune, recorder, until=until)
    return recorder.events(MACHINE)


def play_until(partner: Improviser, end: float) -> list[Event]:
    played: list[Event] = []
    while (at := partner.next_wake()) is not None and at <= end:
        played += partner.wake(max(at, partner._scene.now))
    return played + partner.wake(end)


def onsets(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.is_onset]


def sounding_at_each_onset(events: Events, instrument: int) -> list[int]:
    """How many notes of `instrument` sound right after each of its onsets."""
    counts, sounding = [], 0
    for event in events[events["instrument"] == instrument]:
        sounding += 1 if event["velocity"] else -1
        if event["velocity"]:
            counts.append(sounding)
    return counts


# Voices


def test_a_follower_strikes_with_its_source_within_its_interval_and_ends_with_it() -> None:
    band = Ensemble({1: Strip(mode="input"), 2: Strip(mode="follow", program=40, source=1, interval=(3, 7))})
    partner = improviser(band)
    struck = partner.receive(Event(1.0, 0, 60, 80), 1.0)
    assert [(event.at, event.instrument, event.velocity) for event in struck] == [(1.0, 40, 80)]
    assert 63 <= struck[0].pitch <= 67
    assert play_until(partner, 5.0) == []
    assert partner.receive(Event(5.0, 0, 60, 0), 5.0) == [Event(5.0, 40, struck[0].pitch, 0)]


def test_followers_follow_followers() -> None:
    band = Ensemble(
        {
            1: Strip(mode="input"),
            2: Strip(mode="follow", program=40, source=1, interval=(-12, -1)),
            3: Strip(mode="follow", program=41, source=2, interval=(-12, -1)),
        }
    )
    partner = improviser(band)
    first, second = partner.receive(Event(1.0, 0, 60, 80), 1.0)
    assert 60 > first.pitch > second.pitch >= 36
    ended = partner.receive(Event(2.0, 0, 60, 0), 2.0)
    assert {(event.instrument, event.pitch) for event in ended} == {(40, first.pitch), (41, second.pitch)}


def test_a_follower_harmonises_the_machine_too_and_never_plays_its_sources_pitch() -> None:
    band = Ensemble(
        {1: Strip(mode="input"), 2: Strip(mode="auto", program=40), 3: Strip(mode="follow", program=41, source=2)}
    )
    events = jam(band)
    sources = {(e["at"], e["pitch"]) for e in events if e["instrument"] == 40 and e["velocity"]}
    followers = [(e["at"], e["pitch"]) for e in events if e["instrument"] == 41 and e["velocity"]]
    assert len(followers) > 20
    assert {at for at, _ in followers} <= {at for at, _ in sources}
    assert not set(followers) & sources


def test_each_voice_keeps_to_its_strip() -> None:
    band = trio(range=(40, 50), polyphony=(0, 1), length=(0.2, 0.5), velocity=(60, 70))
    events = jam(band)
    notes = notes_of(events)
    mine = notes[notes["instrument"] == OTHER]
    assert len(mine) > 10
    assert set(mine["pitch"].tolist()) <= set(range(40, 51))
    assert set(mine["velocity"].tolist()) <= set(range(60, 71))
    assert max(sounding_at_each_onset(events, OTHER)) == 1
    assert mine["duration"].min() >= 0.2 - 0.015  # releases fall on the model's lattice of 10 ms
    assert mine["duration"].max() <= 0.5 + 0.015


def test_a_muted_strip_is_silent_and_muting_ends_what_it_holds() -> None:
    assert set(jam(trio(mute=True))["instrument"].tolist()) == {ME}
    partner = improviser(trio())
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    play_until(partner, 4.0)
    closed = partner.rearrange(trio(mute=True), 4.0)
    assert {event.instrument for event in closed} <= {OTHER}
    assert not {i for i, _ in partner.ledger} & {OTHER}


def test_the_player_takes_a_voice_over_and_it_comes_back() -> None:
    partner = improviser(trio(punch_in=True, punch_out=1.0), answer=60.0)
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    before = play_until(partner, 6.0)
    assert OTHER in {event.instrument for event in before}
    held = {key for key in partner.ledger if key[0] == OTHER}
    given_way = partner.receive(Event(6.0, OTHER, 20, 90), 6.0)
    assert {(event.instrument, event.pitch) for event in given_way} >= held
    assert OTHER not in {event.instrument for event in play_until(partner, 9.0)}
    partner.receive(Event(9.0, OTHER, 20, 0), 9.0)
    assert OTHER not in {event.instrument for event in play_until(partner, 9.9)}
    assert OTHER in {event.instrument for event in play_until(partner, 16.0)}


def test_balance_evens_out_the_voices() -> None:
    def spread(balance: float) -> int:
        events = jam(trio(), balance=balance, share=0.9)
        counts = [int(((events["instrument"] == i) & (events["velocity"] > 0)).sum()) for i in (ME, OTHER)]
        return abs(counts[0] - counts[1])

    assert spread(1.0) <= max(spread(0.0), 10)


# Pitch and harmony


@pytest.mark.parametrize("snap", ["key", "nearest"])
def test_snapped_to_a_key_only_its_notes_are_heard(snap: str) -> None:
    struck = jam(snap=snap, key="Eb minor")
    pitches = struck["pitch"][struck["velocity"] > 0]
    assert len(pitches) > 50
    assert {int(p) % 12 for p in pitches} <= parse_key("Eb minor").scale


def test_the_key_is_found_from_what_the_player_plays() -> None:
    struck = jam(snap="key")
    late = struck["pitch"][(struck["velocity"] > 0) & (struck["at"] > 8.0)]
    scale = {60 % 12, 62 % 12, 64 % 12, 65 % 12, 67 % 12, 69 % 12, 71 % 12}
    assert len(late) > 50
    assert np.mean([int(p) % 12 in scale for p in late]) > 0.95


def test_snapped_to_the_chord_only_its_notes_are_heard() -> None:
    partner = improviser(snap="chord", answer=60.0)
    for pitch in (60, 64, 67):
        partner.receive(Event(1.0, 0, pitch, 80), 1.0)
    played = onsets(play_until(partner, 30.0))
    assert len(played) > 20
    assert {event.pitch % 12 for event in played} <= {0, 4, 7}


def test_with_lines_one_note_sounds_at_a_time() -> None:
    assert max(sounding_at_each_onset(jam(texture="lines"), ME)) == 1


def test_with_chords_notes_are_struck_and_end_together() -> None:
    events = jam(texture="chords", share=0.8)
    struck = events[(events["velocity"] > 0)]
    chords = [list(group) for _, group in itertools.groupby(struck, key=lambda event: round(float(event["at"]), 2))]
    sizes = [len(chord) for chord in chords]
    assert len(sizes) > 10
    assert np.mean(np.array(sizes) >= 3) > 0.9
    ends = events["at"][events["velocity"] == 0]
    assert len(np.unique(np.round(ends, 2))) < 0.6 * len(ends)


@pytest.mark.parametrize(("policy", "most"), [("solo", 1), ("accompany", 4)])
def test_solo_is_a_line_and_accompaniment_is_chords(policy: str, most: int) -> None:
    sizes = sounding_at_each_onset(jam(policy=policy, share=0.8), ME)
    assert max(sizes) == (1 if most == 1 else 3)


def test_avoiding_keeps_away_from_the_players_notes() -> None:
    partner = improviser(avoid=6, answer=60.0)
    partner.receive(Event(1.0, 0, 66, 80), 1.0)
    played = onsets(play_until(partner, 60.0))
    assert len(played) > 50
    assert all(abs(event.pitch - 66) > 6 for event in played)


# How much and how loud


def test_probability_thins_what_is_played() -> None:
    few, many = (int((jam(probability=p)["velocity"] > 0).sum()) for p in (0.2, 1.0))
    assert 0 < few < 0.7 * many
    assert len(jam(probability=0.0)) == 0


def test_complementary_density_is_busy_where_the_player_is_sparse() -> None:
    def notes(complement: float, gap: float) -> int:
        model = NeuralModel(RandomBundle(1, spread=1.0))
        settings = Settings({"complement": complement, "answer": 1.0})
        recorder = Recorder()
        partner = Improviser(model, settings, np.random.default_rng(1), pair())
        run_simulated(partner, line([60] * round(40 / gap), gap), recorder, until=40.0)
        return sum(event.is_onset for event in recorder.as_it_came(MACHINE))

    assert notes(1.0, 2.0) / notes(1.0, 0.1) > 1.5 * notes(0.0, 2.0) / notes(0.0, 0.1)


def test_dynamics_follow_the_player() -> None:
    def loudness(velocity: int) -> float:
        tune = TUNE.copy()
        tune["velocity"][tune["velocity"] > 0] = velocity
        events = jam(tune=tune, dynamics=1.0)
        return float(events["velocity"][events["velocity"] > 0].mean())

    assert loudness(30) < 45
    assert loudness(100) > 85


def test_a_turn_has_no_more_notes_than_it_may() -> None:
    partner = improviser(policy="answer", answer_notes=5, silence=0.5, answer=30.0)
    for begin in (1.0, 60.0):
        partner.receive(Event(begin, 0, 60, 80), begin)
        partner.receive(Event(begin + 0.2, 0, 60, 0), begin + 0.2)
        assert len(onsets(play_until(partner, begin + 50.0))) == 5


def test_muted_it_is_silent_at_once_and_goes_on_listening() -> None:
    partner = improviser(answer=60.0)
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    play_until(partner, 4.0)
    partner.set("mute", "on", 4.0)
    assert [key for key in partner.ledger if key[0] == ME] == []
    assert play_until(partner, 9.0) == []
    partner.set("mute", "off", 9.0)
    assert play_until(partner, 12.0)


def test_held_back_what_sounds_may_end_and_nothing_begins() -> None:
    partner = improviser(answer=60.0)
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    play_until(partner, 4.0)
    assert partner.set("hold", "on", 4.0) == []
    assert onsets(play_until(partner, 12.0)) == []
    assert [key for key in partner.ledger if key[0] == ME] == []


# Time


def test_quantised_onsets_fall_on_the_grid() -> None:
    grid = Grid(0.125, 90.0)
    partner, recorder = improviser(quantise=1.0, division="1/8", lookahead=0.0), Recorder()
    partner.beat(grid, 0.0)
    run_simulated(partner, TUNE, recorder)
    at = [event.at for event in recorder.as_it_came(MACHINE) if event.is_onset]
    off = [abs(grid.nearest(time, 2.0) - time) for time in at]
    assert len(at) > 30
    assert np.mean(np.array(off) < 0.005) > 0.95


def test_a_slow_machine_thins_what_it_plays_and_is_not_late() -> None:
    counts = []
    for thinking in (0.001, 0.15):
        partner, recorder = improviser(pace=0.02), Recorder()
        run_simulated(partner, TUNE, recorder, thinking=thinking)
        counts.append(sum(event.is_onset for event in recorder.as_it_came(MACHINE)))
        assert partner.tally.late <= 5
    assert 10 < counts[1] < 0.7 * counts[0]


# Memory, and what was played


def heard_by(partner: Improviser) -> set[int]:
    return {event.instrument for event in partner._context.memory}


def test_it_need_not_listen_to_you_or_to_itself() -> None:
    for deaf, left in (("hear_you", {ME}), ("hear_itself", {0})):
        partner = improviser(answer=60.0, **{deaf: "off"})
        partner.receive(Event(1.0, 0, 60, 80), 1.0)
        play_until(partner, 4.0)
        partner.receive(Event(4.0, 0, 60, 0), 4.0)
        assert heard_by(partner) == left


@pytest.mark.parametrize(
    ("settings", "most"),
    [({"memory_in": "notes", "memory_notes": 10}, 10), ({"memory_in": "bars", "memory_bars": 1}, 400)],
)
def test_memory_is_measured_in_notes_or_bars(settings: dict[str, object], most: int) -> None:
    partner = improviser(**settings)
    partner.beat(Grid(0.0, 240.0), 0.0)
    run_simulated(partner, TUNE, Recorder())
    events = list(partner._context.memory)
    assert 0 < sum(event.is_onset for event in events) <= most + 8
    if "memory_bars" in settings:
        assert events[-1].at - events[8].at <= 1.0


def test_undo_forgets_the_last_answer_and_ends_it() -> None:
    partner = improviser(policy="answer", silence=0.5, answer=3.0)
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    partner.receive(Event(1.5, 0, 60, 0), 1.5)
    played = play_until(partner, 3.0)
    assert onsets(played)
    closed = partner.undo(3.0)
    assert len(onsets(played)) == sum(not event.is_onset for event in [*played, *closed])
    assert play_until(partner, 20.0) == []
    assert [event.instrument for event in partner._context.memory] == [0, 0]


def test_again_plays_the_last_answer_note_for_note() -> None:
    partner = improviser(policy="answer", silence=0.5, answer=3.0)
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    partner.receive(Event(1.5, 0, 60, 0), 1.5)
    first = play_until(partner, 10.0)
    partner.again(20.0)
    second = play_until(partner, 40.0)
    assert [(e.pitch, e.velocity) for e in second] == [(e.pitch, e.velocity) for e in first]
    gaps = [[round(later.at - sooner.at, 3) for sooner, later in itertools.pairwise(e)] for e in (first, second)]
    assert gaps[0] == pytest.approx(gaps[1], abs=0.002)
    assert second[0].at == pytest.approx(20.0, abs=0.05)


def test_a_loop_goes_round_and_round_until_it_is_stopped() -> None:
    partner = improviser(policy="loop", turn_bars=1, tempo=120.0, lookahead=0.0)
    partner.beat(Grid(1.0, 120.0), 1.0)
    partner.receive(Event(1.0, 0, 60, 80), 1.0)
    partner.receive(Event(1.2, 0, 60, 0), 1.2)
    rounds = [onsets(play_until(partner, end - 0.001)) for end in (3.0, 5.0, 7.0, 9.0)]
    first = [event.pitch for event in rounds[0]]
    assert len(first) > 3
    for later in rounds[2:]:
        assert [event.pitch for event in later] == [event.pitch for event in rounds[1]]
    assert [event.pitch for event in rounds[1]][: len(first)] == first
    partner.stop(9.0)
    assert play_until(partner, 30.0) == []


def test_the_player_is_answered_in_other_notes_each_time() -> None:
    partner = improviser(policy="answer", silence=0.5, answer=3.0)
    answers = []
    for begin in (0.0, 10.0, 20.0):
        partner.receive(Event(begin, 0, 60, 80), begin)
        partner.receive(Event(begin + 0.1, 0, 60, 0), begin + 0.1)
        answers.append([event.pitch for event in onsets(play_until(partner, begin + 9.0))])
    assert answers[0] != answers[1] != answers[2]


@pytest.mark.parametrize("ending", ["undo", "query", "mute"])
def test_a_loop_that_was_ended_begins_anew_with_the_next_note(ending: str) -> None:
    partner = improviser(policy="loop", turn_bars=1, tempo=120.0)
    for begin in (1.0, 20.0):
        partner.beat(Grid(begin, 120.0), begin)
        partner.receive(Event(begin, 0, 60, 80), begin)
        partner.receive(Event(begin + 0.2, 0, 60, 0), begin + 0.2)
        assert len(onsets(play_until(partner, begin + 5.0))) > 3
        if ending == "mute":
            partner.set("mute", "on", begin + 5.0)
            partner.set("mute", "off", begin + 5.0)
        else:
            partner.act(ending, "", begin + 5.0)
        assert onsets(play_until(partner, begin + 15.0)) == []


@pytest.mark.parametrize("ending", ["undo", "mute"])
def test_a_loop_that_was_ended_before_its_first_round_was_over_begins_anew_too(ending: str) -> None:
    partner = improviser(policy="loop", turn_bars=4, tempo=120.0)
    for begin in (1.0, 40.0):
        partner.beat(Grid(begin, 120.0), begin)
        partner.receive(Event(begin, 0, 60, 80), begin)
        partner.receive(Event(begin + 0.2, 0, 60, 0), begin + 0.2)
        assert len(onsets(play_until(partner, begin + 5.0))) > 3
        if ending == "mute":
            partner.set("mute", "on", begin + 5.0)
            assert play_until(partner, begin + 20.0) == []
            partner.set("mute", "off", begin + 20.0)
        else:
            partner.act(ending, "", begin + 5.0)
        assert onsets(play_until(partner, begin + 30.0)) == []
