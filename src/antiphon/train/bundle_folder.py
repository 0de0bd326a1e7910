"""The folder of a bundle while it is made: beside its place, where it appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from antiphon.train.errors import RunError

__all__ = ["appearing", "describe_bundle"]


@contextmanager
def appearing(bundle: Path) -> Iterator[Path]:
    """An empty folder beside `bundle`, which becomes it when all has gone well and vanishes when not.

    Raises RunError where `bundle` exists or cannot be written.
    """
    if bundle.exists():
        raise RunError(f"{bundle}: exists already; remove it or choose another name")
    beside = bundle.with_name(bundle.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        yield beside
        beside.rename(bundle)
    except OSError as error:
        raise RunError(f"{bundle}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def describe_bundle(folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write `bundle.json`: what is said `about` it, and the checksum of every other file. Returns what it holds."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    whole = {**about, "files": files}
    (folder / "bundle.json").write_text(json.dumps(whole, indent=1) + "\n")
    return whole
