"""When each policy lets the machine play."""

from __future__ import annotations

from antiphon.jam.controls import Settings
from antiphon.jam.turns import Answer, Loop, Moment, Together, Trade, Turns
from antiphon.music.event import Event
from antiphon.music.grid import Grid

SETTINGS = Settings({"silence": 1.0, "answer": 4.0, "turn_bars": 2})
BAR = 2.0
GRID = Grid(origin=0.0, tempo=120.0)
ON, OFF = Event(0.0, 0, 60, 80), Event(0.0, 0, 60, 0)


def at(now: float, **settings: object) -> Moment:
    return Moment(now, Settings({**SETTINGS, **settings}), GRID)


def test_answer_waits_for_silence_with_nothing_held() -> None:
    turns = Answer()
    turns.heard(ON, 1, at(10.0))
    assert not turns.plays(at(15.0))
    assert turns.changes(at(15.0)) is None
    turns.heard(OFF, 0, at(16.0))
    assert turns.changes(at(16.0)) == 17.0
    assert not turns.plays(at(16.9))
    assert turns.plays(at(17.0))
    assert turns.changes(at(17.0)) == 21.0
    assert not turns.plays(at(21.0))


def test_answer_never_answers_one_phrase_twice_nor_silence() -> None:
    turns = Answer()
    assert not turns.plays(at(0.0))
    assert turns.changes(at(0.0)) is None
    turns.heard(ON, 1, at(1.0))
    turns.heard(OFF, 0, at(1.5))
    assert turns.plays(at(2.5))
    assert not turns.plays(at(7.0))
    assert turns.changes(at(7.0)) is None
    assert not turns.plays(at(1000.0))


def test_playing_takes_the_turn_back_and_is_answered_anew() -> None:
    turns = Answer()
    turns.heard(ON, 1, at(1.0))
    turns.heard(OFF, 0, at(1.5))
    assert turns.plays(at(3.0))
    turns.heard(ON, 1, at(4.0))
    assert not turns.plays(at(4.0))
    turns.heard(OFF, 0, at(4.5))
    assert turns.plays(at(5.5))


def test_a_rested_answer_waits_for_a_new_phrase() -> None:
    turns = Answer()
    turns.heard(ON, 1, at(1.0))
    turns.rest()
    turns.heard(OFF, 0, at(1.5))
    assert not turns.plays(at(9.0))


def test_together_plays_from_the_first_note_until_a_while_after_the_last() -> None:
    turns = Together()
    assert not turns.plays(at(0.0))
    turns.heard(ON, 1, at(1.0))
    assert turns.plays(at(1.0))
    assert turns.plays(at(100.0))
    turns.heard(OFF, 0, at(100.0))
    assert turns.changes(at(100.0)) == 104.0
    assert turns.plays(at(103.9))
    assert not turns.plays(at(104.0))
    assert turns.changes(at(104.0)) is None


def test_together_is_not_woken_from_rest_by_letting_go() -> None:
    turns = Together()
    turns.heard(ON, 2, at(1.0))
    turns.rest()
    turns.heard(OFF, 1, at(2.0))
    assert not turns.plays(at(2.0))


def test_a_turn_is_no_longer_than_the_bars_that_it_may_last() -> None:
    turns = Answer()
    turns.heard(ON, 1, at(0.0))
    turns.heard(OFF, 0, at(0.5))
    assert turns.plays(at(1.5, answer_bars=1))
    assert turns.changes(at(1.5, answer_bars=1)) == 1.5 + BAR


def test_trade_gives_each_their_bars() -> None:
    turns = Trade()
    turns.heard(ON, 1, at(0.3))
    assert [turns.plays(at(bar * BAR + 0.1)) for bar in range(1, 4)] == [False, True, True]
    assert turns.changes(at(0.5)) == 2 * BAR
    assert turns.changes(at(2 * BAR)) == 4 * BAR
    assert not turns.plays(at(4 * BAR))


def test_trade_rests_when_the_player_let_their_bars_pass() -> None:
    turns = Trade()
    turns.heard(ON, 1, at(0.3))
    turns.heard(OFF, 0, at(0.5))
    assert turns.plays(at(2 * BAR))
    assert not turns.plays(at(6.5 * BAR))
    assert turns.changes(at(8 * BAR)) is None


def test_trade_begins_anew_where_the_player_comes_in_again() -> None:
    turns = Trade()
    turns.heard(ON, 1, at(0.0))
    turns.heard(ON, 1, at(6.5 * BAR))  # the machine's bars, had they played before
    assert not turns.plays(at(7.5 * BAR))
    assert turns.plays(at(8.1 * BAR))


def test_loop_plays_its_bars_once_and_then_it_is_repeated() -> None:
    turns = Loop()
    turns.heard(ON, 1, at(1.0))
    assert turns.repeats
    assert turns.plays(at(1.0 + 1.9 * BAR))
    assert turns.changes(at(1.0)) == 1.0 + 2 * BAR
    turns.heard(ON, 1, at(9.0))
    assert not turns.plays(at(9.0))


def test_whatever_was_said_of_the_next_change_nothing_changes_before() -> None:
    for turns in (Answer(), Together(), Trade(), Loop()):
        assert_changes_come_when_told(turns)


def assert_changes_come_when_told(turns: Turns) -> None:
    turns.heard(ON, 1, at(0.25))
    turns.heard(OFF, 0, at(0.5))
    now, plays = 0.5, turns.plays(at(0.5))
    for _ in range(20):
        change = turns.changes(at(now))
        if change is None:
            return
        assert turns.plays(at((now + change) / 2)) == plays
        now, plays = change, turns.plays(at(change))
