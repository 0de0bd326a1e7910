"""What is composed around given music, whatever the model believes."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antiphon.codec.grid import SILENT, VOICE_RANGES
from antiphon.compose import chorale
from antiphon.compose.chorale import Options, OutOfRange
from antiphon.engine.gibbs import Sampling
from tests.engine.choirs import RandomChoir

QUICK = Options(Sampling(steps=2))
SCORE = np.array([[69] * 9, [62] * 9, [57] * 9, [48] * 9], np.int16)


def _rng():
    return np.random.default_rng(0)


def _in_ranges(score, but=()):
    return all(
        ((line == SILENT) | ((line >= low) & (line <= high))).all()
        for v, (line, (low, high)) in enumerate(zip(score, VOICE_RANGES, strict=True))
        if v not in but
    )


@pytest.mark.parametrize("steps", [1, 3, 40, 65])
def test_chorales_of_any_length_are_written(steps):
    scores = chorale.write(RandomChoir(), steps, _rng(), count=3, options=QUICK)
    assert scores.shape == (3, 4, steps)
    assert all(_in_ranges(score) and (score != SILENT).all() for score in scores)


MELODY = arrays.arrays(np.int16, st.integers(1, 21), elements=st.one_of(st.just(SILENT), st.integers(60, 81)))


@given(MELODY.filter(lambda line: (line != SILENT).any()), st.integers(0, 3), st.integers(-24, 24))
@settings(max_examples=25, deadline=None)
def test_a_melody_is_kept_to_the_letter_wherever_it_lies(line, voice, semitones):
    line = np.where(line == SILENT, SILENT, line + semitones)
    made = chorale.harmonize(RandomChoir(), line, _rng(), voice=voice, count=2, options=QUICK)
    assert made.shape == (2, 4, len(line))
    assert (made[:, voice] == line).all()
    # Upbeats, pauses and the end stay silent; wherever the melody sounds, all sing.
    assert ((made == SILENT) == (line == SILENT)).all()


def test_a_melody_in_its_range_is_not_moved():
    made = chorale.harmonize(RandomChoir(), SCORE[0], _rng(), options=QUICK)
    assert _in_ranges(made[0])


@given(st.integers(-30, 30))
def test_octaves_are_tried_before_other_keys(semitones):
    score = np.where(SCORE == SILENT, SILENT, SCORE + semitones)
    free = np.zeros(score.shape, bool)
    free[1:] = True
    shift = chorale.shift_into_range(score, free)
    assert 60 <= score[0, 0] + shift <= 81
    assert shift % 12 == 0


def test_a_melody_that_no_key_can_hold_is_refused_where_it_is_highest():
    line = np.array([40, 50, 90, 60])
    with pytest.raises(OutOfRange, match="soprano goes from 40 to 90") as caught:
        chorale.harmonize(RandomChoir(), line, _rng(), options=QUICK)
    assert caught.value.step == 2


def test_rests_are_filled_and_the_silence_around_is_not():
    score = np.full((4, 12), SILENT, np.int16)
    score[0, 2:10] = 69
    score[0, 5] = SILENT
    made = chorale.complete(RandomChoir(), score, _rng(), options=QUICK)[0]
    assert (made[:, :2] == SILENT).all()
    assert (made[:, 10:] == SILENT).all()
    assert (made[:, 2:10] != SILENT).all()
    assert (made[0, 2:10][score[0, 2:10] != SILENT] == 69).all()


def test_only_what_is_free_changes():
    free = np.zeros(SCORE.shape, bool)
    free[1:3, 4:7] = True
    made = chorale.complete(RandomChoir(), SCORE, _rng(), free=free, options=QUICK)[0]
    assert (made[~free] == SCORE[~free]).all()
    assert (made[free] != SCORE[free]).any()


def test_a_rest_is_shown_to_the_model_as_a_rest():
    """The seed's B1: a rest became the A below middle C."""
    score = SCORE.copy()
    score[2, 3:5] = SILENT
    choir = RandomChoir()
    chorale.revoice(choir, score, _rng(), voices=[0], options=QUICK)
    cells, known = choir.asked[0]
    assert known[0, 2, 3:5].all()
    assert (cells[0, 2, 3:5] == 46).all()


def test_general_silence_is_not_shown_to_the_model():
    score = SCORE.copy()
    score[:, :2] = SILENT
    choir = RandomChoir()
    chorale.revoice(choir, score, _rng(), voices=[0], options=QUICK)
    assert not choir.asked[0][1][0, :, :2].any()


def test_each_voice_in_turn_is_sung_anew():
    made = chorale.revoice(RandomChoir(), SCORE, _rng(), passes=3, options=QUICK)
    assert made.scores.shape == (3, 4, 9)
    assert made.kept[0] == (made.scores[0] == SCORE).mean()
    assert made.kept[2] == (made.scores[2] == made.scores[1]).mean()
    bass_kept = chorale.revoice(RandomChoir(), SCORE, _rng(), voices=[0, 1, 2], options=QUICK)
    assert (bass_kept.scores[0, 3] == SCORE[3]).all()


def test_segments_are_sung_together():
    segments = np.stack([SCORE, SCORE + 1])
    choir = RandomChoir()
    made = chorale.revoice(choir, segments, _rng(), passes=2, options=QUICK)
    assert made.scores.shape == (2, 2, 4, 9)
    assert {cells.shape for cells, _ in choir.asked if len(cells) == 2} == {(2, 4, 9)}


@pytest.mark.parametrize("make", [partial(chorale.revoice, passes=2), partial(chorale.upsample, factor=8)])
def test_progress_never_goes_back_and_ends_when_all_is_done(make):
    told = []
    options = replace(QUICK, progress=lambda step, steps: told.append(step / steps))
    make(RandomChoir(), SCORE, _rng(), options=options)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] == 1


def test_of_a_segment_in_which_nothing_is_free_nothing_is_asked():
    segments = np.stack([SCORE, SCORE])
    segments[1, 0] = SILENT
    choir = RandomChoir()
    made = chorale.revoice(choir, segments, _rng(), voices=[0], options=QUICK)
    assert {len(cells) for cells, _ in choir.asked} == {1}
    assert (made.scores[0, 1] == segments[1]).all()


def test_a_transition_keeps_both_ends():
    after = SCORE[:, :5] + 2
    made = chorale.transition(RandomChoir(), SCORE, after, _rng(), steps=7, count=2, options=QUICK)
    assert made.shape == (2, 4, 9 + 7 + 5)
    assert (made[:, :, :9] == SCORE).all()
    assert (made[:, :, 16:] == after).all()
    assert (made[:, :, 9:16] != SILENT).all()


def test_sixteen_voices_share_a_bass_and_the_first_quartet_is_the_one_given():
    made = chorale.stack(RandomChoir(), SCORE, _rng(), options=QUICK)
    assert made.shape == (16, 9)
    assert (made[:4] == SCORE).all()
    assert (made[3::4] == SCORE[3]).all()
    assert len({made[v].tobytes() for v in (0, 4, 8, 12)}) == 4


def test_stacked_quartets_meet_each_other():
    """Each voice is drawn among voices of other quartets, not always its own."""
    asked = RandomChoir()
    chorale.stack(asked, SCORE, _rng(), options=Options(Sampling(steps=12), polish=False))
    altos = [cells[:, 1].tolist() for cells, _ in asked.asked]
    where_given = {altos_now.index([26] * 9) for altos_now in altos if [26] * 9 in altos_now}
    assert len(where_given) > 1


def test_upsampling_keeps_every_other_step():
    made = chorale.upsample(RandomChoir(), SCORE, _rng(), factor=4, options=QUICK)
    assert made.shape == (4, 36)
    assert (made[:, ::4] == SCORE).all()
    with pytest.raises(ValueError, match="2, 4, 8"):
        chorale.upsample(RandomChoir(), SCORE, _rng(), factor=3)


@given(st.integers(1, 4), st.integers(0, 5), st.integers(0, 4))
def test_what_was_expanded_can_be_compressed(times, first, length):
    longer = chorale.expand(SCORE, first, first + length, times=times)
    assert longer.shape == (4, 9 + length * (times - 1))
    assert (chorale.compress(longer, first, first + length * times, keep_every=times) == SCORE).all()


def test_forty_sixteenths_become_thirty_two_as_the_seed_did_it():
    before = np.arange(160).reshape(4, 40)
    after = chorale.compress(before, 24, 40)
    assert after.shape == (4, 32)
    assert (after[0, 24:] == np.arange(24, 40, 2)).all()
    assert (before == np.arange(160).reshape(4, 40)).all()  # the seed wrote into what it was given


def test_a_seed_gives_the_same_music():
    one, two = (chorale.write(RandomChoir(), 8, np.random.default_rng(5), options=QUICK) for _ in range(2))
    assert (one == two).all()


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: chorale.write(RandomChoir(), 0, _rng()), "1 to 16384 steps"),
        (lambda: chorale.write(RandomChoir(), 8, _rng(), count=0), "1 to 1024 scores"),
        (
            lambda: chorale.complete(RandomChoir(), np.full((5, 4), 60), _rng()),
            "knows 4 voices, soprano to bass, not 5",
        ),
        (lambda: chorale.complete(RandomChoir(), np.full((4, 4), -1), _rng()), "without any note"),
        (lambda: chorale.harmonize(RandomChoir(), [-1, -1], _rng()), "without any note"),
        (lambda: chorale.harmonize(RandomChoir(), [60], _rng(), voice=4), "0 .soprano. to 3 .bass."),
        (lambda: chorale.harmonize(RandomChoir(), [[60]], _rng()), "shape .steps"),
        (lambda: chorale.revoice(RandomChoir(), SCORE, _rng(), passes=0), "1 pass or more"),
        (lambda: chorale.stack(RandomChoir(), SCORE, _rng(), quartets=1), "2 quartets or more"),
        (lambda: chorale.expand(SCORE, 4, 20), "not within a score of 9"),
        (lambda: Options(start=4), "0 to 3 sixteenths after a beat"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(attempt, says):
    with pytest.raises(ValueError, match=says) as caught:
        attempt()
    assert "\n" not in str(caught.value)
