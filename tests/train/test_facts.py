"""What is said of a piece is what can be heard in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.measures import note_density, polyphony, silence_share
from antiphon.music.notes import notes_of
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score
from antiphon.train.facts import Described, describe, told
from antiphon.train.keyed import keyed_notes

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def part(*rows: tuple[int, int, int, int], program: int = 0, drum: bool = False) -> Part:
    return Part(program, drum, np.array(sorted(rows), NOTE))


def described(
    *parts: Part, tempo: int = 500_000, meter: tuple[int, int] | None = None, quarter: int = 480
) -> Described:
    meters = np.array([(0, *meter)] if meter else [], METER)
    score = Score(quarter, parts, np.array([(0, tempo)], TEMPO), meters)
    events = score.events()
    return describe(score, events, keyed_notes(events))


def scale(times: int = 4, step: int = 240, shift: int = 0) -> list[tuple[int, int, int, int]]:
    return [(i * step, step, SCALE[i % 8] + shift, 80) for i in range(8 * times)]


def test_a_scale_in_g_at_ninety_in_three_is_told_as_such() -> None:
    told_of_it = told(described(part(*scale(shift=7)), tempo=666_667, meter=(3, 4)).facts)
    assert told_of_it["key"] == "G major"
    assert told_of_it["key_confidence"] > 0.1
    assert told_of_it["tempo"] == pytest.approx(90, abs=0.01)
    assert told_of_it["meter"] == "3/4"
    assert told_of_it["score_like"] is True
    assert (told_of_it["lowest"], told_of_it["highest"]) == (67, 79)
    assert told_of_it["velocity"] == [80, 0]
    assert told_of_it["velocity_flat"] is True
    assert told_of_it["programs"] == [0]
    assert told_of_it["kits"] == []
    assert (told_of_it["polyphony"], told_of_it["most_together"], told_of_it["empty"]) == (1, 1, 0)


def test_played_freely_is_no_score_and_its_tempo_is_not_known() -> None:
    chance = np.random.default_rng(1)
    free = [(at, 100, 50 + at % 20, 60) for at in np.unique(chance.integers(0, 90_000, 200)).tolist()]
    facts = told(described(part(*free)).facts)
    assert facts["score_like"] is False
    assert facts["tempo"] is None
    assert facts["meter"] is None
    assert told(described(part(*free), tempo=400_000).facts)["tempo"] == 150


@pytest.mark.parametrize("quarter", [24, 96, 100, 120, 384, 480, 960, 10080])
def test_triplets_and_sixteenths_are_on_the_grid_at_every_resolution(quarter: int) -> None:
    rows = [(round(i * quarter / lines) + 16 * quarter * k, quarter // 8, 60 + i % 12, 80)
            for k, lines in enumerate((4, 3, 6, 8)) for i in range(16)]  # fmt: skip
    assert described(part(*rows), quarter=quarter).facts["grid"] == 1


def test_drums_count_for_rhythm_and_not_for_pitch() -> None:
    beat = part(*((i * 480, 60, 36 + i % 2, 100) for i in range(8)), drum=True)
    facts = described(beat).facts
    assert told(facts)["key"] is None
    assert (facts["drums"], facts["pitches"], facts["low"] > facts["high"]) == (1, 0, True)
    assert told(facts)["kits"] == [0]
    both = described(part(*scale(1)), beat).facts
    assert both["drums"] == 0.5
    assert (both["low"], both["high"]) == (60, 72)
    assert (told(both)["programs"], told(both)["kits"]) == ([0], [0])


def test_faults_are_measured() -> None:
    gun = part(*((i * 40, 30, 60, 80) for i in range(50)))  # 24 a second
    assert described(gun).facts["machine_gun"] == pytest.approx(49 / 50)
    stuck = part((0, 960 * 30, 40, 80), *scale(1))
    facts = described(stuck).facts
    assert (facts["longest"], facts["stuck"]) == (30, pytest.approx(1 / 9))
    silent = part((0, 480, 60, 80), (480 * 20, 480, 62, 80))
    facts = described(silent).facts
    assert facts["silence"] == facts["empty"] == pytest.approx(9.5 / 10.5)


def test_phrases_and_chords_are_where_their_events_are() -> None:
    notes = [(i * 240 + (1920 if i >= 8 else 0), 240, SCALE[i % 8], 80) for i in range(24)]
    found = described(
        part(*notes), part((0, 1920, 48, 60), (0, 1920, 52, 60), (3840, 1920, 53, 60), (3840, 1920, 57, 60))
    )
    score_events = Score(480, (part(*notes),)).events()
    assert found.facts["phrases"] == len(found.phrases) >= 2
    assert found.facts["chords"] == len(found.chords)
    assert found.phrases[0] == 0
    assert (np.diff(found.chords["event"].astype(int)) > 0).all()
    assert len(score_events) > int(found.phrases[-1])


rows = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 2000), st.integers(0, 127), st.integers(1, 127)), max_size=40
)


@given(rows, st.booleans())
@settings(max_examples=60, deadline=None)
def test_facts_agree_with_the_measures_of_music(notes: list[tuple[int, int, int, int]], drum: bool) -> None:
    score = Score(480, (part(*notes, drum=drum),) if notes else ())
    events = score.events()
    facts = describe(score, events, keyed_notes(events)).facts
    assert facts["notes"] == len(events) // 2
    if notes:
        seconds = float(events["at"][-1] - events["at"][0])
        assert facts["seconds"] == pytest.approx(seconds, rel=1e-5)
        assert facts["density"] * seconds == pytest.approx(len(events) / 2, rel=1e-3)
        assert facts["longest"] == pytest.approx(notes_of(events)["duration"].max(), rel=1e-5)
        assert facts["empty"] == pytest.approx(silence_share(events), abs=1e-3)
        assert facts["polyphony"] == pytest.approx(polyphony(events), rel=1e-3)
        assert note_density(events) >= 0
    assert np.isfinite(
        [float(facts[name]) for name in ("clear", "grid", "empty", "silence", "dynamics", "stuck")]
    ).all()
