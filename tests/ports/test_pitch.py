"""The pitch tracker: what is played is heard, soon and once; what is not played is not."""

from __future__ import annotations

import math
import time
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music import measures
from antiphon.music.event import EVENT, Event
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.pitch import PitchTracker
from antiphon.ports.sampler import SoundfontFile
from antiphon.ports.sound import render
from tests.ports.tones import RATE, Sound, pitches, silence, told, tone, vibrato

SAX = 65
MELODY = (60, 64, 67, 72, 71, 69, 67, 65, 64, 62, 60, 55, 60)


def tracker(**settings_: float) -> PitchTracker:
    return PitchTracker(RATE, SAX, **settings_)  # type: ignore[arg-type]


def melody(kind: str, notes: tuple[int, ...], gap: float = 0.03, seconds: float = 0.2) -> Sound:
    parts = [silence(0.1)]
    for pitch in notes:
        parts += [tone(kind, pitch, seconds), silence(gap)]
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", ["sine", "saw", "sax"])
@pytest.mark.parametrize("pitch", [36, 40, 45, 52, 57, 64, 69, 76, 84, 96])
def test_a_tone_is_one_note_told_within_bounds(kind: str, pitch: int) -> None:
    heard = told(tracker(), np.concatenate([silence(0.2), tone(kind, pitch, 0.5), silence(0.2)]))
    assert [(e.instrument, e.pitch, e.is_onset) for e, _ in heard] == [(SAX, pitch, True), (SAX, pitch, False)]
    (on, when), (off, _) = heard
    assert when - 0.2 <= (0.03 if pitch >= 52 else 0.05)
    assert abs(on.at - 0.2) <= 0.01
    assert abs(off.at - 0.7) <= 0.03


@pytest.mark.parametrize("kind", ["sine", "saw", "sax"])
@pytest.mark.parametrize("gap", [0.0, 0.03])
def test_a_melody_is_heard_note_by_note(kind: str, gap: float) -> None:
    heard = told(tracker(), melody(kind, MELODY, gap))
    assert pitches(heard) == list(MELODY)
    true = 0.1 + np.arange(len(MELODY)) * (0.2 + gap)
    assert np.abs(np.array([e.at for e, _ in heard if e.is_onset]) - true).max() < 0.03


def test_a_voice_with_vibrato_sings_one_note() -> None:
    for start in (0.0, 0.05, 0.13):
        sung = tone("saw", vibrato(62, 2.0 + start)[round(start * RATE) :], 2.0)
        assert pitches(told(tracker(), sung)) == [62]


def test_a_note_struck_again_is_two_notes() -> None:
    assert pitches(told(tracker(), melody("sax", (62, 62, 62, 62), gap=0.02))) == [62] * 4


def test_tremolo_is_one_note() -> None:
    swell = 10 ** (3 * np.sin(2 * np.pi * 6 * np.arange(2 * RATE) / RATE) / 20)
    assert pitches(told(tracker(), tone("saw", 62, 2.0, peak=0.2) * swell.astype(np.float32))) == [62]


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.3, 0.5])
@pytest.mark.parametrize("goal", [55, 67, 72])
def test_a_slide_is_a_note_where_it_rests(goal: int, seconds: float) -> None:
    rest = round(0.4 * RATE)
    way = np.concatenate([np.full(rest, 60.0), np.linspace(60, goal, round(seconds * RATE)), np.full(rest, goal)])
    assert pitches(told(tracker(), tone("saw", way, len(way) / RATE))) == [60, goal]


def test_an_octave_up_and_down_without_a_break() -> None:
    assert pitches(told(tracker(), melody("sax", (55, 67, 55, 67), gap=0.0))) == [55, 67, 55, 67]


def test_noise_and_silence_are_no_notes() -> None:
    noise = np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32)
    for level in (0.0, 1e-4, 1e-2, 0.2):
        assert told(tracker(), level * noise) == []


def test_a_melody_is_heard_through_noise() -> None:
    sound = melody("sax", MELODY)
    noise = np.random.default_rng(2).standard_normal(len(sound)) * 10 ** (-30 / 20) * np.sqrt((sound**2).mean())
    assert pitches(told(tracker(), (sound + noise).astype(np.float32))) == list(MELODY)


def test_an_offset_is_no_sound() -> None:
    sound = melody("saw", (60, 64)) + np.float32(0.3)
    assert pitches(told(tracker(), sound)) == [60, 64]


def test_velocity_follows_the_level_by_the_documented_curve() -> None:
    for peak in (0.5, 0.1, 0.02):
        level = 20 * math.log10(peak / math.sqrt(2))
        for gain in (0.0, 6.0):
            (on, _), _ = told(tracker(gain=gain), np.concatenate([silence(0.1), tone("sine", 76, 0.3, peak=peak)]))
            assert abs(on.velocity - min(127, 127 * 10 ** ((level + gain + 9) / 40))) <= 7


def test_the_gate_keeps_out_what_is_soft() -> None:
    soft = tone("saw", 62, 0.5, peak=0.01)
    assert pitches(told(tracker(), soft)) == [62]
    assert told(tracker(gate=-40.0), soft) == []
    assert pitches(told(tracker(gate=-40.0, gain=20.0), soft)) == [62]


@pytest.mark.parametrize("tuning", [415.0, 432.0, 453.0])
def test_another_tuning_is_told_in_keys(tuning: float) -> None:
    sharp = 12 * math.log2(tuning / 440)
    sound = np.concatenate([np.concatenate([tone("saw", p + sharp, 0.2), silence(0.03)]) for p in MELODY])
    assert pitches(told(tracker(tuning=tuning), sound)) == list(MELODY)


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000, 96_000])
def test_every_usual_sample_rate_will_do(rate: int) -> None:
    sound = np.concatenate([silence(0.1, rate=rate), tone("saw", 57, 0.3, rate=rate), tone("saw", 81, 0.3, rate=rate)])
    heard = told(PitchTracker(rate, SAX), sound, block=rate // 200, rate=rate)
    assert pitches(heard) == [57, 81]


def test_lost_sound_closes_the_note_and_begins_anew() -> None:
    ears, sound = tracker(), tone("saw", 62, 0.5)
    assert [(e.pitch, e.is_onset) for e in ears.hear(sound, 10.0)] == [(62, True), (62, False)][:1]
    lost, *rest = ears.hear(sound, 12.0)
    assert lost == Event(pytest.approx(10.5), SAX, 62, 0)  # type: ignore[arg-type]
    assert [(e.pitch, e.is_onset) for e in rest] == [(62, True)]
    assert rest[0].at == pytest.approx(12.0, abs=0.01)
    assert [e.at for e in ears.end(12.5)] == [12.5]
    assert ears.end(13.0) == []


def test_broken_samples_do_no_lasting_harm() -> None:
    broken = np.array([np.nan, np.inf, -np.inf, 1e30] * 100, np.float32)
    sound = np.concatenate([broken, silence(0.3), tone("saw", 62, 0.4)])
    assert pitches(told(tracker(), sound))[-1] == 62


@pytest.mark.parametrize(
    ("rate", "settings_", "why"),
    [
        (4_000, {}, "8000 to 192000"),
        (RATE, {"low": 60, "high": 60}, "no range"),
        (RATE, {"low": 5}, "no range"),
        (8_000, {"high": 98}, "can be told"),
        (RATE, {"tuning": 44.0}, "A4"),
    ],
)
def test_what_cannot_be_told_is_said(rate: int, settings_: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PitchTracker(rate, SAX, **settings_)  # type: ignore[arg-type]


def test_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="one channel"):
        tracker().hear(np.zeros((2, 100)), 0.0)


PIECE = np.concatenate([melody("sax", (60, 62, 62, 74, 50), 0.01, 0.12), melody("saw", (69, 57), 0.0, 0.12)])
WHOLE = [event for event, _ in told(tracker(), PIECE, block=len(PIECE))]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 5_000), min_size=8, max_size=40))
def test_blocks_of_any_length_tell_the_same(cuts: list[int]) -> None:
    ears, heard, at = tracker(), [], 0
    for cut in [*cuts, len(PIECE)]:
        heard += ears.hear(PIECE[at : at + cut], at / RATE)
        at = min(at + cut, len(PIECE))
    heard += ears.end(len(PIECE) / RATE)
    assert [(e.pitch, e.velocity) for e in heard] == [(e.pitch, e.velocity) for e in WHOLE]
    assert [e.at for e in heard] == pytest.approx([e.at for e in WHOLE], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from(["tone", "noise", "slide", "rest", "click"]), min_size=1, max_size=8),
)
def test_whatever_is_heard_is_one_voice_in_order_and_closed(seed: int, parts: list[str]) -> None:
    rng = np.random.default_rng(seed)
    sounds = []
    for part in parts:
        seconds, pitch, peak = rng.uniform(0.02, 0.3), rng.uniform(30, 104), float(rng.uniform(0, 1))
        n = round(seconds * RATE)
        sounds.append(
            {
                "tone": lambda s=seconds, p=pitch, v=peak: tone("sax", p, s, peak=v),
                "noise": lambda n=n, v=peak: (v * rng.standard_normal(n)).astype(np.float32),
                "slide": lambda n=n, p=pitch, v=peak: tone("saw", np.linspace(p, 60, n), n / RATE, peak=v),
                "rest": lambda s=seconds: silence(s),
                "click": lambda v=peak: np.full(30, v, np.float32),
            }[part]()
        )
    heard = [event for event, _ in told(tracker(), np.concatenate(sounds), block=441)]
    assert [e.is_onset for e in heard] == [n % 2 == 0 for n in range(len(heard))]
    assert [e.pitch for e in heard[::2]] == [e.pitch for e in heard[1::2]]
    assert all(a.at <= b.at for a, b in pairwise(heard))
    assert all(0 <= e.velocity <= 127 and e.at >= 0 for e in heard)


@pytest.mark.parametrize("program", [73, 40, 65, 56])
def test_a_soundfonts_flute_violin_saxophone_and_trumpet_are_heard(program: int, font: SoundfontFile) -> None:
    rng = np.random.default_rng(program)
    notes = np.cumsum(rng.choice([-4, -2, -1, 1, 2, 3], 30)) + 72
    notes = np.abs(notes - 60) + 60
    onsets = 0.2 + np.concatenate([[0], np.cumsum(rng.choice([0.18, 0.25, 0.35], 29))])
    ends = np.append(onsets[1:], onsets[-1] + 0.4)
    rows = [(a, program, p, v) for on, off, p in zip(onsets, ends, notes, strict=True) for a, v in ((on, 90), (off, 0))]
    sound = render(np.array(sorted(rows, key=lambda r: (r[0], r[3])), EVENT), font).mean(axis=0)
    heard = [event for event, _ in told(tracker(), sound) if event.is_onset]
    right = sum(
        any(e.pitch == p and abs(e.at - on) <= 0.05 for e in heard) for on, p in zip(onsets, notes, strict=True)
    )
    assert 2 * right / (len(notes) + len(heard)) >= 0.9


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> SoundfontFile:
    return SoundfontFile(general_midi_soundfont(tmp_path_factory.mktemp("cache")))


def test_listening_takes_a_small_part_of_the_time() -> None:
    sound, start = melody("sax", MELODY), time.process_time()
    told(tracker(), sound)
    # A quarter of real time, since the machine of CI is shared; bench/pitch.py measures.
    assert time.process_time() - start < 0.25 * len(sound) / RATE


def test_memory_does_not_grow() -> None:
    ears, sound, kept = tracker(), melody("sax", MELODY[:4]), []
    tracemalloc.start()
    for n in range(3):
        for start in range(0, len(sound), 441):
            ears.hear(sound[start : start + 441], (n * len(sound) + start) / RATE)
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert kept[-1] < kept[0] + 50_000
    assert kept[-1] < 2_000_000


def test_measures_find_nothing_wrong() -> None:
    events = np.array([(e.at, e.instrument, e.pitch, e.velocity) for e in WHOLE], EVENT)
    assert measures.unclosed(events) == measures.double_onsets(events) == 0
