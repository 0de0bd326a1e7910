"""A jam in real time, kept short: what leaves is on time, closed, and recorded, whatever fails."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.ledger import Ledger
from antiphon.ports.base import Listener, Nowhere, PortError
from antiphon.ports.host import run_live
from antiphon.ports.meter import Meter
from antiphon.ports.player import TunePlayer
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from tests.jam.scripted import RandomModel
from tests.ports.fakes import Tape, random_jam, tune

TUNE = tune((0.0, 0.2, 60), (0.1, 0.3, 64), (0.3, 0.5, 67))
HELD = tune((0.0, 60.0, 60))


class Script:
    """A player who does what `play` tells the listener."""

    def __init__(self, play: Callable[[Listener], None]) -> None:
        self._play = play

    def start(self, listener: Listener) -> None:
        threading.Thread(target=self._play, args=(listener,), daemon=True).start()

    def close(self) -> None:
        pass


def assert_all_closed(tape: Tape) -> None:
    ledger = Ledger()
    for _, event in tape.taken:
        ledger.apply(event)
    assert len(ledger) == 0


def machine_of(jam: Improviser) -> set[int]:
    return set(jam.ensemble.instruments("auto"))


def test_a_live_duet_ends_by_itself_with_every_note_closed() -> None:
    tape, recorder, meter = Tape(), Recorder(), Meter()
    why = run_live(random_jam(answer=0.5), TunePlayer(TUNE, tape), tape, recorder, meter)
    assert why == "the tune is over"
    assert tape.closed
    assert_all_closed(tape)
    assert len(recorder.as_it_came(PLAYER)) == len(TUNE)
    assert len(recorder.as_it_came(MACHINE)) > 5
    assert meter.feed.count == meter.queue.count == len(TUNE)
    assert 1 <= meter.end_to_end.count <= 3
    assert meter.recent(time.monotonic())["feed"]["count"] == len(TUNE)
    assert meter.recent(time.monotonic() + 60.0)["feed"] == {"count": 0}


def test_the_machine_is_posted_before_its_time_and_in_order() -> None:
    tape, jam = Tape(), random_jam(answer=0.5)
    run_live(jam, TunePlayer(TUNE, Nowhere()), tape, Recorder(), Meter())
    heard = [event.at for _, event in tape.taken[:-1]]
    assert heard == sorted(heard)
    assert {event.instrument for _, event in tape.taken} == machine_of(jam)


def test_it_stops_after_the_seconds_it_was_given() -> None:
    tape = Tape()
    begun = time.monotonic()
    why = run_live(random_jam(), TunePlayer(TUNE, tape), tape, Recorder(), Meter(), seconds=0.4)
    assert why == "its time is over"
    assert 0.4 <= time.monotonic() - begun < 5.0
    assert_all_closed(tape)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_cleanly_in_the_middle_of_a_note(name: str) -> None:
    tape = Tape()
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), getattr(signal, name)))
    timer.start()
    why = run_live(random_jam(), TunePlayer(HELD, tape), tape, Recorder(), Meter(), seconds=20.0)
    timer.join()
    assert why == f"stopped by {name}"
    assert_all_closed(tape)
    assert signal.getsignal(signal.SIGTERM) == before


def test_ports_that_are_lost_for_good_end_it_with_one_line() -> None:
    tape = Tape()
    player = Script(lambda listener: listener.lost("the tape is torn"))
    with pytest.raises(PortError, match="the tape is torn"):
        run_live(random_jam(), player, tape, Recorder(), Meter(), seconds=20.0)
    assert tape.closed
    assert_all_closed(tape)


class Failing(RandomModel):
    """Fails for the first time at its `first` feeding, and `times` in all."""

    def __init__(self, first: int, times: int) -> None:
        super().__init__(0.01)
        self._calls, self._failing = 0, range(first, first + times)

    def feed(self, event: Event, beat: Grid | None = None) -> None:
        self._calls += 1
        if self._calls in self._failing:
            raise RuntimeError("the model has crashed")
        super().feed(event, beat)


def failing_jam(first: int, times: int) -> Improviser:
    jam = random_jam(rest=0.1)
    jam._context._model = Failing(first, times)
    return jam


def test_a_model_that_fails_once_is_got_over_with_every_note_closed() -> None:
    tape, meter, said = Tape(), Meter(), list[str]()
    player = TunePlayer(tune(*((i / 10, i / 10 + 0.05, 60) for i in range(15))), tape)
    run_live(failing_jam(8, 1), player, tape, Recorder(), meter, seconds=1.5, notice=said.append)
    assert meter.failures == 1
    assert said == ["the model failed, so every note was closed; the jam goes on: RuntimeError: the model has crashed"]
    assert len(tape.taken) > 20
    assert_all_closed(tape)


def test_a_model_that_fails_again_and_again_ends_the_jam_with_one_line() -> None:
    tape = Tape()
    with pytest.raises(PortError, match="failed 3 times in 10 s, so the jam has ended: RuntimeError"):
        run_live(failing_jam(8, 1000), TunePlayer(TUNE, tape), tape, Recorder(), Meter(), seconds=20.0)
    assert tape.closed
    assert_all_closed(tape)


def test_actions_go_to_the_partner_and_those_of_the_face_to_the_face() -> None:
    tape, jam, said, presets = Tape(), random_jam(), list[str](), list[str]()

    def preset(name: str) -> None:
        presets.append(name)
        raise ValueError(f"there is no preset {name!r}")

    def play(listener: Listener) -> None:
        listener.turn("density", 1.5)
        listener.turn("density", 99.0)
        listener.act("preset", "night")
        listener.act("panic")
        listener.beat(Grid(0.0, 120.0))
        listener.notice("the keyboard is gone")
        listener.arrange(1, {"program": 24})
        listener.arrange(1, {"program": 240})
        listener.ended()

    run_live(
        jam, Script(play), tape, Recorder(), Meter(), deeds={"preset": preset}, notice=said.append, seconds=0.3
    )  # fmt: skip
    assert jam.settings.number("density") == 1.5
    assert presets == ["night"]
    assert tape.panics == 1
    assert "there is no preset 'night'" in said
    assert "the keyboard is gone" in said
    assert any("program cannot be 240" in line for line in said)
    assert len(said) == 4
    assert jam.ensemble.strips[1].program == 24
    assert tape.arranged == [jam.ensemble]


def test_a_storm_of_notes_is_heard_whole_and_the_machine_goes_on_meanwhile() -> None:
    tape, recorder, meter = Tape(), Recorder(), Meter()

    def play(listener: Listener) -> None:
        for i in range(5000):
            now = time.monotonic()
            listener.hear(Event(now, 0, 40 + i % 40, 80))
            listener.hear(Event(now, 0, 40 + i % 40, 0))
        time.sleep(0.5)
        listener.ended()

    run_live(random_jam(answer=0.5), Script(play), tape, recorder, meter, seconds=20.0)
    assert len(recorder.as_it_came(PLAYER)) == 10_000
    assert_all_closed(tape)


def test_tickers_are_asked_ahead_of_time_and_live_figures_come_once_a_second() -> None:
    tape, figures = Tape(), list[object]()

    class Ticker:
        def __init__(self) -> None:
            self.next = time.monotonic()

        def messages_until(self, horizon: float) -> list[tuple[float, bytes]]:
            due = []
            while self.next < horizon:
                due.append((self.next, b"\xf8"))
                self.next += 0.02
            return due

    begun = time.monotonic()
    run_live(
        random_jam(), Script(lambda _: None), tape, Recorder(), Meter(), seconds=1.3, tickers=[Ticker()],
        status=figures.append,
    )  # fmt: skip
    assert len(figures) == 1
    times = [at for at, _ in tape.ticks]
    assert len(times) >= 60
    assert times == sorted(set(times))
    assert max(times) > begun + 1.3
