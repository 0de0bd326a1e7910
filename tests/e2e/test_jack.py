"""`antiphon jam` over a real MIDI transport: JACK's dummy driver, and a musician in another process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from antiphon.engine import shipped_models
from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET
from tests.e2e.jack import HERE, MACHINE_CHANNEL, PATIENCE, Heard, Stage, messages_in, sounding_after

pytestmark = [pytest.mark.system("jackd"), pytest.mark.timeout(180)]


class Duet(Stage):
    """A stage with a jam on virtual ports, and a musician who plays into it."""

    def jam(self, *words: str) -> subprocess.Popen[str]:
        """Start a jam; returns when it listens."""
        real = "antiphon" in shipped_models()
        program = ["-m", "antiphon", "jam"] if real else [str(HERE / "jam_at_random.py")]
        outcome = ("--record", str(self.folder / "duet.mid"), "--report", str(self.folder / "report.json"))
        jam = self.start([*program, "--virtual", "--no-take", "--seed", "1", *outcome, *words], "jam.log")
        self.says("jam.log", "listens", jam)
        return jam

    def musician(self, seconds: float, last: str) -> subprocess.Popen[str]:
        """Start a musician who plays `seconds` of the menuet and then will `hold` or `release`; returns at once."""
        words = [str(HERE / "musician.py"), str(MENUET), str(seconds), last, str(self.folder / "heard.json")]
        return self.start(words, "musician.log", talks=True)

    def played(self, musician: subprocess.Popen[str]) -> None:
        """Wait until the musician has played."""
        self.says("musician.log", "played", musician)

    def heard(self, musician: subprocess.Popen[str]) -> tuple[list[Heard], list[Heard]]:
        """Send the musician home; what they sent and what they heard."""
        musician.communicate(timeout=PATIENCE)
        return messages_in(self.folder / "heard.json")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Duet]:
    stage = Duet(tmp_path)
    yield stage
    stage.close()


def end(jam: subprocess.Popen[str], stage: Duet) -> None:
    """SIGTERM, as a session manager would; the jam leaves with code 0, having closed and written everything."""
    jam.send_signal(signal.SIGTERM)
    assert jam.wait(timeout=PATIENCE) == 0, (stage.folder / "jam.log").read_text()
    time.sleep(0.2)


def of_machine(messages: list[Heard]) -> list[Heard]:
    return [message for message in messages if message.is_note and message.channel == MACHINE_CHANNEL]


def of_player(messages: list[Heard]) -> list[Heard]:
    return [message for message in messages if message.is_note and message.channel == 0]


def test_it_plays_together_with_a_real_file_in_time_and_closes_every_note(
    stage: Duet, record_property: Callable[[str, object], None]
) -> None:
    jam = stage.jam("--policy", "together", "--answer", "2")
    musician = stage.musician(12.0, "release")
    stage.played(musician)
    time.sleep(3.0)
    end(jam, stage)
    sent, heard = stage.heard(musician)

    machine = of_machine(heard)
    assert sum(message.is_onset for message in machine) >= 10
    assert [message.at for message in heard] == sorted(message.at for message in heard)
    assert sounding_after(heard) == set()
    assert min(message.at for message in machine) > sent[0].at

    passed = of_player(heard)[: len(sent)]
    assert [(m.pitch, m.is_onset) for m in passed] == [(m.pitch, m.is_onset) for m in sent]
    round_trip = np.array([back.at - out.at for back, out in zip(passed, sent, strict=True)]) * 1e3
    assert round_trip.min() > 0

    score = read_midi(stage.folder / "duet.mid")
    assert score.repairs == ()
    assert len(score.parts[-1].notes) == sum(message.is_onset for message in machine)

    report = json.loads((stage.folder / "report.json").read_text())
    assert report["feed"]["count"] == len(sent)
    assert report["lateness"]["count"] >= len(machine) - 8
    figures = {name: report[name] for name in ("feed", "thru", "lateness", "wake")}
    figures["thru_round_trip"] = {f"p{p}_ms": float(np.percentile(round_trip, p)) for p in (50, 99)}
    print("\n" + json.dumps(figures, indent=2))
    for name, summary in figures.items():
        record_property(name, json.dumps(summary))


def test_it_answers_only_when_the_phrase_has_ended(stage: Duet) -> None:
    jam = stage.jam("--policy", "answer", "--answer", "3", "--silence", "0.6")
    musician = stage.musician(5.5, "release")
    stage.played(musician)
    time.sleep(6.0)
    end(jam, stage)
    sent, heard = stage.heard(musician)
    machine = of_machine(heard)
    phrase_end = max(message.at for message in sent) + 0.6
    assert machine
    assert min(message.at for message in machine) >= phrase_end
    assert max(message.at for message in machine if message.is_onset) <= phrase_end + 3.0 + 0.2
    assert sounding_after(heard) == set()


def test_a_signal_in_the_middle_of_notes_closes_the_machines_and_the_players(stage: Duet) -> None:
    jam = stage.jam("--policy", "together", "--length-min", "1.5", "--rest", "0.3")
    musician = stage.musician(2.0, "hold")  # in the middle of a bar, with keys down
    stage.played(musician)
    end(jam, stage)
    sent, heard = stage.heard(musician)
    assert sounding_after(sent), "the musician holds keys"
    assert any(message.is_onset for message in of_machine(heard))
    assert sounding_after(heard) == set()
    controllers = {(m.channel, m.pitch) for m in heard if m.status & 0xF0 == 0xB0}
    assert {(MACHINE_CHANNEL, number) for number in (64, 120, 123)} <= controllers
    assert (stage.folder / "duet.mid").is_file()


def test_a_musician_who_disappears_is_waited_for(stage: Duet) -> None:
    """The input goes away with keys down; who plays on the other one is still answered."""
    stage.jam()
    lender = stage.musician(1.0, "hold")
    stage.played(lender)
    words = ["--no-take", "--in", "hand", "--out", "antiphon input"]
    jam = stage.start([str(HERE / "jam_at_random.py"), *words], "second.log")
    stage.says("second.log", "listens", jam)
    lender.kill()
    stage.says("second.log", "antiphon jam: the MIDI input 'hand:notes' is gone: waiting for it", jam)
    end(jam, stage)


def test_a_port_that_does_not_exist_is_one_line_that_lists_those_that_do(stage: Duet) -> None:
    stage.jam()
    refused = subprocess.run(
        [sys.executable, str(HERE / "jam_at_random.py"), "--no-take", "--in", "nobody", "--out", "nobody"],
        env=stage.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr == "antiphon: no MIDI output is named 'nobody': there are 'antiphon input:notes'\n"
