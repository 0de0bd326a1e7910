"""Finding MIDI files in folders."""

from __future__ import annotations

from pathlib import Path

__all__ = ["MIDI_SUFFIXES", "find_midi"]

MIDI_SUFFIXES = frozenset({".mid", ".midi", ".smf", ".kar", ".rmi"})


def find_midi(folder: str | Path) -> list[Path]:
    """All MIDI files below `folder`, sorted, whatever the case of their suffix. Hidden files are left out."""
    return sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in MIDI_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
