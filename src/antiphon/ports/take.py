"""Takes: a session as a file that grows while it is played, and that a killed process leaves whole.

Lines of JSON. The first is the header, a table; each of the others is a list: a call of the journal, its answer, or
one of the lines of this file: what left when, figures, and the end. Only ever appended to; the last line may be torn.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from antiphon import __version__
from antiphon.jam.journal import ANSWER, Line, events_of
from antiphon.music.event import Event
from antiphon.ports.folders import data_folder
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder

__all__ = ["SUFFIX", "Take", "TakeWriter", "new_take_path", "read_take", "takes_folder"]

FORMAT = 1
"""Raised when a reader of the last version would misread what is written."""
SUFFIX = ".take"
SAFE = 1.0
"""Seconds after which what was written is safe from a power cut too."""

SENT, FIGURES, END = "sent", "figures", "end"


def takes_folder() -> Path:
    """Where takes are kept when no file is named."""
    return data_folder() / "takes"


def new_take_path(folder: Path | None = None) -> Path:
    """A file for a take that begins now, named by the time; the folder is made. Raises `OSError`."""
    folder = takes_folder() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    stem = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    names = (f"{stem}{f'_{n}' if n else ''}{SUFFIX}" for n in range(1000))
    return next(folder / name for name in names if not (folder / name).exists())


class TakeWriter:
    """Appends to a take. Each line is with the system when `keep` returns, so that a killed process loses none.

    `keep` may be called from several threads.
    """

    def __init__(self, path: Path, header: Mapping[str, object]) -> None:
        """Begin a take at `path`, which must not exist. `header` is what a replay needs. Raises `OSError`."""
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._broken: OSError | None = None
        began = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({"antiphon": "take", "format": FORMAT, "version": __version__, "began": began, **header})
        if self._broken is not None:
            raise self._broken
        self._keeper = threading.Thread(target=self._sync, name="take", daemon=True)
        self._keeper.start()

    @property
    def trouble(self) -> str | None:
        """Why nothing more is kept, in one line, such as a full disk; None while all is well."""
        return None if self._broken is None else f"{self.path}: {self._broken.strerror or self._broken}"

    def keep(self, line: Line) -> None:
        """Append a line. Never raises: the music goes on when the disk is full; `trouble` says so."""
        if self._broken is None:
            self._write(line)

    def sent(self, event: Event) -> None:
        """Note that an event of the machine's left at its `at`, which may be later than it was meant for."""
        self.keep([SENT, event.at, event.instrument, event.pitch, event.velocity])

    def figures(self, now: float, figures: Mapping[str, object]) -> None:
        """Note latencies as the meter sums them up."""
        self.keep([FIGURES, now, dict(figures)])

    def close(self, now: float, why: str) -> None:
        """End the take. May be called twice."""
        if self._over.is_set():
            return
        self.keep([END, now, why])
        self._over.set()
        self._keeper.join(timeout=5.0)
        with self._turn:
            os.close(self._file)

    def _write(self, what: object) -> None:
        text = json.dumps(what, separators=(",", ":"), ensure_ascii=False) + "\n"
        with self._turn:
            try:
                left = text.encode()
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError as error:
                self._broken = error

    def _sync(self) -> None:
        over = False
        while not over:
            over = self._over.wait(SAFE)
            try:
                os.fsync(self._file)
            except OSError as error:
                self._broken = self._broken or error


@dataclass(frozen=True)
class Take:
    """A take that was read: its header, and its lines in order.

    `whole` is False when the process that wrote it was killed.
    """

    path: Path
    header: Mapping[str, Any]
    lines: list[Line] = field(repr=False)

    @property
    def whole(self) -> bool:
        """Whether the take was ended, not cut off."""
        return bool(self.lines) and self.lines[-1][0] == END

    @property
    def span(self) -> tuple[float, float]:
        """When the first and the last thing happened, in seconds on the session's own clock; 0, 0 for nothing."""
        times = [line[1] for line in self.lines if line[0] not in (ANSWER, "took")]
        return (min(times), max(times)) if times else (0.0, 0.0)

    def calls(self) -> Iterator[tuple[Line, list[Event]]]:
        """Each call with the events of its answer."""
        lines = [line for line in self.lines if line[0] not in (SENT, FIGURES, END)]
        for place, line in enumerate(lines):
            if line[0] != ANSWER:
                after = lines[place + 1] if place + 1 < len(lines) else []
                yield line, events_of(after) if after and after[0] == ANSWER else []

    def recording(self) -> Recorder:
        """Both parts, as they were played."""
        recorder = Recorder()
        for line, answer in self.calls():
            if line[0] == "receive":
                recorder.add(PLAYER, Event(*line[2:]))
            recorder.extend(MACHINE, answer)
        return recorder


def read_take(path: Path) -> Take:
    """Read a take; a torn last line is left out. Raises `OSError`, or `ValueError`, one line that names the line."""
    raw = path.read_bytes().split(b"\n")
    torn = raw.pop()  # nothing, unless the writer was killed in the middle of a line
    header = _header(path, raw[0] if raw else torn)
    lines: list[Line] = []
    for number, text in enumerate(raw[1:], 2):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not _is_line(line):
            raise ValueError(f"{path}, line {number}: not a line of a take")
        lines.append(line)
    return Take(path, header, lines)


def _header(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("antiphon") != "take":
        raise ValueError(f"{path}: not a take of Antiphon")
    if header.get("format") != FORMAT:
        raise ValueError(f"{path}: a take of format {header.get('format')!r}, but this Antiphon reads {FORMAT}")
    return header


def _is_line(line: object) -> bool:
    """Whether `line` begins as the lines of a take do: a name and a time, or an answer's events."""
    if not isinstance(line, list) or not line or not isinstance(line[0], str):
        return False
    if line[0] == ANSWER:
        return all(isinstance(row, list) and len(row) == 4 and all(map(_is_number, row)) for row in line[1:])
    if line[0] == "receive" and not (len(line) == 6 and all(map(_is_number, line[1:]))):
        return False
    return len(line) > 1 and _is_number(line[1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
