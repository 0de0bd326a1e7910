"""Keys are read as musicians write them, and modes are told from major and minor."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.music.key import MODES, PITCH_CLASSES, Key, key_of_time, parse_key

DEGREES = (5.0, 2.0, 3.0, 2.0, 4.0, 2.0, 2.0)
"""Seconds on each degree of a scale of seven notes in an ordinary tune."""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C", "C major"),
        ("F#m", "F# minor"),
        ("Bb major", "Bb major"),
        ("bb minor", "Bb minor"),
        ("b minor", "B minor"),
        ("B♭ Maj", "Bb major"),
        ("D dorian", "D dorian"),
        ("gb lydian", "F# lydian"),
        ("E  Minor Pentatonic", "E minor pentatonic"),
        ("Bb blues", "Bb blues"),
        ("c-harmonic-minor", "C harmonic minor"),
        ("CM", "C major"),
        ("Cb", "B major"),
        ("a aeolian", "A minor"),
    ],
)
def test_keys_as_musicians_write_them(text: str, name: str) -> None:
    assert str(parse_key(text)) == name


def test_every_key_is_read_back_from_its_name() -> None:
    for mode in MODES:
        for tonic in range(12):
            assert parse_key(str(Key(tonic, mode))) == Key(tonic, mode)


@pytest.mark.parametrize("text", ["", "H major", "C sharp", "D doric", "7", "C#b", "Cmajor7", "major", "C\nminor x"])
def test_what_is_no_key_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="is no key") as refused:
        parse_key(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("mode", ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian"])
@pytest.mark.parametrize("tonic", range(12))
def test_modes_are_found_when_they_are_clear(mode: str, tonic: int) -> None:
    key = parse_key(f"{PITCH_CLASSES[tonic]} {mode}")
    seconds = np.zeros(12)
    degrees = sorted((pc - tonic) % 12 for pc in key.scale)
    degrees = [step for step in degrees if not (mode == "minor" and step == 11)]
    for step, time in zip(degrees, DEGREES, strict=True):
        seconds[(tonic + step) % 12] = time
    found = key_of_time(seconds)
    assert found is not None
    assert (found.tonic, found.mode) == (tonic, mode)
    assert 0 < found.confidence <= 2


def test_no_key_is_found_where_no_pitch_stands_out() -> None:
    assert key_of_time(np.zeros(12)) is None
    assert key_of_time(np.full(12, 0.1) * 3) is None
