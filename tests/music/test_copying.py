"""Copies are found in any key and tempo, up to where they were changed; what was shuffled is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.copying import Copy, longest_copies, steps_of
from antiphon.music.event import EVENT, Events


def tune(pitches: np.ndarray, instrument: int = 0, every: float = 0.25) -> Events:
    at = np.arange(len(pitches)) * every
    rows = [
        row for t, p in zip(at, pitches, strict=True) for row in ((t, instrument, p, 80), (t + 0.2, instrument, p, 0))
    ]
    return np.array(sorted(rows, key=lambda row: (row[0], row[3])), EVENT)


def random_pitches(seed: int, n: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).integers(50, 80, n)


LIBRARY = [tune(random_pitches(i)) for i in range(1, 9)]


def test_a_passage_is_found_transposed_slowed_and_on_another_instrument() -> None:
    copied = tune(
        np.concatenate([random_pitches(99, 40), random_pitches(3)[100:160] + 5, random_pitches(98, 40)]), 40, 0.4
    )
    (copy,) = longest_copies([copied], LIBRARY)
    assert 60 <= copy.notes <= 62
    assert copy.piece == 2


def test_a_change_ends_a_passage() -> None:
    pitches = random_pitches(5)[50:150].copy()
    pitches[60] += 1
    (copy,) = longest_copies([tune(pitches)], LIBRARY)
    assert copy == Copy(60, 4)


def test_what_is_shuffled_is_no_copy() -> None:
    pitches = np.random.default_rng(0).permutation(random_pitches(5))
    (copy,) = longest_copies([tune(pitches)], LIBRARY)
    assert copy == Copy(0, -1)


def test_chords_are_copied_however_they_are_rolled_but_are_no_melody() -> None:
    rng = np.random.default_rng(2)
    chords = [sorted(rng.choice(np.arange(50, 80), 3, replace=False)) for _ in range(20)]

    def struck(roll: float) -> Events:
        rows = [(i * 0.5 + k * roll, 0, p, 80) for i, chord in enumerate(chords) for k, p in enumerate(chord[::-1])]
        return np.array(sorted(rows, key=lambda row: row[0]), EVENT)

    assert longest_copies([struck(0.01)], [struck(0.0)])[0].notes == 60
    assert longest_copies([struck(0.1)], [struck(0.0)])[0].notes == 0


def test_drums_and_silence_copy_nothing() -> None:
    drums = tune(random_pitches(1), instrument=128)
    assert longest_copies([drums, np.empty(0, EVENT)], [drums]) == [Copy(0, -1)] * 2
    assert longest_copies([], LIBRARY) == []
    assert longest_copies([LIBRARY[0]], []) == [Copy(0, -1)]


SHORT = st.lists(st.integers(58, 61), min_size=1, max_size=24)


@given(SHORT, SHORT)
@settings(max_examples=60)
def test_the_longest_passage_is_that_of_looking_everywhere(a: list[int], b: list[int]) -> None:
    first, second = tune(np.array(a)), tune(np.array(b))
    x, y = steps_of(first).tolist(), steps_of(second).tolist()
    theirs = {tuple(y[i:j]) for i in range(len(y)) for j in range(i + 1, len(y) + 1)}
    longest = max(
        (j - i for i in range(len(x)) for j in range(i + 1, len(x) + 1) if tuple(x[i:j]) in theirs), default=0
    )
    (copy,) = longest_copies([first], [second], shortest=2)
    assert copy.notes == (longest + 1 if longest else 0)


@pytest.mark.parametrize("seed", range(3))
def test_many_pieces_are_searched_as_if_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from antiphon.music import copying

    queries = [tune(random_pitches(seed + 1)[20:50]), tune(random_pitches(seed + 2)[20:90]), tune(random_pitches(50))]
    together = longest_copies(queries, LIBRARY)
    monkeypatch.setattr(copying, "_AT_ONCE", 10)
    assert longest_copies(queries, LIBRARY) == together
    assert [copy.notes for copy in together] == [30, 70, 0]
