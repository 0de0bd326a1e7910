"""A piano roll shows when, what pitch, how loud and who."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from antiphon.music.event import EVENT, Events
from antiphon.music.roll import COLOURS, draw_roll


def notes(*rows: tuple[float, float, int, int, int]) -> Events:
    """Events of notes (onset, release, instrument, pitch, velocity)."""
    events = [(on, who, pitch, loud) for on, _, who, pitch, loud in rows] + [(off, w, p, 0) for _, off, w, p, _ in rows]
    return np.array(sorted(events, key=lambda event: event[0]), EVENT)


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def places(path: Path, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns below the legend where a picture has about `colour`."""
    picture = np.asarray(opened(path)).astype(int)
    picture[:64] = 255
    y, x = np.nonzero(np.abs(picture - colour).max(axis=2) < 12)
    return y, x


def test_notes_stand_where_and_when_they_sound_in_their_groups_colour(tmp_path: Path) -> None:
    events = notes((0, 4, 0, 72, 127), (6, 8, 40, 60, 127))
    draw_roll(events, tmp_path / "roll.png", groups={0: "you", 40: "antiphon"}, title="Two notes")
    (y0, x0), (y1, x1) = (places(tmp_path / "roll.png", colour) for colour in COLOURS[:2])
    assert x0.max() < x1.min(), "later is further right"
    assert y0.max() < y1.min(), "higher is further up"
    assert np.ptp(x0) / np.ptp(x1) > 1.9, "longer is longer"


def test_softer_is_paler(tmp_path: Path) -> None:
    for loud in (20, 127):
        draw_roll(notes((0, 4, 0, 60, loud)), tmp_path / f"{loud}.png")
    soft, hard = (
        np.asarray(opened(tmp_path / f"{loud}.png").convert("L"))[64:, 100:].astype(int) for loud in (20, 127)
    )
    assert soft.sum() > hard.sum()


def test_a_unison_shows_both_who_play_it(tmp_path: Path) -> None:
    draw_roll(notes((0, 4, 0, 60, 127), (0, 4, 40, 60, 127)), tmp_path / "roll.png")
    assert all(len(places(tmp_path / "roll.png", colour)[0]) for colour in COLOURS[:2])


def test_long_music_wraps_into_systems(tmp_path: Path) -> None:
    sizes = []
    for seconds in (10, 100, 4000):
        draw_roll(notes(*((at, at + 1, 0, 60, 80) for at in range(0, seconds, 2))), tmp_path / "roll.png")
        sizes.append(opened(tmp_path / "roll.png").size)
    assert [width for width, _ in sizes] == [1600] * 3
    heights = [height for _, height in sizes]
    assert heights[0] < heights[1] < heights[2] < 8 * heights[0]


def test_drums_nothing_and_everything_can_be_drawn(tmp_path: Path) -> None:
    everything = notes(*((i * 0.1, i * 0.1 + 0.3, i % 320, i % 128, i % 127 + 1) for i in range(700)))
    for name, events in (
        ("nothing", notes()),
        ("drums", notes((0, 1, 128, 36, 90), (0.5, 1, 128, 99, 90))),
        ("everything", everything),
        ("extremes", notes((0, 1, 0, 0, 1), (0, 1, 0, 127, 127))),
    ):
        draw_roll(events, tmp_path / f"{name}.png", title=name * 60)
        assert opened(tmp_path / f"{name}.png").width == 1600
