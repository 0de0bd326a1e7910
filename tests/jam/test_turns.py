"""When each policy lets the machine play."""

from __future__ import annotations

from antiphon.jam.controls import Settings
from antiphon.jam.turns import Answer, Together
from antiphon.music.event import Event

SETTINGS = Settings({"silence": 1.0, "answer": 4.0})
ON, OFF = Event(0.0, 0, 60, 80), Event(0.0, 0, 60, 0)


def test_answer_waits_for_silence_with_nothing_held() -> None:
    turns = Answer()
    turns.heard(ON, 1, 10.0)
    assert not turns.plays(15.0, SETTINGS)
    assert turns.changes(15.0, SETTINGS) is None
    turns.heard(OFF, 0, 16.0)
    assert turns.changes(16.0, SETTINGS) == 17.0
    assert not turns.plays(16.9, SETTINGS)
    assert turns.plays(17.0, SETTINGS)
    assert turns.changes(17.0, SETTINGS) == 21.0
    assert not turns.plays(21.0, SETTINGS)


def test_answer_never_answers_one_phrase_twice_nor_silence() -> None:
    turns = Answer()
    assert not turns.plays(0.0, SETTINGS)
    assert turns.changes(0.0, SETTINGS) is None
    turns.heard(ON, 1, 1.0)
    turns.heard(OFF, 0, 1.5)
    assert turns.plays(2.5, SETTINGS)
    assert not turns.plays(7.0, SETTINGS)
    assert turns.changes(7.0, SETTINGS) is None
    assert not turns.plays(1000.0, SETTINGS)


def test_playing_takes_the_turn_back_and_is_answered_anew() -> None:
    turns = Answer()
    turns.heard(ON, 1, 1.0)
    turns.heard(OFF, 0, 1.5)
    assert turns.plays(3.0, SETTINGS)
    turns.heard(ON, 1, 4.0)
    assert not turns.plays(4.0, SETTINGS)
    turns.heard(OFF, 0, 4.5)
    assert turns.plays(5.5, SETTINGS)


def test_a_rested_answer_waits_for_a_new_phrase() -> None:
    turns = Answer()
    turns.heard(ON, 1, 1.0)
    turns.rest()
    turns.heard(OFF, 0, 1.5)
    assert not turns.plays(9.0, SETTINGS)


def test_together_plays_from_the_first_note_until_a_while_after_the_last() -> None:
    turns = Together()
    assert not turns.plays(0.0, SETTINGS)
    turns.heard(ON, 1, 1.0)
    assert turns.plays(1.0, SETTINGS)
    assert turns.plays(100.0, SETTINGS)
    turns.heard(OFF, 0, 100.0)
    assert turns.changes(100.0, SETTINGS) == 104.0
    assert turns.plays(103.9, SETTINGS)
    assert not turns.plays(104.0, SETTINGS)
    assert turns.changes(104.0, SETTINGS) is None


def test_together_is_not_woken_from_rest_by_letting_go() -> None:
    turns = Together()
    turns.heard(ON, 2, 1.0)
    turns.rest()
    turns.heard(OFF, 1, 2.0)
    assert not turns.plays(2.0, SETTINGS)
