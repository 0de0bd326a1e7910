"""What memory keeps, and that a model's context follows it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.memory import Context, Memory
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Ledger
from tests.jam.scripted import RandomModel

waits = st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(60, 63)), max_size=80)


def stream(steps: list[tuple[float, int]]) -> list[Event]:
    """A clean stream: each step strikes its pitch, or releases it where it sounds."""
    ledger, at, events = Ledger(), 0.0, []
    for wait, pitch in steps:
        at += wait
        events.append(Event(at, 0, pitch, 0 if (0, pitch) in ledger else 64))
        ledger.apply(events[-1])
    return events


class Listener(RandomModel):
    """Keeps all that it heard as its state."""

    def __init__(self) -> None:
        super().__init__()
        self.story: tuple[Event, ...] = ()
        self.beats: dict[Event, list[Grid | None]] = {}

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        super().feed(event, beat)
        self.story += (event,)
        self.beats.setdefault(event, []).append(beat)

    def snapshot(self) -> object:
        return super().snapshot(), self.story

    def restore(self, state: object) -> None:
        inner, self.story = state  # type: ignore[misc]
        super().restore(inner)


@given(waits, st.floats(0.5, 10.0))
def test_memory_is_the_last_seconds_as_a_clean_stream(steps: list[tuple[float, int]], seconds: float) -> None:
    memory, played = Memory(seconds), stream(steps)
    for event in played:
        memory.keep(event)
    kept, sounding = list(memory), Ledger()
    for event in kept:
        assert event.is_onset != ((event.instrument, event.pitch) in sounding)
        sounding.apply(event)
    recent = [event for event in played if event.at >= played[-1].at - seconds]
    assert kept[len(kept) - len(recent) :] == recent
    assert [event.at for event in kept] == sorted(event.at for event in kept)


@given(waits, st.integers(1, 9))
def test_a_context_is_never_much_longer_than_the_memory(steps: list[tuple[float, int]], chore: int) -> None:
    model = Listener()
    context = Context(model, seconds=4.0)
    for event in stream(steps):
        context.feed(event)
        while context.is_stale:
            context.renew(chore)
        within = [e for e in context.memory if e.at >= event.at - 4.0]
        assert list(model.story[len(model.story) - len(within) :]) == within
        begins = min((e.at for e in model.story if e in set(within)), default=event.at)
        assert begins >= event.at - 1.5 * 4.0
        ledger = Ledger()
        for heard in model.story:
            ledger.apply(heard)
        assert set(ledger) == set(model._ledger)


def test_renewal_goes_on_while_new_events_come_and_misses_none() -> None:
    model = Listener()
    context = Context(model, seconds=2.0)
    played = stream([(0.1, 60 + i % 4) for i in range(200)])
    for event in played:
        context.feed(event)
        if context.is_stale:
            context.renew(2)
    assert model.story[-20:] == tuple(played[-20:])
    assert model.story[0].at > 0.0


def test_a_storm_of_notes_stays_bounded() -> None:
    memory = Memory(600.0)
    for event in stream([(0.0001, 60 + i % 4) for i in range(10_000)]):
        memory.keep(event)
    assert len(memory) <= 4096 + 4


@given(waits, st.lists(st.integers(0, 3), min_size=80, max_size=80), st.integers(1, 9))
def test_what_is_heard_again_is_heard_with_the_beat_of_its_time(
    steps: list[tuple[float, int]], clocks: list[int], chore: int
) -> None:
    model = Listener()
    context = Context(model, seconds=3.0)
    known: dict[float, Grid | None] = {}  # by time: what was known last counts
    for event, clock in zip(stream(steps), clocks, strict=False):
        beat = Grid(0.0, 60.0 + 20 * clock) if clock else None
        context.feed(event, beat)
        known[event.at] = beat
        while context.is_stale:
            context.renew(chore)
    model.beats.clear()
    context.renew_all()
    while context.is_invalid:
        context.renew(chore)
    for event, beats in model.beats.items():
        if event.is_onset:
            assert beats == [known[event.at]]


def test_what_is_recalled_has_no_beat_of_this_session() -> None:
    model = Listener()
    context = Context(model, seconds=9.0)
    past, now = Event(1.5, 0, 62, 80), Event(2.0, 0, 64, 80)
    context.feed(Event(1.0, 0, 60, 80), Grid(0.0, 100.0))
    context.recall([past])
    context.feed(now, Grid(0.0, 100.0))
    while context.is_stale:
        context.renew(4)
    assert model.beats[past] == [None]
    assert model.beats[now] == [Grid(0.0, 100.0)]
