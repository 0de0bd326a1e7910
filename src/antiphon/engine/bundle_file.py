"""A bundle's folder, of whatever kind of model: found by name, described, and every byte of it checked."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

__all__ = [
    "FORMAT",
    "PLAYABLE",
    "Array",
    "BundleError",
    "State",
    "described",
    "distance",
    "find_bundle",
    "session",
    "shipped_models",
    "unusable",
]

FORMAT = 1
PLAYABLE = ("stream", "token")
"""Codecs of models that can jam."""
_SHIPPED = Path(__file__).parent.parent / "models"
_LARGEST_STATE = 1 << 26  # numbers

Array = npt.NDArray[Any]
State = dict[str, Array]


class BundleError(ValueError):
    """A bundle that cannot be used, in one line that says why."""


def shipped_models(codecs: str | Collection[str] = PLAYABLE) -> list[str]:
    """Names of the models of some codecs that come with Antiphon; without a word, of those that can jam."""
    wanted = [codecs] if isinstance(codecs, str) else codecs
    bundles = sorted(_SHIPPED.glob("*/bundle.json"))
    return [path.parent.name for path in bundles if json.loads(path.read_text())["codec"]["name"] in wanted]


def find_bundle(name: str | Path) -> Path:
    """The folder of a bundle, given its path or the name of a shipped model."""
    path = Path(name)
    if (path / "bundle.json").is_file():
        return path
    if (_SHIPPED / str(name) / "bundle.json").is_file():
        return _SHIPPED / str(name)
    known = ", ".join(shipped_models()) or "none"
    what = "has no bundle.json" if path.exists() else "does not exist"
    raise BundleError(f"{name}: no model: the folder {what}, and it is no shipped model (these are: {known})")


def described(
    folder: Path, codec: Mapping[str, Any], needed: Collection[str], *, version: int = FORMAT, state: bool = True
) -> dict[str, Any]:
    """`bundle.json`, after checking its version, its codec, the checksum of every file, and that it is all there.

    `needed`: files without which it is none. `state`: whether the model has one, and a precision. Raises BundleError.
    """
    try:
        about = json.loads((folder / "bundle.json").read_text())
        if about["codec"] != codec:
            raise BundleError(f"{folder}: made for another codec than this version's")
        if about["format"] != version:
            raise BundleError(f"{folder}: bundle format {about['format']}; this version reads {version}")
        for name, wanted in about["files"].items():
            if Path(name).name != name or hashlib.sha256((folder / name).read_bytes()).hexdigest() != wanted:
                raise BundleError(f"{folder}: {name} is damaged (its checksum differs)")
        if not set(needed) <= about["files"].keys():
            raise BundleError(f"{folder}: incomplete, files are missing from its list")
        if lacking := {"name", *(("state", "precision") if state else ())} - about.keys():
            raise BundleError(f"{folder}: incomplete, bundle.json lacks {' and '.join(sorted(lacking))}")
        elements = sum(math.prod(shape) for shape in about["state"].values()) if state else 0
        if not 0 <= elements <= _LARGEST_STATE:
            raise BundleError(f"{folder}: a state of {elements} numbers is not one of a model's that plays live")
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{folder}: not a readable bundle ({error})") from error
    return dict(about)


def unusable(folder: Path, error: Exception) -> BundleError:
    """What to raise for an error of ONNX Runtime's, or of NumPy's: they have kinds of their own, all meaning this."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return BundleError(f"{folder}: cannot be used ({reason})")


def session(path: Path, threads: int) -> ort.InferenceSession:
    """A graph, ready to run on so many threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would steal the core from the musician's own notes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def distance(got: Array, wanted: Array) -> float:
    """The largest difference, infinite where one is not a number (which `max` would pass over)."""
    furthest = float(np.abs(got - wanted).max())
    return math.inf if math.isnan(furthest) else furthest
