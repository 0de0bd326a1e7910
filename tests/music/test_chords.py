"""Every chord is known by its notes, however they are laid out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.chords import QUALITIES, Chord, recognise

roots = st.integers(0, 11)
qualities = st.sampled_from(sorted(QUALITIES))


def chords_of(pitch_classes: frozenset[int]) -> set[int]:
    """The roots of all chords of the table that consist of just these notes."""
    return {
        root
        for root in range(12)
        for steps in QUALITIES.values()
        if frozenset((root + step) % 12 for step in steps) == pitch_classes
    }


@given(roots, qualities, st.data())
def test_every_chord_in_every_inversion_and_spread_is_known(root: int, quality: str, data: st.DataObject) -> None:
    classes = sorted((root + step) % 12 for step in QUALITIES[quality])
    bass = data.draw(st.sampled_from(classes))
    pitches = [36 + bass] + [48 + c + 12 * data.draw(st.integers(0, 4)) for c in classes]
    found = recognise(data.draw(st.permutations(pitches)))
    assert found is not None
    assert found.bass == bass
    assert found.pitch_classes == set(classes)
    possible = chords_of(frozenset(classes))
    if len(possible) == 1:
        assert (found.root, found.quality) == (root, quality)
    elif bass in possible:
        assert found.root == bass


@given(qualities, roots, st.lists(st.integers(0, 100), min_size=1, max_size=8))
def test_a_chord_transposed_is_the_same_chord_transposed(quality: str, by: int, pitches: list[int]) -> None:
    here, there = recognise(pitches), recognise(pitch + by for pitch in pitches)
    assert (here is None) == (there is None)
    if here is not None and there is not None and len(chords_of(here.pitch_classes)) == 1:
        assert (there.root - here.root) % 12 == by
        assert there.quality == here.quality


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ([60, 64, 67], "C"),
        ([64, 67, 72], "C/E"),
        ([57, 60, 64, 67], "Am7"),
        ([60, 64, 67, 69], "C6"),
        ([55, 60, 64, 69], "Am7/G"),
        ([60, 63, 66, 69], "Cdim7"),
        ([63, 66, 69, 72], "Ebdim7"),
        ([60, 64, 68], "Caug"),
        ([60, 65, 67], "Csus4"),
        ([65, 67, 72], "Fsus2"),
        ([43, 50], "G5"),
        ([50, 55], "G5/D"),
        ([43, 59, 65], "G7"),
        ([43, 53, 57, 60], "Fadd9/G"),
        ([43, 53, 57, 60, 62], "G9sus4"),
        ([52, 62, 68, 71, 79], "E7#9"),
        ([48, 62, 64, 67], "Cadd9"),
    ],
)
def test_chords_as_musicians_write_them(pitches: list[int], name: str) -> None:
    found = recognise(pitches)
    assert found is not None
    assert found.name == str(found) == name


@pytest.mark.parametrize("pitches", [[], [60], [60, 72], [60, 64], [60, 61, 62], list(range(60, 72))])
def test_what_is_no_chord_has_no_name(pitches: list[int]) -> None:
    assert recognise(pitches) is None


def test_what_cannot_be_a_chord_is_refused() -> None:
    with pytest.raises(ValueError, match="root 12"):
        Chord(12, "m", 0)
    with pytest.raises(ValueError, match="no chord is called 'maj'"):
        Chord(0, "maj", 0)
