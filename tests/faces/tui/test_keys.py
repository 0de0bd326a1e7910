"""Everything that can be asked by keys."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.faces.tui.keys import ACTION_KEYS
from antiphon.jam.controls import ACTIONS, CONTROLS
from antiphon.ports.presets import preset_names
from tests.faces.tui.seen import WIDE, Seen, seen, watched

SIMPLE = [action for action in ACTIONS if not action.argument]


def act(name: str, argument: str = "") -> dict[str, str]:
    return {"t": "act", "name": name, **({"argument": argument} if argument else {})}


def test_every_action_has_a_key() -> None:
    assert {action.name for action in ACTIONS} <= set(ACTION_KEYS)


@seen()
async def test_each_action_is_one_key_away_in_every_pane(stage: Seen) -> None:
    for pane in ("f2", "f3", "f4", "f5"):
        await stage.press(pane)
        for action in SIMPLE:
            assert await stage.press(ACTION_KEYS[action.name]) == [act(action.name)]


@seen()
async def test_panic_is_at_hand_whatever_is_open(stage: Seen) -> None:
    for key in ("p", "i", "question_mark", "w", "k", "ctrl+p"):
        await stage.press(key)
        assert act("panic") in await stage.press("f8")
        await stage.press("escape")
    assert len(stage.face.screen_stack) == 1


@seen()
async def test_mute_and_hold_are_switched_on_and_off(stage: Seen) -> None:
    for key, name in (("m", "mute"), ("s", "hold")):
        assert await stage.press(key) == [{"t": "set", "name": name, "value": "on"}]
        assert stage.jam.improviser.settings[name] == "on"
        assert ("muted" if name == "mute" else "holding") in stage.text
        assert await stage.press(key) == [{"t": "set", "name": name, "value": "off"}]
        assert "holding" not in stage.text


@seen()
async def test_digits_take_the_first_ten_presets(stage: Seen) -> None:
    names = list(preset_names())
    for place, key in enumerate("1234567890"):
        assert await stage.press(key) == [act("preset", names[place])]
    assert names[9] in stage.text


@seen()
async def test_presets_are_found_by_typing(stage: Seen) -> None:
    await stage.press("p")
    assert "A string quartet plays with you" in stage.text
    await stage.type("drummer")
    await stage.look()
    assert "A string quartet" not in stage.text
    assert await stage.press("enter") == [act("preset", "drums")]


@seen()
async def test_a_preset_is_saved_under_a_name(stage: Seen) -> None:
    await stage.press("w", "ctrl+u")
    assert await stage.press("enter") == []
    assert "it needs a name" in stage.text
    await stage.type("evening")
    assert await stage.press("enter") == [act("save", "evening")]


@seen()
async def test_another_model_is_chosen_among_those_there_are(stage: Seen) -> None:
    stage.face.tell({**stage.jam.hello, "actions": [{"name": "model", "help": "", "argument": "NAME"}]})
    stage.face.tell({"t": "model", "name": "antiphon", "models": ["antiphon", "tiny"]})
    await stage.look()
    assert "model antiphon" in stage.text
    await stage.press("n", "down")
    assert await stage.press("enter") == [act("model", "tiny")]


@seen()
async def test_learn_takes_the_control_at_the_cursor_or_asks_for_one(stage: Seen) -> None:
    await stage.press("f3", "down", "down")
    assert await stage.press("l") == [act("learn", CONTROLS[2].name)]
    await stage.press("f2", "l")
    await stage.type("density")
    assert await stage.press("enter") == [act("learn", "density")]


@seen(WIDE)
async def test_the_palette_has_every_action_control_choice_and_preset(stage: Seen) -> None:
    for words, asked in (
        ("undo", [act("undo")]),
        ("policy trade", [{"t": "set", "name": "policy", "value": "trade"}]),
        ("preset mirror", [act("preset", "mirror")]),
    ):
        await stage.press("ctrl+p")
        await stage.type(words)
        await stage.pilot.pause(0.3)  # the palette waits a moment for more to be typed
        await stage.press("down")
        assert await stage.press("enter") == asked
    await stage.press("ctrl+p")
    await stage.type("steer rate")
    await stage.pilot.pause(0.3)
    await stage.press("down", "enter")
    assert await stage.press("right") == [{"t": "set", "name": "steer_rate", "value": 0.52}]


@seen()
async def test_the_help_tells_all_keys(stage: Seen) -> None:
    await stage.press("question_mark")
    told = stage.text
    for _ in range(12):
        await stage.press("down")
        told += stage.text
    for action in ACTIONS:
        assert f"{action.name}: {action.help[:20]}" in told
    for words in ("dark or light", "end the jam", "an octave down, up", "everything of the strip"):
        assert words in told
    await stage.press("escape")
    assert len(stage.face.screen_stack) == 1


@seen()
async def test_dark_and_light(stage: Seen) -> None:
    dark = stage.face.screen.styles.background
    await stage.press("d")
    assert stage.face.screen.styles.background.brightness > 0.8 > dark.brightness
    await stage.press("d")
    assert stage.face.screen.styles.background == dark


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_asks_the_jam_to_end_and_says_why_it_ended(key: str) -> None:
    async def run() -> str | None:
        async with watched() as stage:
            assert (await stage.press(key))[0] == {"t": "quit"}
            await stage.pilot.pause(0.2)
        return stage.face.return_value

    assert asyncio.run(run()) == "the musician has left"


def test_a_jam_that_does_not_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.faces.tui.app.PATIENCE", 0.05)

    async def run() -> str | None:
        async with watched() as stage:
            monkeypatch.setattr(stage.jam.scene, "say", lambda _: None)
            await stage.press("question_mark", "ctrl+c")
            await stage.pilot.pause(0.3)
        return stage.face.return_value

    assert asyncio.run(run()) == "it did not end when it was asked to"
