"""What the improviser does, one musical statement a test."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
import pytest

from antiphon.engine.model import Constraints, NothingPossible
from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from tests.jam.bands import ME, pair
from tests.jam.scripted import RandomModel


class Script:
    """Answers each question with the next line of a script: seconds after the earliest, pitch, velocity."""

    def __init__(self, lines: Iterable[tuple[float, int, int]] = ()) -> None:
        self.lines = deque(lines)
        self.heard: list[Event] = []
        self.asked: list[Constraints] = []

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        self.heard.append(event)

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        self.asked.append(constraints)
        if not self.lines:
            raise NothingPossible(f"the script of {rng} has ended")
        wait, pitch, velocity = self.lines.popleft()
        return Event(constraints.earliest + wait, ME, pitch, velocity)

    def snapshot(self) -> object:
        return tuple(self.heard)

    def restore(self, state: object) -> None:
        self.heard = list(state)  # type: ignore[call-overload]


def improviser(model: Script | RandomModel, **settings: object) -> Improviser:
    given = {"lookahead": 0.0, **settings}
    return Improviser(model, Settings(given), np.random.default_rng(1), pair())


def play_until(jam: Improviser, end: float) -> list[Event]:
    played = []
    while (at := jam.next_wake()) is not None and at <= end:
        played += jam.wake(max(at, jam._scene.now))
    return played + jam.wake(end)


def test_it_asks_for_nothing_before_anyone_has_played() -> None:
    jam = improviser(Script([(0.0, 60, 80)]))
    assert jam.next_wake() is None
    assert jam.wake(5.0) == []


def test_together_answers_a_note_while_it_still_sounds() -> None:
    model = Script([(0.25, 64, 70), (0.5, 64, 0)])
    jam = improviser(model)
    assert jam.receive(Event(1.0, 0, 60, 80), 1.0) == []
    assert play_until(jam, 3.0) == [Event(1.25, ME, 64, 70), Event(1.75, ME, 64, 0)]
    assert model.heard == [Event(1.0, 0, 60, 80), Event(1.25, ME, 64, 70), Event(1.75, ME, 64, 0)]


def test_a_note_that_was_only_planned_is_dropped_when_the_player_plays() -> None:
    model = Script([(5.0, 64, 70), (0.5, 67, 70)])
    jam = improviser(model, rest=30.0)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.wake(1.0)
    assert jam.next_wake() == 6.0
    jam.receive(Event(2.0, 0, 62, 80), 2.0)
    assert play_until(jam, 2.5) == [Event(2.5, ME, 67, 70)]
    assert Event(6.0, ME, 64, 70) not in model.heard


def test_a_late_onset_is_dropped_and_asked_for_again() -> None:
    model = Script([(0.1, 64, 70), (0.1, 65, 70)])
    jam = improviser(model, lateness=0.1)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.wake(1.0)
    assert jam.wake(1.5) == []
    assert jam.tally.late == 1
    assert play_until(jam, 1.6) == [Event(1.6, ME, 65, 70)]


def test_a_late_release_is_never_dropped() -> None:
    jam = improviser(Script([(0.0, 64, 70), (0.2, 64, 0)]))
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    play_until(jam, 1.1)
    assert jam.wake(3.0) == [Event(3.0, ME, 64, 0)]


def test_a_note_ends_even_when_the_model_never_ends_it() -> None:
    jam = improviser(Script([(0.0, 64, 70)]), length_max=2.0)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    assert play_until(jam, 10.0) == [Event(1.0, ME, 64, 70), Event(3.0, ME, 64, 0)]


def test_answer_is_silent_until_the_phrase_has_ended_then_answers_once() -> None:
    model = Script([(0.0, 64, 70), (0.2, 64, 0)] * 100)
    jam = improviser(model, policy="answer", silence=0.8, answer=4.0)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    assert play_until(jam, 5.0) == []
    jam.receive(Event(5.0, 0, 60, 0), 5.0)
    played = play_until(jam, 60.0)
    assert min(event.at for event in played) == 5.8
    assert max(event.at for event in played if event.is_onset) < 9.8
    assert max(event.at for event in played) <= 10.3
    assert len(played) % 2 == 0


def test_playing_takes_the_turn_back_and_what_sounds_rings_no_longer_than_asked() -> None:
    jam = improviser(Script([(0.0, 64, 70)]), policy="answer", silence=0.5, ring=0.3)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.receive(Event(1.5, 0, 60, 0), 1.5)
    assert play_until(jam, 2.5) == [Event(2.0, ME, 64, 70)]
    assert jam.receive(Event(3.0, 0, 62, 80), 3.0) == []
    assert play_until(jam, 9.0) == [Event(3.3, ME, 64, 0)]


def test_without_ringing_the_turn_ends_at_once() -> None:
    jam = improviser(Script([(0.0, 64, 70)]), policy="answer", silence=0.5, ring=0.0)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.receive(Event(1.5, 0, 60, 0), 1.5)
    play_until(jam, 2.5)
    assert jam.receive(Event(3.0, 0, 62, 80), 3.0) == [Event(3.0, ME, 64, 0)]


def test_while_it_must_not_play_only_releases_are_asked_for() -> None:
    model = Script([(0.0, 64, 70)])
    jam = improviser(model, policy="answer", silence=0.5, ring=5.0)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.receive(Event(1.5, 0, 60, 0), 1.5)
    play_until(jam, 2.5)
    jam.receive(Event(3.0, 0, 62, 80), 3.0)
    jam.wake(3.0)
    assert [voice.may_start for voice in model.asked[-1].voices.values()] == [False]


@pytest.mark.parametrize(
    "line",
    [(-1.0, 64, 70), (float("nan"), 64, 70), (0.0, 64, 0)],
    ids=["in the past", "never", "a release of silence"],
)
def test_a_model_that_breaks_its_word_is_not_played(line: tuple[float, int, int]) -> None:
    jam = improviser(Script([line, (0.0, 67, 70)]))
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    assert play_until(jam, 2.0) == []
    assert jam.tally.refused == 1
    jam.receive(Event(3.0, 0, 62, 80), 3.0)
    assert play_until(jam, 3.0) == [Event(3.0, ME, 67, 70)]


def test_a_note_decided_ahead_is_handed_out_before_it_sounds() -> None:
    jam = improviser(Script([(0.5, 64, 70)]), lookahead=0.1)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.wake(1.0)
    assert jam.next_wake() == pytest.approx(1.5)
    assert [event.at for event in jam.wake(1.5)] == [pytest.approx(1.6)]


def test_a_note_not_yet_sounding_is_closed_no_earlier_than_it_begins() -> None:
    jam = improviser(Script([(0.0, 64, 70)]), lookahead=0.5)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    assert play_until(jam, 1.0) == [Event(1.5, ME, 64, 70)]
    assert jam.stop(1.1) == [Event(1.5, ME, 64, 0)]


def test_panic_closes_everyones_notes() -> None:
    jam = improviser(Script([(0.0, 64, 70)]))
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    play_until(jam, 1.5)
    assert jam.panic(2.0) == [Event(2.0, ME, 64, 0)]
    assert len(jam.ledger) == 0
    assert play_until(jam, 9.0) == []
    assert jam.next_wake() is None


def test_after_a_stop_it_waits_for_a_new_note_of_the_player() -> None:
    jam = improviser(Script([(0.0, 64, 70), (9.0, 65, 70), (0.0, 65, 70)]))
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    play_until(jam, 1.5)
    jam.stop(2.0)
    jam.receive(Event(2.1, 0, 60, 0), 2.1)
    assert play_until(jam, 5.0) == []
    jam.receive(Event(6.0, 0, 60, 80), 6.0)
    assert play_until(jam, 6.0) == [Event(6.0, ME, 65, 70)]


def test_the_model_hears_a_clean_stream_from_an_unclean_player() -> None:
    model = Script()
    jam = improviser(model)
    for event in [Event(1.0, 0, 60, 0), Event(2.0, 0, 60, 80), Event(3.0, 0, 60, 90), Event(2.5, 0, 61, 90)]:
        jam.receive(event, 3.0)
    assert model.heard == [
        Event(2.0, 0, 60, 80),
        Event(3.0, 0, 60, 0),
        Event(3.0, 0, 60, 90),
        Event(3.0, 0, 61, 90),
    ]


def test_the_player_cannot_play_the_machines_instrument() -> None:
    with pytest.raises(ValueError, match="instrument 256 is the machine's"):
        improviser(Script()).receive(Event(1.0, ME, 60, 80), 1.0)


def test_a_control_turned_is_heard_in_the_next_prediction() -> None:
    model = Script([(5.0, 64, 70)])
    jam = improviser(model, rest=30.0)
    jam.receive(Event(1.0, 0, 60, 80), 1.0)
    jam.wake(1.0)
    jam.set("polyphony", 2, 1.0)
    jam.wake(1.0)
    assert [c.voices[ME].max_polyphony for c in model.asked] == [4, 2]
    with pytest.raises(ValueError, match="polyphony cannot be 0"):
        jam.set("polyphony", 0, 1.0)
    assert jam.settings["polyphony"] == 2


def test_the_same_seed_plays_the_same() -> None:
    def duet() -> list[Event]:
        jam = improviser(RandomModel())
        jam.receive(Event(1.0, 0, 60, 80), 1.0)
        return play_until(jam, 20.0)

    assert duet() == duet() != []


def test_a_long_jam_keeps_the_models_context_to_the_memory() -> None:
    model = Script((0.05, 60 + i % 12, 70 * (1 - i // 12 % 2)) for i in range(2000))
    jam = improviser(model, memory=5.0, polyphony=32)
    jam.receive(Event(0.0, 0, 60, 80), 0.0)
    play_until(jam, 90.0)
    latest = model.heard[-1].at
    assert model.heard[0] == Event(0.0, 0, 60, 80), "the note still held is known"
    assert latest - model.heard[1].at < 1.5 * 5.0 + 1.0
