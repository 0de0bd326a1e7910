"""Notation sounds as a player would play it, whatever the kind of file; what cannot be read is said in one line."""

from __future__ import annotations

import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from antiphon.music.midi_read import MidiError
from antiphon.music.midi_write import midi_bytes
from antiphon.music.score import Score
from antiphon.music.score_files import NotationError, PieceFile, find_pieces, find_scores, read_score, tunes_in

ABC = """X:1
T:A repeat, a tie, a grace note
M:3/4
L:1/8
Q:1/4=90
K:G
|: "G"G2 {c}B2 d2 | g4- g2 | d6 :|
|: B6 |1 A6 :|2 G6 |]
"""

KERN = """**kern\t**kern
*clefF4\t*clefG2
*k[f#]\t*k[f#]
*M3/4\t*M3/4
*MM90\t*MM90
=1\t=1
4GG\t4g
4BB\t4b
4D\t4dd
=2\t=2
2.GG\t[2gg
.\t4gg]
==\t==
*-\t*-
"""


def musicxml(notes: str, *, transpose: str = "", program: str = "", more: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Clarinet in B flat</part-name>{program}
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>2</divisions>
<key><fifths>2</fifths></key><time><beats>3</beats><beat-type>4</beat-type></time>{transpose}</attributes>{more}{notes}
</measure></part></score-partwise>"""


def note(step: str, octave: int, duration: int, inside: str = "", kind: str = "quarter") -> str:
    length = "" if "<grace" in inside else f"<duration>{duration}</duration>"
    head, tail = (inside, "") if "<grace" in inside or "<chord" in inside else ("", inside)
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{head}{pitch}{length}{tail}<type>{kind}</type></note>"


def played(score: Score) -> list[list[tuple[float, float, int]]]:
    """Of each part: onset and length in quarters, and pitch."""
    tick = score.ticks_per_quarter
    return [[(n["onset"] / tick, n["duration"] / tick, int(n["pitch"])) for n in part.notes] for part in score.parts]


def test_abc_is_played_with_its_repeats_ties_and_grace_notes() -> None:
    score = read_score(ABC.encode(), ".abc")
    once = [(0, 1, 67), (0.875, 0.125, 72), (1, 1, 71), (2, 1, 74), (3, 3, 79), (6, 3, 74)]
    twice = once + [(at + 9, length, pitch) for at, length, pitch in once]
    assert played(score) == [[*twice, (18, 3, 71), (21, 3, 69), (24, 3, 71), (27, 3, 67)]]
    assert score.tempos["microseconds"].tolist() == [round(60e6 / 90)]
    assert score.meters.tolist() == [(0, 3, 4)]
    assert score.keys.tolist() == [(0, 1, False)]
    assert score.repairs == ()


def test_a_book_of_abc_holds_many_tunes(tmp_path: Path) -> None:
    book = tmp_path / "book.abc"
    book.write_text("M:4/4\n\n" + "".join(f"X:{i}\nT:{i}\nL:1/4\nK:C\n{note}4|\n\n" for i, note in enumerate("CDE")))
    assert tunes_in(book) == 3
    assert [played(read_score(book.read_bytes(), ".abc", tune=i)) for i in range(3)] == [
        [[(0, 4, pitch)]] for pitch in (60, 62, 64)
    ]


def test_the_voices_of_kern_are_parts() -> None:
    score = read_score(KERN.encode(), ".krn")
    assert sorted(played(score)) == [
        [(0, 1, 43), (1, 1, 47), (2, 1, 50), (3, 3, 43)],
        [(0, 1, 67), (1, 1, 71), (2, 1, 74), (3, 3, 79)],
    ]
    assert score.tempos["microseconds"].tolist() == [round(60e6 / 90)]


def test_the_sections_of_kern_are_played_in_the_order_of_their_list() -> None:
    sections = [f"*>{name}\n={i}!|:\n1{note}\n={i}a:|!\n1{note}{note}\n" for i, (name, note) in enumerate(["Ac", "Bd"])]
    text = "**kern\n*>[A,B,A]\n*>norep[A,B]\n*M4/4\n" + "".join(sections) + "==\n*-\n"
    score = read_score(text.encode(), ".krn")
    assert [[pitch for _, _, pitch in part] for part in played(score)] == [[60, 72, 62, 74, 60, 72]]
    assert score.repairs == ()


TRANSPOSED = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
CLARINET = (
    '<score-instrument id="I1"><instrument-name>Clarinet</instrument-name></score-instrument>'
    '<midi-instrument id="I1"><midi-channel>1</midi-channel><midi-program>72</midi-program></midi-instrument>'
)


def test_a_transposing_instrument_sounds_as_it_sounds_and_plays_its_program() -> None:
    notes = note("D", 5, 2) + note("E", 5, 2) + note("F", 5, 2, "<chord/>") + note("D", 5, 2)
    score = read_score(musicxml(notes, transpose=TRANSPOSED, program=CLARINET).encode(), ".musicxml")
    assert played(score) == [[(0, 1, 72), (1, 1, 74), (1, 1, 75), (2, 1, 72)]]
    assert [(part.program, part.is_drum) for part in score.parts] == [(71, False)]


def test_dynamics_and_tempos_of_musicxml_are_heard() -> None:
    loud = "<direction><direction-type><dynamics><{}/></dynamics></direction-type></direction>"
    fast = (
        "<direction><direction-type><metronome><beat-unit>half</beat-unit><per-minute>40</per-minute></metronome>"
        "</direction-type></direction>"
    )
    notes = loud.format("pp") + note("D", 5, 2) + loud.format("ff") + note("E", 5, 2) + note("D", 5, 2)
    score = read_score(musicxml(notes, more=fast).encode(), ".xml")
    assert score.parts[0].notes["velocity"].tolist() == [33, 112, 112]
    assert score.tempos["microseconds"].tolist() == [750_000]


def test_grace_notes_at_the_very_start_do_not_begin_before_it() -> None:
    notes = note("C", 5, 0, "<grace/>", "16th") + note("D", 5, 2) + note("E", 5, 4, kind="half")
    assert played(read_score(musicxml(notes).encode(), ".xml")) == [[(0, 0.125, 72), (0, 1, 74), (1, 2, 76)]]


def test_a_compressed_score_is_the_one_that_its_container_names(tmp_path: Path) -> None:
    packed = tmp_path / "score.mxl"
    with zipfile.ZipFile(packed, "w") as writing:
        rootfile = '<container><rootfiles><rootfile full-path="in/it.musicxml"/></rootfiles></container>'
        writing.writestr("META-INF/container.xml", rootfile)
        writing.writestr("other.xml", "<score-partwise/>")
        writing.writestr("in/it.musicxml", musicxml(note("D", 5, 6)))
    assert played(read_score(packed.read_bytes(), ".mxl")) == [[(0, 3, 74)]]


@pytest.mark.parametrize(
    ("suffix", "data", "says"),
    [
        (".xml", b"<svg></svg>", "no MusicXML"),
        (".xml", b"<score-partwise", "cannot be read as musicxml"),
        (".mxl", b"PK\x03\x04 and nothing more", "no compressed MusicXML"),
        (".abc", b"", "empty"),
        (".krn", b"\x00\xff no music at all", "cannot be read as humdrum"),
        (".mid", b"X:1", "not a Standard MIDI File"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(suffix: str, data: bytes, says: str) -> None:
    with pytest.raises((NotationError, MidiError), match=says) as refusal:
        read_score(data, suffix)
    assert "\n" not in str(refusal.value)


def test_without_its_reader_notation_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(NotationError, match=r"antiphon\[scores\]"):
        read_score(ABC.encode(), ".abc")


def test_files_of_every_kind_are_found_whatever_the_case_of_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    kinds = ["a.MID", "b.abc", "below/c.midi", "c.krn", "d.musicxml", "e.MXL", "f.xml", "k.kar"]
    for name in (*kinds, "g.txt", ".h.abc", "._a.mid"):
        (tmp_path / name).write_bytes(midi_bytes(Score(480, ())))
    assert [path.relative_to(tmp_path).as_posix() for path in find_scores(tmp_path)] == kinds


def test_every_tune_of_a_book_is_a_piece_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "book.abc").write_text("".join(f"X:{i}\nL:1/4\nK:C\n{note}4|\n\n" for i, note in enumerate("CD")))
    (tmp_path / "one.krn").write_text(KERN)
    pieces = find_pieces(tmp_path)
    assert [piece.path.name + piece.number for piece in pieces] == ["book.abc#1", "book.abc#2", "one.krn"]
    assert [played(piece.read())[0][0][2] for piece in pieces] == [60, 62, 67]


def test_a_book_that_cannot_be_opened_is_one_piece_whose_reading_says_why(tmp_path: Path) -> None:
    gone = PieceFile(tmp_path / "gone.abc")
    assert tunes_in(gone.path) == 1
    with pytest.raises(NotationError, match=r"gone\.abc: cannot be opened"):
        gone.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("said", ['SYSTEM "file:///etc/hostname"', '"ten times as much of another one"'])
def test_a_score_that_declares_entities_is_not_read(encoding: str, said: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE score-partwise [<!ENTITY it {said}>]>'
    text = musicxml(note("D", 5, 6)).replace("Clarinet in B flat", "&it;")
    with pytest.raises(NotationError, match="declares entities"):
        read_score((head + text.partition("?>")[2]).encode(encoding), ".musicxml")


def test_a_document_type_that_lies_elsewhere_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("socket.socket.connect", refused)
    monkeypatch.setattr("urllib.request.urlopen", refused)
    head = '<?xml version="1.0"?><!DOCTYPE score-partwise SYSTEM "http://127.0.0.1:9/partwise.dtd">'
    text = head + musicxml(note("D", 5, 6)).partition("?>")[2]
    assert played(read_score(text.encode(), ".musicxml")) == [[(0, 3, 74)]]


def test_an_archive_that_would_grow_too_large_or_is_damaged_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "score.mxl"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("META-INF/container.xml", '<container><rootfile full-path="it.xml"/></container>')
        writing.writestr("it.xml", musicxml(note("D", 5, 6)) + " " * (2 << 20))
    data = packed.read_bytes()
    assert len(data) < 1 << 14
    with pytest.raises(NotationError, match="grows to more than 1 MiB"):
        read_score(data, ".mxl", largest=1 << 20)
    for at in range(30, len(data), 97):
        harmed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        with suppress(NotationError):
            read_score(harmed, ".mxl")


def test_repeats_without_end_have_one() -> None:
    often = '<barline location="right"><repeat direction="backward" times="1000000"/></barline></measure>'
    text = musicxml(note("D", 5, 6)).replace("\n</measure>", often)
    score = read_score(text.encode(), ".xml")
    assert len(score.parts[0].notes) == 16
    assert score.repairs == ("what is repeated 1000000 times was played 16 times",)
    kern = "**kern\n*>[" + ",".join("A" * 3000) + "]\n*M4/4\n*>A\n=1\n" + "1c\n" * 100 + "==\n*-\n"
    with pytest.raises(NotationError, match="more than 16 times as long"):
        read_score(kern.encode(), ".krn")


PICKUP = "X:1\nM:3/4\nL:1/4\nK:G\nD|G2 B|d2 c|B3|]\n"


def test_an_upbeat_is_a_first_bar_that_is_cut_short() -> None:
    assert read_score(PICKUP.encode(), ".abc").meters.tolist() == [(0, 3, 4), (10080, 3, 4)]
    whole = PICKUP.replace("D|", "D2 D|")
    assert read_score(whole.encode(), ".abc").meters.tolist() == [(0, 3, 4)]
    sung = musicxml(note("D", 5, 2) + "</measure><measure>" + note("D", 5, 6))
    assert read_score(sung.encode(), ".xml").meters.tolist() == [(0, 3, 4), (10080, 3, 4)]
    alone = read_score(musicxml(note("D", 5, 2)).encode(), ".xml")
    assert alone.meters.tolist() == [(0, 3, 4)], "what is followed by nothing is no upbeat"
