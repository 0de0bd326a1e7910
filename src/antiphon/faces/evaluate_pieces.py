"""The music that a model is judged on: pieces of a corpus, or of a folder of MIDI files, drawn at random."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from antiphon.music.event import Events
from antiphon.music.midi_files import find_midi
from antiphon.music.midi_read import read_midi
from antiphon.train.corpus import Corpus, Split, unpacked
from antiphon.train.piece import lengthened

__all__ = ["Music", "Piece", "drawn"]


@dataclass(frozen=True)
class Piece:
    """A piece, and the set (the folder) that it belongs to."""

    name: str
    set: str
    events: Events


@dataclass(frozen=True)
class _Source:
    name: str
    set: str
    read: Callable[[], Events]


@dataclass(frozen=True)
class Music:
    """Pieces that can be read: those to be judged on, and those that were trained on, where the folder tells."""

    path: Path
    valid: Sequence[_Source]
    train: Sequence[_Source]
    prepared: bool
    """Whether it is a corpus, which is read a hundred times faster than MIDI files are."""

    @classmethod
    def open(cls, path: Path) -> Music:
        """Open a corpus, whose sides are kept, or a folder of MIDI files, which may have the folders train/ and valid/.

        Raises ValueError, in one line, where there is neither, and CorpusError for a corpus that cannot be used.
        """
        if (path / "corpus.json").exists():
            corpus = Corpus.open(path)
            return cls(path, _of_split(corpus.split("valid")), _of_split(corpus.split("train")), True)
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise ValueError(f"{path}: {what}; give a folder: a corpus made by `antiphon prep`, or MIDI files")
        divided = (path / "train").is_dir() and (path / "valid").is_dir()
        valid = _of_folder(path / "valid" if divided else path)
        if not valid:
            raise ValueError(f"{path}: holds neither a corpus nor any MIDI file to judge on")
        return cls(path, valid, _of_folder(path / "train") if divided else [], False)

    @property
    def everything(self) -> Sequence[_Source]:
        """All pieces, for music that as a whole was trained on."""
        return [*self.train, *self.valid]


def drawn(sources: Sequence[_Source], rng: np.random.Generator) -> Iterator[Piece]:
    """The pieces of `sources` in random order; those that cannot be read, or hold no note, are passed over."""
    for i in rng.permutation(len(sources)).tolist():
        source = sources[i]
        try:
            events = source.read()
        except (ValueError, OSError):
            continue
        if len(events):
            yield Piece(source.name, source.set, events)


def _of_split(split: Split) -> list[_Source]:
    return [
        _Source(f"{split.name} {i}", split.sets[int(row["set"])], partial(_piece, split, i))
        for i, row in enumerate(split.index)
    ]


def _piece(split: Split, i: int) -> Events:
    return unpacked(split.piece(i))


def _of_folder(folder: Path) -> list[_Source]:
    return [_Source(os.fspath(p.relative_to(folder)), p.parent.name, partial(_read, p)) for p in find_midi(folder)]


def _read(path: Path) -> Events:
    """A MIDI file as prep reads it, from its first note."""
    events = lengthened(read_midi(path, pedal=True).events())
    if len(events):
        events["at"] -= events["at"][0]
    return events
