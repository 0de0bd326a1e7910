"""Every trap that MIDI files lay, one a test: none may lose a note, shift a time or stop the reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music.midi_read import MidiError, read_midi
from antiphon.music.score import Score
from tests.music.midi_bytes_by_hand import (
    END,
    chunk,
    control,
    file,
    header,
    meta,
    off,
    on,
    program,
    tempo,
    track,
    wait,
)

Notes = list[tuple[int, int, int]]


def notes_of(score: Score) -> Notes:
    """(onset, duration, pitch) of all notes, in the order of parts."""
    return [(onset, duration, pitch) for part in score.parts for onset, duration, pitch, _ in part.notes.tolist()]


def repaired(score: Score, what: str) -> int:
    """How often the repair that begins with `what` was made."""
    return sum(int(line.rsplit(": ", 1)[1]) for line in score.repairs if line.startswith(what))


def test_a_clean_file_is_read_as_written_and_needs_no_repair() -> None:
    score = read_midi(
        file(track(meta(0, 3, b"Flute"), program(0, 73), on(0, 60, 90), off(480, 60), on(0, 62), off(240, 62)))
    )
    (part,) = score.parts
    assert (part.name, part.program, part.is_drum, part.instrument) == ("Flute", 73, False, 73)
    assert part.notes.tolist() == [(0, 480, 60, 90), (480, 240, 62, 80)]
    assert score.ticks_per_quarter == 480
    assert score.repairs == ()
    assert score.duration == pytest.approx(0.75)


def test_a_note_on_of_velocity_zero_is_a_release() -> None:
    assert notes_of(read_midi(file(track(on(0, 60), on(480, 60, 0))))) == [(0, 480, 60)]


def test_striking_a_sounding_key_again_ends_its_note() -> None:
    score = read_midi(file(track(on(0, 60), on(240, 60), off(240, 60), off(240, 60))))
    assert notes_of(score) == [(0, 240, 60), (240, 480, 60)]
    assert repaired(score, "notes ended where their key is struck again") == 1


def test_a_double_note_on_with_a_single_release_loses_no_onset() -> None:
    score = read_midi(file(track(on(0, 60), on(240, 60), on(240, 60), off(240, 60))))
    assert notes_of(score) == [(0, 240, 60), (240, 240, 60), (480, 240, 60)]


def test_one_lost_release_does_not_displace_those_that_follow() -> None:
    score = read_midi(file(track(on(0, 60), on(480, 60), off(120, 60), on(360, 60), off(120, 60))))
    assert notes_of(score) == [(0, 480, 60), (480, 120, 60), (960, 120, 60)]


def test_two_voices_in_unison_sound_as_long_as_the_longer() -> None:
    score = read_midi(file(track(on(0, 60), on(0, 60), off(240, 60), off(240, 60))))
    assert notes_of(score) == [(0, 480, 60)]
    assert repaired(score, "notes doubled") == 1


def test_a_release_written_after_the_next_onset_of_its_tick_ends_the_note_before() -> None:
    score = read_midi(file(track(on(0, 60), on(480, 60), off(0, 60), off(480, 60))))
    assert notes_of(score) == [(0, 480, 60), (480, 480, 60)]


def test_a_release_of_a_silent_key_is_dropped() -> None:
    score = read_midi(file(track(off(0, 60), on(10, 60), off(480, 60), off(5, 60), off(5, 61))))
    assert notes_of(score) == [(10, 480, 60)]
    assert repaired(score, "releases of silent keys") == 3


def test_a_note_that_is_never_released_lasts_to_the_end_of_its_track() -> None:
    score = read_midi(file(track(on(0, 60), on(0, 64), off(480, 64), meta(480, 1, b"later"))))
    assert notes_of(score) == [(0, 960, 60), (0, 480, 64)]
    assert repaired(score, "notes without a release") == 1


def test_all_notes_off_closes_what_hangs() -> None:
    score = read_midi(file(track(on(0, 60), control(480, 123, 0), meta(4800, 1, b"later"))))
    assert notes_of(score) == [(0, 480, 60)]


def test_a_note_without_length_is_given_one() -> None:
    score = read_midi(
        file(track(on(0, 36, channel=9), off(0, 36, channel=9), on(480, 36, channel=9), off(0, 36, channel=9)))
    )
    assert notes_of(score) == [(0, 15, 36), (480, 15, 36)]
    assert repaired(score, "notes of no length") == 2


def test_a_program_selected_in_another_track_counts() -> None:
    score = read_midi(file(track(on(0, 60), off(480, 60), on(0, 60), off(480, 60)), track(program(480, 40))))
    assert [(part.program, part.notes["onset"].tolist()) for part in score.parts] == [(0, [0]), (40, [480])]


def test_programs_on_one_tick_in_one_track_each_take_their_own_notes() -> None:
    events = [program(0, 5), on(0, 60), program(0, 6), on(0, 64), off(480, 60), off(0, 64)]
    for others in ((), (track(program(0, 9, channel=3)),)):
        score = read_midi(file(track(*events), *others))
        assert [(part.program, part.notes["pitch"].tolist()) for part in score.parts] == [(5, [60]), (6, [64])]


def test_there_is_a_part_for_each_track_channel_and_program() -> None:
    first = track(
        program(0, 1), program(0, 2, channel=1), on(0, 60), on(0, 60, channel=1), off(9, 60), off(0, 60, channel=1)
    )
    second = track(on(0, 60), off(9, 60))
    score = read_midi(file(first, second))
    assert [part.program for part in score.parts] == [1, 2, 1]


def test_channel_ten_is_drums_and_its_program_is_the_kit() -> None:
    (part,) = read_midi(file(track(program(0, 25, channel=9), on(0, 36, channel=9), off(9, 36, channel=9)))).parts
    assert (part.is_drum, part.program, part.instrument) == (True, 25, 128 + 25)


def test_ports_keep_their_channels_apart() -> None:
    one = track(meta(0, 0x21, b"\0"), program(0, 11), on(0, 60), off(480, 60))
    other = track(meta(0, 0x21, b"\1"), on(0, 60), off(480, 60))
    assert [part.program for part in read_midi(file(one, other)).parts] == [11, 0]


def test_tempos_of_all_tracks_make_one_map_in_order_of_time() -> None:
    early = track(tempo(0, 500_000), tempo(1920, 500_000))
    late = track(tempo(960, 1_000_000), on(1920, 60), off(480, 60))
    score = read_midi(file(early, late))
    assert score.tempos.tolist() == [(0, 500_000), (960, 1_000_000), (1920, 500_000)]
    assert score.seconds(2880) == pytest.approx(1.0 + 2.0 + 1.0)


def test_thousands_of_tempo_changes_are_just_a_long_map() -> None:
    changes = [tempo(1, 500_000 + i) for i in range(5000)]
    score = read_midi(file(track(*changes, on(0, 60), off(480, 60))))
    assert len(score.tempos) == 5000
    assert score.seconds(5000) == pytest.approx((500_000 + sum(range(500_000, 504_999))) * 1e-6 / 480)


@pytest.mark.parametrize("payload", [b"\0\0\0", b"\7\0", b"\7\0\0\0"])
def test_an_impossible_tempo_is_ignored(payload: bytes) -> None:
    score = read_midi(file(track(meta(0, 0x51, payload), on(0, 60), off(480, 60))))
    assert score.duration == pytest.approx(0.5)
    assert repaired(score, "impossible tempos") == 1


def test_format_0_has_a_part_for_each_channel() -> None:
    score = read_midi(file(track(on(0, 60), on(0, 62, channel=1), off(9, 60), off(0, 62, channel=1)), format_=0))
    assert [part.notes["pitch"].tolist() for part in score.parts] == [[60], [62]]


def test_format_2_lays_its_tracks_one_after_the_other() -> None:
    one = track(tempo(0, 1_000_000), program(0, 9), on(0, 60), off(480, 60))
    score = read_midi(file(one, track(on(0, 62), off(480, 62)), format_=2))
    assert notes_of(score) == [(0, 480, 60), (480, 480, 62)]
    assert [part.program for part in score.parts] == [9, 0]
    assert score.duration == pytest.approx(1.5), "each pattern begins at the default tempo"


@pytest.mark.parametrize(("frames", "ticks", "second"), [(25, 40, 1000), (24, 10, 240), (30, 80, 2400)])
def test_smpte_division_is_absolute_time(frames: int, ticks: int, second: int) -> None:
    division = (256 - frames) << 8 | ticks
    score = read_midi(file(track(tempo(0, 250_000), on(0, 60), off(second, 60)), division=division))
    assert score.duration == pytest.approx(1.0)


def test_smpte_29_is_the_frame_rate_of_ntsc() -> None:
    score = read_midi(file(track(on(0, 60), off(3000, 60)), division=(256 - 29) << 8 | 100))
    assert score.duration == pytest.approx(1.001)


def test_a_division_of_zero_is_read_as_480() -> None:
    score = read_midi(file(track(on(0, 60), off(480, 60)), division=0))
    assert score.ticks_per_quarter == 480
    assert repaired(score, "division of 0") == 1


def test_running_status() -> None:
    score = read_midi(file(track(on(0, 60), wait(480) + b"\x3c\0", wait(0) + b"\x3e\x50", wait(480) + b"\x3e\0")))
    assert notes_of(score) == [(0, 480, 60), (480, 480, 62)]


@pytest.mark.parametrize("between", [meta(0, 6, b"A"), wait(0) + b"\xf0\x02\x01\xf7"], ids=["meta", "sysex"])
def test_running_status_across_other_events_is_understood(between: bytes) -> None:
    score = read_midi(file(track(on(0, 60), between, wait(480) + b"\x3c\0")))
    assert notes_of(score) == [(0, 480, 60)]
    assert repaired(score, "running statuses kept") == 1


def test_data_bytes_above_127_are_brought_into_range() -> None:
    (part,) = read_midi(file(track(wait(0) + b"\x90\xbc\x90", off(480, 60)))).parts
    assert part.notes.tolist() == [(0, 480, 60, 127)]


def test_data_bytes_without_a_status_are_skipped() -> None:
    assert notes_of(read_midi(file(track(b"\0\x3c\x40", on(0, 60), off(480, 60)))))[-1][2] == 60


def test_system_messages_in_a_track_are_stepped_over() -> None:
    events = [on(0, 60), b"\0\xf8", b"\0\xf2\x01\x02", b"\0\xf3\x01", b"\0\xf6", off(480, 60)]
    score = read_midi(file(track(*events)))
    assert notes_of(score) == [(0, 480, 60)]
    assert repaired(score, "system messages") == 4


def test_a_truncated_track_keeps_what_is_whole() -> None:
    whole = file(track(on(0, 60), off(480, 60), on(0, 62), off(480, 62)))
    score = read_midi(whole[:-6])
    assert notes_of(score)[0] == (0, 480, 60)
    assert len(notes_of(score)) == 2
    assert repaired(score, "track lengths wrong") == 1


@pytest.mark.parametrize("length", [8, 10_000])
def test_a_wrong_track_length_hides_nothing(length: int) -> None:
    body = on(0, 60) + off(480, 60) + END
    data = header(tracks=2) + b"MTrk" + length.to_bytes(4, "big") + body + track(on(0, 62), off(480, 62))
    assert notes_of(read_midi(data)) == [(0, 480, 60), (0, 480, 62)]


def test_a_meta_event_longer_than_the_file_costs_only_itself() -> None:
    assert len(notes_of(read_midi(file(track(on(0, 60), off(480, 60), b"\0\xff\x01\xff\xff\xff\x7f"))))) == 1


def test_junk_before_the_header_is_skipped() -> None:
    assert len(notes_of(read_midi(b"\0" * 128 + file(track(on(0, 60), off(480, 60)))))) == 1


def test_a_riff_wrapper_is_opened() -> None:
    inner = file(track(on(0, 60), off(480, 60)))
    data = b"RIFF" + (len(inner) + 12).to_bytes(4, "little") + b"RMIDdata" + len(inner).to_bytes(4, "little") + inner
    assert len(notes_of(read_midi(data))) == 1


def test_a_longer_header_is_skipped_whole() -> None:
    data = b"MThd\0\0\0\x08\0\1\0\1\1\xe0\xab\xcd" + track(on(0, 60), off(480, 60))
    assert notes_of(read_midi(data)) == [(0, 480, 60)]


def test_chunks_of_other_types_are_skipped() -> None:
    data = header() + chunk(b"MTrk is not here", b"XFIH") + track(on(0, 60), off(480, 60))
    score = read_midi(data)
    assert len(notes_of(score)) == 1
    assert repaired(score, "chunks of another type") == 1


def test_events_after_the_end_of_a_track_are_not_music() -> None:
    assert len(notes_of(read_midi(file(track(on(0, 60), off(9, 60), END, on(0, 62), off(9, 62)))))) == 1


@pytest.mark.parametrize("announced", [1, 9])
def test_all_tracks_are_read_whatever_the_header_counts(announced: int) -> None:
    tracks = track(on(0, 60), off(480, 60)) + track(on(0, 62), off(480, 62))
    score = read_midi(header(tracks=announced) + tracks)
    assert len(notes_of(score)) == 2
    assert repaired(score, "tracks more or fewer") == abs(announced - 2)


def test_meters_and_key_signatures_are_read_and_impossible_ones_ignored() -> None:
    events = [
        meta(0, 0x58, b"\x06\x03\x18\x08"),
        meta(0, 0x59, b"\xfd\x01"),
        meta(9, 0x58, b"\0\2"),
        meta(0, 0x59, b"\x2a\7"),
    ]
    score = read_midi(file(track(*events, meta(0, 0x58, b"\4\x3f"))))
    assert score.meters.tolist() == [(0, 6, 8)]
    assert score.keys.tolist() == [(0, -3, True)]
    assert repaired(score, "impossible meters") == 2
    assert repaired(score, "impossible key signatures") == 1


def test_names_of_any_encoding_are_read() -> None:
    for text, raw in (("Flöte", "Flöte".encode()), ("Flöte", "Flöte".encode("latin-1")), ("Pno", b" Pno\0")):
        (part,) = read_midi(file(track(meta(0, 3, raw), on(0, 60), off(9, 60)))).parts
        assert part.name == text


def test_a_file_without_notes_is_an_empty_score() -> None:
    for data in (header(tracks=0), file(track()), file(track(tempo(0, 400_000)))):
        score = read_midi(data, pedal=True)
        assert score.parts == ()
        assert score.duration == 0.0
        assert len(score.events()) == 0


def test_waits_of_years_neither_overflow_nor_stop_the_reader() -> None:
    waits = [meta(0xFFFFFFF, 1, b"")] * 3000
    score = read_midi(file(track(on(0, 60), *waits, off(0, 60))))
    assert score.n_notes == 1
    assert np.isfinite(score.duration)


class TestPedal:
    def test_it_is_left_alone_unless_asked_for(self) -> None:
        data = file(track(control(0, 64, 127), on(0, 60), off(240, 60), control(240, 64, 0)))
        assert notes_of(read_midi(data)) == [(0, 240, 60)]
        assert notes_of(read_midi(data, pedal=True)) == [(0, 480, 60)]

    def test_striking_again_ends_a_held_note(self) -> None:
        data = file(track(control(0, 64, 100), on(0, 60), off(9, 60), on(91, 60), off(9, 60), control(91, 64, 63)))
        assert notes_of(read_midi(data, pedal=True)) == [(0, 100, 60), (100, 100, 60)]

    def test_it_holds_the_notes_of_its_channel_in_all_tracks(self) -> None:
        notes = track(on(0, 60), on(0, 60, channel=1), off(240, 60), off(0, 60, channel=1))
        data = file(notes, track(control(0, 64, 127), control(480, 64, 0)))
        assert notes_of(read_midi(data, pedal=True)) == [(0, 480, 60), (0, 240, 60)]

    def test_pressed_as_the_keys_come_up_it_catches_nothing(self) -> None:
        data = file(track(on(0, 60), control(240, 64, 127), off(0, 60), control(240, 64, 0)))
        assert notes_of(read_midi(data, pedal=True)) == [(0, 240, 60)]

    def test_down_at_the_end_it_holds_to_the_end(self) -> None:
        again = (control(0, 64, 0), control(0, 64, 127), on(0, 60), off(240, 60), meta(720, 1, b"end"))
        data = file(track(control(0, 64, 127), *again))
        assert notes_of(read_midi(data, pedal=True)) == [(0, 960, 60)]

    def test_never_lifted_in_the_whole_piece_it_is_no_pedal(self) -> None:
        data = file(track(control(0, 64, 127), on(0, 60), off(240, 60), meta(720, 1, b"end")))
        assert notes_of(read_midi(data, pedal=True)) == [(0, 240, 60)]

    def test_resetting_the_controllers_lifts_it(self) -> None:
        data = file(track(control(0, 64, 127), on(0, 60), off(240, 60), control(240, 121, 0), meta(480, 1, b"end")))
        assert notes_of(read_midi(data, pedal=True)) == [(0, 480, 60)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"", "empty file"),
            (b"version https://git-lfs", "not a Standard MIDI File"),
            (b"\x1f\x8b\x08", "not a Standard MIDI File"),
            (b"MThd\0\0", "cut short"),
        ],
    )
    def test_what_is_not_midi_is_refused_in_one_line(self, data: bytes, says: str) -> None:
        with pytest.raises(MidiError, match=says) as refusal:
            read_midi(data)
        assert "\n" not in str(refusal.value)

    def test_the_line_names_the_file(self, tmp_path: Path) -> None:
        for path in (tmp_path / "missing.mid", tmp_path):
            with pytest.raises(MidiError, match="cannot be read") as refusal:
                read_midi(path)
            assert str(path) in str(refusal.value)


RICH = file(
    track(tempo(0, 400_000), meta(0, 0x58, b"\3\2\x18\x08"), meta(0, 0x59, b"\2\0"), meta(0, 0x21, b"\0")),
    track(
        meta(0, 3, b"Piano"), program(0, 4), control(0, 64, 127), on(0, 60), on(9, 60), off(9, 60), control(9, 64, 0)
    ),
    track(
        on(0, 36, channel=9),
        wait(9) + b"\x24\0",
        b"\0\xf0\x02\x01\xf7",
        wait(200) + b"\xe0\1\2",
        on(1, 70),
        off(300, 70),
    ),
)


@settings(max_examples=600, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, len(RICH) - 1), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, len(RICH)),
    pedal=st.booleans(),
)
def test_damaged_files_are_read_or_refused_but_never_crash(edits: list[tuple[int, int]], cut: int, pedal: bool) -> None:
    data = bytearray(RICH)
    for place, value in edits:
        data[place] = value
    for damaged in (bytes(data), bytes(data[:cut]), bytes(data[:cut]) + bytes(data[cut + 1 :])):
        try:
            score = read_midi(damaged, pedal=pedal)
        except MidiError:
            continue
        assert_sound(score)


@given(st.binary(max_size=200))
def test_any_bytes_in_a_track_make_a_score(body: bytes) -> None:
    assert_sound(read_midi(header() + chunk(body), pedal=True))


def assert_sound(score: Score) -> None:
    """What `Score` promises holds: notes have length, are in range and in order, and none overlap on a key."""
    assert score.ticks_per_quarter > 0
    for part in score.parts:
        notes = part.notes
        assert len(notes)
        assert (notes["duration"] > 0).all()
        assert (notes["onset"] >= 0).all()
        assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127) & (notes["pitch"] <= 127)).all()
        assert (np.lexsort((notes["pitch"], notes["onset"])) == np.arange(len(notes))).all()
        by_key = notes[np.lexsort((notes["onset"], notes["pitch"]))]
        ends = by_key["onset"] + by_key["duration"]
        assert ((by_key["pitch"][1:] != by_key["pitch"][:-1]) | (ends[:-1] <= by_key["onset"][1:])).all()
    events = score.events()
    assert np.isfinite(events["at"]).all()
    assert (np.diff(events["at"]) >= 0).all()
