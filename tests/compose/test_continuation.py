"""A continuation stays within its piece's means, and a score that was continued is still that score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.compose.continuation import continued, joined, opening, voices_of
from antiphon.engine.neural import NeuralModel
from antiphon.music.beats import grid_at, known_beats
from antiphon.music.event import EVENT
from antiphon.music.measures import double_onsets, unclosed
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import midi_bytes
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score
from tests.engine.random_bundle import RandomBundle


def piece(ticks_per_quarter=24):
    notes = np.array([(k * 24, 20, 60 + k % 5, 70 + k % 9) for k in range(12)], NOTE)
    bass = np.array([(k * 96, 90, 40, 60) for k in range(3)], NOTE)
    return Score(
        ticks_per_quarter,
        (Part(0, False, notes, "melody"), Part(32, False, bass, "bass")),
        np.array([(0, 600_000), (96, 400_000)], TEMPO),
        np.array([(0, 3, 4)], METER),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 8), st.sampled_from([24, 96, 480, 1000]))
def test_what_follows_is_music_in_the_means_of_the_piece(seed, seconds, ticks):
    score = piece(ticks)
    events = score.events()
    follows = continued(NeuralModel(RandomBundle(seed)), events, seconds, np.random.default_rng(seed))
    end = float(events["at"][-1])
    assert unclosed(follows) == 0
    assert double_onsets(follows) == 0
    assert (np.diff(follows["at"]) >= 0).all()
    if len(follows):
        assert end <= follows["at"].min()
        assert follows["at"].max() <= end + seconds + 1e-9
    allowed = voices_of(events)
    assert set(follows["instrument"].tolist()) <= set(allowed)
    for event in follows[follows["velocity"] > 0]:
        assert allowed[int(event["instrument"])].pitches[event["pitch"]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 24, 480, 1000]))
def test_a_continued_score_keeps_its_notes_tempo_and_meter(seed, ticks):
    score = piece(ticks)
    events = score.events()
    follows = continued(NeuralModel(RandomBundle(seed)), events, 4.0, np.random.default_rng(seed))
    whole = read_midi(midi_bytes(joined(score, float(events["at"][-1]), follows)))
    np.testing.assert_allclose(whole.events()["at"][: len(events) - 2], events["at"][: len(events) - 2], atol=1e-6)
    assert whole.meters["numerator"].tolist() == [3]
    assert whole.tempos["microseconds"].tolist() == [600_000, 400_000]
    assert whole.n_notes == score.n_notes + int((follows["velocity"] > 0).sum())
    assert [part.name for part in whole.parts] == ["melody", "bass"]


def test_an_opening_ends_what_sounds():
    events = piece().events()
    cut = opening(events, 1.0)
    assert unclosed(cut) == 0
    assert cut["at"].max() <= 1.0


def test_there_is_nothing_to_continue_in_silence():
    with pytest.raises(ValueError, match="no notes"):
        continued(NeuralModel(RandomBundle(0)), np.empty(0, EVENT), 1.0, np.random.default_rng(0))


@given(st.lists(st.integers(0, 5000), min_size=1))
def test_ticks_are_the_inverse_of_seconds(ticks):
    score = piece(480)
    assert score.ticks(score.seconds(ticks)).tolist() == ticks


class Told(NeuralModel):
    """Keeps what it is told of the beat, by the time of what it hears."""

    def reset(self):
        super().reset()
        self.told = []

    def feed(self, event, beat=None):
        self.told.append((event.at, beat))
        super().feed(event, beat)

    def sample(self, constraints, rng):
        self.told.append((constraints.earliest, constraints.beat))
        return super().sample(constraints, rng)


def test_who_goes_on_is_told_where_the_beats_of_the_piece_fall():
    score, model = piece(), Told(RandomBundle(3))
    beats = known_beats(score)
    continued(model, score.events(), 4.0, np.random.default_rng(0), beats=beats)
    assert len(model.told) > 40
    assert {at > 2.4 for at, _ in model.told} == {False, True}
    for at, beat in model.told:
        assert beat == grid_at(beats, at)
        assert beat.meter == 3
        assert beat.tempo == pytest.approx(100 if at < 2.4 else 150)
    continued(Told(RandomBundle(3)), score.events(), 1.0, np.random.default_rng(0))  # nor need it be
