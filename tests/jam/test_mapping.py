"""Knobs turn what they are mapped to, whatever bytes come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.controls import CONTROLS, control_named
from antiphon.jam.mapping import Acted, Knob, Mapping, Turned, default_knobs
from tests.jam.strategies import knobs

messages = st.lists(st.integers(0, 255), max_size=4)


def test_the_table_of_controls_is_the_default() -> None:
    mapping = Mapping()
    assert mapping.turned([0xB3, 31, 127]) == Turned("share", 1.0)
    assert mapping.turned([0xB0, 31, 0]) == Turned("share", 0.0)
    assert mapping.turned([0xB0, 20, 127]) == Turned("policy", "solo")
    assert mapping.turned([0xB0, 119, 127]) == Acted("panic")
    assert mapping.turned([0xB0, 119, 0]) is None, "a pad that is let go asks for nothing"
    assert mapping.turned([0xB0, 64, 127]) is None, "a pedal turns nothing"


def test_a_knob_of_a_channel_comes_before_one_of_any() -> None:
    mapping = Mapping([Knob("share", "cc", 7), Knob("density", "cc", 7, channel=2, range=(0.0, 1.0))])
    assert mapping.turned([0xB0, 7, 127]) == Turned("share", 1.0)
    assert mapping.turned([0xB1, 7, 127]) == Turned("density", 1.0)


def test_notes_and_the_bend_are_knobs_too() -> None:
    mapping = Mapping([Knob("undo", "note", 36), Knob("preset", "note", 37, argument="strings"), Knob("share", "bend")])
    assert mapping.turned([0x90, 36, 100]) == Acted("undo")
    assert mapping.turned([0x90, 37, 100]) == Acted("preset", "strings")
    assert mapping.turned([0x90, 36, 0]) is None
    assert mapping.turned([0xE0, 0x7F, 0x7F]) == Turned("share", 1.0)
    assert mapping.swallows([0x90, 36, 100])
    assert mapping.swallows([0x80, 36, 0])
    assert not mapping.swallows([0x90, 60, 100])


def test_a_soft_pad_acts_as_a_loud_one() -> None:
    assert Mapping([Knob("undo", "note", 36)]).turned([0x90, 36, 1]) == Acted("undo")


def test_the_next_knob_that_moves_is_learned_and_replaces_the_old_one() -> None:
    mapping = Mapping()
    mapping.learn("density")
    assert mapping.turned([0x90, 60, 80]) is None, "a note is music"
    assert mapping.turned([0xB4, 74, 127]) == Turned("density", 4.0)
    assert mapping.learning is None
    assert mapping.turned([0xB0, 24, 127]) is None, "the knob that turned it before"
    assert mapping.turned([0xB4, 74, 0]) == Turned("density", -4.0)
    with pytest.raises(ValueError, match="no control is named 'loudness'"):
        mapping.learn("loudness")


@given(messages, st.lists(knobs, max_size=5))
def test_any_bytes_give_an_allowed_value_or_nothing(message: list[int], extra: list[Knob]) -> None:
    mapping = Mapping((*extra, *default_knobs()))
    turned = mapping.turned(message)
    if isinstance(turned, Turned):
        assert control_named(turned.control).check(turned.value) == turned.value
    assert isinstance(mapping.swallows(message), bool)


@given(st.sampled_from(CONTROLS), st.floats(0, 1))
def test_every_position_of_every_knob_is_allowed(control, position: float) -> None:  # type: ignore[no-untyped-def]
    turned = Knob(control.name, "cc", 1).turned(position)
    assert isinstance(turned, Turned)
    assert control.check(turned.value) == turned.value


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "share", "kind": "cc", "number": 128}, "number cannot be 128"),
        ({"name": "share", "kind": "cc", "channel": 17}, "channel cannot be 17"),
        ({"name": "share", "kind": "cc", "range": (0.0, 2.0)}, "range of share cannot reach 2.0"),
        ({"name": "policy", "kind": "cc", "range": (0.0, 1.0)}, "range of policy cannot reach"),
        ({"name": "share", "kind": "pedal"}, "kind cannot be 'pedal'"),
    ],
)
def test_knobs_that_cannot_be_are_refused(wrong: dict, why: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=why):
        Knob(**wrong)
