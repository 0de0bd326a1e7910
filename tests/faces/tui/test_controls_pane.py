"""Turning controls by keys, by typing and with the mouse."""

from __future__ import annotations

from textual.events import MouseDown, MouseEvent, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.widget import Widget

from antiphon.faces.tui.controls_pane import ControlsPane
from antiphon.jam.controls import CONTROLS, GROUPS
from tests.faces.tui.seen import NARROW, WIDE, Seen, seen


def turned(name: str, value: object) -> list[dict[str, object]]:
    return [{"t": "set", "name": name, "value": value}]


async def go_to(stage: Seen, name: str) -> ControlsPane:
    await stage.press("f3")
    pane = stage.face.query_one(ControlsPane)
    pane.look_at(name)
    await stage.look()
    return pane


def point(pane: Widget, kind: type[MouseEvent], x: int, y: int, button: int = 1) -> None:
    """The pointer does something at a place of the pane, as the terminal tells the app."""
    left, top = pane.region.offset
    x, y = x + left, y + top
    pane.app.post_message(kind(None, x, y, 0, 0, button, False, False, False, x, y))


@seen(WIDE)
async def test_every_control_is_shown_in_its_group_with_its_value(stage: Seen) -> None:
    for group in GROUPS:
        assert f" {group} ──" in stage.text
    for control in CONTROLS:
        assert f" {control.name.replace('_', ' ')} " in stage.text
    stage.place("share")
    assert "0.7" in stage.text  # as the preset has it


@seen()
async def test_a_control_that_is_new_appears_by_itself(stage: Seen) -> None:
    hello = {
        "t": "hello",
        "controls": [
            {"name": "shimmer", "group": "light", "kind": "float", "default": 0.5, "low": 0, "high": 1, "unit": "lm"}
        ],
        "actions": [{"name": "sparkle", "help": "", "argument": ""}],
        "a thing": "of tomorrow",
    }
    stage.face.tell(hello)
    await stage.look()
    await stage.press("f3")
    assert "light" in stage.text
    assert "0.5 lm" in stage.text
    assert "sparkle" in stage.text
    assert await stage.press("right") == turned("shimmer", 0.52)


@seen()
async def test_arrows_turn_and_the_jam_follows(stage: Seen) -> None:
    await go_to(stage, "share")
    assert await stage.press("right") == turned("share", 0.72)
    assert await stage.press("minus", "minus") == turned("share", 0.7) + turned("share", 0.68)
    assert await stage.press("shift+right", "comma") == turned("share", 0.682) + turned("share", 0.68)
    assert await stage.press("home") == turned("share", 0.0)
    assert await stage.press("end") == turned("share", 1.0)
    assert await stage.press("backspace") == turned("share", 0.45)
    assert stage.jam.improviser.settings["share"] == 0.45
    assert "0.45" in stage.text


@seen()
async def test_the_cursor_walks_over_all_controls_and_leaps_over_groups(stage: Seen) -> None:
    pane = await go_to(stage, CONTROLS[0].name)
    names = [pane.control.name if pane.control else ""]
    for _ in CONTROLS[1:]:
        await stage.type(["down"])
        assert pane.control is not None
        names.append(pane.control.name)
    assert names == [control.name for control in CONTROLS]
    await stage.look()
    assert "hold" in stage.text  # it was scrolled to
    await stage.press("up", "pageup", "pageup")
    assert pane.control is not None
    assert pane.control.name == GROUPS["steering"][0].name


@seen()
async def test_what_is_turned_by_others_is_seen(stage: Seen) -> None:
    await go_to(stage, "policy")
    stage.jam.ask({"t": "set", "name": "policy", "value": "answer"})
    await stage.look()
    assert "answer" in stage.text.split("\n")[stage.place("policy")[1]]


@seen()
async def test_values_are_typed_and_what_is_wrong_is_said(stage: Seen) -> None:
    await go_to(stage, "share")
    await stage.press("enter", "ctrl+u")
    await stage.type("much")
    assert await stage.press("enter") == []
    assert "share cannot be 'much': it must be a number" in stage.text
    await stage.press("ctrl+u")
    await stage.type("0.33")
    assert await stage.press("enter") == turned("share", 0.33)
    await stage.press("enter", "ctrl+u")
    await stage.type("7")
    assert await stage.press("enter") == turned("share", 7.0)
    assert "it must be 0 to 1" in stage.text.split("\n")[-1]
    assert "0.33" in stage.text.split("\n")[stage.place("share")[1]]


@seen()
async def test_choices_are_found_by_typing_and_switches_are_switched(stage: Seen) -> None:
    await go_to(stage, "key")
    await stage.press("enter")
    await stage.type("f# dor")
    assert await stage.press("enter") == turned("key", "F# dorian")
    await go_to(stage, "hear_you")
    assert await stage.press("enter") == turned("hear_you", "off")
    assert "○ off" in stage.text
    await go_to(stage, "policy")
    assert await stage.press("left") == turned("policy", "solo")


@seen(NARROW)
async def test_a_slider_is_clicked_dragged_and_wheeled(stage: Seen) -> None:
    pane: Widget = await go_to(stage, "answer")
    line = stage.place(" answer ")[1]
    left = stage.text.split("\n")[line].index("●")
    x, y = left - pane.region.x, line - pane.region.y
    asked = await stage.click("#controls", (x + 10, y))
    assert [message["name"] for message in asked] == ["answer"]
    assert asked[0]["value"] > 8
    stage.jam.asked.clear()
    for kind, column in ((MouseDown, x), (MouseMove, x - 5), (MouseMove, 0), (MouseMove, 500), (MouseUp, 500)):
        point(pane, kind, column, y)
        await stage.look()
    values = [message["value"] for message in stage.jam.asked]
    assert values[1] < values[0]
    assert values[-2:] == [0.5, 120.0]
    stage.jam.asked.clear()
    for what in (MouseMove, MouseScrollDown, MouseScrollDown, MouseScrollUp):  # the drag is over
        point(pane, what, x, y, 0)
        await stage.look()
    wheeled = [message["value"] for message in stage.jam.asked]
    assert len(wheeled) == 3
    assert wheeled[1] < wheeled[0] == wheeled[2] < 120


@seen(NARROW)
async def test_the_wheel_beside_the_chosen_slider_scrolls(stage: Seen) -> None:
    pane = await go_to(stage, "policy")
    point(pane, MouseScrollDown, 5, 8, 0)
    await stage.pilot.pause(0.2)
    assert pane.scroll_offset.y > 0
    assert stage.jam.asked == []


@seen(WIDE)
async def test_sliders_of_the_second_column_are_under_the_pointer_too(stage: Seen) -> None:
    pane = stage.face.query_one(ControlsPane)
    words, line = stage.place("swing")
    knob = stage.text.split("\n")[line].index("●", words)
    await stage.click("#controls", (words - pane.region.x, line - pane.region.y))
    asked = await stage.click("#controls", (knob + 8 - pane.region.x, line - pane.region.y))
    assert asked[0]["name"] == "swing"
    assert 0 < asked[0]["value"] < 1
