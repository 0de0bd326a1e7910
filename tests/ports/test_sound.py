"""Sound: what is heard has the pitch, length and strength that the events ask for."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from antiphon.music.event import DRUM_KITS, EVENT, Events
from antiphon.ports import sound
from antiphon.ports.general_midi import PROGRAM_VOICES, general_midi_bytes, general_midi_soundfont
from antiphon.ports.sampler import SoundfontError, SoundfontFile
from antiphon.ports.sound import SoundError, find_soundfont, render, render_wav

RATE = 44_100
A4 = 69


@pytest.fixture(scope="session")
def font_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return general_midi_soundfont(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def font(font_path: Path) -> SoundfontFile:
    return SoundfontFile(font_path)


def played(*notes: tuple[float, float, int, int, int]) -> Events:
    """Events of notes (onset s, release s, instrument, pitch, velocity)."""
    rows = [(on, i, p, v) for on, _, i, p, v in notes] + [(off, i, p, 0) for _, off, i, p, _ in notes]
    return np.array(sorted(rows, key=lambda row: (row[0], row[3] > 0)), EVENT)


def spectrum(wave_: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Hz and magnitudes, on a grid finer than a cent at A4."""
    n = 1 << 19
    return np.fft.rfftfreq(n, 1 / RATE), np.abs(np.fft.rfft(wave_ * np.hanning(len(wave_)), n))


def cents_off(wave_: npt.NDArray[np.float32], key: int) -> float:
    """How far the strongest partial within a semitone of `key` is from it."""
    wanted = 440 * 2 ** ((key - A4) / 12)
    hertz, level = spectrum(wave_)
    near = (hertz > wanted / 1.06) & (hertz < wanted * 1.06)
    return float(1200 * np.log2(hertz[near][level[near].argmax()] / wanted))


def decibels(wave_: npt.NDArray[np.float32]) -> float:
    return float(20 * np.log10(max(float(np.abs(wave_).max(initial=0)), 1e-9)))


@pytest.mark.parametrize("key", [36, 57, 69, 84])
def test_every_program_plays_in_tune(font: SoundfontFile, key: int) -> None:
    first_of_tone = {voice.tone: program for program, voice in reversed(list(enumerate(PROGRAM_VOICES)))}
    for program in first_of_tone.values():  # programs that share a tone share its samples and its tuning
        heard = render(played((0, 1.5, program, key, 100)), font)[0, 2000:]
        assert abs(cents_off(heard, key)) < 5, (program, PROGRAM_VOICES[program])


def test_programs_are_about_equally_loud(font: SoundfontFile) -> None:
    levels = [decibels(render(played((0, 1.5, program, A4, 100)), font)) for program in range(128)]
    assert max(levels) - min(levels) < 6.5
    assert max(levels) < 0


def test_what_is_struck_dies_and_what_is_driven_holds(font: SoundfontFile) -> None:
    for program, voice in enumerate(PROGRAM_VOICES):
        heard = render(played((0, 3, program, A4, 100)), font)[0]
        early, late = decibels(heard[RATE // 2 : RATE]), decibels(heard[2 * RATE : 5 * RATE // 2])
        if voice.fall is None:
            assert abs(late - early) < 6, (program, voice)
        else:
            assert late < early - 3 or late < -60, (program, voice)


def test_velocity_is_loudness(font: SoundfontFile) -> None:
    loud, soft = (decibels(render(played((0, 1, 0, A4, v)), font)) for v in (127, 40))
    assert loud - soft == pytest.approx(40 * np.log10(127 / 40), abs=0.5)


def test_a_note_starts_and_ends_when_it_is_played(font: SoundfontFile) -> None:
    heard = render(played((0.5, 1.0, 16, A4, 100)), font)[0]  # an organ
    assert np.abs(heard[: RATE // 2]).max() == 0
    assert decibels(heard[RATE // 2 : 6 * RATE // 10]) > -25
    assert decibels(heard[int(1.3 * RATE) :]) < -60


def test_drums_are_whole_however_short_the_key_and_have_no_pitch_of_their_key(font: SoundfontFile) -> None:
    for key in range(35, 82):
        heard = render(played((0, 0.01, DRUM_KITS, key, 100)), font)[0]
        assert len(heard) > 0.05 * RATE
        assert decibels(heard) > -22
    hertz, level = spectrum(render(played((0, 0.1, DRUM_KITS, 36, 100)), font)[0])
    assert 40 < hertz[level.argmax()] < 80  # the kick
    hertz, level = spectrum(render(played((0, 0.1, DRUM_KITS, 42, 100)), font)[0])
    assert hertz[level.argmax()] > 5000  # the hi-hat


def test_a_closed_hat_silences_the_open_one(font: SoundfontFile) -> None:
    open_alone = render(played((0, 0.1, DRUM_KITS, 46, 100)), font)[0]
    both = render(played((0, 0.1, DRUM_KITS, 46, 100), (0.1, 0.2, DRUM_KITS, 42, 1)), font)[0]
    after = slice(int(0.13 * RATE), int(0.2 * RATE))
    assert decibels(both[after]) < decibels(open_alone[after]) - 20


def test_anonymous_parts_play_the_program_they_are_given(font: SoundfontFile) -> None:
    as_organ = render(played((0, 1, 256, A4, 100)), font, programs={256: 16})
    organ = render(played((0, 1, 16, A4, 100)), font)
    np.testing.assert_array_equal(as_organ, organ)


def test_two_parts_on_one_program_do_not_cut_each_other_off(font: SoundfontFile) -> None:
    long, short = (0.0, 2.0, 16, A4, 100), (0.5, 1.0, 256, A4, 100)
    both = render(played(long, short), font, programs={256: 16})[0]
    alone = render(played(long), font)[0]
    later = slice(int(1.5 * RATE), int(1.9 * RATE))
    np.testing.assert_allclose(both[later], alone[later], atol=1e-4)


def test_hanging_notes_and_stray_releases_are_survived(font: SoundfontFile) -> None:
    events = np.array([(0, 0, 60, 0), (0.1, 0, 60, 90), (0.5, 0, 60, 90), (1.0, 0, 64, 90)], EVENT)
    assert np.isfinite(render(events, font)).all()
    assert render(np.empty(0, EVENT), font).shape == (2, 0)


def test_the_wav_file_is_stereo_unclipped_and_whole(tmp_path: Path, font_path: Path) -> None:
    path = tmp_path / "duet.wav"
    used = render_wav(played((0, 1, 0, 60, 127), (1, 2, 0, 64, 127)), path, soundfont=font_path)
    assert used == font_path
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert 2.0 < len(frames) / 2 / RATE < 8.0
    assert 29_000 < np.abs(frames.astype(int)).max() < 29_400
    assert list(tmp_path.iterdir()) == [path]


def test_silence_is_a_file_too(tmp_path: Path, font_path: Path) -> None:
    render_wav(np.empty(0, EVENT), tmp_path / "silence.wav", soundfont=font_path)
    assert (tmp_path / "silence.wav").stat().st_size > 44


def test_nothing_is_left_behind_when_the_disk_refuses(tmp_path: Path, font_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        render_wav(played((0, 1, 0, 60, 100)), tmp_path / "nowhere" / "a.wav", soundfont=font_path)
    assert list(tmp_path.iterdir()) == []


def test_the_same_events_make_the_same_file(tmp_path: Path, font_path: Path) -> None:
    events = played((0, 1, 0, 60, 100), (0.2, 0.8, DRUM_KITS, 38, 90), (0.5, 1.5, 48, 67, 80))
    for name in ("a.wav", "b.wav"):
        render_wav(events, tmp_path / name, soundfont=font_path)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_our_soundfont_is_the_same_every_time_and_small(font_path: Path) -> None:
    data = font_path.read_bytes()
    assert data == general_midi_bytes()
    assert len(data) <= 3_000_000


def test_our_soundfont_has_the_chunks_of_the_format(font_path: Path, font: SoundfontFile) -> None:
    data = font_path.read_bytes()
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"sfbk"
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    tags = dict(font._chunks())
    assert list(tags) == ["ifil", "isng", "INAM", "ICMT", "smpl"] + [
        f"{letter}{kind}" for letter in "p" for kind in ("hdr", "bag", "mod", "gen")
    ] + ["inst", "ibag", "imod", "igen", "shdr"]
    for tag, record in {
        "phdr": 38,
        "pbag": 4,
        "pmod": 10,
        "pgen": 4,
        "inst": 22,
        "ibag": 4,
        "imod": 10,
        "igen": 4,
        "shdr": 46,
    }.items():
        assert tags[tag][1] % record == 0, tag
    assert set(font.presets) == {(0, program) for program in range(128)} | {(128, 0)}
    headers = font._tables["shdr"][:-1]
    looped = headers[headers["last"] > 0]
    assert (looped["last"] + 8 <= looped["end"]).all()  # what a player's interpolation reads behind the loop
    assert (np.diff(headers["start"].astype(np.int64)) - (headers["end"] - headers["start"])[:-1] >= 46).all()


def test_other_programs_can_play_our_soundfont(font_path: Path) -> None:
    symusic = pytest.importorskip("symusic")
    score = symusic.Score(480)
    track = symusic.Track("", 0, False)
    track.notes.append(symusic.Note(0, 960, A4, 100))
    score.tracks.append(track)
    heard = np.array(symusic.Synthesizer(str(font_path), RATE, 4).render(score, True))[0]
    assert abs(cents_off(heard[: RATE // 2], A4)) < 5


def test_a_soundfont_that_is_asked_for_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SoundError, match=r"nothing\.sf2: no such soundfont"):
        find_soundfont(tmp_path / "nothing.sf2")
    monkeypatch.setenv("ANTIPHON_SOUNDFONT", str(tmp_path / "set.sf2"))
    with pytest.raises(SoundError, match=r"set\.sf2: no such soundfont"):
        find_soundfont()


def test_the_systems_soundfont_comes_before_ours(
    tmp_path: Path, font_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTIPHON_SOUNDFONT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    (tmp_path / "broken.sf2").write_bytes(b"RIFF")
    monkeypatch.setattr(sound, "_folders", lambda: [tmp_path])
    assert find_soundfont().name.startswith("general-midi")
    (tmp_path / "mine.SF2").write_bytes(font_path.read_bytes())
    assert find_soundfont() == tmp_path / "mine.SF2"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a SoundFont"),
        (b"RIFF\4\0\0\0WAVE", "not a SoundFont"),
        (b"RIFF\4\0\0\0sfbk", "chunk 'phdr' is missing"),
    ],
)
def test_a_broken_soundfont_is_refused_with_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "broken.sf2"
    path.write_bytes(data)
    with pytest.raises(SoundfontError, match=says):
        SoundfontFile(path)
    with pytest.raises(SoundError, match=says):
        render_wav(np.empty(0, EVENT), tmp_path / "a.wav", soundfont=path)


def test_a_soundfont_cut_short_is_refused(tmp_path: Path, font_path: Path) -> None:
    path = tmp_path / "half.sf2"
    path.write_bytes(font_path.read_bytes()[:100_000])
    with pytest.raises(SoundfontError, match="cut short"):
        SoundfontFile(path)
