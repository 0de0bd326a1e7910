"""Ten minutes on stage in simulated time: every policy and preset, panic, undo, again; then the take of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antiphon.faces.band import band_for, played_by
from antiphon.faces.cli import main
from antiphon.faces.duet import Duet, read_tune
from antiphon.faces.jam import model_named
from antiphon.jam.controls import Settings
from antiphon.jam.turns import POLICIES
from antiphon.music.event import EVENT, Event, Events
from antiphon.music.ledger import Ledger
from antiphon.music.midi_read import read_midi
from antiphon.ports.presets import preset_names
from antiphon.ports.recorder import MACHINE, PLAYER
from antiphon.ports.simulated import Happening, run_simulated
from antiphon.ports.take import read_take
from antiphon.tunes import MENUET

LENGTH = 600.0


def phrases(seconds: float) -> Events:
    """The menuet again and again, with a breath after every four seconds of it, as one instrument."""
    tune = read_tune(MENUET)
    tune["instrument"] = 0
    length = float(tune["at"][-1]) + 2.0
    rounds = [tune.copy() for _ in range(int(seconds / length) + 1)]
    for place, played in enumerate(rounds):
        played["at"] += place * length
    events = np.concatenate(rounds)
    breathing = (events["at"] % 6.0 < 4.0) | (events["velocity"] == 0)
    return events[breathing & (events["at"] < seconds)]


def script(duet: Duet) -> list[Happening]:
    """What the musician asks for, minute by minute."""
    deeds: list[Happening] = []

    def do(at: float, deed: object) -> None:
        deeds.append((at, deed))  # type: ignore[arg-type]

    for place, policy in enumerate(sorted(POLICIES)):
        do(place * 30.0, lambda now, policy=policy: duet.partner.set("policy", policy, now))
    names = [name for name in preset_names() if name != "takeover"]
    for place, name in enumerate(names):
        do(200.0 + place * 25.0, lambda now, name=name: duet.open_preset(name, now))
    for at, action in ((20.0, "again"), (95.0, "stop"), (210.0, "undo"), (280.0, "panic"), (330.0, "query")):
        do(at, lambda now, action=action: duet.partner.act(action, "", now))
    for at in (340.0, 341.0, 400.0):
        do(at, lambda now: duet.partner.act("undo", "", now))
    do(590.0, lambda now: duet.partner.act("reset", "", now))
    return sorted(deeds, key=lambda deed: deed[0])


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Duet, Path]:
    take = tmp_path_factory.mktemp("session") / "session.take"
    tune = phrases(LENGTH)
    ensemble = band_for(tune, 0, 16)
    model, _ = model_named("antiphon", None)
    settings = Settings({"tempo": 120.0, "answer": 4.0})
    duet = Duet(model, settings, ensemble, model_name="antiphon", seed=4, tune=played_by(ensemble, tune))
    duet.begin_take(take)
    assert duet.tune is not None
    ended = run_simulated(duet.partner, duet.tune, duet.recorder, happenings=script(duet), until=LENGTH)
    assert duet.take is not None
    duet.take.close(ended, "the script is over")
    return duet, take


def test_no_note_is_left_open_or_struck_twice_and_the_machine_played_all_along(session: tuple[Duet, Path]) -> None:
    duet, _ = session
    for group in (MACHINE, PLAYER):
        ledger = Ledger()
        for event in sorted(duet.recorder.as_it_came(group), key=lambda event: event.at):
            if group == MACHINE:
                assert event.is_onset != ((event.instrument, event.pitch) in ledger), event
            ledger.apply(event)
        assert not len(ledger)
    at = np.array([event.at for event in duet.recorder.as_it_came(MACHINE) if event.is_onset])
    assert len(at) > 500
    assert (np.histogram(at, bins=10, range=(0.0, LENGTH))[0] > 0).all()


def test_the_take_of_it_is_lived_through_again_event_for_event(
    session: tuple[Duet, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    duet, take = session
    assert main(["replay", str(take), "-o", str(tmp_path / "again.mid")]) == 0
    assert "the same event for event" in capsys.readouterr().out
    again = read_midi(tmp_path / "again.mid")
    onsets = sum(event.is_onset for group in (PLAYER, MACHINE) for event in duet.recorder.as_it_came(group))
    assert sum(len(part.notes) for part in again.parts) == pytest.approx(onsets, abs=5)  # doubled notes are one note


def test_it_is_exported_with_a_track_for_each_voice(session: tuple[Duet, Path], tmp_path: Path) -> None:
    _, take = session
    assert main(["export-take", str(take), "-o", str(tmp_path / "out.mid"), "--roll", str(tmp_path / "out.png")]) == 0
    score = read_midi(tmp_path / "out.mid")
    assert len(score.parts) >= 6
    assert {part.name for part in score.parts} == {PLAYER, MACHINE}
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_the_take_is_listed(session: tuple[Duet, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, take = session
    assert main(["takes", str(take.parent)]) == 0
    assert "10:00" in capsys.readouterr().out


def test_the_next_session_goes_on_from_it(session: tuple[Duet, Path], tmp_path: Path) -> None:
    _, take = session
    out = tmp_path / "on.mid"
    words = ["jam", "--fast", "--seconds", "10", "--from", str(take), "--take", str(tmp_path / "next.take")]
    assert main([*words, "--record", str(out), "--seed", "1"]) == 0
    (recalled,) = [line for line in read_take(tmp_path / "next.take").lines if line[0] == "recall"]
    assert len(recalled[2]) > 100
    assert all(Event(*row).at <= 0.0 for row in recalled[2])
    assert EVENT.names is not None
