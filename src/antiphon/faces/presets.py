"""`antiphon presets`: the presets that can be named, or what one of them says."""

from __future__ import annotations

import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon presets` understands."""
    parser.add_argument("name", nargs="?", help="print this preset, to begin one of your own from; a file is checked")


def run(args: argparse.Namespace) -> int:
    """List the presets, or check and print one. Raises `ValueError` or `OSError`, one line."""
    from antiphon.ports.presets import about_preset, find_preset, preset_names, read_preset

    if args.name is not None:
        path = find_preset(args.name)
        read_preset(path)
        print(path.read_text(encoding="utf-8"), end="")
        return 0
    for name, path in preset_names().items():
        print(f"{name:<16} {about_preset(path):<56} {path}")
    return 0
