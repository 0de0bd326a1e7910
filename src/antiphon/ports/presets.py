"""Preset files: where they are found and kept, and a watch on the one that is played."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from antiphon.jam.preset import Preset, preset_from_toml
from antiphon.ports.base import Listener
from antiphon.ports.folders import data_folder

__all__ = ["PresetWatch", "about_preset", "find_preset", "preset_names", "read_preset", "save_preset"]

SUFFIX = ".toml"
SHIPPED = Path(__file__).parent.parent / "presets"
LOOK = 0.3
"""Seconds between two looks at whether the file has changed: file systems do not tell."""


def presets_folder() -> Path:
    """Where presets are saved."""
    return data_folder() / "presets"


def preset_names() -> dict[str, Path]:
    """Every preset that can be named, the musician's own before shipped ones of the same name."""
    found: dict[str, Path] = {}
    for folder in (SHIPPED, presets_folder()):
        if folder.is_dir():
            found |= {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    return dict(sorted(found.items()))


def find_preset(name: str) -> Path:
    """The file that `name` means: a path or a preset's name. Raises `ValueError`, one line with all names."""
    if name.endswith(SUFFIX) or os.sep in name:
        if Path(name).is_file():
            return Path(name)
        raise ValueError(f"{name}: there is no such preset file")
    names = preset_names()
    if name not in names:
        raise ValueError(f"no preset is named {name!r}: there are {', '.join(names)}")
    return names[name]


def about_preset(path: Path) -> str:
    """What a preset file says of itself: the comment on its first line, or nothing. Raises `OSError`."""
    first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def read_preset(path: Path) -> Preset:
    """Read a preset file. Raises `OSError`, or `ValueError` in one line that names file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not TOML: it is not text in UTF-8") from None
    return preset_from_toml(text, str(path))


def save_preset(name: str, text: str) -> Path:
    """Keep a preset's `text` as `name`, written beside and then renamed. Raises `ValueError` or `OSError`."""
    if not re.fullmatch(r"[\w][\w .-]*", name):
        raise ValueError(f"a preset cannot be named {name!r}: letters, digits, spaces, dots and dashes will do")
    folder = presets_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}{SUFFIX}"
    beside = folder / f".{name}.{os.getpid()}"
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


class PresetWatch:
    """A source that asks for the preset again whenever its file has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """The file that is watched; may be changed at any time."""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, listener: Listener) -> None:
        """Begin to look, in a thread of its own."""
        self._thread = threading.Thread(target=self._look, args=(listener,), name="presets", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def _look(self, listener: Listener) -> None:
        path, stamp = self.path, _stamp(self.path)
        while not self._over.wait(LOOK):
            now = _stamp(self.path)
            if self.path != path:
                path, stamp = self.path, now
            elif now is not None and now != stamp:
                stamp = now
                listener.act("preset", str(path))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # an editor may be putting it in place just now
    return status.st_mtime_ns, status.st_size, status.st_ino
