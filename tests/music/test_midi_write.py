"""What a score models survives being written and read; what a player did can be written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.event import EVENT
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import midi_bytes, score_from_events, write_midi
from antiphon.music.score import KEY, METER, NOTE, TEMPO, Part, Score


def equal(one: Score, other: Score) -> bool:
    """Whether two scores are alike in everything but their repairs."""
    return (
        one.ticks_per_quarter == other.ticks_per_quarter
        and all(getattr(one, name).tolist() == getattr(other, name).tolist() for name in ("tempos", "meters", "keys"))
        and [(p.name, p.program, p.is_drum, p.notes.tolist()) for p in one.parts]
        == [(p.name, p.program, p.is_drum, p.notes.tolist()) for p in other.parts]
    )


@st.composite
def parts(draw: st.DrawFn) -> Part:
    """A part of up to twelve notes, none overlapping on a key."""
    free: dict[int, int] = {}
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        pitch, rest, duration = draw(st.integers(0, 127)), draw(st.integers(0, 500)), draw(st.integers(1, 2000))
        onset = free.get(pitch, 0) + rest
        free[pitch] = onset + duration
        rows.append((onset, duration, pitch, draw(st.integers(1, 127))))
    rows.sort(key=lambda row: (row[0], row[2]))
    name = draw(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)).strip()
    return Part(draw(st.integers(0, 127)), draw(st.booleans()), np.array(rows, NOTE), name)


def maps(dtype: np.dtype[np.void], *columns: st.SearchStrategy[object], least: int = 0) -> st.SearchStrategy[object]:
    rows = st.lists(st.tuples(st.integers(0, 5000), *columns), min_size=least, max_size=5, unique_by=lambda row: row[0])
    return rows.map(lambda found: np.array(sorted(found), dtype))


scores = st.builds(
    Score,
    ticks_per_quarter=st.integers(1, 32767),
    parts=st.lists(parts(), max_size=20).map(tuple),
    tempos=maps(TEMPO, st.integers(1, 0xFFFFFF), least=1),
    meters=maps(METER, st.integers(1, 255), st.integers(0, 7).map(lambda power: 1 << power)),
    keys=maps(KEY, st.integers(-7, 7), st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(scores)
def test_writing_loses_nothing_that_a_score_models(score: Score) -> None:
    again = read_midi(midi_bytes(score))
    assert again.repairs == ()
    assert equal(again, score)


def test_more_programs_than_channels_each_keep_theirs() -> None:
    note = np.array([(0, 10, 60, 80), (20, 10, 60, 80)], NOTE)
    score = Score(480, tuple(Part(program, program % 5 == 0, note, str(program)) for program in range(60)))
    assert equal(read_midi(midi_bytes(score)), score)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "piece.mid"
    note = np.array([(0, 10, 60, 80)], NOTE)
    write_midi(Score(480, (Part(0, False, note),)), path)
    before = path.read_bytes()
    impossible = Score(480, (Part(0, False, np.array([(0, 0, 60, 80)], NOTE)),))
    with pytest.raises(ValueError, match="no length"):
        write_midi(impossible, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["piece.mid"]


@pytest.mark.parametrize(
    "broken",
    [
        Score(0, ()),
        Score(480, (), tempos=np.array([(0, 0)], TEMPO)),
        Score(480, (), meters=np.array([(0, 3, 5)], METER)),
        Score(480, (Part(0, False, np.array([(0, 5, 128, 80)], NOTE)),)),
        Score(480, (Part(0, False, np.array([(0, 5, 60, 0)], NOTE)),)),
        Score(480, (Part(0, False, np.array([(1 << 30, 5, 60, 9)], NOTE)),)),
    ],
)
def test_what_midi_cannot_hold_is_refused(broken: Score) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        midi_bytes(broken)


def test_events_become_a_part_for_each_instrument() -> None:
    events = np.array([(0.0, 40, 60, 80), (0.5, 40, 60, 0), (0.5, 130, 36, 90), (1.0, 130, 36, 0)], EVENT)
    score = score_from_events(events, {40: "Violin"})
    assert [(p.name, p.program, p.is_drum) for p in score.parts] == [("Violin", 40, False), ("", 2, True)]
    assert score.parts[0].notes.tolist() == [(0, 960, 60, 80)]


def test_a_note_still_sounding_ends_with_the_last_event() -> None:
    events = np.array([(0.0, 0, 60, 80), (0.0, 0, 64, 80), (2.0, 0, 64, 0)], EVENT)
    assert score_from_events(events).parts[0].notes["duration"].tolist() == [3840, 3840]


def test_no_events_make_a_score_without_parts() -> None:
    assert score_from_events(np.empty(0, EVENT)).parts == ()


@settings(max_examples=100, deadline=None)
@given(scores)
def test_events_of_a_score_come_back_within_half_a_tick(score: Score) -> None:
    usual = Score(480, score.parts)
    events = usual.events()
    again = score_from_events(events).events()
    by_key = [np.lexsort((e["at"], e["pitch"], e["instrument"])) for e in (events, again)]
    one, other = events[by_key[0]], again[by_key[1]]
    assert (one[["instrument", "pitch", "velocity"]] == other[["instrument", "pitch", "velocity"]]).all()
    np.testing.assert_allclose(one["at"], other["at"], atol=0.5 / 1920 + 1e-9)
