"""Renderers: every one sounds every note, as high as its tuning says and as loud as its velocity, from its place."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from antiphon.music.event import DRUM_KITS, EVENT
from antiphon.music.scala import open_tuning
from antiphon.music.score import NOTE, Part, Score
from antiphon.music.tuning import SCALES, Keymap, Tuning
from antiphon.ports.csound import csound_score, play_csound
from antiphon.ports.csound_samples import STRENGTHS, layers, strengths
from antiphon.ports.fluid import play_fluidsynth
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.hall import Stereo, add_echoes, impulse_response
from antiphon.ports.performance import Performance, perform, raw_sound
from antiphon.ports.sampler import SoundfontFile
from antiphon.ports.sound import SoundError, render

RATE = 44_100
QUARTER = 480
SECOND = 2 * QUARTER
"""Ticks, at 120 beats a minute."""

RENDERERS = [
    "soundfont",
    pytest.param("fluidsynth", marks=pytest.mark.system("fluidsynth")),
    pytest.param("csound", marks=pytest.mark.system("csound")),
]


@pytest.fixture(scope="session")
def font_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return general_midi_soundfont(tmp_path_factory.mktemp("cache"))


def score(*parts: tuple[int, list[tuple[int, int, int, int]]]) -> Score:
    """Parts of (program, notes of onset, duration, pitch, velocity); 480 ticks a quarter at 120 beats a minute."""
    return Score(QUARTER, tuple(Part(program, False, np.array(notes, NOTE)) for program, notes in parts))


def played(performance: Performance, renderer: str, font: Path, **more: float) -> Stereo:
    if renderer == "csound":
        return play_csound(performance, **more)
    if renderer == "fluidsynth":
        return play_fluidsynth(performance, font)
    return render(
        performance.events,
        SoundfontFile(font),
        programs=performance.programs,
        pans=performance.pans,
        tuning=performance.tuning,
    )


def frequency(sound: npt.NDArray[np.floating], near: float) -> float:
    """Hz of the strongest partial within a semitone of `near`: the peak of a parabola through three bins' levels."""
    n = 1 << 19
    level = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), n)) + 1e-12)
    low, high = (int(near * share * n / RATE) for share in (2 ** (-1 / 12), 2 ** (1 / 12)))
    peak = low + int(level[low:high].argmax())
    a, b, c = level[peak - 1 : peak + 2]
    return float((peak + 0.5 * (a - c) / (a - 2 * b + c)) * RATE / n)


def cents(one: float, other: float) -> float:
    return float(1200 * np.log2(one / other))


def loudness(sound: Stereo, begin: float, end: float) -> float:
    """dB, root mean square of both sides; what follows the sound's end is silence."""
    part = sound[:, round(begin * RATE) : round(end * RATE)].astype(np.float64)
    return float(10 * np.log10((part**2).sum() / (2 * (end - begin) * RATE) + 1e-12))


@pytest.mark.parametrize("program", [0, 19, 48], ids=["piano", "organ", "strings"])
@pytest.mark.parametrize("renderer", RENDERERS)
def test_b5_e4_in_the_victorian_temperament_is_within_a_cent_of_its_table(
    renderer: str, program: int, font_path: Path
) -> None:
    tuning = open_tuning("vrwt", tonic=0)
    heard = played(perform(score((program, [(0, 4 * SECOND, 64, 90)])), tuning=tuning), renderer, font_path)
    hertz = frequency(heard[0, RATE // 10 : 38 * RATE // 10], 328.118)
    assert abs(cents(hertz, 328.118)) < 1


@pytest.mark.parametrize("renderer", RENDERERS)
def test_b5_all_twelve_keys_are_the_table_that_was_asked_for(renderer: str, font_path: Path) -> None:
    tuning = open_tuning("werckmeister-3", tonic=2)
    notes = [(n * SECOND, SECOND - 20, 60 + n, 90) for n in range(12)]
    heard = played(perform(score((19, notes)), tuning=tuning), renderer, font_path)
    for n in range(12):
        wanted = tuning.frequencies[60 + n]
        part = heard[0, round((n + 0.1) * RATE) : round((n + 0.95) * RATE)]
        assert abs(cents(frequency(part, wanted), wanted)) < 1, n


@pytest.mark.parametrize("renderer", RENDERERS)
def test_b2_the_last_note_of_every_voice_sounds(renderer: str, font_path: Path) -> None:
    """Four voices that end together on a chord of their own: each of its pitches is heard to its end."""
    last = (72, 67, 64, 48)
    parts = [(19, [(0, SECOND, pitch + 1, 90), (SECOND, 2 * SECOND, pitch, 90)]) for pitch in last]
    heard = played(perform(score(*parts)), renderer, font_path)
    ending = heard.sum(axis=0)[2 * RATE : round(2.95 * RATE)]
    spectrum = np.abs(np.fft.rfft(ending * np.hanning(len(ending)), 1 << 18))
    hertz = np.fft.rfftfreq(1 << 18, 1 / RATE)
    for pitch in last:
        wanted = 440 * 2 ** ((pitch - 69) / 12)
        level = [spectrum[np.abs(hertz - wanted * 2 ** (k / 24)) < 2].max() for k in (-1, 0, 1)]
        assert level[1] > 5 * max(level[0], level[2]), pitch


@pytest.mark.system("csound")
def test_b6_a_sample_is_chosen_by_the_pitch_that_it_plays(tmp_path: Path) -> None:
    """No sampled note of the piano is shifted by more than half an octave: the seed always took the C."""
    tuning = Tuning(SCALES["19-edo"], Keymap(middle=60, reference=60))
    notes = [(n * 100, 90, pitch, 80) for n, pitch in enumerate(range(30, 100))]
    text, _ = csound_score(perform(score((0, notes)), tuning=tuning), tmp_path)
    tables = dict(re.findall(r'^f (\d+) .*"piano_(\d+)_\d+\.wav"', text, re.MULTILINE))
    rows = [row.split() for row in re.findall(r"^i 1 .*$", text, re.MULTILINE)]
    assert len(rows) == len(notes)
    for row, (_, _, key, _) in zip(rows, notes, strict=True):
        assert float(row[4]) == pytest.approx(tuning.frequencies[key])
        root = 440 * 2 ** ((int(tables[row[10]]) - 69) / 12)
        assert abs(cents(float(row[4]), root)) <= 600.01


def test_b6_the_sampler_takes_the_sample_nearest_to_the_sounding_pitch(font_path: Path) -> None:
    """In nineteen steps an octave key 98 sounds as C6: as the sample of C6 does, and not as that of D7 far down."""
    tuning = open_tuning("19-edo")
    heard = played(perform(score((0, [(0, SECOND, 98, 90)])), tuning=tuning), "soundfont", font_path)
    as_c6 = played(perform(score((0, [(0, SECOND, 84, 90)]))), "soundfont", font_path)
    np.testing.assert_allclose(heard, as_c6, atol=1e-4)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_b7_a_note_is_as_loud_as_it_was_begun(renderer: str, font_path: Path) -> None:
    """Soft, loud, soft: held over each other's beginnings, each has the strength of its own."""
    notes = [(0, SECOND, 60, 40), (SECOND, SECOND, 67, 110), (2 * SECOND, SECOND, 60, 40)]
    heard = played(perform(score((19, notes))), renderer, font_path)
    first, middle, last = (loudness(heard, n + 0.4, n + 0.9) for n in range(3))
    assert middle > first + 10
    assert last == pytest.approx(first, abs=1.0)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_note_begins_and_ends_when_it_is_played(renderer: str, font_path: Path) -> None:
    heard = played(perform(score((19, [(SECOND // 2, SECOND, 60, 100)]))), renderer, font_path)
    assert loudness(heard, 0, 0.45) < -90
    assert loudness(heard, 0.7, 1.4) > -45
    assert loudness(heard, 2.3, 2.6) < loudness(heard, 0.7, 1.4) - 40


@pytest.mark.parametrize("renderer", RENDERERS)
def test_parts_stand_from_left_to_right(renderer: str, font_path: Path) -> None:
    parts = [(19, [(n * SECOND, SECOND // 2, 60, 90)]) for n in range(3)]
    heard = played(perform(score(*parts)), renderer, font_path)
    sides = [heard[:, round((n + 0.1) * RATE) : round((n + 0.4) * RATE)].std(axis=1) for n in range(3)]
    assert sides[0][0] > 2 * sides[0][1]
    assert sides[1][0] == pytest.approx(sides[1][1], rel=0.05)
    assert sides[2][1] > 2 * sides[2][0]


@pytest.mark.parametrize("renderer", ["soundfont", pytest.param("csound", marks=pytest.mark.system("csound"))])
def test_two_voices_in_unison_are_two(renderer: str, font_path: Path) -> None:
    """The long note of one voice is not cut off where another voice leaves the same key."""
    long, short = (19, [(0, 2 * SECOND, 60, 90)]), (19, [(0, SECOND, 60, 90)])
    heard = played(perform(score(long, short)), renderer, font_path)
    alone = played(perform(score(long)), renderer, font_path)
    assert loudness(heard, 1.6, 1.9) == pytest.approx(loudness(alone, 1.6, 1.9), abs=2)


def test_a_key_that_the_tuning_leaves_silent_is(font_path: Path) -> None:
    white = Keymap(12, octave=12, degrees=(0, None, 2, None, 4, 5, None, 7, None, 9, None, 11))
    performance = perform(score((0, [(0, SECOND, 61, 90)])), tuning=Tuning(SCALES["equal"], white))
    assert played(performance, "soundfont", font_path).shape == (2, 0)
    assert len(performance.notes()) == 0


@pytest.mark.system("csound")
def test_csound_plays_every_program_and_drum(tmp_path: Path) -> None:
    """One after another: none is silent, none is much louder than another, and none passes full scale."""
    parts = [(program, [(n * QUARTER, QUARTER, 60, 100)]) for n, program in enumerate(range(0, 128, 4))]
    heard = play_csound(perform(score(*parts)))
    levels = [
        float(np.abs(heard[:, round(n * RATE / 2) : round((n + 0.9) * RATE / 2)]).max()) for n in range(len(parts))
    ]
    assert min(levels) > 0.02
    assert max(levels) < 0.8
    keys = list(range(35, 82))
    kit = np.array([(n * SECOND, SECOND, key, 100) for n, key in enumerate(keys)], NOTE)
    heard = play_csound(perform(Score(QUARTER, (Part(0, True, kit),))))
    for n, key in enumerate(keys):
        assert np.abs(heard[:, n * RATE : round((n + 0.1) * RATE)]).max() > 0.03, key
    assert np.abs(heard).max() < 1


@pytest.mark.system("csound")
def test_a_closed_hat_ends_the_open_one_in_csound() -> None:
    def loud(*rows: tuple[int, int, int, int]) -> float:
        kit = Part(0, True, np.array(list(rows), NOTE))
        return loudness(play_csound(perform(Score(QUARTER, (kit,)))), 0.12, 0.2)

    open_hat, closed = (0, 96, 46, 100), (96, 96, 42, 1)
    assert loud(open_hat, closed) < loud(open_hat) - 20


@pytest.mark.system("csound")
def test_csounds_hall_rings_on_after_the_last_note() -> None:
    staccato = perform(score((19, [(0, QUARTER // 4, 60, 100)])))
    dry, wet = (play_csound(staccato, reverb=reverb) for reverb in (0.0, 0.5))
    assert loudness(wet, 0.7, 1.0) > loudness(dry, 0.7, 1.0) + 20
    assert wet.shape[1] > dry.shape[1] + RATE


def test_velocity_layers_meet_without_a_step() -> None:
    assert strengths(1) == (0, 1, 0.0)
    assert strengths(50) == (0, 1, 0.5)
    assert strengths(127) == (1, 2, 1.0)
    for below, above, share in map(strengths, range(1, 128)):
        assert above == below + 1 < len(STRENGTHS)
        assert 0 <= share <= 1
    soft, _, loud = layers("piano", 54)
    assert soft.loop == loud.loop
    spectra = [np.abs(np.fft.rfft(layer.sample.sound[slice(*layer.loop)])) for layer in (soft, loud)]
    high = [float(s[len(s) // 3 :].sum() / s.sum()) for s in spectra]
    assert high[1] > 3 * high[0]


def test_a_halls_response_falls_by_sixty_decibels_in_its_time() -> None:
    response = impulse_response(2.0, RATE)
    assert (response**2).sum(axis=1) == pytest.approx([1, 1])
    early, late = ((response[:, round(at * RATE) : round((at + 0.1) * RATE)] ** 2).mean() for at in (0.1, 1.1))
    assert -45 < 10 * np.log10(late / early) < -25
    assert np.abs(np.corrcoef(response)[0, 1]) < 0.75
    np.testing.assert_array_equal(response, impulse_response(2.0, RATE))


def test_echoes_are_those_of_plain_convolution() -> None:
    rng = np.random.default_rng(5)
    sound, echoes = rng.standard_normal((2, 9000)).astype(np.float32), rng.standard_normal((2, 700))
    expected = sound + np.stack([np.convolve(a, b)[:9000] for a, b in zip(sound, echoes, strict=True)])
    add_echoes(sound, echoes)
    np.testing.assert_allclose(sound, expected, atol=1e-3)


def test_a_program_that_is_missing_or_fails_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.raw"
    with pytest.raises(SoundError, match="no-such-synth is not installed: apt install no-such-synth"):
        raw_sound(["no-such-synth"], out, seconds=1, sample_rate=RATE, progress=lambda _: None)
    with pytest.raises(SoundError, match="sh failed: it broke"):
        raw_sound(["sh", "-c", "echo it broke; exit 3"], out, seconds=1, sample_rate=RATE, progress=lambda _: None)


def test_progress_reaches_its_end(font_path: Path) -> None:
    told: list[float] = []
    performance = perform(score((0, [(n * 100, 90, 60 + n, 80) for n in range(12)])))
    render(performance.events, SoundfontFile(font_path), programs=performance.programs, progress=told.append)
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] <= 1


def test_nothing_is_played_of_nothing(font_path: Path) -> None:
    performance = perform(Score(QUARTER, ()))
    assert len(performance.events) == 0
    assert performance.events.dtype == EVENT


def test_drums_are_not_tuned(font_path: Path) -> None:
    kit = Part(0, True, np.array([(0, QUARTER, 38, 100)], NOTE))
    tuned = played(perform(Score(QUARTER, (kit,)), tuning=open_tuning("19-edo")), "soundfont", font_path)
    plain = render(np.array([(0, DRUM_KITS, 38, 100), (0.5, DRUM_KITS, 38, 0)], EVENT), SoundfontFile(font_path))
    np.testing.assert_array_equal(tuned, plain)
