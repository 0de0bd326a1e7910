"""The channel strips: what they show, and how they are changed."""

from __future__ import annotations

from antiphon.faces.tui.strips_pane import StripsPane, bar
from tests.faces.tui.rehearsal import Rehearsal
from tests.faces.tui.seen import NARROW, WIDE, Seen, seen


def changed(channel: int, **fields: object) -> list[dict[str, object]]:
    return [{"t": "strip", "channel": channel, "fields": fields}]


def row(stage: Seen, channel: int) -> str:
    """The line of a strip."""
    top = stage.place(" ch  mode")[1]
    return stage.text.split("\n")[top + channel]


@seen()
async def test_sixteen_strips_fit_on_the_smallest_terminal(stage: Seen) -> None:
    for channel in range(1, 17):
        assert f" {channel:>2} " in row(stage, channel)
    assert "input     acoustic grand piano" in row(stage, 1)
    assert "auto      violin" in row(stage, 2)
    assert "G3–C7" in row(stage, 2)
    assert "0–1" in row(stage, 2)


@seen()
async def test_enter_goes_through_the_modes_and_the_jam_follows(stage: Seen) -> None:
    await stage.press("down")
    assert await stage.press("enter") == changed(2, mode="follow", source=1)
    assert "follow 1" in row(stage, 2)
    assert await stage.press("o") == changed(2, mode="off")
    assert "off" in row(stage, 2)
    assert stage.jam.improviser.ensemble.strips[2].mode == "off"


@seen()
async def test_an_instrument_is_found_by_typing_and_by_family(stage: Seen) -> None:
    await stage.press("down", "i")
    assert "● violin" in stage.text
    await stage.type("bassoon")
    assert await stage.press("enter") == changed(2, program=70)
    assert "bassoon" in row(stage, 2)
    await stage.press("right", "enter", "tab", "down")
    assert "● bassoon" not in stage.text
    assert "pan flute" in stage.text
    assert await stage.press("enter") == changed(2, program=73)
    await stage.press("i")
    await stage.type("drums")
    await stage.look()
    await stage.press("end")
    await stage.press("up")  # from the first round to the last: synth drum comes before
    assert await stage.press("enter") == changed(2, drums=True)
    assert "drums" in row(stage, 2)


@seen()
async def test_an_instrument_is_chosen_with_the_mouse(stage: Seen) -> None:
    await stage.press("i")
    x, y = stage.place("bass")
    await stage.pilot.click(offset=(x, y))
    await stage.look()
    x, y = stage.place("fretless bass")
    stage.jam.asked.clear()
    await stage.pilot.click(offset=(x, y))
    await stage.look()
    assert stage.jam.asked == changed(1, program=35)


@seen()
async def test_a_channel_is_muted_by_key_and_by_mouse(stage: Seen) -> None:
    assert await stage.press("down", "M") == changed(2, mute=True)
    assert " mute" in row(stage, 2)
    x = stage.place(" mute range")[0]
    assert await stage.click("#strips", (x + 2, 2)) == changed(2, mute=False)
    assert await stage.click("#strips", (x + 2, 5)) == changed(5, mute=True)


@seen()
async def test_a_click_on_the_mode_goes_on_and_the_right_button_back(stage: Seen) -> None:
    assert await stage.click("#strips", (6, 7)) == changed(7, mode="input")
    assert await stage.click("#strips", (6, 7), button=3) == changed(7, mode="off")


@seen()
async def test_limits_are_typed_and_what_is_wrong_is_said(stage: Seen) -> None:
    await stage.press("down", *["right"] * 3)
    await stage.press("enter", "ctrl+u")
    await stage.type("high")
    assert await stage.press("enter") == []
    assert "'high' is no pair: write the lowest and the highest" in stage.text
    await stage.press("ctrl+u")
    await stage.type("C3-C5")
    assert await stage.press("enter") == changed(2, range=[48, 72])
    assert "C3–C5" in row(stage, 2)
    await stage.press("enter", "ctrl+u")
    await stage.type("C5 C3")
    await stage.press("enter")
    assert "channel 2: range cannot be (72, 48)" in stage.text


@seen()
async def test_everything_of_a_strip_can_be_changed(stage: Seen) -> None:
    for field, typed, value in (
        ("interval", "3 9", [3, 9]),
        ("hears", "0", 0),
        ("shift", "-12", -12),
        ("fixed velocity", "100", 100),
    ):
        await stage.press("e")
        await stage.type(field)
        await stage.press("enter", "ctrl+u")
        await stage.type(typed)
        assert await stage.press("enter") == changed(1, **{field.replace(" ", "_"): value})
    await stage.press("e")
    await stage.type("punch in")
    assert await stage.press("enter") == changed(1, punch_in=True)
    await stage.press("down", "e")
    await stage.type("mode")
    await stage.press("enter")
    await stage.type("follow 3")
    assert await stage.press("enter") == changed(2, mode="follow", source=3)


@seen(WIDE)
async def test_meters_jump_with_notes_and_fade(stage: Seen) -> None:
    pane = stage.face.query_one(StripsPane)
    assert "━" not in row(stage, 1).split("any")[0]
    await stage.press("k", "a")
    loud = row(stage, 1).split("any")[0].count("━")
    assert loud >= 3
    assert row(stage, 1).split("·")[0].endswith(" 1   ")
    stage.jam.now += 0.3
    stage.face.look()
    await stage.look()
    assert 0 < row(stage, 1).split("any")[0].count("━") < loud
    stage.face.tell({"t": "silence"})
    stage.jam.now += 5.0
    await stage.look()
    assert "━" not in row(stage, 1).split("any")[0]
    assert pane.channel == 1


def test_a_bar_grows_by_halves() -> None:
    drawn = [bar(level / 8, 4) for level in range(9)]
    assert drawn[0] == "    "
    assert drawn[1:4] == ["╸   ", "━   ", "━╸  "]
    assert drawn[8] == bar(2.0, 4) == "━━━━"


@seen(NARROW, preset="takeover")
async def test_a_voice_that_is_yours_while_you_play_is_marked(stage: Seen) -> None:
    assert isinstance(stage.jam, Rehearsal)
    assert "auto*" in row(stage, 1)
