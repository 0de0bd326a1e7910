"""It learns while it listens, each note once, and plays in the style of what it heard without repeating it for ever."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine.markov import MarkovModel
from antiphon.engine.markov_repertoire import NEWEST
from antiphon.engine.model import Constraints, NothingPossible, Voice
from antiphon.jam.memory import Context
from antiphon.music.event import Event
from tests.engine.phrases import phrase, streams, taught

ME = 256
SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def played(model: MarkovModel, onsets: int, *, voice: Voice | None = None, instrument: int = ME, seed: int = 0):
    """What `model` plays on when it hears itself, until it has struck `onsets` notes."""
    rng, events, at = np.random.default_rng(seed), [], model._at
    while sum(event.is_onset for event in events) < onsets:
        constraints = Constraints({instrument: voice or Voice(max_polyphony=3, max_length=4.0)}, earliest=at)
        event = model.sample(constraints, rng)
        model.feed(event)
        events.append(event)
        at = event.at
    return events


def struck(events):
    return [event.pitch for event in events if event.is_onset]


def learned(model):
    return [array.tobytes() for one in (model.melodic, model.drums) for array in one.arrays().values()]


# Style


def test_it_plays_what_followed():
    model = taught(phrase([60, 64, 67, 72, 65, 69] * 2))
    follows = {60: 64, 64: 67, 67: 72, 72: 65, 65: 69, 69: 60}
    pitches = struck(played(model, 12))
    kept = sum(follows[a] == b for a, b in itertools.pairwise(pitches))
    assert kept >= 7


def test_it_takes_over_rhythm_loudness_and_length():
    events = [Event(e.at, 0, e.pitch, 33 if e.velocity else 0) for e in phrase(SCALE * 4, gap=0.4)]
    answer = played(taught(events), 20, voice=Voice(max_polyphony=1))
    onsets = [event.at for event in answer if event.is_onset]
    assert np.median(np.diff(onsets)) == pytest.approx(0.4, abs=0.01)
    assert {event.velocity for event in answer} == {0, 33}
    lengths = [b.at - a.at for a, b in itertools.pairwise(answer) if a.is_onset]
    assert np.median(lengths) == pytest.approx(0.36, abs=0.01)


def test_it_comes_in_on_the_beat():
    model = taught(phrase(SCALE * 3, gap=0.5))
    earliest = model._at + 3.17
    ats = [
        model.sample(Constraints({ME: Voice()}, earliest=earliest), np.random.default_rng(seed)).at
        for seed in range(20)
    ]
    assert all(abs(at / 0.5 - round(at / 0.5)) < 1e-3 for at in ats)
    assert min(ats) >= earliest


def test_a_voice_in_another_range_plays_the_same_pitch_classes_there():
    low = np.zeros(128, np.bool_)
    low[28:48] = True
    answer = played(taught(phrase([60, 64, 67, 72, 71, 67] * 3)), 40, voice=Voice(pitches=low, max_polyphony=1))
    assert {pitch % 12 for pitch in struck(answer)} <= {0, 4, 7, 11}
    assert all(low[pitch] for pitch in struck(answer))


def test_where_nothing_learned_fits_it_still_plays():
    only = np.arange(128) == 61  # never heard, in no octave
    answer = played(taught(phrase([60, 62, 64])), 5, voice=Voice(pitches=only, max_polyphony=1))
    assert struck(answer) == [61] * 5


def test_chords_are_played_as_chords():
    events = []
    for i in range(16):
        at, root = 0.5 * i, [60, 65, 67, 60][i % 4]
        events += [Event(at, 0, root + step, 80) for step in (0, 4, 7)]
        events += [Event(at + 0.45, 0, root + step, 0) for step in (0, 4, 7)]
    onsets = [event.at for event in played(taught(events), 60, voice=Voice(max_polyphony=6)) if event.is_onset]
    assert 0.5 < np.mean(np.diff(onsets) < 0.02) < 0.8  # two of three come together with the one before


def test_a_voice_of_one_note_lets_go_of_it_for_the_next():
    legato = []
    for i, pitch in enumerate(SCALE * 3):
        legato += [Event(0.25 * i, 0, pitch, 80), Event(0.25 * i + 2.0, 0, pitch, 0)]
    answer = played(taught(sorted(legato, key=lambda e: e.at)), 20, voice=Voice(max_polyphony=1))
    lengths = [b.at - a.at for a, b in itertools.pairwise(answer) if a.is_onset]
    assert np.median(lengths) < 0.6


def test_the_harmony_around_draws_it():
    """It knows a phrase in C and one in F sharp; the player plays in C, elsewhere than where either was learned."""
    keys = [60, 64, 67, 72, 64, 60], [66, 70, 73, 78, 70, 66]
    lesson = [e for i in range(8) for e in phrase(keys[i % 2], begin=1.5 * i)]
    around = phrase([36, 43, 40] * 5, begin=12.5, instrument=5)

    def share_in_c(harmony):
        model = taught([*lesson, *around], harmony=harmony, teachers={0})
        found = []
        for seed in range(150):
            constraints = Constraints({ME: Voice()}, earliest=16.26, fixed={"velocity": 80})
            found.append(model.sample(constraints, np.random.default_rng(seed)).pitch % 12 in (0, 4, 7))
        return np.mean(found)

    assert share_in_c(1.0) > 0.75 > share_in_c(0.0)


def test_time_goes_on_even_when_all_that_was_learned_happened_at_once():
    cluster = [Event(1.0, 0, pitch, velocity) for pitch in range(60, 72) for velocity in (80, 0)]
    answer = played(taught([*cluster, *cluster]), 100, voice=Voice(max_polyphony=8))
    assert answer[-1].at > 2.0


# No phrase for ever


def longest_rounds(pitches):
    """In how many rounds in a row the same few pitches come, at most."""
    most = 1
    for period in range(1, 17):
        run = 0
        for before, after in zip(pitches, pitches[period:], strict=False):
            run = run + 1 if before == after else 0
            most = max(most, 1 + run // period) if period > 1 else most
    return most


@pytest.mark.parametrize("loop", [SCALE[:4], [60, 62], [60, 67, 64, 67, 62, 65, 69, 71, 72, 74]])
@pytest.mark.parametrize("ignores", [(), (ME,)])
def test_a_loop_that_it_has_learned_does_not_go_round_for_ever(loop, ignores):
    model = taught(phrase(loop * 20), ignores=ignores)
    assert longest_rounds(struck(played(model, 200))) <= 6


def test_a_long_copy_is_led_away():
    rng = np.random.default_rng(5)
    melody = rng.integers(40, 90, 400).tolist()  # hardly any pitch ever comes twice in the same way
    text = ",".join(map(str, melody))

    def longest_copy(most_copied):
        pitches = struck(played(taught(phrase(melody), ignores=(ME,), order=5, most_copied=most_copied), 300))
        lengths = range(1, 60)
        return max(n for n in lengths if any(
            ",".join(map(str, pitches[i : i + n])) in text for i in range(len(pitches) - n + 1)))  # fmt: skip

    assert longest_copy(6) <= 12 < longest_copy(1000)


# Learning


def test_an_onset_is_learned_when_something_follows_it():
    model = MarkovModel()
    model.feed(Event(1.0, 0, 60, 80))
    assert len(model) == 0
    model.feed(Event(1.5, 0, 60, 0))
    assert len(model) == 1


def test_a_rehearsal_that_is_taken_back_leaves_no_trace():
    model = MarkovModel()
    blank = model.snapshot()
    model.feed(Event(0.0, 0, 60, 80))
    with pytest.raises(NothingPossible):
        model.sample(Constraints({0: Voice(max_polyphony=0)}, latest=-1.0), np.random.default_rng(0))
    model.restore(blank)
    model.feed(Event(10.0, 0, 62, 80))
    model.feed(Event(10.5, 0, 62, 0))
    assert len(model) == 1
    assert model.melodic.pitch(0) == 62


@settings(max_examples=100, deadline=None)
@given(streams(), st.integers(0, 60), st.integers(1, 5))
def test_what_is_heard_again_after_restore_is_not_learned_again(events, cut, times):
    model = MarkovModel()
    blank = model.snapshot()
    for event in events:
        model.feed(event)
    once, playing = learned(model), model.snapshot()
    for _ in range(times):
        model.restore(blank)
        for event in events[min(cut, len(events)) :]:
            model.feed(event)
        model.restore(playing)
    assert learned(model) == once


@settings(max_examples=60, deadline=None)
@given(streams(), st.sampled_from([0.3, 2.0, 20.0]), st.integers(1, 4))
def test_a_context_that_is_renewed_teaches_nothing_twice(events, seconds, most):
    """A context feeds the model out of its memory again and again; the model learns what a plain listener learns."""
    clean, sounding = [], set()
    for event in events:
        key = (event.instrument, event.pitch)
        if event.is_onset != (key in sounding):
            clean.append(event)
            sounding ^= {key}
    renewed = MarkovModel()
    context = Context(renewed, seconds)
    for event in clean:
        context.feed(event)
        if context.is_stale:
            context.renew(most)
    plain = taught(clean)
    for ours, theirs in ((renewed.melodic, plain.melodic), (renewed.drums, plain.drums)):
        assert np.array_equal(ours.struck, theirs.struck)
        for name in ("pitch", "velocity"):
            assert np.array_equal(ours.arrays()["onsets"][name], theirs.arrays()["onsets"][name])


def test_restoring_goes_back_in_the_playing_and_not_in_the_learning():
    model = taught(phrase([60, 62, 64]))
    before = model.snapshot()
    for event in phrase([65, 67, 69], begin=1.0):
        model.feed(event)
    model.restore(before)
    assert len(model) == 6
    after = model.snapshot()
    assert (after.lines, after.at, after.tick) == (before.lines, before.at, before.tick)


@given(st.integers(0, 2**32 - 1), streams())
@settings(max_examples=50, deadline=None)
def test_when_it_does_not_learn_restoring_gives_the_same_future(seed, heard):
    model = taught([*phrase(SCALE)])
    for event in heard:
        model.feed(Event(3.0 + event.at, event.instrument, event.pitch, event.velocity))
    model.learning = False
    before, futures = model.snapshot(), []
    for _ in range(2):
        model.restore(before)
        futures.append(played(model, 8, seed=seed))
    assert futures[0] == futures[1]


def test_it_learns_from_its_teachers_alone():
    lesson = [*phrase([60, 62]), *phrase([70, 72], begin=1.0, instrument=5), *phrase([80, 82], begin=2.0, instrument=6)]
    assert set(np.flatnonzero(taught(lesson, teachers={0, 6}, ignores={6}).melodic.struck)) == {60, 62}
    assert set(np.flatnonzero(taught(lesson, ignores={5}).melodic.struck)) == {60, 62, 80, 82}


def test_a_new_session_has_a_new_clock():
    model = taught(phrase(SCALE, begin=100.0))
    model.begin_session()
    for event in phrase([60, 59], begin=0.0):
        model.feed(event)
    assert len(model) == len(SCALE) + 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(60, 66), min_size=1, max_size=80), st.integers(1, 30))
def test_the_oldest_is_forgotten_as_if_it_had_never_been(pitches, most):
    model = taught(phrase([*pitches, 60]), most=most)
    repertoire, kept = model.melodic, (*pitches, 60)[-most:]
    assert len(model) == min(most, len(pitches) + 1)
    assert np.array_equal(repertoire.struck, np.bincount(kept, minlength=128))
    assert repertoire.transitions.sum() == len(kept) - (len(kept) == len(pitches) + 1)
    positions = [p for found in repertoire._continuations.values() for p in found]
    assert min(positions) >= repertoire.learned - most
    assert len(repertoire._continuations) <= len(kept) * (repertoire.order + 2) + 1
    assert all(0 < len(found) <= NEWEST for found in repertoire._continuations.values())


def test_a_snapshot_is_small_however_much_was_learned():
    sizes = []
    for times in (1, 50):
        state = taught(phrase(SCALE * times)).snapshot()
        sizes.append(sum(len(line.recent) + len(line.traced) + 16 for line in state.lines.values()))
    assert sizes[1] <= 16 + 16 + 8
    assert math.isfinite(sizes[0])
