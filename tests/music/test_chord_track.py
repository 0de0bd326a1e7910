"""The chords of a piece are those that sound, from when they sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.chord_track import CHORD, TRACK_QUALITIES, chord_track, stretches
from antiphon.music.chords import QUALITIES, Chord
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score


def played(*chords: tuple[float, float, tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Notes of chords, each given by its begin, its end and its pitches."""
    rows = sorted((begin, end, pitch) for begin, end, pitches in chords for pitch in pitches)
    onset, release, pitch = np.array(rows).T
    return onset, release, pitch.astype(np.int64)


def names(found: tuple[np.ndarray, np.ndarray]) -> list[tuple[float, str]]:
    at, chords = found
    return [
        (float(when), str(Chord(int(c["root"]), TRACK_QUALITIES[c["quality"]], int(c["bass"]))))
        for when, c in zip(at, chords, strict=True)
    ]


def test_a_cadence_is_found_chord_by_chord_and_what_lasts_is_one() -> None:
    notes = played((0, 2, (48, 64, 67)), (2, 4, (53, 60, 69)), (4, 6, (43, 65, 71, 74)), (6, 8, (48, 64, 67)))
    found = chord_track(*notes, np.arange(9.0))
    assert names(found) == [(0, "C"), (2, "F"), (4, "G7"), (6, "C")]
    assert (found[1]["confidence"] == 255).all()


def test_an_inversion_has_its_bass() -> None:
    assert names(chord_track(*played((0, 1, (52, 60, 67))), np.arange(2.0))) == [(0, "C/E")]


def test_a_passing_note_is_no_part_of_the_chord_and_a_lone_note_is_none() -> None:
    notes = played((0, 1, (48, 64, 67)), (0.4, 0.6, (74,)), (1, 2, (73,)), (2, 3, (50, 65, 69)))
    assert names(chord_track(*notes, np.arange(4.0))) == [(0, "C"), (2, "Dm")]


@given(st.integers(0, 11), st.sampled_from(TRACK_QUALITIES), st.integers(3, 5))
def test_every_chord_is_recognised_in_every_key(root: int, quality: str, octave: int) -> None:
    pitches = tuple(12 * octave + root + step for step in QUALITIES[quality])
    ((_, name),) = names(chord_track(*played((0, 1, pitches)), np.arange(2.0)))
    if quality == "aug":
        assert name.partition("/")[0].endswith("aug")  # its three notes are each a root
    else:
        assert name == str(Chord(root, quality, root))


def test_no_music_has_no_chords() -> None:
    at, chords = chord_track(np.empty(0), np.empty(0), np.empty(0, np.int64), np.arange(3.0))
    assert (len(at), len(chords), chords.dtype) == (0, 0, CHORD)


def score(*meters: tuple[int, int, int], quarters: int) -> Score:
    notes = np.array([(0, 480 * quarters, 60, 80)], NOTE)
    return Score(480, (Part(0, False, notes),), np.array([(0, 500_000)], TEMPO), np.array([*meters], METER))


@pytest.mark.parametrize(
    ("meters", "quarters", "expected"),
    [
        ([], 6, [0, 2, 4, 6]),
        ([(0, 4, 4)], 8, [0, 2, 4, 6, 8]),
        ([(0, 3, 4)], 3, [0, 1, 2, 3]),
        ([(0, 6, 8)], 6, [0, 1.5, 3, 4.5, 6]),
        ([(0, 9, 8)], 9, [0, 1.5, 3, 4.5, 6, 7.5, 9]),
        ([(0, 4, 4), (480 * 4, 3, 4)], 6, [0, 2, 4, 5, 6]),
    ],
)
def test_stretches_are_half_bars_or_beats(
    meters: list[tuple[int, int, int]], quarters: int, expected: list[float]
) -> None:
    assert (stretches(score(*meters, quarters=quarters), on_grid=True) * 2).tolist() == expected


def test_without_a_beat_stretches_are_seconds() -> None:
    assert stretches(score((0, 4, 4), quarters=5), on_grid=False).tolist() == [0, 1, 2, 3]
