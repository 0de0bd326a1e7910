"""Whatever the player does and however late it is woken, the improviser keeps its promises."""

from __future__ import annotations

from hypothesis import settings

from tests.jam.ordeal import Ordeal
from tests.jam.week import live

Ordeal.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOrdeal = Ordeal.TestCase


def test_six_simulated_hours_of_playing_with_every_fault() -> None:
    figures = live(seconds=6 * 3600.0, seed=1)
    assert figures["faults"] > 20
    assert figures["struck"] > 1000
