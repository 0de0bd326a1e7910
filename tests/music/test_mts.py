"""Tunings as MIDI messages: what they say, and that a synthesiser which is sent them plays them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.mts import retuning
from antiphon.music.scala import open_tuning
from antiphon.music.tuning import SCALES, Tuning
from antiphon.ports.general_midi import general_midi_soundfont


def told(messages: list[bytes]) -> dict[int, float]:
    """What a receiver makes of the messages: the pitch of each key that they speak of."""
    pitches: dict[int, float] = {}
    for message in messages:
        if message[0] != 0xF0:
            assert len(message) == 3
            assert message[0] & 0xF0 == 0xB0
            assert message[0] & 0x0F != 9
            continue
        assert message[:4] == b"\xf0\x7f\x7f\x08"
        assert message[-1] == 0xF7
        assert max(message[1:-1]) < 128
        if message[4] == 9:
            assert len(message) == 4 + 1 + 3 + 24 + 1
            for key in range(128):
                upper, lower = message[8 + 2 * (key % 12) : 10 + 2 * (key % 12)]
                pitches[key] = key + ((upper << 7 | lower) - 8192) / 8192
        else:
            assert message[4:6] == b"\x02\x00"
            rows = message[7:-1]
            assert len(rows) == 4 * message[6]
            for n in range(0, len(rows), 4):
                key, semitone, upper, lower = rows[n : n + 4]
                pitches[key] = semitone + (upper << 7 | lower) / 16384
    return pitches


@given(st.sampled_from(sorted(SCALES)), st.integers(0, 11))
def test_a_receiver_is_told_every_key_to_a_hundredth_of_a_cent(name: str, tonic: int) -> None:
    tuning = open_tuning(name, tonic=tonic)
    heard = told(retuning(tuning))
    for key in range(128):
        if 0 <= tuning.pitches[key] < 127.9:
            assert heard[key] == pytest.approx(tuning.pitches[key], abs=1e-4)


def _quantity(value: int) -> bytes:
    return bytes((value >> 7 | 0x80, value & 0x7F)) if value > 127 else bytes((value,))


def midi_file(messages: list[bytes]) -> bytes:
    """The messages, and after them an organ's key 64 on channel 1 for two seconds, as a file of one track."""
    track = b""
    for message in messages:
        track += b"\0" + (b"\xf0" + _quantity(len(message) - 1) + message[1:] if message[0] == 0xF0 else message)
    track += b"\0\xc0\x13" + b"\x60\x90\x40\x5a" + b"\x8f\x00\x80\x40\x00" + b"\0\xff\x2f\0"
    head = b"MThd\0\0\0\6\0\0\0\1\x01\xe0"
    return head + b"MTrk" + len(track).to_bytes(4, "big") + track


@pytest.mark.system("fluidsynth")
@pytest.mark.parametrize("name", ["vrwt", "19-edo"])
def test_a_synthesiser_plays_what_it_is_told(name: str, tmp_path: Path) -> None:
    tuning: Tuning = open_tuning(name)
    (tmp_path / "told.mid").write_bytes(midi_file(retuning(tuning)))
    raw, font = tmp_path / "out.raw", general_midi_soundfont(tmp_path)
    flags = ["-niq", "-R0", "-C0", "-r44100", "-Traw", "-Ofloat", "-Elittle", "-F"]
    subprocess.run(["fluidsynth", *flags, raw, font, tmp_path / "told.mid"], check=True, capture_output=True)
    left = np.fromfile(raw, "<f4")[::2][22_050:88_200]
    level = np.log(np.abs(np.fft.rfft(left * np.hanning(len(left)), 1 << 19)) + 1e-12)
    wanted = tuning.frequencies[64] * (1 << 19) / 44_100
    low = int(wanted * 0.95)
    peak = low + int(level[low : int(wanted * 1.05)].argmax())
    a, b, c = level[peak - 1 : peak + 2]
    assert abs(1200 * np.log2((peak + 0.5 * (a - c) / (a - 2 * b + c)) / wanted)) < 1
