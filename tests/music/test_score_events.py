"""A score's events are its notes, cut where they collide, whichever way they are found."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.score import NOTE, TEMPO, Part, Score, merged_events

LATE = 1 << 40
"""A tick too late to be packed with the rest of an event."""

notes = st.tuples(st.integers(0, 40), st.integers(1, 30), st.integers(60, 63), st.integers(1, 127))
parts = st.lists(st.tuples(st.integers(0, 2), st.lists(notes, max_size=12)), max_size=4)
tempos = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 1 << 23)), max_size=3, unique_by=lambda row: row[0])


@given(parts, tempos, st.sampled_from((0, LATE)))
def test_events_are_those_of_the_notes_in_seconds(
    written: list[tuple[int, list[tuple[int, int, int, int]]]], tempo: list[tuple[int, int]], late: int
) -> None:
    made = tuple(Part(program, False, np.array(sorted(rows), NOTE)) for program, rows in written)
    for part in made:
        part.notes["onset"] += late
    score = Score(96, made, np.array(sorted(tempo), TEMPO))
    rows = np.concatenate([np.empty(0, NOTE), *(part.notes for part in made)])
    program = np.repeat([0, *(part.program for part in made)], [0, *(len(part.notes) for part in made)])
    if not len(rows):
        assert not len(score.events())
        return
    onset, release = score.seconds(rows["onset"]), score.seconds(rows["onset"] + rows["duration"])
    expected = merged_events(onset, release, program, rows["pitch"].astype(np.int64), rows["velocity"])
    assert score.events().tolist() == expected.tolist()
