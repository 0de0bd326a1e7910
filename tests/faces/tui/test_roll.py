"""The piano roll: where notes lie, and what is not drawn again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.faces.tui.mirror import Mirror, Sense
from antiphon.faces.tui.roll import COLUMN, Picture, draw_roll
from antiphon.faces.tui.roll_pane import RollPane
from antiphon.faces.tui.sounding import Sounding
from antiphon.faces.tui.vocabulary import Strip
from tests.faces.tui.seen import WIDE, Seen, seen

NOW = 100.0


def drawn(mirror: Mirror, low: int | None = None) -> Picture:
    return draw_roll(mirror, NOW, 80, 40, low)


def marks(picture: Picture) -> dict[tuple[int, int], str]:
    """(pitch, column) -> whose."""
    window = picture.window
    return {
        (window.pitches(half).start, column): mark.who
        for half, row in enumerate(picture.halves)
        for column, mark in row.items()
    }


def mirror_of(*notes: tuple[str, int, float, float | None]) -> Mirror:
    """Who, pitch, onset and release (None: it sounds) of notes on channel 1."""
    mirror = Mirror()
    for who, pitch, onset, release in notes:
        mirror.sounding.struck(who, 1, pitch, 90, onset)
        if release is not None:
            mirror.sounding.struck(who, 1, pitch, 0, release)
    return mirror


def test_a_note_lies_where_it_was_played() -> None:
    picture = drawn(mirror_of(("you", 60, NOW - 1.0, NOW - 0.5)))
    present = picture.window.present
    assert marks(picture) == {(60, present - 10 + n): "you" for n in range(5)}
    assert [mark.onset for mark in picture.halves[picture.window.half(60)].values()] == [True] + [False] * 4


def test_a_note_that_sounds_reaches_until_now_and_one_to_come_lies_ahead() -> None:
    picture = drawn(mirror_of(("you", 60, NOW - 0.5, None), ("it", 64, NOW + 0.5, None)))
    columns = {who: [c for (_, c), w in marks(picture).items() if w == who] for who in ("you", "it")}
    assert columns["you"][-1] == picture.window.present - 1
    assert columns["it"] == [picture.window.present + 5]


def test_what_is_meant_lies_ahead_even_when_it_is_due() -> None:
    for at in (NOW - 1.0, NOW, NOW + 1.0):
        mirror = Mirror(plan=(1, 60, at, 90))
        columns = [column for _, column in marks(drawn(mirror))]
        assert len(columns) == 3
        assert min(columns) > drawn(mirror).window.present
        assert set(marks(drawn(mirror)).values()) == {"plan"}


@given(st.lists(st.tuples(st.integers(0, 127), st.floats(-7, 2)), max_size=20), st.none() | st.integers(0, 88))
def test_every_note_in_the_window_is_seen(notes: list[tuple[int, float]], low: int | None) -> None:
    picture = drawn(mirror_of(*(("it", pitch, NOW + at, NOW + at + 0.2) for pitch, at in notes)), low)
    seen_pitches = {half for half, row in enumerate(picture.halves) if row}
    for pitch, at in notes:
        if -picture.window.present * COLUMN + 0.1 < at < 1.9:
            assert picture.window.half(pitch) in seen_pitches
    assert all(0 <= column < 80 for row in picture.halves for column in row)
    assert picture.window.low >= 0
    assert picture.window.step > 1 or picture.window.low + 40 <= 128


def test_the_frame_moves_only_as_far_as_it_must() -> None:
    assert drawn(mirror_of(("it", 60, NOW, None)), 40).window.low == 40
    assert drawn(mirror_of(("it", 30, NOW, None)), 40).window.low == 30
    assert drawn(mirror_of(("it", 90, NOW, None)), 40).window.low == 51
    assert drawn(Mirror(), 40).window.low == 40
    wide = drawn(mirror_of(("it", 20, NOW, None), ("you", 110, NOW, None)), 40)
    assert wide.window.step == 3


def test_drums_have_a_line_of_their_own() -> None:
    mirror = mirror_of(("it", 36, NOW - 1, NOW - 0.9), ("it", 42, NOW - 1, NOW - 0.9))
    mirror.strips = {1: Strip(1, mode="auto", drums=True)}
    picture = drawn(mirror)
    assert not any(picture.halves)
    assert [list(lane) for lane in picture.drums] == [[picture.window.present - 10]] * 2


def test_bars_begin_where_the_jam_says() -> None:
    mirror = Mirror(sense=Sense(tempo=120.0, meter=4, origin=NOW - 3.0))
    picture = drawn(mirror)
    assert {(column - picture.window.present) % 20 for column in picture.bars} == {10}
    assert len(picture.bars) == 4


def test_silence_ends_everything_and_takes_back_what_was_to_come() -> None:
    sounding = Sounding()
    sounding.struck("it", 1, 60, 90, 1.0)
    sounding.struck("it", 1, 62, 90, 3.0)
    sounding.struck("it", 1, 60, 0, 4.0)
    sounding.silence(2.0)
    assert [(note.pitch, note.end) for note in sounding.between(0.0, 10.0)] == [(60, 2.0)]
    assert sounding.holds(1, 2.5) == 0


def test_what_is_old_is_forgotten() -> None:
    sounding = Sounding()
    for second in range(1000):
        sounding.struck("it", 1, 60, 90, float(second))
        sounding.struck("it", 1, 60, 0, second + 0.5)
    assert len(list(sounding.between(0.0, 2000.0))) < 70
    assert sounding.activity(999.6)[1] == ("it", pytest.approx(0.19, abs=0.02))
    assert sounding.activity(1010.0) == {}


@seen(WIDE)
async def test_both_players_are_seen_each_in_their_colour(stage: Seen) -> None:
    roll = stage.face.query_one(RollPane)
    you, it = (roll.style_of(who).color for who in ("you", "it"))
    await stage.press("k", "a")
    stage.jam.play(3.0)
    await stage.look()
    colours = {segment.style.color.name for line in range(1, 40) for segment in roll.draw(line) if segment.style}
    assert you is not None
    assert it is not None
    assert len(colours) > 6
    assert {note.who for note in stage.face.hand.mirror.sounding.between(0.0, 1e9)} == {"you", "it"}


@seen(WIDE)
async def test_nothing_is_drawn_while_nothing_changes(stage: Seen) -> None:
    drawn: list[object] = []
    stage.face.tell({"t": "sense", "key": None, "chord": None, "tempo": None, "origin": None, "playing": False})
    await stage.look()
    for pane in stage.face.query("Canvas"):
        pane.refresh = lambda *regions, **_: drawn.append(regions)  # type: ignore[method-assign, assignment]
    for _ in range(20):
        stage.jam.now += 0.1
        stage.face.look()
    assert drawn == []
    stage.face.tell({"t": "note", "who": "it", "at": stage.jam.now, "channel": 2, "pitch": 60, "velocity": 90})
    stage.face.look()
    assert len(drawn) == 2  # the roll, and one line of the strips
