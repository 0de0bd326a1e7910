"""A jam in real time, kept short: what leaves is on time, closed, and recorded."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from antiphon.music.event import Event
from antiphon.music.ledger import Ledger
from antiphon.ports.base import Nowhere, PortError
from antiphon.ports.host import run_live
from antiphon.ports.meter import Durations, Meter
from antiphon.ports.outbox import Outbox
from antiphon.ports.player import TunePlayer
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from tests.jam.scripted import RandomModel
from tests.ports.fakes import ME, Tape, random_jam, tune

TUNE = tune((0.0, 0.2, 60), (0.1, 0.3, 64), (0.3, 0.5, 67))


def assert_all_closed(tape: Tape) -> None:
    ledger = Ledger()
    for _, event in tape.taken:
        ledger.apply(event)
    assert len(ledger) == 0


def test_a_live_duet_ends_by_itself_with_every_note_closed() -> None:
    tape, recorder, meter = Tape(), Recorder(), Meter()
    why = run_live(random_jam(answer=0.5), TunePlayer(TUNE, tape), tape, recorder, meter)
    assert why == "the tune is over"
    assert tape.closed
    assert_all_closed(tape)
    assert len(recorder.as_it_came(PLAYER)) == len(TUNE)
    assert len(recorder.as_it_came(MACHINE)) > 5
    assert meter.feed.count == len(TUNE)
    assert meter.lateness.summary()["p50_ms"] < 50.0


def test_the_machine_is_sent_on_time_and_in_order() -> None:
    tape, recorder, meter = Tape(), Recorder(), Meter()
    run_live(random_jam(answer=0.5), TunePlayer(TUNE, Nowhere()), tape, recorder, meter)
    heard = [at for at, _ in tape.taken]
    assert heard == sorted(heard)
    assert all(at >= event.at for at, event in tape.taken)
    assert {event.instrument for _, event in tape.taken} == {ME}


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
    why = run_live(random_jam(), TunePlayer(tune((0.0, 60.0, 60)), tape), tape, Recorder(), Meter(), seconds=20.0)
    timer.join()
    assert why == f"stopped by {name}"
    assert_all_closed(tape)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_lost_output_ends_it_with_one_line() -> None:
    tape = Tape(breaks_after=6)
    with pytest.raises(PortError, match="the tape is torn"):
        run_live(random_jam(), TunePlayer(TUNE, Nowhere()), tape, Recorder(), Meter(), seconds=20.0)
    assert tape.closed
    assert_all_closed(tape)


def test_a_port_that_goes_away_unsaid_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.ports.host.LOOKOUT", 0.05)
    tape = Tape()
    threading.Timer(0.2, lambda: setattr(tape, "gone", True)).start()
    with pytest.raises(PortError, match="the tape has run out"):
        run_live(random_jam(), TunePlayer(tune((0.0, 60.0, 60)), tape), tape, Recorder(), Meter(), seconds=20.0)
    assert_all_closed(tape)


def test_a_model_that_crashes_leaves_no_note_sounding() -> None:
    class Crashing(RandomModel):
        def feed(self, event: Event) -> None:
            super().feed(event)
            if self.fed == 8:
                raise RuntimeError("the model has crashed")

    tape, jam = Tape(), random_jam()
    jam._context._model = Crashing(0.01)
    with pytest.raises(RuntimeError, match="crashed"):
        run_live(jam, TunePlayer(TUNE, tape), tape, Recorder(), Meter(), seconds=20.0)
    assert_all_closed(tape)


def test_the_outbox_sends_in_order_of_time_and_keeps_the_order_within_one() -> None:
    tape, sent = Tape(), list[Event]()
    outbox = Outbox(tape, Durations(), sent.append, pytest.fail)
    outbox.start()
    soon = time.monotonic() + 0.05
    events = [Event(soon + 0.05, 0, 62, 1), Event(soon, 0, 61, 1), Event(soon, 0, 61, 0), Event(soon, 0, 61, 2)]
    outbox.put(events)
    time.sleep(0.2)
    outbox.close()
    assert [(e.pitch, e.velocity) for _, e in tape.taken] == [(61, 1), (61, 0), (61, 2), (62, 1)]
    assert all(0 <= at - event.at < 0.05 for at, event in tape.taken)
    assert len(sent) == 4


def test_a_closed_outbox_forgets_what_waits() -> None:
    tape = Tape()
    outbox = Outbox(tape, Durations(), lambda _: None, pytest.fail)
    outbox.start()
    outbox.put([Event(time.monotonic() + 10.0, 0, 60, 80)])
    outbox.close()
    assert tape.taken == []
