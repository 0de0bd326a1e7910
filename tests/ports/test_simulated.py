"""A jam in simulated time, and what its recording holds."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from antiphon.music.event import Event
from antiphon.music.midi_read import read_midi
from antiphon.ports.meter import Durations, Meter
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from tests.jam.bands import ME
from tests.ports.fakes import random_jam, tune

TUNE = tune((0.5, 1.0, 60), (1.0, 1.5, 64), (2.0, 4.0, 67))


def test_the_player_is_recorded_as_written_and_the_machine_after_its_cause() -> None:
    recorder = Recorder()
    end = run_simulated(random_jam(answer=2.0), TUNE, recorder)
    assert np.array_equal(recorder.events(PLAYER), TUNE)
    machine = recorder.events(MACHINE)
    assert len(machine) > 10
    assert machine["at"].min() >= 0.5
    assert 6.0 <= end <= 7.0
    assert (machine["velocity"] > 0).sum() == (machine["velocity"] == 0).sum()


def test_answer_waits_for_its_turn_and_the_jam_waits_for_the_answer() -> None:
    recorder = Recorder()
    end = run_simulated(random_jam(policy="answer", silence=1.0, answer=2.0), TUNE, recorder)
    onsets = [event.at for event in recorder.as_it_came(MACHINE) if event.is_onset]
    assert min(onsets) >= 5.0
    assert max(onsets) <= 7.0 <= end


def test_it_ends_when_told_with_everyones_notes_closed() -> None:
    recorder = Recorder()
    assert run_simulated(random_jam(), TUNE, recorder, until=3.0) == 3.0
    for group in (PLAYER, MACHINE):
        events = recorder.as_it_came(group)
        assert sum(event.is_onset for event in events) == sum(not event.is_onset for event in events)


def test_progress_is_told_second_by_second() -> None:
    told: list[float] = []
    run_simulated(random_jam(answer=2.0), TUNE, Recorder(), progress=told.append)
    assert all(1.0 <= later - sooner < 2.0 for sooner, later in itertools.pairwise(told))
    assert len(told) >= 4


def test_the_same_seed_gives_the_same_duet() -> None:
    duets = []
    for _ in range(2):
        recorder = Recorder()
        run_simulated(random_jam(seed=7), TUNE, recorder)
        duets.append(recorder.events())
    assert np.array_equal(*duets)


def test_a_recording_is_a_file_with_a_part_for_each_player_and_the_program_that_was_heard(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.extend(PLAYER, [Event(10.0, 0, 60, 80), Event(11.0, 0, 60, 0)])
    recorder.extend(MACHINE, [Event(10.5, ME, 64, 70), Event(11.0, ME, 64, 0)])
    recorder.write(tmp_path / "duet.mid", {ME: 48}, origin=10.0)
    score = read_midi(tmp_path / "duet.mid")
    assert [(part.name, part.program, len(part.notes)) for part in score.parts] == [
        ("player", 0, 1),
        ("antiphon", 48, 1),
    ]
    assert [event[0] for event in score.events().tolist()] == pytest.approx([0.0, 0.5, 1.0, 1.0], abs=1e-3)


def test_notes_that_nobody_released_end_with_the_recording() -> None:
    recorder = Recorder()
    recorder.add(PLAYER, Event(1.0, 0, 60, 80))
    recorder.add(MACHINE, Event(2.0, ME, 64, 80))
    assert recorder.events().tolist() == [(1.0, 0, 60, 80), (2.0, 0, 60, 0), (2.0, ME, 64, 80), (2.0, ME, 64, 0)]
    assert recorder.events(PLAYER, origin=1.0).tolist() == [(0.0, 0, 60, 80), (1.0, 0, 60, 0)]


def test_the_meter_writes_percentiles_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    meter = Meter()
    for ms in range(1, 101):
        meter.feed.add(ms * 1e-3, ms)
    meter.write(tmp_path / "report.json", why="done")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["feed"] == pytest.approx(
        {"count": 100, "p50_ms": 50.5, "p90_ms": 90.1, "p99_ms": 99.01, "max_ms": 100.0}
    )
    assert report["lateness"] == {"count": 0}
    assert report["why"] == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_durations_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.ports.meter.MOST", 10)
    durations = Durations()
    for i in range(100):
        durations.add(float(i), float(i))
    assert durations.summary()["count"] == 100
    assert durations.summary()["p50_ms"] == pytest.approx(94_500)
