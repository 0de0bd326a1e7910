"""Turning any control by steps, places and typing; reading what is typed of a strip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.faces.scene import hello_of
from antiphon.faces.tui.strip_cells import FIELDS, cells_for, next_mode
from antiphon.faces.tui.vocabulary import Control, Strip, Value, note_name, pitch_called
from antiphon.jam.controls import control_named
from antiphon.jam.ensemble import MODES
from antiphon.music.key import PITCH_CLASSES

TOLD = [Control.told(control) for control in hello_of("a model")["controls"]]
places = st.floats(0, 1)


@given(st.sampled_from(TOLD), places, st.integers(-3, 3), st.booleans())
def test_whatever_is_turned_the_jam_allows_it(control: Control, place: float, steps: int, fine: bool) -> None:
    allowed = control_named(control.name)
    value = control.at(place)
    assert allowed.check(value) == value
    stepped = control.stepped(value, steps, fine=fine)
    assert allowed.check(stepped) == stepped


@given(st.sampled_from([c for c in TOLD if c.kind != "choice"]), places, st.booleans())
def test_a_step_moves_unless_it_is_at_the_end(control: Control, place: float, fine: bool) -> None:
    value = control.at(place)
    more, less = control.stepped(value, 1, fine=fine), control.stepped(value, -1, fine=fine)
    assert float(less) < float(value) or value == control.low
    assert float(more) > float(value) or value == control.high


@given(st.sampled_from(TOLD), places)
def test_a_slider_stands_where_it_was_put(control: Control, place: float) -> None:
    count = len(control.choices) - 1 if control.kind == "choice" else control.high - control.low
    coarse = max(0.05, 1 / max(1.0, count) if control.kind != "float" else 0.0)
    assert abs(control.place(control.at(place)) - place) <= coarse
    assert control.at(0.0) == (control.choices[0] if control.choices else control.low)
    assert control.at(1.0) == (control.choices[-1] if control.choices else control.high)


@pytest.mark.parametrize("control", TOLD, ids=lambda c: c.name)
def test_keys_walk_through_the_whole_range_in_a_few_steps(control: Control) -> None:
    value: Value = control.at(0.0)
    for _ in range(max(130, len(control.choices))):
        value = control.stepped(value, 1) if value != control.at(1.0) else value
    assert value == control.at(1.0)


@given(st.sampled_from([c for c in TOLD if not c.switch]), places)
def test_what_is_shown_can_be_typed(control: Control, place: float) -> None:
    value = control.at(place)
    typed = control.typed(control.shown(value))
    assert typed == pytest.approx(value, rel=1e-3) if control.kind == "float" else typed == value


def test_what_is_no_number_is_said() -> None:
    share = next(c for c in TOLD if c.name == "share")
    with pytest.raises(ValueError, match="share cannot be 'much': it must be a number"):
        share.typed("much")


@given(st.integers(0, 127))
def test_names_of_pitches_go_there_and_back(pitch: int) -> None:
    assert pitch_called(note_name(pitch)) == pitch_called(str(pitch)) == pitch
    assert note_name(pitch).startswith(PITCH_CLASSES[pitch % 12])


@pytest.mark.parametrize(
    ("name", "pitch"), [("c4", 60), ("C#4", 61), ("Db4", 61), ("B#3", 60), ("Cb4", 59), ("C-1", 0)]
)
def test_pitches_are_written_as_musicians_do(name: str, pitch: int) -> None:
    assert pitch_called(name) == pitch


@pytest.mark.parametrize("name", ["H4", "C", "", "128", "-1", "G#9", "Cx4", "C4.5"])
def test_what_is_no_pitch_is_said(name: str) -> None:
    with pytest.raises(ValueError, match="no pitch"):
        pitch_called(name)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("range", "C2 C6", [36, 84]),
        ("range", "C2-C6", [36, 84]),
        ("range", "C-1 – G9", [0, 127]),
        ("range", "36, 84", [36, 84]),
        ("polyphony", "0-4", [0, 4]),
        ("length", "0.1 to 2 s", [0.1, 2.0]),
        ("interval", "-12 -3", [-12, -3]),
        ("interval", "-12--3", [-12, -3]),
        ("source", "3", 3),
        ("hears", "own", None),
        ("hears", "0", 0),
        ("port", "first", None),
        ("port", "FLUID", "FLUID"),
        ("shift", "-12", -12),
        ("punch_out", "1.5", 1.5),
    ],
)
def test_fields_of_a_strip_are_read_as_they_are_written(field: str, text: str, value: object) -> None:
    assert FIELDS[field].read(text) == value


@given(st.data())
def test_what_a_strip_shows_can_be_typed(data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.tuples(st.integers(0, 127), st.integers(0, 127))))
    strip = Strip(1, range=(low, high), polyphony=(low, high), interval=(-high, -low), velocity=(low, high))
    for name in ("range", "polyphony", "interval", "velocity"):
        assert tuple(FIELDS[name].read(FIELDS[name].show(strip))) == getattr(strip, name)


@pytest.mark.parametrize(
    ("field", "text"), [("range", "C2"), ("polyphony", "few"), ("shift", "up"), ("length", "1 2 3")]
)
def test_what_cannot_be_meant_is_said(field: str, text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        FIELDS[field].read(text)


@given(st.integers(20, 300))
def test_the_cells_of_a_strip_never_overlap_nor_leave_the_line(width: int) -> None:
    cells = cells_for(width)
    assert [cell.name for cell, _ in cells[:2]] == ["channel", "mode"]
    for (cell, left), (_, following) in zip(cells, [*cells[1:], (None, width)], strict=True):
        assert left + cell.width <= following


def test_modes_go_round_and_a_follower_finds_somebody_to_follow() -> None:
    strips = {1: Strip(1, mode="input"), 2: Strip(2, mode="auto"), 3: Strip(3)}
    assert next_mode(strips[3], strips, MODES) == {"mode": "input"}
    assert next_mode(strips[2], strips, MODES) == {"mode": "follow", "source": 1}
    assert next_mode(strips[2], strips, MODES, -1) == {"mode": "input"}
    assert next_mode(Strip(2, mode="follow", source=1), strips, MODES) == {"mode": "off"}
    alone = {2: Strip(2, mode="auto"), 3: Strip(3)}
    assert next_mode(alone[2], alone, MODES) == {"mode": "off"}
