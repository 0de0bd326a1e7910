"""What is written as MusicXML is read again as it was, in bars that are full and letters that fit the key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.musicxml import musicxml, write_musicxml
from antiphon.music.score import KEY, METER, NOTE, TEMPO, Part, Score
from antiphon.music.score_files import read_score

SIXTEENTH = 120


def voice(*notes: tuple[int, int, int], name: str = "", program: int = 0) -> Part:
    """A part of notes given as onset and length in sixteenths, and pitch."""
    rows = [(at * SIXTEENTH, length * SIXTEENTH, pitch, 80) for at, length, pitch in notes]
    return Part(program, False, np.array(rows, NOTE), name)


def of(*parts: Part, meter: tuple[int, int] = (4, 4), sharps: int = 0, minor: bool = False, tempo: int = 60) -> Score:
    return Score(
        480, parts, np.array([(0, 60_000_000 // tempo)], TEMPO), np.array([(0, *meter)], METER),
        np.array([(0, sharps, minor)], KEY),
    )  # fmt: skip


def sixteenths(score: Score) -> list[list[tuple[int, int, int]]]:
    step = score.ticks_per_quarter // 4
    return [
        [(int(n["onset"]) // step, int(n["duration"]) // step, int(n["pitch"])) for n in p.notes] for p in score.parts
    ]


@st.composite
def melodies(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    at, notes = 0, []
    for _ in range(draw(st.integers(1, 6))):
        at += draw(st.integers(0, 5))
        length = draw(st.integers(1, 20))
        notes.append((at, length, draw(st.integers(21, 108))))
        at += length
    return notes


@given(
    lines=st.lists(melodies(), min_size=1, max_size=4),
    meter=st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2), (5, 8), (7, 16)]),
    sharps=st.integers(-7, 7),
    minor=st.booleans(),
)
@settings(max_examples=10, deadline=None)
def test_what_is_written_is_read_again(
    lines: list[list[tuple[int, int, int]]], meter: tuple[int, int], sharps: int, minor: bool
) -> None:
    score = of(*(voice(*line) for line in lines), meter=meter, sharps=sharps, minor=minor, tempo=90)
    text = musicxml(score)
    again = read_score(text.encode(), ".musicxml")
    assert sixteenths(again) == lines
    assert again.meters.tolist() == [(0, *meter)]
    assert again.keys.tolist() == [(0, sharps, minor)]
    assert again.tempos["microseconds"].tolist() == [round(60e6 / 90)]
    for part in ElementTree.fromstring(text).iter("part"):
        full = 16 * meter[0] // meter[1]
        assert {sum(int(n.findtext("duration", "0")) for n in m.iter("note")) for m in part.iter("measure")} == {full}


@pytest.mark.parametrize(("meter", "length"), [((4, 4), 4), ((3, 4), 2), ((6, 8), 2), ((3, 4), 8)])
def test_an_upbeat_is_written_as_one_and_read_as_one(meter: tuple[int, int], length: int) -> None:
    score = of(voice((0, length, 67), (length, 4, 69), (length + 4, 20, 71)), meter=meter)
    score = replace(score, meters=np.array([(0, *meter), (length * SIXTEENTH, *meter)], METER))
    document = ElementTree.fromstring(musicxml(score))
    first, second = list(document.iter("measure"))[:2]
    assert (first.get("number"), first.get("implicit"), second.get("number")) == ("0", "yes", "1")
    assert [(time.findtext("beats"), time.findtext("beat-type")) for time in document.iter("time")] == [
        (str(meter[0]), str(meter[1]))
    ]
    again = read_score(musicxml(score).encode(), ".musicxml")
    assert sixteenths(again) == sixteenths(score)
    assert again.meters.tolist() == [(0, *meter), (length * 2520, *meter)]


def test_four_voices_keep_their_names_their_programs_and_their_chords(tmp_path: Path) -> None:
    choir = [voice((0, 4, 72 - 7 * i), (4, 4, 71 - 7 * i), name=n, program=52) for i, n in enumerate(["S", "A", "T"])]
    bass = voice((0, 8, 36), (0, 8, 48), name="B", program=58)
    write_musicxml(of(*choir, bass), tmp_path / "it.musicxml", title="A <close>")
    text = (tmp_path / "it.musicxml").read_text()
    again = read_score(text.encode(), ".musicxml")
    assert [part.name for part in again.parts] == ["S", "A", "T", "B"]
    assert [part.program for part in again.parts] == [52, 52, 52, 58]
    assert sixteenths(again)[3] == [(0, 8, 36), (0, 8, 48)]
    assert ElementTree.fromstring(text).findtext("work/work-title") == "A <close>"
    assert [sign.text for sign in ElementTree.fromstring(text).iter("sign")] == ["G", "G", "F", "F"]


def letters(score: Score) -> list[str]:
    signs = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
    pitches = ElementTree.fromstring(musicxml(score)).iter("pitch")
    return [p.findtext("step", "") + signs[int(p.findtext("alter", "0"))] + p.findtext("octave", "") for p in pitches]


@pytest.mark.parametrize(
    ("sharps", "minor", "pitches", "spelt"),
    [
        (0, True, (69, 68, 70), ["A4", "G#4", "Bb4"]),
        (0, False, (60, 61, 63, 66, 70), ["C4", "C#4", "Eb4", "F#4", "Bb4"]),
        (-6, False, (66, 71, 60), ["Gb4", "Cb5", "C4"]),
        (7, False, (61, 60, 59), ["C#4", "B#3", "B3"]),
    ],
)
def test_accidentals_are_spelt_by_the_key(sharps: int, minor: bool, pitches: tuple[int, ...], spelt: list[str]) -> None:
    line = voice(*((4 * i, 4, pitch) for i, pitch in enumerate(pitches)))
    assert letters(of(line, sharps=sharps, minor=minor)) == spelt


def test_a_syncopation_is_written_so_that_the_beats_show() -> None:
    document = ElementTree.fromstring(musicxml(of(voice((0, 1, 60), (1, 4, 62), (6, 4, 64), (12, 8, 65)))))
    assert [n.findtext("type") for n in document.iter("note") if n.find("pitch") is not None] == [
        "16th", "eighth", "16th", "eighth", "eighth", "quarter", "quarter",
    ]  # fmt: skip


def test_beats_of_three_are_written_as_dotted_quarters() -> None:
    document = ElementTree.fromstring(musicxml(of(voice((0, 6, 60), (6, 6, 62)), meter=(6, 8))))
    assert [(n.findtext("type"), n.find("dot") is not None) for n in document.iter("note")] == [("quarter", True)] * 2


def test_without_a_key_the_one_that_is_heard_is_written() -> None:
    scale = voice(*((4 * i, 4, pitch) for i, pitch in enumerate((62, 66, 69, 74, 69, 73, 67, 64, 62))))
    bare = Score(480, (scale,))
    document = ElementTree.fromstring(musicxml(bare))
    assert [key.findtext("fifths") for key in document.iter("key")] == ["2"]
    assert [(time.findtext("beats"), time.findtext("beat-type")) for time in document.iter("time")] == [("4", "4")]


def test_what_lies_a_hair_beside_a_step_is_moved_to_it() -> None:
    rows = [(3, 130, 60, 80), (118, 125, 62, 80), (241, 9, 64, 80)]
    score = Score(480, (Part(0, False, np.array(rows, NOTE)),))
    assert sixteenths(read_score(musicxml(score).encode(), ".xml")) == [[(0, 1, 60), (1, 1, 62), (2, 1, 64)]]


@pytest.mark.parametrize(
    ("score", "says"),
    [
        (Score(480, ()), "no notes"),
        (of(Part(0, True, np.array([(0, 120, 38, 80)], NOTE))), "drums"),
        (of(voice((0, 8, 60), (4, 8, 64), name="piano")), r"part 1 \(piano\) has notes that overlap"),
        (of(voice((0, 8, 60), (0, 4, 64))), "part 1 has notes that overlap"),
        (of(voice((0, 4, 60)), meter=(5, 32)), "no whole number of steps"),
    ],
)
def test_what_cannot_be_written_is_said(score: Score, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        musicxml(score)
