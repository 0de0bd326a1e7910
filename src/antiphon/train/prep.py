"""Folders of music to a corpus: read in parallel, freed of near-copies, split so that no piece is on both sides.

The work can be stopped at any moment and taken up again: what has been read lies in ``OUT.partial`` until the corpus is
whole, which then appears by one rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.music.records import joined
from antiphon.music.score_files import can_read_notation, find_scores, tunes_in
from antiphon.train.cluster import work_on_cluster
from antiphon.train.corpus import BESIDE, SPLITS, CorpusError
from antiphon.train.facts import FACTS
from antiphon.train.piece import Piece, prepare_piece
from antiphon.train.shards import Stored, write_corpus
from antiphon.train.sides import Row, choose_sides
from antiphon.train.transposition import KEYS, shifts
from antiphon.train.wanted import ALL_PARTS, TOO_SHORT, Parts, Wanted
from antiphon.train.workers import Shown, work_through

__all__ = ["Settings", "Source", "Summary", "find_sources", "prepare"]

CHUNK = 48
"""Files a task: enough to drown the cost of handing it out, few enough to lose little when killed."""

CHUNK_FORMAT = 3
"""Raised whenever a chunk's content would come out differently, so that no stale one is taken up."""


@dataclass(frozen=True)
class Settings:
    """How a corpus is prepared; written into its `corpus.json`.

    `valid_fraction` of the pieces (0..1) are set aside, chosen by `seed`; `pedal` turns the sustain pedal into longer
    notes; `exclude` names sets to leave out; `wanted` pieces are kept, and of them `parts`, in `key` (one of `KEYS`).
    """

    valid_fraction: float = 0.03
    seed: int = 0
    pedal: bool = True
    exclude: tuple[str, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    parts: Parts = ALL_PARTS
    key: str = "as-is"

    def __post_init__(self) -> None:
        if self.key not in KEYS:
            raise CorpusError(f"no key is called {self.key!r}: there are {', '.join(KEYS)}")
        if not 0 <= self.valid_fraction < 1:
            raise CorpusError(
                f"the share of pieces set aside must be 0 or more and less than 1, not {self.valid_fraction}"
            )


@dataclass(frozen=True)
class Source:
    """A piece to prepare: its file, how the manifest calls it, its set, the side it was given ("" for none), and of a
    book of tunes, which."""

    path: Path
    label: str
    set: str
    side: str
    tune: int = 0


@dataclass(frozen=True)
class Summary:
    """What came of a run: files by status, what is in the splits, and how many files an earlier run had read."""

    files: int
    ok: int
    refused: int
    duplicates: int
    too_short: int
    filtered: int
    excluded: int
    reused: int
    pieces: dict[str, int]
    events: dict[str, int]
    seconds: dict[str, float]
    split_hash: str

    def __str__(self) -> str:
        hours = sum(self.seconds.values()) / 3600
        return (
            f"{self.files} files: {self.ok} used ({self.pieces['train']} train, {self.pieces['valid']} valid, "
            f"{sum(self.events.values())} events, {hours:.1f} h), {self.duplicates} duplicates, "
            f"{self.too_short} too short, {self.filtered} filtered, {self.refused} refused, {self.excluded} excluded"
        )


def prepare(
    sources: Sequence[Path],
    out: Path,
    *,
    jobs: int | None = None,
    valid_fraction: float = 0.03,
    seed: int = 0,
    min_notes: int | None = None,
    pedal: bool = True,
    exclude: Sequence[str] = (),
    wanted: Wanted | None = None,
    parts: Parts = ALL_PARTS,
    key: str = "as-is",
    cluster: str | None = None,
    progress: bool = False,
) -> Summary:
    """Prepare the files of music below the folders `sources` as the corpus `out`, with `jobs` processes (all cores).

    A source with folders ``train`` and ``valid`` directly in it keeps that split. Files that cannot be read cost a line
    of the manifest each, never the run. Interrupted or killed, it goes on where it was when called again; files are
    read anew where their size or date has changed. `min_notes` is the limit of the filter "too-short"; the other
    filters and wishes are `wanted`, and `parts` those that are read. `key` transposes: "common" all pieces to one key,
    "all" those to train on to every key. The files are read on a Dask `cluster` where one is named, see
    `work_on_cluster`. `progress` shows a bar.

    Raises CorpusError where there is nothing to prepare, `out` is taken, or a process was killed.
    """
    wanted = wanted or Wanted()
    if min_notes is not None:
        wanted = replace(wanted, limits={**wanted.limits, TOO_SHORT: min_notes})
    settings = Settings(valid_fraction, seed, pedal, tuple(sorted(exclude)), wanted, parts, key)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(f"{out}: already there: name another folder, or remove it first")
    if cluster is not None:  # whose workers are in other folders
        out, sources = out.absolute(), [source.absolute() for source in sources]
    files = find_sources(sources)
    partial = out.with_name(out.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    taken = [file for file in files if file.set not in settings.exclude and file.side != "excluded"]
    chunks = [_Chunk.of(taken[i : i + CHUNK], partial, pedal, parts) for i in range(0, len(taken), CHUNK)]
    reused = _read(chunks, partial, jobs or os.cpu_count() or 1, cluster, progress)
    rows, sketches = _gather(chunks, settings)
    choose_sides(rows, sketches, settings.valid_fraction, settings.seed)
    for row in rows:
        row.shifts = shifts(row.facts, settings.key, row.split)
    if not any(row.status == "ok" for row in rows):
        first = next((row.reason for row in rows if row.reason), "all excluded")
        raise CorpusError(f"none of {len(files)} files can be used; the first: {first}")
    excluded = [_excluded(file) for file in files if file.set in settings.exclude or file.side == "excluded"]
    names = [_name(source) for source in sources]
    whole = partial / "corpus"
    shutil.rmtree(whole, ignore_errors=True)
    info = write_corpus(whole, rows, excluded, _pieces(chunks, rows), names, asdict(settings))
    if out.exists():
        out.rmdir()
    whole.rename(out)
    shutil.rmtree(partial, ignore_errors=True)
    return _summary([*rows, *excluded], info, reused)


def find_sources(sources: Sequence[Path]) -> list[Source]:
    """All pieces in files below `sources`, in order. Raises CorpusError for a folder that is missing or holds none.

    Files of notation are found whether they can be read here or not, so that the manifest says what they need.
    """
    found: list[Source] = []
    labels: set[str] = set()
    sets: dict[Path, str] = {}
    for folder in sources:
        if not folder.is_dir():
            raise CorpusError(f"{folder}: not a folder")
        files = find_scores(folder)
        if not files:
            raise CorpusError(f"{folder}: no MIDI files in it, nor MusicXML, ABC or kern")
        name = _name(folder)
        label = next(n for n in (name, *(f"{name}-{i}" for i in range(2, len(sources) + 2))) if n not in labels)
        labels.add(label)
        is_split = all((folder / side).is_dir() for side in SPLITS)
        for file in files:
            below = file.relative_to(folder)
            side = ""
            if is_split:
                # What lies beside train and valid, say a test split, was set apart for a reason.
                side = below.parts[0] if below.parts[0] in SPLITS else "excluded"
            named = f"{label}/{below.as_posix()}"
            tunes = tunes_in(file)
            for tune in range(tunes):
                number = f"#{tune + 1}" if tunes > 1 else ""
                found.append(Source(file, named + number, _set(file, sets), side, tune))
    return found


def _name(folder: Path) -> str:
    return folder.resolve().name


def _set(file: Path, known: dict[Path, str]) -> str:
    """The name of the folder that `file` really lies in. What is `known` of folders grows: to resolve takes long."""
    if file.is_symlink():
        return file.resolve().parent.name
    if file.parent not in known:
        known[file.parent] = _name(file.parent)
    return known[file.parent]


@dataclass(frozen=True)
class _Chunk:
    """Some files, and the path of what is made of them: its name changes whenever they do."""

    files: tuple[Source, ...]
    path: Path
    pedal: bool
    parts: Parts

    @classmethod
    def of(cls, files: Sequence[Source], folder: Path, pedal: bool, parts: Parts) -> _Chunk:
        facts = hashlib.sha256(f"{CHUNK_FORMAT} {pedal} {parts} {can_read_notation()}".encode())
        for file in files:
            stat = file.path.stat()
            said = f"{file.path.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{file.tune}\0"
            facts.update(said.encode("utf-8", "replace"))
        return cls(tuple(files), folder / f"chunk-{facts.hexdigest()[:24]}.arrays", pedal, parts)


def _read(chunks: Sequence[_Chunk], partial: Path, processes: int, cluster: str | None, progress: bool) -> int:
    """Read the files of the chunks that are not there yet; of how many files there was one."""
    missing = [chunk for chunk in chunks if not chunk.path.exists()]
    files = sum(len(chunk.files) for chunk in chunks)
    reused = files - sum(len(chunk.files) for chunk in missing)
    shown = Shown(files, reused, progress)
    if cluster is None:
        work_through(_read_chunk, missing, processes, shown)
    else:
        work_on_cluster(_read_chunk, missing, cluster, partial, processes, shown)
    return reused


def _read_chunk(chunk: _Chunk) -> int:
    """Prepare a chunk's files and keep what came of them, whole or not at all. Returns how many there were."""
    pieces = [prepare_piece(f.path, pedal=chunk.pedal, tune=f.tune, parts=chunk.parts) for f in chunk.files]
    said = [piece.described for piece in pieces]
    beside = chunk.path.with_name(f"writing-{os.getpid()}-{chunk.path.name}")
    arrays = {
        "events": joined([piece.events for piece in pieces]),
        "lengths": np.array([len(piece.events) for piece in pieces]),
        "sketches": np.concatenate([piece.sketch for piece in pieces]),
        "sketch_lengths": np.array([len(piece.sketch) for piece in pieces]),
        "facts": np.array([one.facts for one in said], FACTS),
        "phrases": np.concatenate([one.phrases for one in said]),
        "chords": joined([one.chords for one in said]),
        "beats": joined([one.beats for one in said]),
        "told": np.array(json.dumps([_told(piece) for piece in pieces])),
    }
    with beside.open("wb") as file:
        for name in _ARRAYS:
            np.save(file, arrays[name], allow_pickle=False)
    beside.replace(chunk.path)
    return len(pieces)


_ARRAYS = ("told", "facts", "sketches", "sketch_lengths", "lengths", "events", *BESIDE)
"""What a chunk's file holds, one after the other: NumPy's own archives take ten times as long to read."""


def _made(chunk: _Chunk) -> dict[str, npt.NDArray[Any]]:
    with chunk.path.open("rb") as file:
        return {name: np.load(file, allow_pickle=False) for name in _ARRAYS}


def _told(piece: Piece) -> dict[str, object]:
    return {name: getattr(piece, name) for name in ("reason", "sha1", "notes", "seconds", "repairs")}


def _gather(chunks: Sequence[_Chunk], settings: Settings) -> tuple[list[Row], list[npt.NDArray[np.uint64]]]:
    """A manifest row and a sketch for every file read, in order."""
    rows: list[Row] = []
    sketches: list[npt.NDArray[np.uint64]] = []
    for chunk in chunks:
        made = _made(chunk)
        told, facts = json.loads(str(made["told"])), made["facts"]
        sketches += np.split(made["sketches"], np.cumsum(made["sketch_lengths"])[:-1])
        for file, one, fact in zip(chunk.files, told, facts, strict=True):
            row = Row(path=file.label, set=file.set, given_side=file.side, facts=fact, **one)
            unwanted = "" if row.reason else settings.wanted.reason_against(fact)
            if row.reason:
                row.status = "refused"
            elif unwanted:
                row.status = TOO_SHORT if unwanted.startswith(TOO_SHORT) else "filtered"
                row.reason = unwanted
            rows.append(row)
    return rows, sketches


def _pieces(chunks: Sequence[_Chunk], rows: Sequence[Row]) -> Iterator[tuple[Row, Stored]]:
    """The rows that are used with their music, in order, one chunk in memory at a time."""
    remaining = iter(rows)
    for chunk in chunks:
        made = _made(chunk)
        ends = [np.cumsum(made["lengths"]), *(np.cumsum(made["facts"][name]) for name in BESIDE)]
        columns = [made["events"], *(made[name] for name in BESIDE)]
        split = zip(*(np.split(column, end[:-1]) for column, end in zip(columns, ends, strict=True)), strict=True)
        for events, *beside in split:
            row = next(remaining)
            if row.status == "ok":
                yield row, Stored(events, row.facts, *beside)


def _excluded(file: Source) -> Row:
    reason = "outside train and valid" if file.side == "excluded" else "its set is excluded"
    return Row(file.label, file.set, "", reason, "", 0, 0.0, (), status="excluded")


def _summary(rows: Sequence[Row], info: dict[str, dict[str, dict[str, float]]], reused: int) -> Summary:
    def count(status: str) -> int:
        return sum(row.status == status for row in rows)

    splits = info["splits"]
    return Summary(
        files=len(rows),
        ok=count("ok"),
        refused=count("refused"),
        duplicates=count("duplicate"),
        too_short=count(TOO_SHORT),
        filtered=count("filtered"),
        excluded=count("excluded"),
        reused=reused,
        pieces={side: int(splits[side]["pieces"]) for side in SPLITS},
        events={side: int(splits[side]["events"]) for side in SPLITS},
        seconds={side: float(splits[side]["seconds"]) for side in SPLITS},
        split_hash=str(info["split_hash"]),
    )
