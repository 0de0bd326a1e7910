"""Where this user's computer keeps things: what can be made again, what must be kept, and what was set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_folder", "config_folder", "data_folder"]


def cache_folder() -> Path:
    """For what can be made again: XDG_CACHE_HOME, Library/Caches, LOCALAPPDATA."""
    return _folder("XDG_CACHE_HOME", ".cache", "Caches", "LOCALAPPDATA", "Local")


def data_folder() -> Path:
    """For takes and presets: XDG_DATA_HOME, Library/Application Support, APPDATA."""
    return _folder("XDG_DATA_HOME", ".local/share", "Application Support", "APPDATA", "Roaming")


def config_folder() -> Path:
    """For what was measured or chosen on this machine: XDG_CONFIG_HOME, Library/Application Support, APPDATA."""
    return _folder("XDG_CONFIG_HOME", ".config", "Application Support", "APPDATA", "Roaming")


def _folder(xdg: str, below_home: str, library: str, windows: str, app_data: str) -> Path:
    if sys.platform == "win32":
        base = Path(os.environ.get(windows) or Path.home() / "AppData" / app_data)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / library
    else:
        base = Path(os.environ.get(xdg) or Path.home() / below_home)
    return base / "antiphon"
