"""Where both play, the machine leaves room for the player and keeps the share that it was given."""

from __future__ import annotations

import numpy as np

from antiphon.engine.neural import NeuralModel
from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.music.event import EVENT
from antiphon.ports.recorder import MACHINE, Recorder
from antiphon.ports.simulated import run_simulated
from tests.engine.random_bundle import RandomBundle
from tests.jam.bands import pair

TUNE = np.array(
    [row for k in range(80) for row in ((k * 0.5, 0, 60 + k % 7, 80), (k * 0.5 + 0.4, 0, 60 + k % 7, 0))], EVENT
)


def notes(**settings: object) -> int:
    """How many the machine strikes while a tune of 80 notes is played."""
    model = NeuralModel(RandomBundle(1, spread=1.0))
    jam = Improviser(model, Settings({"answer": 1.0, **settings}), np.random.default_rng(1), pair())
    recorder = Recorder()
    run_simulated(jam, TUNE, recorder)
    return int((recorder.events(MACHINE)["velocity"] > 0).sum())


def test_a_larger_share_is_more_notes() -> None:
    few, some, many = (notes(share=share) for share in (0.05, 0.4, 0.9))
    assert few < some < many


def test_it_never_rests_longer_than_it_may() -> None:
    assert notes(share=0.0, rest=1.0) >= 10


def test_in_an_answer_there_is_nobody_to_leave_room_for() -> None:
    assert notes(policy="answer", share=0.0, silence=0.3, answer=4.0) > 0
