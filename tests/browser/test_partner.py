"""The partner answers whoever plays, however fast they play and however slow the machine is. Time is simulated."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.system("npm", "chromium")

SCRIPT = """async ([root, folder, score, how]) => {
    const { duet } = await import(`${root}/simulation.js`);
    return duet(`${root}/${folder}`, score, how);
}"""
INSTRUMENT, TIME = 0, 2
NOBODY_ELSE = {INSTRUMENT: [[0, 60.0]]}
"""Logits of a model that has heard so much of the visitor that it expects nobody else."""
BY_CHANCE = {INSTRUMENT: [[0, 4.0], [48, 4.0]], TIME: [[bin, 4.0] for bin in range(30)]}
LATE = BY_CHANCE | {TIME: [[30, 60.0]]}
"""Whatever it plays, it plays 0.3 s after the last event."""
LONGEST = 2.5
"""Seconds that a note of the partner's lasts at most."""
PITCHES = (60, 64, 67, 72, 71, 67, 64, 62)


@pytest.fixture
def duet(page, address):
    """Plays a duet in simulated time; gives what was played by the partner, and the delays of what it heard."""

    def play(score, told=None, *, seconds=20.0, feed=0.002, sample=0.002, seed=1):
        how = {"seconds": seconds, "feed": feed, "sample": sample, "seed": seed, "told": told}
        return SimpleNamespace(**page.evaluate(SCRIPT, [address, "box_int8", score, how]))

    return play


def melody(begin, end, every, length):
    """Notes without a pause: one `every` so many seconds, each so long."""
    notes = []
    for place in range(int((end - begin) / every)):
        at, pitch = begin + place * every, PITCHES[place % len(PITCHES)]
        notes += [[at, "hear", pitch, 88], [at + length, "hear", pitch, 0]]
    return sorted(notes)


def ceaseless(seconds=20.0):
    """Eight notes a second."""
    return melody(0.0, seconds, 0.125, 0.1)


def phrases(seconds):
    """Six notes and a pause, again and again."""
    return [act for begin in range(0, int(seconds), 4) for act in melody(begin, begin + 1.7, 0.28, 0.22)]


def onsets(played):
    return [event["at"] for event in played if event["velocity"]]


def longest_wait(played, seconds=20.0):
    """The most seconds without an onset."""
    return max(b - a for a, b in pairwise([0.0, *onsets(played), seconds]))


@pytest.mark.parametrize("thought", [0.001, 0.025, 0.05, 0.1])
def test_who_is_heard_alone_for_long_is_answered_all_the_same(duet, thought):
    """A model that expects nobody but the visitor must not keep the partner from ever playing."""
    answer = duet(ceaseless(), NOBODY_ELSE, feed=thought, sample=thought)
    assert longest_wait(answer.played) < 4.0


def test_who_waits_for_an_answer_gets_it(duet):
    answer = duet(melody(0, 0.5, 0.125, 0.1), NOBODY_ELSE, seconds=6.0)
    assert onsets(answer.played)
    assert onsets(answer.played)[0] < 5.0


@pytest.mark.parametrize(
    ("thought", "rate", "wait"), [(0.002, 2.0, 3.0), (0.02, 1.2, 3.5), (0.05, 0.4, 4.0), (0.1, 0.3, 5.0)]
)
def test_who_never_pauses_is_answered_on_a_slow_machine_too(duet, thought, rate, wait):
    """By the model in the box; `thought`: seconds that hearing an event takes, and as many for drawing one."""
    answer = duet(ceaseless(), feed=thought, sample=thought)
    assert len(onsets(answer.played)) / 20 > rate
    assert longest_wait(answer.played) < wait


def test_who_plays_phrases_is_not_talked_down(duet):
    score = phrases(24)
    answer = duet(score, seconds=24.0)
    assert 0.5 < len(onsets(answer.played)) / (len(score) / 2) < 1.3


def test_what_the_visitor_overtakes_is_thought_of_anew(duet):
    """It is for 0.3 s after what was heard last."""
    answer = duet([[at, "hear", 60 + place, 80] for place, at in enumerate((0.0, 0.1, 0.2))], LATE, seconds=1.0)
    assert min(onsets(answer.played)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("thought", [0.05, 0.1, 0.2])
def test_a_slow_machine_never_hears_long_after_the_visitor(duet, thought):
    answer = duet(ceaseless(), BY_CHANCE, feed=thought, sample=thought)
    assert max(answer.delays) < 0.25 + 5 * 1.3 * thought
    assert len(answer.delays) > 20


def test_who_begins_again_while_it_lies_down_to_rest_is_answered(duet):
    """Its last thought, that nothing is left to be done, takes a second."""
    score = [[0.0, "hear", 60, 80], [0.1, "hear", 60, 0]]
    for at in (7.5, 8.0, 8.5, 9.0):
        answer = duet([*score, [at, "hear", 64, 80]], BY_CHANCE, seconds=16.0, feed=0.1, sample=1.0)
        assert max(onsets(answer.played)) > at


@st.composite
def visits(draw):
    """A visitor who plays, presses Stop and chooses instruments as they like."""
    score, now, held = [], 0.0, set()
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.floats(0.0, 0.4))
        act = draw(st.sampled_from(["hear"] * 8 + ["silence", "instrument"]))
        if act == "hear":
            pitch = draw(st.integers(58, 66))
            score.append([now, act, pitch, 0 if pitch in held else 80])
            held ^= {pitch}
        else:
            score.append([now, act, *([draw(st.sampled_from([48, 73]))] if act == "instrument" else [])])
    return score + [[now + 0.1, "hear", pitch, 0] for pitch in held]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(score=visits(), thought=st.floats(0.0, 0.1), seed=st.integers(0, 2**32))
def test_every_note_of_its_own_is_legal_and_ends_in_time(duet, score, thought, seed):
    end = score[-1][0] + 15.0
    answer = duet(score, BY_CHANCE, seconds=end, feed=thought, sample=thought, seed=seed)
    held = {}
    for event in answer.played:
        key = event["instrument"], event["pitch"]
        assert event["at"] >= event["told"] - 1e-9, "it cannot sound in the past"
        assert (key in held) == (event["velocity"] == 0), "struck twice, or released in silence"
        if event["velocity"]:
            held[key] = event["at"]
            assert 43 <= event["pitch"] <= 88
            assert [instrument for instrument, _ in held].count(event["instrument"]) <= 3
        else:
            assert event["at"] - held.pop(key) < LONGEST + 0.25 + 8 * 1.3 * thought
    assert not held
    assert answer.sounding == []
    assert answer.isResting
