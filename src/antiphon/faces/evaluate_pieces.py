"""The music that a model is judged on: pieces of a corpus, or of a folder of files of music, drawn at random."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from antiphon.music.beats import NO_BEATS, Beats, beats_moved, known_beats
from antiphon.music.event import Events
from antiphon.music.score_files import PieceFile, find_pieces
from antiphon.train.corpus import Corpus, Split, Window
from antiphon.train.piece import lengthened

__all__ = ["Music", "Piece", "drawn"]

Refused = set[str]
"""What was wrong with pieces that cannot be read, a line for each."""


@dataclass(frozen=True)
class Piece:
    """A piece, the set (the folder) that it belongs to, and where its beats fall, none where that is not known."""

    name: str
    set: str
    events: Events
    beats: Beats = field(default_factory=lambda: NO_BEATS)


@dataclass(frozen=True)
class _Source:
    name: str
    set: str
    read: Callable[[], Window]
    refused: Refused


@dataclass(frozen=True)
class Music:
    """Pieces that can be read: those to be judged on, and those that were trained on, where the folder tells."""

    path: Path
    valid: Sequence[_Source]
    train: Sequence[_Source]
    prepared: bool
    """Whether it is a corpus, which is read a hundred times faster than files of music are."""
    refused: Refused
    """A line for each piece that was drawn and cannot be read."""

    @classmethod
    def open(cls, path: Path) -> Music:
        """Open a corpus, whose sides are kept, or a folder of files of music, which may have folders train/ and valid/.

        Raises ValueError, in one line, where there is neither, and CorpusError for a corpus that cannot be used.
        """
        refused: Refused = set()
        if (path / "corpus.json").exists():
            corpus = Corpus.open(path)
            valid, train = (_of_split(corpus.split(side), refused) for side in ("valid", "train"))
            return cls(path, valid, train, True, refused)
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise ValueError(f"{path}: {what}; give a folder: a corpus made by `antiphon prep`, or files of music")
        divided = (path / "train").is_dir() and (path / "valid").is_dir()
        valid = _of_folder(path / "valid" if divided else path, refused)
        if not valid:
            raise ValueError(f"{path}: holds neither a corpus nor any file of music to judge on")
        return cls(path, valid, _of_folder(path / "train", refused) if divided else [], False, refused)

    @property
    def everything(self) -> Sequence[_Source]:
        """All pieces, for music that as a whole was trained on."""
        return [*self.train, *self.valid]


def drawn(sources: Sequence[_Source], rng: np.random.Generator) -> Iterator[Piece]:
    """The pieces of `sources` in random order; those that hold no note are passed over.

    So are those that cannot be read, and `Music.refused` tells why.
    """
    for i in rng.permutation(len(sources)).tolist():
        source = sources[i]
        try:
            read = source.read()
        except (ValueError, OSError) as error:
            source.refused.add(" ".join(str(error).split()))
            continue
        if len(read.events):
            yield Piece(source.name, source.set, read.events, read.beats)


def _of_split(split: Split, refused: Refused) -> list[_Source]:
    return [
        _Source(f"{split.name} {i}", split.sets[int(row["set"])], partial(_piece, split, i), refused)
        for i, row in enumerate(split.index)
    ]


def _piece(split: Split, i: int) -> Window:
    return split.window(i, 0, int(split.index["length"][i]), beats=split.has_beats)


def _of_folder(folder: Path, refused: Refused) -> list[_Source]:
    return [_of_file(piece, folder, refused) for piece in find_pieces(folder)]


def _of_file(piece: PieceFile, folder: Path, refused: Refused) -> _Source:
    name = os.fspath(piece.path.relative_to(folder)) + piece.number
    return _Source(name, piece.path.parent.name, partial(_read, piece), refused)


def _read(piece: PieceFile) -> Window:
    """A piece as prep reads it, from its first note."""
    score = piece.read(pedal=True)
    events = lengthened(score.events())
    if not len(events):
        return Window(events)
    began = float(events["at"][0])
    events["at"] -= began
    return Window(events, beats_moved(known_beats(score), -began))
