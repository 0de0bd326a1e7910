"""Keys and measures of music, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music import measures
from antiphon.music.event import EVENT, Events, is_drum
from antiphon.music.key import Key, find_key, pitch_class_time
from antiphon.music.notes import drums, notes_of


def stream(*notes: tuple[float, float, int], instrument: int = 0) -> Events:
    """Events of notes (onset, release, pitch)."""
    rows = [(on, instrument, pitch, 80) for on, _, pitch in notes] + [
        (off, instrument, pitch, 0) for _, off, pitch in notes
    ]
    return np.array(sorted(rows, key=lambda row: (row[0], row[3] > 0)), EVENT)


def melody(*pitches: int, seconds: float = 0.5) -> Events:
    return stream(*((i * seconds, (i + 1) * seconds, pitch) for i, pitch in enumerate(pitches)))


NOTHING = np.empty(0, EVENT)
C_MAJOR = melody(60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60)


def test_notes_last_until_released_struck_again_or_the_end() -> None:
    events = np.array([(0, 0, 60, 80), (1, 0, 60, 90), (2, 0, 60, 0), (2.5, 5, 61, 70), (4, 0, 99, 0)], EVENT)
    assert notes_of(events).tolist() == [(0, 1, 0, 60, 80), (1, 1, 0, 60, 90), (2.5, 1.5, 5, 61, 70)]
    assert len(notes_of(NOTHING)) == 0


def test_drums_are_told_alike_one_by_one_and_in_arrays() -> None:
    assert drums(np.arange(320)).tolist() == [is_drum(i) for i in range(320)]


def test_pitch_classes_are_weighed_by_time() -> None:
    time = pitch_class_time(np.concatenate([stream((0, 1, 60), (1, 3, 72)), stream((3, 9, 36), instrument=128)]))
    assert time.tolist() == [3.0] + [0.0] * 11


@pytest.mark.parametrize("transpose", range(12))
def test_keys_are_found_in_every_transposition(transpose: int) -> None:
    major = find_key(melody(*(p + transpose for p in (60, 64, 67, 65, 62, 67, 71, 72, 60))))
    minor = find_key(melody(*(p + transpose for p in (57, 60, 64, 62, 59, 64, 68, 69, 57))))
    assert major is not None
    assert minor is not None
    assert (major.tonic, major.mode) == (transpose, "major")
    assert (minor.tonic, minor.mode) == ((9 + transpose) % 12, "minor")
    assert 0 < major.confidence <= 2


def test_there_is_no_key_without_pitches() -> None:
    assert find_key(NOTHING) is None
    assert find_key(stream((0, 1, 36), instrument=128)) is None
    assert find_key(melody(*range(60, 72))) is None


def test_a_key_knows_its_name_and_scale() -> None:
    assert str(Key(10, "major")) == "Bb major"
    assert Key(0, "major").scale == {0, 2, 4, 5, 7, 9, 11}
    assert Key(9, "minor").scale == {9, 11, 0, 2, 4, 5, 7, 8}


def test_entropy_of_pitch_classes() -> None:
    assert measures.pitch_class_entropy(melody(60, 72, 48)) == 0
    assert measures.pitch_class_entropy(melody(60, 61, 62, 63)) == pytest.approx(2)
    assert measures.pitch_class_entropy(melody(*range(60, 72))) == pytest.approx(math.log2(12))


def test_scale_consistency_is_that_of_the_best_scale() -> None:
    assert measures.scale_consistency(C_MAJOR) == 1
    assert measures.scale_consistency(melody(60, 62, 64, 66, 67, 61, 63, 65)) == pytest.approx(5 / 8)


def test_key_agreement_is_a_share_of_time() -> None:
    part = stream((0, 3, 60), (3, 4, 61))
    assert measures.key_agreement(part, Key(0, "major")) == pytest.approx(0.75)


def test_density_counts_onsets_a_second() -> None:
    assert measures.note_density(melody(60, 62, 64, 65)) == pytest.approx(2)


def test_polyphony_and_silence_are_measured_in_time() -> None:
    events = stream((0, 2, 60), (1, 2, 64), (3, 4, 60))
    assert measures.polyphony(events) == pytest.approx(4 / 3)
    assert measures.silence_share(events) == pytest.approx(1 / 4)
    assert measures.note_lengths(events).tolist() == [2, 1, 1]


def test_a_machine_gun_is_heard() -> None:
    events = stream((0, 0.02, 60), (0.03, 0.05, 60), (0.06, 0.08, 60), (0.5, 1, 60))
    assert measures.machine_gun_rate(events) == pytest.approx(2 / 4)
    assert measures.machine_gun_rate(stream((0, 0.02, 60), (0.03, 0.05, 61))) == 0


def test_the_longest_repeat_is_of_one_instrument_on_one_pitch() -> None:
    events = np.concatenate([melody(60, 60, 62, 62, 62, 60), melody(62, 62, 62, 62)])
    assert measures.longest_repeat(melody(60, 60, 62, 62, 62, 60)) == 3
    assert measures.longest_repeat(stream((0, 1, 60), (2, 3, 60))) == 2
    assert measures.longest_repeat(NOTHING) == 0
    with pytest.raises(ValueError, match="backwards"):
        measures.longest_repeat(events)


def test_what_is_left_sounding_is_counted() -> None:
    events = np.array([(0, 0, 60, 80), (0, 1, 60, 80), (1, 0, 60, 80), (2, 1, 60, 0)], EVENT)
    assert measures.unclosed(events) == 1
    assert measures.double_onsets(events) == 1
    assert measures.unclosed(NOTHING) == measures.double_onsets(NOTHING) == 0


def test_nothing_measures_as_nothing() -> None:
    found = measures.evaluate(NOTHING)
    assert {name for name, value in found.items() if value == 0} == {"longest_repeat", "unclosed", "double_onsets"}
    assert all(value == 0 or math.isnan(value) for value in found.values())


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.001, 10), st.integers(0, 127), st.integers(0, 319)), max_size=30)
)
def test_shares_are_shares_whatever_is_played(notes: list[tuple[float, float, int, int]]) -> None:
    rows = [(at, who, pitch, 80) for at, _, pitch, who in notes] + [
        (at + for_, who, p, 0) for at, for_, p, who in notes
    ]
    found = measures.evaluate(np.array(sorted(rows, key=lambda row: row[0]), EVENT))
    for name in ("scale_consistency", "silence_share", "machine_gun_rate"):
        assert math.isnan(found[name]) or 0 <= found[name] <= 1
    assert math.isnan(found["polyphony"]) or found["polyphony"] >= 1 - 1e-9
    assert all(value >= 0 or math.isnan(value) for value in found.values())


def test_every_measure_is_listed() -> None:
    public = {name for name in vars(measures) if getattr(vars(measures)[name], "__module__", "") == measures.__name__}
    assert {name for name in public if not name.startswith("_")} == set(measures.__all__)
    assert measures.__all__ == sorted(measures.__all__)
