"""Variations: what each does to a texture, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from antiphon.codec.grid import SILENT
from antiphon.compose import variations as vary
from antiphon.compose.texture import Texture, score_of_texture, texture_of, texture_of_pitches
from antiphon.music.key import parse_key
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import write_midi
from antiphon.music.score import NOTE, Part, Score

C_MAJOR = parse_key("C")
PITCH = st.one_of(st.just(SILENT), st.integers(36, 84))
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def textures(draw: st.DrawFn) -> Texture:
    """Up to five voices of up to forty steps, in which some notes are struck again."""
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 40)))
    lines = [np.repeat(draw(arrays(np.int16, shape[1], elements=PITCH)), 3)[: shape[1]] for _ in range(shape[0])]
    made = texture_of_pitches(np.stack(lines))
    made.struck[:] = draw(arrays(np.bool_, shape)) & (made.pitches != SILENT)
    made.velocity[:] = draw(arrays(np.uint8, shape, elements=st.integers(1, 127)))
    return made


def of(*lines: list[int]) -> Texture:
    return texture_of_pitches(np.array(lines, np.int16))


def notes(texture: Texture) -> list[list[tuple[int, int, int, int]]]:
    """Each voice's notes as they are written: onset and duration in steps, pitch, velocity."""
    return [
        [(on // 120, length // 120, pitch, v) for on, length, pitch, v in part.notes.tolist()]
        for part in score_of_texture(texture).parts
    ]


def count(texture: Texture) -> int:
    return sum(map(len, notes(texture)))


@given(textures())
def test_a_texture_is_the_same_after_it_was_a_score(texture: Texture) -> None:
    if not count(texture):
        return
    back = texture_of(score_of_texture(texture), "it")
    sounding = [v for v in range(texture.voices) if (texture.pitches[v] != SILENT).any()]
    first = int(np.flatnonzero((texture.pitches != SILENT).any(axis=0))[0]) // 4 * 4
    there = [[(on - first, *rest) for on, *rest in notes(texture)[v]] for v in sounding]
    assert [[tuple(note) for note in voice] for voice in there] == notes(back)


def test_sixteen_tracks_of_one_program_are_sixteen_voices(tmp_path: Path) -> None:
    given_ = of(*[[60 + v] * 4 + [SILENT] * 4 + [50 + v] * 8 for v in range(16)])
    write_midi(score_of_texture(given_), tmp_path / "many.mid")
    back = texture_of(read_midi(tmp_path / "many.mid"), "many")
    np.testing.assert_array_equal(back.pitches, given_.pitches)


def test_chords_in_one_part_are_as_many_voices() -> None:
    chords = np.array([(0, 240, 60, 80), (0, 240, 67, 80), (240, 240, 59, 80), (240, 240, 65, 80)], NOTE)
    texture = texture_of(Score(480, (Part(0, False, chords),)), "chords")
    assert texture.pitches.tolist() == [[67, 67, 65, 65], [60, 60, 59, 59]]


def test_b3_every_step_of_every_run_out_of_key_is_stretched() -> None:
    """The seed's own case: C# planted at steps 3, 8 to 11 and 15 to 16 of 20, three times as long: 34 steps."""
    line = [61 if n in {3, 8, 9, 10, 11, 15, 16} else 60 for n in range(20)]
    made = vary.stretched(of(line), C_MAJOR, 3, 3, np.random.default_rng(0))
    assert made.steps == 34
    lengths = [(length, pitch) for _, length, pitch, _ in notes(made)[0]]
    assert lengths == [(3, 60), (3, 61), (4, 60), (12, 61), (3, 60), (6, 61), (3, 60)]
    assert made.tense.sum() == 21


@given(textures(), st.integers(1, 5), st.integers(0, 5), SEEDS)
def test_stretching_only_lengthens_what_is_out_of_key(texture: Texture, low: int, more: int, seed: int) -> None:
    made = vary.stretched(texture, C_MAJOR, low, low + more, np.random.default_rng(seed))
    out = vary.in_key(texture.pitches, C_MAJOR) < 1
    assert int((~out).sum()) + low * int(out.sum()) <= made.steps <= int((~out).sum()) + (low + more) * int(out.sum())
    assert int((vary.in_key(made.pitches, C_MAJOR) == 1).sum()) == int((~out).sum())
    assert [[note[2:] for note in voice] for voice in notes(made)] == [
        [note[2:] for note in voice] for voice in notes(texture)
    ]


def test_rests_are_neither_out_of_key_nor_dissonant() -> None:
    """The seed took a rest for a C."""
    key = parse_key("F# major")
    pitches = np.array([[66, -1, 60, -1], [70, -1, -1, 73]], np.int16)
    assert vary.in_key(pitches, key).tolist() == [1, 1, 0, 1]
    assert vary.consonance(pitches).tolist() == [1, 1, 1, 1]
    assert vary.consonance(np.array([[60], [61], [67]], np.int16))[0] == pytest.approx(1 / 3)


@given(textures(), SEEDS)
def test_b4_a_mask_without_holes_and_a_lowered_bass_leave_held_notes_whole(texture: Texture, seed: int) -> None:
    """The seed drew the octave for every sixteenth: one held bass note of 64 steps became sixteen."""
    made = vary.arpeggiated(texture, np.ones((3, 7), bool))
    assert notes(made) == notes(texture)
    lower = vary.bass_lowered(made, 0.5, np.random.default_rng(seed))
    assert [[(on, length) for on, length, *_ in voice] for voice in notes(lower)] == [
        [(on, length) for on, length, *_ in voice] for voice in notes(texture)
    ]


def test_b4_one_held_bass_note_stays_one() -> None:
    for seed in range(20):
        made = vary.bass_lowered(of([60] * 64, [48] * 64), 1 / 6, np.random.default_rng(seed))
        assert count(made) == 2
        assert set(made.pitches[1].tolist()) in ({48}, {36})


def test_a_mask_cuts_notes_where_it_is_silent() -> None:
    made = vary.arpeggiated(of([60] * 8, [55] * 8), np.array([[1, 1, 0, 1], [0, 1, 1, 1]], bool), every=2)
    assert made.pitches.tolist() == [[60, 60, -1, 60, 60, 60, 60, 60], [-1, 55, 55, 55, 55, 55, 55, 55]]
    assert notes(made) == [[(0, 2, 60, 72), (3, 5, 60, 72)], [(1, 7, 55, 72)]]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.integers(1, 9), SEEDS)
def test_a_shaded_mask_has_the_shade_that_was_asked_for(rows: int, k: int, rests: int, sounds: int, seed: int) -> None:
    mask = vary.shaded_mask(rows, k, rests, sounds, np.random.default_rng(seed))
    assert mask.shape == (rows, k)
    assert abs(mask.sum() - rows * k * sounds / (rests + sounds)) <= 0.5


@given(textures(), st.floats(-1, 1), st.integers(1, 40), SEEDS)
def test_octaves_move_whole_notes_within_the_range(texture: Texture, share: float, clump: int, seed: int) -> None:
    made = vary.octaves_shifted(texture, share, np.random.default_rng(seed), clump=clump, lowest=40, highest=80)
    for before, after in zip(notes(texture), notes(made), strict=True):
        assert [note[:2] + note[3:] for note in before] == [note[:2] + note[3:] for note in after]
        for was, is_ in zip(before, after, strict=True):
            moved = is_[2] - was[2]
            assert moved in (0, 12 if share >= 0 else -12)
            assert moved == 0 or 40 <= is_[2] <= 80


def test_octaves_come_in_clumps_of_about_their_share() -> None:
    line = of([60, 62] * 5000)
    made = vary.octaves_shifted(line, 0.15, np.random.default_rng(3), clump=20)
    shifted = made.pitches[0] > 70
    assert 0.09 < shifted.mean() < 0.19
    lengths = [end - begin for begin, end in vary.runs(shifted)]
    assert min(lengths) == 20


@given(textures(), st.floats(0, 1), SEEDS)
def test_dropout_leaves_out_whole_notes_of_an_exact_share(texture: Texture, share: float, seed: int) -> None:
    made = vary.dropped(texture, share, np.random.default_rng(seed))
    assert count(made) == count(texture) - round(share * count(texture))
    for before, after in zip(notes(texture), notes(made), strict=True):
        assert set(after) <= set(before)


def test_b7_a_note_is_swelled_by_where_it_begins() -> None:
    """Of four notes the second begins before the stretched run and ends in it, the third the other way round."""
    texture = of([60] * 4 + [62] * 4 + [64] * 4 + [65] * 4)
    texture.tense[6:10] = True
    louder = softer = 0
    for seed in range(40):
        made = vary.swelling(texture, 20, np.random.default_rng(seed)).velocity[0]
        assert made[4] <= 72
        assert made[8] >= made[4]
        louder += made[8] > made[4]
        softer += made[4] < made[0] or made[0] < 72
    assert 8 < louder < 32
    assert softer > 8


@given(textures(), st.integers(0, 60), SEEDS)
def test_a_swell_changes_nothing_but_loudness(texture: Texture, amount: int, seed: int) -> None:
    made = vary.swelling(texture, amount, np.random.default_rng(seed))
    assert [[note[:3] for note in voice] for voice in notes(made)] == [
        [note[:3] for note in voice] for voice in notes(texture)
    ]
    begins = texture.begins
    was, is_ = texture.velocity[begins].astype(int), made.velocity[begins].astype(int)
    assert (np.abs(is_ - np.clip(was, vary.SOFTEST, vary.LOUDEST)) <= amount).all()


@given(textures(), st.integers(-24, 24))
def test_transposing_there_and_back_is_nothing(texture: Texture, semitones: int) -> None:
    there = vary.transposed(texture, semitones)
    assert notes(vary.transposed(there, -semitones)) == notes(texture)
    assert (there.pitches == SILENT).tolist() == (texture.pitches == SILENT).tolist()


@given(textures(), st.integers(1, 5), st.data())
def test_thinning_undoes_holding(texture: Texture, times: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, texture.steps - 1))
    end = data.draw(st.integers(first + 1, texture.steps))
    longer = vary.held(texture, first, end, times)
    assert longer.steps == texture.steps + (end - first) * (times - 1)
    assert [[note[2:] for note in voice] for voice in notes(longer)] == [
        [note[2:] for note in voice] for voice in notes(texture)
    ]
    back = vary.thinned(longer, first, first + (end - first) * times, times)
    assert notes(back) == notes(texture)


@given(textures(), textures())
def test_what_is_joined_keeps_all_its_notes(one: Texture, other: Texture) -> None:
    made = vary.joined(one, other)
    assert (made.voices, made.steps) == (max(one.voices, other.voices), one.steps + other.steps)
    assert count(made) == count(one) + count(other)


@given(textures(), st.data())
def test_voices_chosen_doubled_and_taken_apart(texture: Texture, data: st.DataObject) -> None:
    voices = data.draw(st.lists(st.integers(0, texture.voices - 1), min_size=1, max_size=6))
    assert notes(vary.chosen(texture, voices)) == [notes(texture)[v] for v in voices]
    assert notes(vary.doubled(texture, voices)) == notes(texture) + [notes(texture)[v] for v in voices]
    size = data.draw(st.integers(1, texture.voices))
    apart = vary.unstacked(texture, size)
    assert apart.voices == size
    assert count(apart) == count(texture)


def test_tempos_go_with_their_steps() -> None:
    score = Score(480, (Part(0, False, np.array([(0, 960, 61, 80), (960, 960, 60, 80)], NOTE)),))
    score.tempos.resize(2, refcheck=False)
    score.tempos[1] = (960, 1_000_000)
    made = vary.stretched(texture_of(score, "it"), C_MAJOR, 2, 2, np.random.default_rng(0))
    assert score_of_texture(made).tempos.tolist() == [(0, 500_000), (1920, 1_000_000)]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda t, r: vary.stretched(t, C_MAJOR, 3, 2, r), r"3\.\.2 must rise"),
        (lambda t, r: vary.dropped(t, 1.5, r), "a share is 0 to 1, not 1.5"),
        (lambda t, r: vary.transposed(t, 70), "notes would leave MIDI's pitches 0 to 127"),
        (lambda t, r: vary.chosen(t, [2]), "there are voices 1 to 2, no 3"),
        (lambda t, r: vary.unstacked(t, 3), "2 voices cannot be taken apart in groups of 3"),
        (lambda t, r: vary.held(t, 0, 9, 2), "steps 1 to 9 are not within a piece of 8"),
        (lambda t, r: vary.held(t, 0, 8, 1_000_000), "a piece may have 1048576 steps, not 8000000"),
        (lambda t, r: vary.swelling(t, 99, r), "a swell is of 0 to 60"),
    ],
)
def test_what_cannot_be_is_refused_by_a_line(wrong, problem) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=problem):
        wrong(of([60] * 8, [64] * 8), np.random.default_rng(0))
