"""Playing with a given part off-line: in one's own range, closed, and beside what is given."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.compose.accompaniment import accompanied, repeated, two_players
from antiphon.engine.judge_chance import chance_model
from antiphon.music.event import ANONYMOUS, EVENT, Events
from antiphon.music.measures import double_onsets, unclosed
from antiphon.music.midi_read import read_midi
from antiphon.music.notes import notes_of
from antiphon.tunes import MENUET


@pytest.fixture(scope="module")
def menuet() -> Events:
    return read_midi(MENUET).events()


def stream(*notes: tuple[float, float, int, int]) -> Events:
    """Events of notes (onset, release, instrument, pitch)."""
    rows = [(on, i, p, 80) for on, _, i, p in notes] + [(off, i, p, 0) for _, off, i, p in notes]
    return np.array(sorted(rows, key=lambda row: (row[0], row[3] > 0)), EVENT)


def test_the_highest_part_is_one_player_and_all_else_the_other() -> None:
    events = stream((0, 1, 40, 76), (0, 1, 32, 40), (0, 1, 128, 90))
    own, others = two_players(events)
    assert set(own["instrument"]) == {40}
    assert set(others["instrument"]) == {32, 128}
    assert [len(part) for part in two_players(stream((0, 1, 128, 36)))] == [0, 0]


def test_one_instrument_alone_is_divided_between_two_hands(menuet: Events) -> None:
    own, others = two_players(menuet)
    assert len(own) + len(others) == len(menuet)
    assert set(others["instrument"]) >= {ANONYMOUS} or len(set(menuet["instrument"])) > 1
    assert own["pitch"].mean() > others["pitch"].mean()
    assert unclosed(own) == unclosed(others) == 0


@pytest.mark.parametrize("seed", range(3))
def test_what_is_played_beside_a_part_is_closed_and_in_its_own_range(menuet: Events, seed: int) -> None:
    own, given = two_players(menuet)
    instruments = set(own["instrument"].tolist())
    before, after = (menuet[menuet["at"] < 8], given[(given["at"] >= 8) & (given["at"] < 14)])
    played = accompanied(chance_model(), before, after, instruments, 14.0, np.random.default_rng(seed))
    assert len(played)
    assert set(played["instrument"].tolist()) <= instruments
    assert played["at"].min() >= 7.9
    assert played["at"].max() <= 14
    assert (np.diff(played["at"]) >= 0).all()
    assert unclosed(played) == double_onsets(played) == 0


def test_nobody_can_play_beside_who_never_played(menuet: Events) -> None:
    with pytest.raises(ValueError, match="no notes"):
        accompanied(chance_model(), menuet, menuet[:0], {77}, 99.0, np.random.default_rng(0))


def test_a_phrase_comes_again_and_again() -> None:
    before = stream((0, 0.5, 0, 60), (1, 1.5, 0, 62), (2, 2.5, 0, 64), (3, 3.5, 0, 65))
    notes = notes_of(repeated(before, 4.0, 2.0, 5.0))
    assert notes["onset"].tolist() == [4, 5, 6, 7, 8]
    assert notes["pitch"].tolist() == [64, 65, 64, 65, 64]
    with pytest.raises(ValueError, match="phrase"):
        repeated(before, 4.0, 0.0, 5.0)


def test_a_note_that_a_phrase_cuts_is_closed() -> None:
    events = repeated(stream((1, 9, 0, 60)), 2.0, 1.0, 2.5)
    assert notes_of(events)["duration"].tolist() == [1, 1, 0.5]
    assert unclosed(events) == 0
