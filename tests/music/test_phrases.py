"""Phrases begin after rests and long notes, and nowhere in an even stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.phrases import boundary_strength, phrase_starts


def line(*lengths: float, gap: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A line of notes that follow one another, with a rest of `gap` seconds wherever a length is negative."""
    onset = np.cumsum([0.0, *(abs(one) + gap * (one < 0) for one in lengths[:-1])])
    pitch = 60 + np.tile([0, 2, 4, 5], len(lengths))[: len(lengths)]
    return onset, onset + np.abs(lengths), pitch


def test_a_phrase_begins_after_a_long_note() -> None:
    assert phrase_starts(*line(*[0.25] * 7, 1.5, *[0.25] * 7, 1.5, *[0.25] * 8)).tolist() == [0, 8, 16]


def test_a_phrase_begins_after_a_rest() -> None:
    assert phrase_starts(*line(*[0.25] * 7, -0.25, *[0.25] * 12, gap=1.0)).tolist() == [0, 8]


def test_an_even_stream_is_one_phrase() -> None:
    assert phrase_starts(np.arange(60.0), np.arange(60.0) + 1, np.full(60, 60)).tolist() == [0]


def test_a_chord_begins_a_phrase_with_its_first_note() -> None:
    onset, release, pitch = line(*[0.25] * 7, 1.5, *[0.25] * 8)
    doubled = np.repeat(onset, 2), np.repeat(release, 2), np.stack([pitch - 12, pitch], 1).ravel()
    assert phrase_starts(*doubled).tolist() == [0, 16]


def test_the_strength_is_that_of_the_paper() -> None:
    """Worked out by hand from its formulae: the change to both sides, times the size, over the largest."""
    pitch, step, rest = np.array([2.0, 2.0, 4.0, 2.0]), np.array([1.0, 1.0, 3.0, 1.0]), np.zeros(4)
    # Changes of pitch 0, 1/3, 1/3 and of time 0, 1/2, 1/2: sizes times both changes are 2/3 and 8/3, 1/2 and 3.
    expected = [0, 0.25 * (2 / 3) / (8 / 3) + 0.5 * 0.5 / 3, 0.75, 0]
    assert boundary_strength(np.stack([pitch, step, rest])) == pytest.approx(expected)


notes = st.lists(st.tuples(st.floats(0, 60), st.floats(0.01, 4), st.integers(0, 127)), max_size=60)


@given(notes)
def test_phrases_are_notes_in_order_and_the_first_note_begins_one(rows: list[tuple[float, float, int]]) -> None:
    rows.sort()
    onset, length, pitch = np.array([*zip(*rows, strict=True)]) if rows else np.empty((3, 0))
    starts = phrase_starts(onset, onset + length, pitch.astype(np.int64))
    assert starts[:1].tolist() == [0][: len(rows)]
    assert (np.diff(starts) > 0).all()
    assert (starts < max(len(rows), 1)).all()
