"""The table of controls is sound, and settings never leave it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.controls import ACTIONS, CONTROLS, Control, Settings
from antiphon.jam.turns import turns_named

any_control = st.sampled_from(CONTROLS)


def test_each_default_is_allowed_and_each_name_and_cc_is_used_once() -> None:
    for control in CONTROLS:
        assert control.check(control.default) == control.default
    rows = (*CONTROLS, *ACTIONS)
    ccs = [row.cc for row in rows if row.cc is not None]
    assert len({row.name for row in rows}) == len(rows)
    assert len(set(ccs)) == len(ccs)


def test_default_ccs_are_those_that_midi_leaves_undefined() -> None:
    undefined = {3, 9, 14, 15, *range(20, 32), *range(85, 88), 89, 90, *range(102, 120)}
    assert {row.cc for row in (*CONTROLS, *ACTIONS) if row.cc is not None} <= undefined


@given(any_control, st.integers(-10, 200))
def test_any_position_of_a_control_change_is_an_allowed_value(control: Control, position: int) -> None:
    assert control.check(control.from_cc(position)) == control.from_cc(position)


@given(any_control)
def test_a_control_change_reaches_both_ends(control: Control) -> None:
    ends = control.choices or (control.low, control.high)
    assert (control.from_cc(0), control.from_cc(127)) == (ends[0], ends[-1])


@given(any_control)
def test_text_is_read_as_a_value(control: Control) -> None:
    assert control.check(str(control.default)) == control.default


@pytest.mark.parametrize("value", ["loud", None, float("nan"), float("inf"), -1, 1.5, 33, [4]])
def test_a_bad_value_is_refused_in_one_line_with_name_value_and_range(value: object) -> None:
    with pytest.raises(ValueError, match=r"polyphony cannot be .*: it must be whole, 1 to 32 notes") as refusal:
        Settings({"polyphony": value})
    assert "\n" not in str(refusal.value)


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="no control is named 'volume': there are policy, answer"):
        Settings().turned("volume", 3)


def test_turning_gives_new_settings_and_leaves_the_old() -> None:
    settings = Settings()
    assert settings.turned("memory", "5").number("memory") == 5.0
    assert settings.number("memory") == 20.0
    assert dict(settings) == {control.name: control.default for control in CONTROLS}


def test_every_policy_of_the_table_exists() -> None:
    policy = next(control for control in CONTROLS if control.name == "policy")
    for name in policy.choices:
        turns_named(name).rest()
