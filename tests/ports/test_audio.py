"""Audio in: WAV files of every kind, recordings as events, and a microphone that may be missing or go away."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music import measures
from antiphon.music.event import Event
from antiphon.ports import audio
from antiphon.ports.audio import AudioSource, choose_input, read_wav, transcribe
from antiphon.ports.base import PortError
from antiphon.ports.portaudio import AudioInput, Hear, PortAudio
from tests.ports.tones import RATE, Sound, silence, tone

FLUTE = 73
WAVE = np.array([[0.0, 0.0], [0.5, 0.25], [-0.5, -1.0], [0.999, 0.5]])
"""Four frames of two channels."""


def wav(sound: np.ndarray[Any, Any], bits: int, *, tag: int = 1, rate: int = RATE, extensible: bool = False) -> bytes:
    """`sound`, shape (n, channels), as the bytes of a WAV file."""
    if tag == 3:
        data = sound.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        data = np.rint(sound * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.rint(sound * (2 ** (bits - 1) - 1)).astype("<i8")
        data = whole.reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()
    channels = sound.shape[1]
    align = channels * bits // 8
    named = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * align, align, bits)
    if extensible:
        guid = bytes.fromhex("000000001000800000aa00389b71")
        named += struct.pack("<HHIH", 22, bits, 3, tag) + guid
    listed = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # an odd chunk that nobody asked for
    chunks = b"fmt " + struct.pack("<I", len(named)) + named + listed + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


@pytest.mark.parametrize(("bits", "tag"), [(8, 1), (16, 1), (24, 1), (32, 1), (32, 3), (64, 3)])
@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_of_wav_is_read_and_mixed_down(
    bits: int, tag: int, extensible: bool, channels: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(WAVE[:, :channels], bits, tag=tag, rate=48_000, extensible=extensible))
    samples, rate = read_wav(path)
    assert (samples.dtype, rate) == (np.float32, 48_000)
    assert np.abs(samples - WAVE[:, :channels].mean(axis=1)).max() <= 2.0 ** (2 - bits) + 1e-6


def test_what_the_standard_library_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(np.array([0, 16_384, -32_768], "<i2").tobytes())
    samples, rate = read_wav(path)
    assert (samples.tolist(), rate) == ([0.0, 0.5, -1.0], 22_050)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no WAV file"),
        (b"MThd" + bytes(40), "no WAV file"),
        (wav(WAVE, 16)[:-3], "cut off"),
        (wav(WAVE, 16)[:30], "cut off"),
        (wav(WAVE[:0], 16), "no sound"),
        (wav(WAVE, 16, tag=7), "format 7"),
        (wav(WAVE, 16, rate=0), "cannot have"),
    ],
)
def test_what_is_no_wav_is_said_in_one_line(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why) as told:
        read_wav(path)
    assert str(told.value).startswith(f"{path}: ")
    assert "\n" not in str(told.value)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_wav_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(wav(WAVE, 24, extensible=True))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    told: list[str] = []
    try:
        samples, rate = read_wav(path)
    except ValueError as error:
        told.append(str(error))
    else:
        assert samples.ndim == 1
        assert rate > 0
        assert np.isfinite(samples).all()
    assert "\n" not in "".join(told)


TUNE = (72, 74, 76, 76, 79)


def recording() -> Sound:
    return np.concatenate([silence(0.1), *(np.concatenate([tone("saw", p, 0.25), silence(0.05)]) for p in TUNE)])


def test_a_recording_is_transcribed(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(wav(recording()[:, None], 16))
    events = transcribe(path, FLUTE)
    onsets = events[events["velocity"] > 0]
    assert onsets["pitch"].tolist() == list(TUNE)
    assert np.abs(onsets["at"] - 0.1 - 0.3 * np.arange(len(TUNE))).max() < 0.02
    assert set(events["instrument"].tolist()) == {FLUTE}
    assert measures.unclosed(events) == 0


def test_a_note_that_lasts_to_the_end_of_a_recording_is_closed_there(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(wav(tone("saw", 60, 1.0)[: RATE // 2, None], 16))
    on, off = transcribe(path, FLUTE).tolist()
    assert (on[2], off[2], off[3]) == (60, 60, 0)
    assert off[0] == pytest.approx(0.5)


def test_a_silent_recording_has_no_events(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(wav(np.zeros((RATE, 1)), 16))
    assert len(transcribe(path, FLUTE)) == 0


def test_a_recording_of_few_samples_a_second_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(wav(WAVE, 16, rate=4_000))
    with pytest.raises(ValueError, match=r"take\.wav: .*8000"):
        transcribe(path, FLUTE)


class FakeStream:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class FakeSystem:
    """Devices that are played by the test."""

    def __init__(self, *names: str, rate: float = RATE) -> None:
        self.there = [AudioInput(2 * n + 1, name, rate) for n, name in enumerate(names)]
        self.stream = FakeStream()
        self.opened: list[AudioInput] = []
        self.hear: Hear = lambda samples, at: None

    def inputs(self) -> list[AudioInput]:
        return self.there

    def open(self, chosen: AudioInput, hear: Hear) -> FakeStream:
        self.opened.append(chosen)
        self.hear = hear
        return self.stream

    def play(self, sound: Sound, at: float, *, late: Callable[[int], float] = lambda n: 0.0) -> None:
        for n, start in enumerate(range(0, len(sound), 220)):
            self.hear(sound[start : start + 220], at + start / RATE + late(n))


class Notes:
    """A listener that keeps what it is told, and lets the test wait for it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.notices: list[str] = []
        self._told = threading.Condition()

    def hear(self, event: Event) -> None:
        with self._told:
            self.events.append(event)
            self._told.notify_all()

    def notice(self, text: str) -> None:
        with self._told:
            self.notices.append(text)
            self._told.notify_all()

    def until(self, there: Callable[[], bool]) -> None:
        with self._told:
            assert self._told.wait_for(there, timeout=10), (self.events, self.notices)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asked for {name}")


def test_a_microphone_is_heard_on_the_monotonic_clock() -> None:
    system, notes = FakeSystem("Built-in", "Scarlett 2i2"), Notes()
    source = AudioSource("scarlett", FLUTE, system=system)
    source.start(notes)
    at = time.monotonic()
    rng = np.random.default_rng(3)
    system.play(
        np.concatenate([recording(), silence(0.2)]), at, late=lambda n: float(rng.uniform(0, 0.008))
    )  # callbacks are never even
    notes.until(lambda: len(notes.events) == 2 * len(TUNE))
    source.close()
    source.close()
    assert system.opened == [AudioInput(3, "Scarlett 2i2", RATE)]
    assert system.stream.closed == 1
    onsets = [event for event in notes.events if event.is_onset]
    assert [event.pitch for event in onsets] == list(TUNE)
    assert max(abs(e.at - at - 0.1 - 0.3 * n) for n, e in enumerate(onsets)) < 0.03
    assert notes.notices == []


def test_a_device_that_goes_away_ends_its_note_and_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "GONE", 0.05)
    system, notes = FakeSystem("Built-in"), Notes()
    source = AudioSource(None, FLUTE, system=system)
    source.start(notes)
    system.play(tone("saw", 67, 1.0)[: RATE // 2], 100.0)
    notes.until(lambda: len(notes.notices) == 1)
    assert notes.notices == ["the audio input 'Built-in' is gone"]
    assert [(e.pitch, e.is_onset) for e in notes.events] == [(67, True), (67, False)]
    assert notes.events[-1].at == pytest.approx(100.5, abs=0.01)
    system.play(tone("saw", 69, 0.5), 200.0)
    notes.until(lambda: len(notes.events) >= 3)
    source.close()
    assert notes.notices[1] == "the audio input 'Built-in' is back"
    assert (notes.events[2].pitch, notes.events[2].is_onset) == (69, True)
    assert notes.events[2].at == pytest.approx(200.0, abs=0.02)


def test_after_closing_nothing_is_told() -> None:
    system, notes = FakeSystem("Built-in"), Notes()
    source = AudioSource(None, FLUTE, system=system)
    source.start(notes)
    source.close()
    system.play(recording(), 0.0)
    assert notes.events == []


def test_a_source_that_was_never_started_can_be_closed() -> None:
    AudioSource(None, FLUTE, system=FakeSystem()).close()


@pytest.mark.parametrize(("wanted", "number"), [(None, 1), (3, 3), ("5", 5), ("USB Audio", 5), ("line", 3)])
def test_devices_are_chosen_by_number_name_or_part_of_it(wanted: str | int | None, number: int) -> None:
    assert choose_input(FakeSystem("Built-in", "Line In", "USB Audio"), wanted).number == number


@pytest.mark.parametrize(
    ("wanted", "why"), [("oboe", "no audio input is"), (9, "no audio input is"), ("in", "several")]
)
def test_a_device_that_is_not_there_is_answered_with_those_that_are(wanted: str | int, why: str) -> None:
    with pytest.raises(PortError, match=rf"{why}.*1 'Built-in', 3 'Line In'$"):
        choose_input(FakeSystem("Built-in", "Line In"), wanted)


def test_a_system_without_inputs_says_so() -> None:
    with pytest.raises(PortError, match="there is no audio input on this system"):
        AudioSource(None, FLUTE, system=FakeSystem()).start(Notes())


def test_settings_that_cannot_be_are_errors_of_the_port() -> None:
    with pytest.raises(PortError, match="'Built-in': A4 cannot be"):
        AudioSource(None, FLUTE, system=FakeSystem("Built-in"), tuning=4.0).start(Notes())


def test_a_microphone_is_asked_for_only_when_it_is_used() -> None:
    code = "import sys, antiphon.ports.audio as a; a.AudioSource(None, 0); assert 'sounddevice' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(PortError, match=r"^to listen to a microphone.*pip install 'antiphon\[audio\]'$"):
        AudioSource(None, FLUTE).start(Notes())


def test_without_portaudio_one_line_names_the_library(tmp_path: Path) -> None:
    # What the extra does when it finds no library: it fails to be imported.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    code = "import antiphon.ports.audio as a; a.AudioSource(None, 0).start(None)"
    path = str(Path(audio.__file__).parents[2])
    environment = {"PYTHONPATH": f"{tmp_path}:{path}", "PATH": ""}
    failed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert failed.returncode == 1
    assert "libportaudio2" in failed.stderr.splitlines()[-1]


@pytest.mark.skipif(importlib.util.find_spec("sounddevice") is None, reason="needs the extra audio")
def test_the_real_system_is_asked() -> None:
    pytest.importorskip("sounddevice", exc_type=OSError)
    with pytest.raises(PortError, match="no audio input"):
        AudioSource("a device that nobody has", FLUTE).start(Notes())
    assert all(found.sample_rate > 0 for found in PortAudio().inputs())
