"""Voices between MIDI files, arrays and the raster."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antiphon.codec.grid import SILENT
from antiphon.compose.chorale_score import array_of, score_of, sheet_of
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import midi_bytes
from antiphon.music.score import METER, NOTE, Part, Score

QUARTET = arrays.arrays(
    np.int16, st.tuples(st.just(4), st.integers(1, 30)), elements=st.one_of(st.just(SILENT), st.integers(48, 72))
)


def _part(*notes, name=""):
    return Part(0, False, np.array([(*note, 80) for note in notes], NOTE), name)


def _score(*parts, tpq=480, meters=((0, 4, 4),)):
    return Score(tpq, parts, meters=np.array(list(meters), METER))


@given(QUARTET.filter(lambda q: (q[:, 0] != SILENT).any() and (q != SILENT).any(axis=1).all()))
def test_voices_come_back_from_a_midi_file(quartet):
    score = read_midi(midi_bytes(score_of(quartet)))
    sheet = sheet_of(score, "t.mid")
    steps = sheet.pitches.shape[1]
    assert (sheet.pitches == quartet[:, :steps]).all()
    assert (quartet[:, steps:] == SILENT).all()  # silence at the end is not written


def test_sixteen_voices_are_sixteen_tracks_with_names():
    score = read_midi(midi_bytes(score_of(np.full((16, 4), 60, np.int16))))
    assert len(score.parts) == 16
    assert score.parts[5].name == "alto 2"


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=2, max_size=12))
def test_two_staves_of_two_voices_each_are_four_voices(steps):
    soprano, alto, tenor, bass = np.array([72, 65, 55, 45])[:, None] + np.array(steps).T * [[1], [2], [2], [1]]
    bass[0], tenor[0], alto[1] = 45, 55, soprano[1]  # at first there are two; then a unison
    staves = [_closed(soprano, alto), _closed(tenor, bass)]
    assert (sheet_of(_score(*staves), "t.mid").pitches[:, ::4] == [soprano, alto, tenor, bass]).all()


def _closed(upper, lower):
    """A staff on which two voices sing crotchets; a unison is one note."""
    notes = [(480 * i, 470, p) for i, pair in enumerate(zip(upper, lower, strict=True)) for p in sorted(set(pair))]
    return _part(*[(on, length, int(p)) for on, length, p in notes])


def test_a_staffs_voices_may_move_at_different_speeds_but_are_no_more_than_two():
    slow, quick = (0, 960, 72), [(240 * i, 250, 60 + i) for i in range(4)]  # of which each is a little legato
    staff = _part(*sorted([slow, *quick], key=lambda note: (note[0], note[2])))
    sheet = sheet_of(_score(staff, staff.__class__(0, False, _lower(staff.notes))), "t.mid")
    assert sheet.pitches.tolist()[0] == [72] * 8
    assert sheet.pitches.tolist()[1] == [60, 60, 61, 61, 62, 62, 63, 63]
    third = _part(*sorted([slow, (0, 960, 76), *quick], key=lambda note: (note[0], note[2])))
    with pytest.raises(ValueError, match="bar 1 has two notes at once"):
        sheet_of(_score(third, third), "t.mid")


def _lower(notes):
    notes = notes.copy()
    notes["pitch"] -= 20
    return notes


def test_the_last_note_of_every_voice_is_written():
    """The seed's B2: it never was."""
    line = np.array([[60] * 4 + [62] * 4 + [64] * 8], np.int16)
    (part,) = score_of(line).parts
    assert part.notes["pitch"].tolist() == [60, 62, 64]
    assert (part.notes["duration"] // 120).tolist() == [4, 4, 8]


def test_a_kept_voice_comes_back_finer_than_the_raster():
    notes = [(0, 100, 72), (130, 25, 74), (160, 470, 74), (650, 300, 76)]
    source = _score(_part(*notes, name="tune"))
    sheet = sheet_of(source, "t.mid", voice=0)
    made = score_of(np.tile(sheet.pitches[:1], (4, 1)), sheet=sheet, kept=[0])
    assert (made.parts[0].notes == source.parts[0].notes).all()
    assert [p.name for p in made.parts] == ["tune", "alto", "tenor", "bass"]


def test_an_upbeat_begins_on_its_own_beat():
    source = _score(_part((480 * 3 + 240, 240, 67), (480 * 4, 960, 72)))
    sheet = sheet_of(source, "t.mid", voice=0)
    assert sheet.first == 480 * 3
    assert sheet.pitches[0].tolist() == [SILENT] * 2 + [67] * 2 + [72] * 8
    assert sheet.bar(0) == 1
    assert sheet.bar(4) == 2
    made = score_of(sheet.pitches, sheet=sheet)
    assert made.parts[0].notes["onset"].tolist() == [480 * 3 + 240, 480 * 4]


def test_an_upbeat_of_an_eighth_begins_in_the_middle_of_a_quarter():
    source = _score(_part((0, 240, 67), (240, 1440, 72)), meters=[(0, 3, 4), (240, 3, 4)])
    sheet = sheet_of(source, "t.mid", voice=0)
    assert (sheet.first, sheet.start) == (0, 2)
    assert sheet.pitches[0].tolist() == [67] * 2 + [72] * 12
    assert [sheet.bar(step) for step in (0, 1, 2, 13)] == [0, 0, 1, 1]
    assert sheet.steps_of_bars(0, 0).tolist() == [True] * 2 + [False] * 12


def test_what_no_choir_can_sing_through_is_refused():
    with pytest.raises(ValueError, match=r"t\.mid: is 400000 sixteenths long; a score has 16384 at most"):
        sheet_of(_score(_part((0, 480 * 100_000, 60))), "t.mid")


def test_bars_are_counted_through_meters():
    source = _score(_part((0, 480 * 12, 72)), meters=[(0, 3, 4), (480 * 6, 4, 4)])
    sheet = sheet_of(source, "t.mid", voice=0)
    assert [sheet.bar(4 * beat) for beat in range(12)] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4]
    assert sheet.steps_of_bars(2, 2).nonzero()[0].tolist() == list(range(12, 24))


def test_parts_are_told_by_name_or_else_by_height():
    high, low = _part((0, 480, 72)), _part((0, 480, 45))
    sheet = sheet_of(_score(low, high), "t.mid")
    assert [p is not None for p in sheet.parts] == [True, False, False, True]
    assert sheet.pitches[0, 0] == 72
    named = sheet_of(_score(_part((0, 480, 60), name="Tenor"), _part((0, 480, 59), name="Alto")), "t.mid")
    assert named.pitches[1:3, 0].tolist() == [59, 60]


@pytest.mark.parametrize("tpq", [1, 15, 96, 1000])
def test_any_division_of_the_quarter_is_read(tpq):
    sheet = sheet_of(_score(_part((0, 2 * tpq, 60)), tpq=tpq), "t.mid", voice=0)
    assert sheet.pitches[0].tolist() == [60] * 8


@pytest.mark.parametrize(
    ("score", "voice", "says"),
    [
        (_score(), 0, "t.mid: has no notes"),
        (_score(*[_part((0, 480, 60 + i)) for i in range(5)]), None, "has 5 parts; the model knows 4 voices"),
        (_score(_part((0, 480, 60)), _part((0, 480, 61))), 0, "say which is the soprano by --part"),
        (_score(_part((480 * 8, 960, 60), (480 * 9, 480, 64), name="lute")), 0, "bar 3 of the part 'lute' has two"),
    ],
)
def test_what_is_no_choir_is_said_in_a_line(score, voice, says):
    with pytest.raises(ValueError, match=says):
        sheet_of(score, "t.mid", voice=voice)


def test_legato_is_not_polyphony():
    assert (
        sheet_of(_score(_part((0, 500, 60), (480, 480, 62))), "t.mid", voice=0).pitches[0].tolist()
        == [60] * 4 + [62] * 4
    )


def test_both_encodings_of_the_seed_are_read():
    midi = np.array([[72, 72, 0], [48, 47, 46]])
    generated = np.array([[42, 42, -30], [18, 17, 16]])
    assert array_of(midi, "a").tolist() == [[72, 72, SILENT], [48, 47, 46]]
    assert array_of(generated, "a").tolist() == [[72, 72, SILENT], [48, 47, 46]]
    assert array_of(np.array([[72, -1, np.nan]]), "a").tolist() == [[72, SILENT, SILENT]]
    assert array_of(np.full((7, 16, 32), 60), "a").shape == (7, 16, 32)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 2, 2)), np.zeros((0, 4)), np.array([[60.5]]), np.array([[300]])])
def test_what_is_no_score_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a\.npy: "):
        array_of(wrong, "a.npy")
