"""Playing on the computer's keys."""

from __future__ import annotations

from antiphon.faces.tui.piano import Piano, channel_played
from antiphon.faces.tui.vocabulary import Strip
from tests.faces.tui.seen import Seen, seen


def on(pitch: int, velocity: int = 80, channel: int = 1) -> dict[str, object]:
    return {"t": "midi", "data": [0x8F + channel, pitch, velocity]}


def off(pitch: int, channel: int = 1) -> dict[str, object]:
    return {"t": "midi", "data": [0x7F + channel, pitch, 0]}


@seen()
async def test_the_keys_lie_as_on_a_piano(stage: Seen) -> None:
    await stage.press("k")
    assert "notes of 0.4 s" in stage.text
    asked = await stage.press(*"awsedftgyhujkolp", "semicolon", "apostrophe")
    struck = [message["data"][1] for message in asked if message["data"][0] == 0x90]
    assert struck == list(range(60, 78))


@seen()
async def test_what_is_played_is_heard_by_the_jam_and_seen(stage: Seen) -> None:
    await stage.press("k", "a", "d", "g")
    notes = list(stage.face.hand.mirror.sounding.between(0.0, 1e9))
    assert [(n.who, n.channel, n.pitch) for n in notes] == [("you", 1, 60), ("you", 1, 64), ("you", 1, 67)]


@seen()
async def test_octaves_and_velocities(stage: Seen) -> None:
    await stage.press("k")
    assert await stage.press("x", "a") == [on(72)]
    assert await stage.press("z", "z", "v", "s") == [on(50, 90)]
    assert await stage.press("c", "c", "c", "d") == [on(52, 60)]
    assert "from C3" in stage.text
    await stage.type("z" * 20 + "c" * 20)
    assert await stage.press("f") == [on(17, 10)]
    await stage.type("x" * 20 + "v" * 20)
    assert await stage.press("f") == [on(113, 127)]


@seen()
async def test_a_note_ends_by_itself_and_lasts_while_its_key_repeats(stage: Seen) -> None:
    await stage.press("k")
    assert await stage.press("a") == [on(60)]
    for _ in range(4):
        stage.jam.now += 0.05
        assert await stage.press("a") == []
    stage.jam.now += 0.2
    assert await stage.press("a") == [off(60), on(60)]
    stage.jam.asked.clear()
    for later, asked in ((0.3, []), (0.11, [off(60)]), (5.0, [off(60)])):
        stage.jam.now += later
        await stage.look()
        assert stage.jam.asked == asked


@seen()
async def test_leaving_lets_everything_go(stage: Seen) -> None:
    for leave in ("escape", "f7"):
        await stage.press("f7", "a", "j")
        assert (await stage.press(leave))[:2] == [off(60), off(71)]
        assert not stage.face.query_one(Piano).display


@seen()
async def test_it_can_be_left_from_another_pane(stage: Seen) -> None:
    await stage.press("f7", "a", "f5")
    await stage.press("escape")
    assert not stage.face.query_one(Piano).display


@seen()
async def test_it_says_when_nobody_hears_it(stage: Seen) -> None:
    for channel in range(1, 17):
        stage.jam.ask({"t": "strip", "channel": channel, "fields": {"mode": "off"}})
    await stage.press("k")
    assert "no strip is yours" in stage.text


@seen()
async def test_space_is_panic_there_too_and_letters_are_only_notes(stage: Seen) -> None:
    await stage.press("k")
    assert await stage.press("space") == [{"t": "act", "name": "panic"}]
    asked = await stage.press("q", "m", "r", "1", "p")
    assert [message["t"] for message in asked] == ["midi"]
    assert stage.face.query_one(Piano).display


def test_it_plays_the_chosen_strip_if_that_is_yours_and_the_first_of_yours_otherwise() -> None:
    strips = {1: Strip(1, mode="auto"), 2: Strip(2, mode="input", hears=0), 3: Strip(3, mode="input", hears=5)}
    assert channel_played(strips, 1) == channel_played(strips, 2) == 2
    assert channel_played(strips, 3) == 5
    strips[1] = Strip(1, mode="auto", punch_in=True)
    assert channel_played(strips, 1) == 1
    assert channel_played({}, 4) is None
