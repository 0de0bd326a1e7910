"""A take is whole up to the moment at which its process was killed, and can be lived through again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.jam.journal import Journal, perform
from antiphon.jam.preset import preset_to_toml
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder
from antiphon.ports.simulated import run_simulated
from antiphon.ports.take import Take, TakeWriter, new_take_path, read_take
from tests.jam.bands import ME, pair, trio
from tests.jam.scripted import RandomModel
from tests.ports.fakes import tune

TUNE = tune(*((k * 0.4, k * 0.4 + 0.3, 60 + k % 7) for k in range(60)))


def improviser(**settings: object) -> Improviser:
    return Improviser(RandomModel(0.05), Settings(settings), np.random.default_rng(5), pair())


def played(path: Path) -> tuple[Take, Recorder]:
    """A session with everything that can happen in it, and its take."""
    writer = TakeWriter(path, {"model": "random", "seed": 5, "preset": preset_to_toml(pair(), Settings(), ())})
    partner, recorder = Journal(improviser(), writer.keep), Recorder()
    earlier = [Event(-2.0, 0, 60, 80), Event(-1.0, 0, 60, 0)]
    run_simulated(
        partner,
        TUNE,
        recorder,
        happenings=[
            (0.1, lambda now: partner.recall(earlier, now)),
            (2.0, lambda now: partner.set("policy", "answer", now)),
            (4.0, lambda now: partner.set("density", 1.5, now)),
            (6.0, lambda now: partner.beat(Grid(0.25, 97.3, 3), now)),
            (8.0, lambda now: partner.set("policy", "together", now)),
            (10.0, lambda now: partner.rearrange(trio(punch_in=True), now)),
            (14.0, lambda now: partner.act("again", "", now)),
            (18.0, lambda now: partner.act("undo", "", now)),
        ],
        thinking=0.004,
    )
    writer.close(30.0, "the tune is over")
    return read_take(path), recorder


def test_a_take_holds_what_was_played_and_gives_it_again_event_for_event(tmp_path: Path) -> None:
    take, recorder = played(tmp_path / "a.take")
    assert take.whole
    assert take.recording().as_it_came(PLAYER) == recorder.as_it_came(PLAYER)
    assert len(recorder.as_it_came(MACHINE)) > 100
    again = improviser()
    for call, answer in take.calls():
        assert perform(again, call) == answer
    assert take.recording().as_it_came(MACHINE)[:50] == recorder.as_it_came(MACHINE)[:50]


def test_another_model_gives_another_answer(tmp_path: Path) -> None:
    take, _ = played(tmp_path / "a.take")
    other = Improviser(RandomModel(0.2), Settings(), np.random.default_rng(5), pair())
    assert any(perform(other, call) != answer for call, answer in take.calls())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Take:
    return played(tmp_path_factory.mktemp("take") / "whole.take")[0]


@given(cut=st.integers(1, 4000))
def test_a_take_that_was_cut_anywhere_is_read_up_to_there(whole: Take, cut: int) -> None:
    raw = whole.path.read_bytes()
    left = raw[: max(raw.index(b"\n") + 1, len(raw) - cut)]
    path = whole.path.with_name("cut.take")
    path.write_bytes(left)
    take = read_take(path)
    assert take.lines == whole.lines[: len(take.lines)]
    assert len(take.lines) == left.count(b"\n") - 1
    assert not take.whole


def test_a_killed_process_leaves_every_line_that_it_kept(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from antiphon.ports.take import TakeWriter\n"
        f"writer = TakeWriter(Path({str(tmp_path / 'killed.take')!r}), {{'model': 'm', 'seed': 1}})\n"
        "n = 0\n"
        "while True:\n"
        "    writer.keep(['wake', float(n)]); n += 1; print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(200):
            kept = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    take = read_take(tmp_path / "killed.take")
    assert len(take.lines) >= kept
    assert not take.whole


def test_a_full_disk_stops_the_take_but_not_the_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TakeWriter(tmp_path / "full.take", {"model": "m", "seed": 1})

    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("antiphon.ports.take.os.write", full)
    writer.keep(["wake", 1.0])
    assert writer.trouble == f"{tmp_path / 'full.take'}: No space left on device"
    writer.close(2.0, "over")


def test_a_take_is_never_written_over(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.take", {})
    with pytest.raises(FileExistsError):
        TakeWriter(tmp_path / "a.take", {})
    writer.close(0.0, "over")
    first = new_take_path(tmp_path)
    first.touch()
    assert new_take_path(tmp_path) != first


WRONG = {
    b"": "not a take",
    b"MThd\0\0": "not a take",
    b'{"antiphon": "take", "format": 99}\n': "a take of format 99",
    b'{"antiphon": "take", "format": 1}\nnonsense\n["wake", 1]\n': "line 2: not a line of a take",
    b'{"antiphon": "take", "format": 1}\n["wake", 1]\n["receive", 1, 2]\n': "line 3: not a line of a take",
    b'{"antiphon": "take", "format": 1}\n[">", [1, 2]]\n': "line 2: not a line of a take",
}


@pytest.mark.parametrize("content", WRONG)
def test_what_is_no_take_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wrong.take").write_bytes(content)
    with pytest.raises(ValueError, match=WRONG[content]):
        read_take(tmp_path / "wrong.take")


def test_a_call_that_no_journal_holds_is_refused() -> None:
    for call in (["dance", 1.0], ["set", 1.0], ["rearrange", 1.0, "nonsense ="], ["act", 1.0, "jump", ""]):
        with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
            perform(improviser(), call)


def test_lines_are_json_and_the_header_names_the_version(tmp_path: Path) -> None:
    played(tmp_path / "a.take")
    first, *lines = (tmp_path / "a.take").read_text().splitlines()
    assert json.loads(first)["antiphon"] == "take"
    assert all(isinstance(json.loads(line), list) for line in lines)
    assert ME in {event[1] for line in map(json.loads, lines) if line[0] == ">" for event in line[1:]}


def test_what_goes_wrong_in_the_model_is_not_taken_for_a_wrong_call() -> None:
    partner = Journal(improviser(), lambda line: None)

    def fails(event: Event, beat: Grid | None) -> None:
        raise KeyError("out of order")

    partner.improviser._model.feed = fails  # type: ignore[method-assign]
    with pytest.raises(KeyError, match="out of order"):
        partner.receive(Event(1.0, 0, 60, 80), 1.0)
