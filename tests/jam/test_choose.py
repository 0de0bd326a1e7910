"""Going on with another model in the middle of a jam: it knows what was played, and nothing that sounds is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine.markov import MarkovModel
from antiphon.engine.mixture import Mixture
from antiphon.engine.model import Model
from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.jam.journal import Journal, Line, events_of, perform
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from tests.jam.scripted import RandomModel
from tests.ports.fakes import pair


class Heard(RandomModel):
    """Remembers all that it was fed."""

    def __init__(self, pace: float = 0.05) -> None:
        super().__init__(pace)
        self.events: list[Event] = []

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        super().feed(event, beat)
        self.events.append(event)


def playing(model: Model, models: dict[str, Model]) -> Improviser:
    return Improviser(model, Settings(), np.random.default_rng(1), pair(), models=models.__getitem__)


def carried(jam: Improviser | Journal, until: float, now: float) -> list[Event]:
    """What is played up to `until`."""
    played: list[Event] = []
    for _ in range(10_000):
        due = jam.next_wake()
        if due is None or due > until:
            return played
        now = max(now, due)
        played += jam.wake(now)
    raise AssertionError("it never sleeps")


def test_the_other_model_is_told_what_was_played_before() -> None:
    first, second = Heard(), Heard()
    jam = playing(first, {"other": second})
    (player,) = jam.ensemble.instruments("input")[:1]
    for place, pitch in enumerate((60, 62, 64)):
        jam.receive(Event(place / 2, player, pitch, 80), place / 2)
        jam.receive(Event(place / 2 + 0.2, player, pitch, 0), place / 2 + 0.2)
    before = len(first.events)
    jam.choose("other", 1.5)
    assert jam.next_wake() is not None
    carried(jam, 3.0, 1.5)
    assert len(first.events) == before
    assert [e.pitch for e in second.events if e.instrument == player and e.is_onset][:3] == [60, 62, 64]


def test_a_model_that_is_not_there_changes_nothing() -> None:
    def none(name: str) -> Model:
        raise ValueError(f"{name}: no model")

    jam = Improviser(RandomModel(), Settings(), np.random.default_rng(1), pair(), models=none)
    with pytest.raises(ValueError, match="no model"):
        jam.choose("other", 0.0)
    plain = Improviser(RandomModel(), Settings(), np.random.default_rng(1), pair())
    with pytest.raises(ValueError, match="no other model"):
        plain.choose("other", 0.0)


def test_what_was_learned_stays_when_the_model_beside_the_learner_changes() -> None:
    learner = MarkovModel()
    jam = playing(Mixture(RandomModel(), learner, 0.5), {"other": RandomModel(0.02)})
    (player,) = jam.ensemble.instruments("input")[:1]
    for place in range(20):
        jam.receive(Event(place / 5, player, 60 + place % 5, 80), place / 5)
        jam.receive(Event(place / 5 + 0.1, player, 60 + place % 5, 0), place / 5 + 0.1)
    jam.choose("other", 4.0)
    carried(jam, 5.0, 4.0)
    mixed = jam._model
    assert isinstance(mixed, Mixture)
    assert mixed.learner is learner
    assert mixed.trained.name == "random"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), moments=st.lists(st.integers(0, 60), max_size=4))
def test_every_note_ends_and_the_journal_lives_it_again(seed: int, moments: list[int]) -> None:
    rng = np.random.default_rng(seed)
    lines: list[Line] = []

    def fresh() -> Improviser:
        models = lambda name: RandomModel({"a": 0.05, "b": 0.2}[name])  # noqa: E731 - it has no name of its own
        return Improviser(RandomModel(), Settings(), np.random.default_rng(seed), pair(), models=models)

    jam = Journal(fresh(), lines.append)
    (player,) = jam.ensemble.instruments("input")[:1]
    now, played = 0.0, list[Event]()
    for step in range(60):
        now += float(rng.exponential(0.08))
        played += carried(jam, now, now)
        played += jam.receive(Event(now, player, int(rng.integers(50, 60)), int(rng.integers(0, 2)) * 80), now)
        if step in moments:
            played += jam.choose("ab"[step % 2], now)
    played += jam.panic(now)
    sounding: set[tuple[int, int]] = set()
    for event in played:
        key = (event.instrument, event.pitch)
        assert event.is_onset != (key in sounding)
        (sounding.add if event.is_onset else sounding.discard)(key)
    assert not sounding
    again, answers = fresh(), list[Event]()
    for line in lines:
        if line[0] != ">":
            answers += perform(again, line)
    assert answers == [event for line in lines if line[0] == ">" for event in events_of(line)]
