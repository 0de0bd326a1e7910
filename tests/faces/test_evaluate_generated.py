"""What is measured of music that was made: against the data's own way on, and against the training music."""

from __future__ import annotations

import math

import numpy as np
import pytest

from antiphon.faces.evaluate_generated import BASELINES, Excerpt, Made, copies, excerpts, generated, measured
from antiphon.faces.evaluate_pieces import Piece
from antiphon.faces.evaluate_tables import Table, printed
from antiphon.music.event import EVENT, Events
from antiphon.music.measures import unclosed
from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET

NOTHING = np.empty(0, EVENT)


@pytest.fixture(scope="module")
def menuet() -> Piece:
    return Piece("menuet", "dances", read_midi(MENUET).events())


@pytest.fixture(scope="module")
def found(menuet: Piece) -> list[Excerpt]:
    return excerpts([menuet], 1, 8.0, 5.0)


def test_only_pieces_that_are_long_enough_are_gone_on_with(menuet: Piece, found: list[Excerpt]) -> None:
    short = Piece("short", "dances", menuet.events[:40])
    assert [one.name for one in excerpts([short, menuet, menuet, menuet], 2, 8.0, 5.0)] == ["menuet", "menuet"]
    assert excerpts([short], 2, 8.0, 5.0) == []
    (one,) = found
    assert unclosed(one.events) == 0
    assert one.events["at"].max() <= 13


def test_every_system_goes_on_where_the_piece_was_left_and_ends_in_time(found: list[Excerpt]) -> None:
    made = generated({}, found, 0, lambda n: None)
    assert set(made) == set(BASELINES)
    for (one,) in made.values():
        for events in (one.follows, one.part):
            assert len(events)
            assert events["at"].min() >= 8 - 0.01
            assert events["at"].max() <= 13
            assert unclosed(events) == 0


def test_the_data_is_what_it_is_held_to(found: list[Excerpt]) -> None:
    figures = measured(generated({}, found, 0, lambda n: None), found, 0)
    data, chance = figures["data"]["measures"], figures["uniform"]["measures"]
    assert data["pitch_in_key"]["mean"] > chance["pitch_in_key"]["mean"]
    assert data["scale_consistency"]["mean"] > chance["scale_consistency"]["mean"]
    assert figures["data"]["distances"]["note_length"]["kl"] == pytest.approx(0, abs=1e-9)
    assert figures["uniform"]["distances"]["note_length"]["kl"] > 0.01


def test_a_copy_of_the_training_music_is_named_and_a_shuffled_one_is_not(menuet: Piece) -> None:
    copied = menuet.events[40:160].copy()
    copied["pitch"] += 2
    shuffled = copied.copy()
    shuffled["pitch"] = np.random.default_rng(0).permutation(copied["pitch"])
    library: list[Events] = [copied[:0], menuet.events]
    made = {"thief": [Made(copied, NOTHING, NOTHING)], "own": [Made(shuffled, NOTHING, NOTHING)]}
    told = copies(made, library, ["nothing", "menuet"])
    assert told["thief"]["longest"] == (copied["velocity"] > 0).sum()
    assert told["thief"]["longest_from"] == "menuet"
    assert told["own"]["longest"] < 15


def test_a_table_is_printed_with_its_numbers_to_the_right() -> None:
    table = Table("Title", ("", "a"), [("one", "1.00"), ("three", "10.00")], "a word")
    assert printed(table).splitlines() == ["Title", "             a", "  one     1.00", "  three  10.00", "  (a word)"]


def test_what_cannot_be_measured_is_a_dash_and_no_number(found: list[Excerpt]) -> None:
    silent = {name: [Made(NOTHING, NOTHING, NOTHING)] for name in ("data", "silent")}
    assert math.isnan(measured(silent, found, 0)["silent"]["measures"]["polyphony"]["mean"])
