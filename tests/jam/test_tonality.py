"""The key and the chord of what was played, as it is played."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.tonality import Tonality
from antiphon.music.event import Event

DRUM_KIT = 128


def played(*notes: tuple[float, float, int], instrument: int = 0) -> list[Event]:
    """Events of notes (onset, release, pitch), in order."""
    events = [Event(on, instrument, pitch, 80) for on, _, pitch in notes]
    events += [Event(off, instrument, pitch, 0) for _, off, pitch in notes]
    return sorted(events, key=lambda event: (event.at, event.is_onset))


def line(*pitches: int, begin: float = 0.0, seconds: float = 0.3) -> list[Event]:
    return played(*((begin + i * seconds, begin + (i + 1) * seconds, p) for i, p in enumerate(pitches)))


def hearing(*events: Event) -> Tonality:
    tonality = Tonality()
    for event in events:
        tonality.heard(event)
    return tonality


def chord_name(tonality: Tonality, now: float) -> str:
    return str(tonality.chord(now))


@pytest.mark.parametrize("by", range(12))
def test_the_key_is_found_as_one_plays(by: int) -> None:
    major = hearing(*line(*(p + by for p in (60, 64, 67, 65, 62, 67, 71, 72))))
    minor = hearing(*line(*(p + by for p in (57, 60, 64, 62, 59, 64, 68, 69, 57))))
    assert (key := major.key(3.0)) is not None
    assert (key.tonic, key.mode) == (by, "major")
    assert (key := minor.key(3.0)) is not None
    assert (key.tonic, key.mode) == ((9 + by) % 12, "minor")


def test_a_modulation_is_followed_and_what_was_forgotten_is() -> None:
    scale = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60)
    tonality = hearing(*line(*scale), *line(*(p + 6 for p in scale * 12), begin=5.0))
    assert str(tonality.key(50.0)).startswith("F# major")
    tonality.rest()
    assert tonality.key(50.0) is None
    assert tonality.chord(50.0) is None


def test_no_key_is_named_for_silence_drums_or_two_notes() -> None:
    assert hearing().key(10.0) is None
    drums = hearing(*(Event(at, DRUM_KIT, pitch, 90) for at, pitch in enumerate(range(36, 50))))
    assert drums.key(20.0) is None
    assert drums.chord(14.0) is None
    assert hearing(*line(60, 67, 60, 67)).key(2.0) is None


def test_held_notes_count_for_as_long_as_they_sound() -> None:
    """A short C major chord, then F# major held: after ten seconds the held one is the key."""
    held = [Event(1.0, 0, pitch, 80) for pitch in (66, 70, 73)]
    tonality = hearing(*played((0, 1, 60), (0, 1, 64), (0, 1, 67)), *held)
    assert (key := tonality.key(11.0)) is not None
    assert (key.tonic, key.mode) == (6, "major")


def test_a_held_chord_is_named_and_its_inversion_with_it() -> None:
    tonality = hearing(*(Event(0.0, 0, pitch, 80) for pitch in (52, 57, 60, 67)))
    assert chord_name(tonality, 60.0) == "Am7/E"


def test_notes_of_a_tune_over_a_held_chord_do_not_change_it() -> None:
    tonality = hearing(*(Event(0.0, 0, pitch, 80) for pitch in (48, 52, 55)), Event(1.0, 0, 77, 80))
    assert chord_name(tonality, 1.0) == "C"


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ((60, 64, 67), "C"),
        ((48, 55, 52, 55, 48, 55, 52, 55), "C"),
        ((57, 60, 64, 67, 69), "Am7"),
        ((48, 52, 55, 60, 53, 57, 60), "F"),
        ((67, 71, 74, 77, 79), "G7"),
        ((57, 60, 64, 67, 69, 67, 64, 60), "Am7"),
        ((53, 57, 60, 65, 60, 57, 48, 52, 55, 60, 55, 52), "C"),
        ((43, 59, 62, 65, 59, 62, 65), "G7"),
        ((40, 52, 55, 59, 36, 52, 55, 52, 55), "C"),
    ],
)
def test_a_broken_chord_is_named_until_two_seconds_after(pitches: tuple[int, ...], name: str) -> None:
    tonality = hearing(*line(*pitches, seconds=0.2))
    end = 0.2 * len(pitches)
    assert chord_name(tonality, end) == name
    assert tonality.chord(end + 2.0) is None


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 319), st.integers(0, 127), st.integers(0, 127)), max_size=60))
def test_any_events_are_borne(steps: list[tuple[float, int, int, int]]) -> None:
    tonality, now = Tonality(), 0.0
    for wait, instrument, pitch, velocity in steps:
        now += wait
        tonality.heard(Event(now, instrument, pitch, velocity))
        key, chord = tonality.key(now), tonality.chord(now)
        assert key is None or 0.0 <= key.confidence <= 2.0
        assert chord is None or len(chord.pitch_classes) >= 2
