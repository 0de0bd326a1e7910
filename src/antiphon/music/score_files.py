"""Finding and reading files of music of every kind: MIDI always, notation where its reader is installed.

Notation is MusicXML, ABC and Humdrum kern; the reader is music21 (the extra ``scores``), which is only imported when
such a file is read.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from antiphon.music.bars import whole_bars
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import write_midi
from antiphon.music.musicxml import write_musicxml
from antiphon.music.score import METER, Score

__all__ = [
    "MIDI",
    "NOTATION",
    "NotationError",
    "PieceFile",
    "can_read_notation",
    "find_pieces",
    "find_scores",
    "open_score",
    "read_score",
    "tunes_in",
    "write_score",
]

MIDI = frozenset({".mid", ".midi", ".smf", ".kar", ".rmi"})
"""The suffixes of MIDI files."""

NOTATION = {
    ".xml": "musicxml",
    ".musicxml": "musicxml",
    ".mxl": "musicxml",
    ".abc": "abc",
    ".krn": "humdrum",
    ".kern": "humdrum",
}
"""The suffixes of files of notation, and what they hold."""

_BROUGHT = "reading MusicXML, ABC and kern needs music21, which is not installed: pip install 'antiphon[scores]'"
_TUNE = re.compile(r"^X:", re.MULTILINE)
_LARGEST = 1 << 27  # bytes that a compressed score may grow to: more is no score but a trap
_DAMAGE = (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, LookupError, StopIteration, RuntimeError, OSError)
"""What a damaged or encrypted archive, or one in an unknown way of compression, makes of its reading."""


class NotationError(ValueError):
    """A file that holds no notation that can be read; the message is one line."""


@dataclass(frozen=True)
class PieceFile:
    """A piece in a file of music. Of a book of several, `tune` counts it from 0, and `number` ("#2") from 1."""

    path: Path
    tune: int = 0
    number: str = ""

    def read(self, *, pedal: bool = False) -> Score:
        """The piece, as `open_score` reads it, which tells what it raises."""
        return open_score(self.path, tune=self.tune, pedal=pedal)


def can_read_notation() -> bool:
    """Whether files of notation can be read here: whether the extra ``scores`` is installed."""
    return find_spec("music21") is not None


def find_scores(folder: str | Path) -> list[Path]:
    """All files of music below `folder`, sorted, whatever the case of their suffix. Hidden files are left out.

    Files of notation are found whether they can be read here or not.
    """
    wanted = MIDI | NOTATION.keys()
    return sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in wanted and not path.name.startswith(".") and path.is_file()
    )


def find_pieces(folder: str | Path) -> list[PieceFile]:
    """All pieces in the files below `folder`, as `find_scores` finds them, in order."""
    found: list[PieceFile] = []
    for path in find_scores(folder):
        tunes = tunes_in(path)
        found += [PieceFile(path, tune, f"#{tune + 1}" if tunes > 1 else "") for tune in range(tunes)]
    return found


def tunes_in(path: Path) -> int:
    """How many pieces a file holds: those of a book of ABC tunes are counted, all else is one.

    So is a book that cannot be opened: whoever reads it is told why.
    """
    if path.suffix.lower() != ".abc":
        return 1
    try:
        return max(1, len(_TUNE.findall(_text(path.read_bytes()))))
    except OSError:
        return 1


def read_score(
    data: bytes,
    suffix: str,
    *,
    tune: int = 0,
    pedal: bool = False,
    channels: Sequence[int] | None = None,
    largest: int = _LARGEST,
) -> Score:
    """Read the bytes of a file whose name ends in `suffix` (in any case); of a book of ABC, its tune number `tune`.

    `pedal` and `channels` count for MIDI, as in `read_midi`. For notation, see `notation.score_of`; a compressed score
    may grow to `largest` bytes. Raises `MidiError` or `NotationError`, in one line, for what cannot be read, and where
    music21 is needed and not installed.
    """
    kind = NOTATION.get(suffix.lower())
    if kind is None:
        return read_midi(data, pedal=pedal, channels=channels)
    text = _unzipped(data, largest) if data[:4] == b"PK\x03\x04" else _text(data)
    if not text.strip():
        raise NotationError("the file is empty")
    if kind == "abc":
        text = _tune(text, tune)
    if kind == "musicxml" and "<score-partwise" not in _plain(text) and "<score-timewise" not in text:
        raise NotationError("holds no MusicXML score")
    if not can_read_notation():
        raise NotationError(_BROUGHT)
    from antiphon.music.notation import score_of

    return score_of(text, kind)


def open_score(path: Path, *, tune: int = 0, pedal: bool = False) -> Score:
    """The piece in a file of music, told by its suffix; what is no notation counts as MIDI.

    `tune` and `pedal` as for `read_score`. Raises as it does, in a line that begins with the path, for what cannot be
    opened too.
    """
    if path.suffix.lower() not in NOTATION:
        return read_midi(path, pedal=pedal)
    try:
        return read_score(path.read_bytes(), path.suffix, tune=tune)
    except NotationError as error:
        raise NotationError(f"{path}: {error}") from error
    except OSError as error:
        raise NotationError(f"{path}: cannot be opened ({error.strerror})") from error


def write_score(score: Score, path: Path, *, title: str = "") -> None:
    """Write `score` as MusicXML where the path's suffix says so (``.musicxml`` or ``.xml``), else as MIDI.

    In MIDI an upbeat is a bar of its own meter, which every program reads.
    Raises ValueError for what cannot be written so, OSError.
    """
    if path.suffix.lower() in (".musicxml", ".xml"):
        write_musicxml(score, path, title=title)
    else:
        rows = whole_bars(score.meters.tolist(), score.ticks_per_quarter)
        write_midi(replace(score, meters=np.array(rows, METER)), path)


def _tune(book: str, number: int) -> str:
    """A tune of a book of ABC with what stands before the first one, which counts for all."""
    starts = [found.start() for found in _TUNE.finditer(book)]
    if len(starts) < 2:
        return book
    head = book[: starts[0]]
    end = starts[number + 1] if number + 1 < len(starts) else len(book)
    return f"{head.rstrip()}\n\n{book[starts[number] : end]}" if head.strip() else book[starts[number] : end]


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # old files of ABC and kern; it cannot fail


def _plain(document: str) -> str:
    """A document of XML that declares no entities: they could name files and addresses, or grow without end."""
    if "<!ENTITY" in document:
        raise NotationError("declares entities, which no score needs and which are not read")
    return document


def _unzipped(data: bytes, largest: int) -> str:
    """The score in a compressed MusicXML file, which its container names (MusicXML 4.0, "Compressed .MXL files")."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            container = ElementTree.fromstring(_plain(_member(packed, "META-INF/container.xml", largest)))
            root = next(entry for entry in container.iter() if entry.tag.rpartition("}")[2] == "rootfile")
            return _member(packed, root.attrib["full-path"], largest)
    except _DAMAGE as error:
        raise NotationError("is no compressed MusicXML") from error


def _member(packed: zipfile.ZipFile, name: str, largest: int) -> str:
    if packed.getinfo(name).file_size > largest:
        raise NotationError(f"grows to more than {largest >> 20} MiB")
    return _text(packed.read(name))
