"""The ports of a jam when things go wrong: whatever dies or is unplugged, no note hangs and the jam goes on."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from antiphon.engine import shipped_models
from tests.e2e.jack import MACHINE_CHANNEL, Gear, Heard, Jam, Stage, sounding_after, wait_until

pytestmark = [pytest.mark.system("jackd"), pytest.mark.timeout(120)]

EAGER = ("rest=0.1", "answer=120", "length_min=1.0", "polyphony=12", "silence=0.1", "share=0.9")
"""A machine that plays much and holds its notes, so that some sound whenever something dies."""
ON_GEAR = ("--in", "my keys", "--out", "my synth")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def of_machine(messages: list[Heard]) -> list[Heard]:
    return [message for message in messages if message.is_note and message.channel == MACHINE_CHANNEL]


def closed_in(messages: Iterable[Heard]) -> set[tuple[int, int]]:
    """What ends in `messages`: by a release, or with its whole channel. A release that was sent to a server already
    dead is not sent again."""
    ends: set[tuple[int, int]] = set()
    for message in messages:
        if message.is_note and not message.is_onset:
            ends.add((message.channel, message.pitch))
        elif message.status & 0xF0 == 0xB0 and message.pitch == 123:
            ends |= {(message.channel, pitch) for pitch in range(128)}
    return ends


def play_with_a_key_down(gear: Gear) -> None:
    gear.order("notes 10 0.1")
    gear.send(0x90, 48, 80)
    gear.send(0xB0, 64, 127)
    time.sleep(0.5)


def test_a_jam_that_is_killed_leaves_no_note_sounding_on_the_synth(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Jam(stage, *ON_GEAR, *EAGER)
    play_with_a_key_down(gear)
    holder = jam.holder
    killed = time.monotonic()
    jam.process.kill()
    wait_until(lambda: not psutil.pid_exists(holder), "the ports' process outlives the jam")
    _, heard = gear.quit()
    before = sounding_after(message for message in heard if message.at < killed)
    assert (0, 48) in before
    assert any(channel == MACHINE_CHANNEL for channel, _ in before)
    assert sounding_after(heard) == set()
    assert max(message.at for message in heard) < killed + 2.0
    quiet = {(m.channel, m.pitch) for m in heard if m.status & 0xF0 == 0xB0 and m.velocity == 0}
    assert {(channel, number) for channel in (0, MACHINE_CHANNEL) for number in (64, 120, 123)} <= quiet


def test_the_process_of_the_ports_is_replaced_when_it_is_killed_and_what_it_left_is_closed(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Jam(stage, *ON_GEAR, *EAGER)
    play_with_a_key_down(gear)
    killed = time.monotonic()
    os.kill(jam.holder, signal.SIGKILL)
    jam.says("opened again")
    time.sleep(1.0)
    gear.send(0x80, 48, 0)
    play_with_a_key_down(gear)
    jam.end()
    _, heard = gear.quit()
    assert sounding_after(message for message in heard if message.at < killed)
    assert sounding_after(heard) == set()
    opened = min(message.at for message in heard if message.at > killed and message.status & 0xF0 == 0xB0)
    assert any(message.is_onset for message in of_machine(heard) if message.at > opened)
    assert any(message.is_onset and message.channel == 0 for message in heard if message.at > opened)


def test_a_killed_jack_server_is_waited_for_and_what_sounded_is_closed_when_it_is_back(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Jam(stage, *ON_GEAR, *EAGER)
    play_with_a_key_down(gear)
    stage.kill_server()
    _, first = gear.quit()
    left = sounding_after(first)
    assert (0, 48) in left
    assert len(left) > 1
    jam.says("gone")
    stage.start_server()
    again = Gear(stage)
    jam.says("'my synth:notes' is there")
    jam.says("'my keys:notes' is there")
    play_with_a_key_down(again)
    time.sleep(1.0)
    report = jam.end()
    _, second = again.quit()
    print(jam.log, len(second), report)
    assert left <= closed_in(second)
    assert sounding_after(second) == set()
    assert any(message.is_onset for message in of_machine(second))


def test_gear_that_is_unplugged_with_keys_down_is_used_again_when_it_is_back(stage: Stage) -> None:
    gear, other = Gear(stage), Gear(stage, "your")
    jam = Jam(stage, *ON_GEAR, "--in", "your keys", "--out", "your synth", "--two", *EAGER)
    play_with_a_key_down(gear)
    gear.order("unplug")
    jam.says("the MIDI input 'my keys:notes' is gone")
    jam.says("the MIDI output 'my synth:notes' is gone")
    cut = time.monotonic()
    other.order("notes 10 0.1")
    back = time.monotonic()
    gear.order("plug")
    jam.says("the MIDI input 'my keys:notes' is there")
    jam.says("the MIDI output 'my synth:notes' is there")
    time.sleep(0.5)
    gear.order("notes 10 0.1")
    jam.end()
    _, heard = gear.quit()
    _, meanwhile = other.quit()
    left = sounding_after(message for message in heard if message.at < cut)
    assert (0, 48) in left
    assert left <= closed_in(message for message in heard if message.at > back)
    assert sounding_after(heard) == sounding_after(meanwhile) == set()
    assert sum(m.is_onset and m.channel == 0 for m in heard if m.at > back) >= 10
    assert any(message.is_onset for message in meanwhile if cut < message.at < back)


def test_two_keyboards_and_two_synths_each_have_their_part(stage: Stage) -> None:
    gear, other = Gear(stage), Gear(stage, "your")
    jam = Jam(stage, *ON_GEAR, "--in", "your keys", "--out", "your synth", "--two", *EAGER)
    gear.order("notes 10 0.1")
    other.send(0x91, 50, 70)
    other.send(0x81, 50, 0)
    time.sleep(1.0)
    report = jam.end()
    _, heard = gear.quit()
    _, theirs = other.quit()
    assert {m.channel for m in heard if m.is_onset} == {0, 15}
    assert {m.channel for m in theirs if m.is_onset} == {1, 14}
    assert [m.pitch for m in theirs if m.is_onset and m.channel == 1] == [50]
    assert report["feed"]["count"] == 22
    assert sounding_after(heard) == sounding_after(theirs) == set()


def test_a_storm_of_ten_thousand_notes_a_second_loses_nothing(stage: Stage) -> None:
    gear = Gear(stage)
    jam = Jam(stage, *ON_GEAR, *EAGER)
    gear.order("notes 10000 0.0001")
    time.sleep(2.0)
    report = jam.end()
    sent, heard = gear.quit()
    assert sent[-1].at - sent[0].at < 6.0  # one second, where the machine has nothing else to do
    assert report["feed"]["count"] == report["thru"]["count"] == len(sent) == 20_000
    passed = [message for message in heard if message.is_note and message.channel == 0]
    assert [(m.pitch, m.is_onset) for m in passed] == [(m.pitch, m.is_onset) for m in sent]
    assert sounding_after(heard) == set()


def measured(stage: Stage) -> dict[str, dict[str, float]]:
    """The figures of a jam of fifteen seconds with the model in the box."""
    gear = Gear(stage)
    jam = Jam(stage, *ON_GEAR, "--model", "box" if "antiphon" in shipped_models() else "random", "answer=2")
    gear.order("tune 15")
    time.sleep(3.0)
    report = jam.end()
    sent, heard = gear.quit()
    passed = [message for message in heard if message.is_note and message.channel == 0][: len(sent)]
    assert [(m.pitch, m.is_onset) for m in passed] == [(m.pitch, m.is_onset) for m in sent]
    assert sounding_after(heard) == set()
    round_trip = np.array([back.at - out.at for back, out in zip(passed, sent, strict=True)]) * 1e3
    figures = {name: value for name, value in report.items() if isinstance(value, dict)}
    return figures | {"round_trip": {f"p{p}_ms": float(np.percentile(round_trip, p)) for p in (50, 99)}}


def test_over_a_real_transport_notes_leave_on_time_and_pass_at_once_while_the_model_plays(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """On a machine that others use, one hitch of theirs may spoil a run; it must not spoil two."""
    for attempt in (1, 2):
        figures = measured(stage)
        print("\n" + json.dumps(figures, indent=2))
        if attempt == 2 or figures["scheduler"]["p99_ms"] <= 3.0:
            break
    for name, summary in figures.items():
        record_property(name, json.dumps(summary))
    assert figures["lateness"]["count"] > 20
    assert figures["lateness"]["p50_ms"] <= 0.5
    assert figures["scheduler"]["p50_ms"] <= 0.5
    assert figures["scheduler"]["p99_ms"] <= 3.0
    assert figures["thru"]["p99_ms"] <= 1.0
