"""`antiphon export --target cpp`: a bundle becomes a folder that a C++ developer needs nothing beside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.engine.bundle import BundleError
from antiphon.engine.embedded import EmbeddedBundle, write_vectors
from antiphon.engine.embedded_file import Matrix, write_embedded
from antiphon.engine.token_markov import MarkovBundle

__all__ = ["SOURCES", "embed"]

_EMBED = Path(__file__).parent.parent / "embed"
SOURCES = ("antiphon.hpp", "midi.hpp", "duet.cpp", "check.cpp", "CMakeLists.txt", "README.md")
_VECTORS = 32  # reference events in a folder
# What a graph that was written in eight bits says may differ from what the same weights say here by its own rounding.
_TOLERANCE = {"fp32": 1e-3, "int8": 1.0}


def embed(bundle: Path, out: Path, precision: str) -> str:
    """Write `out` from a GRU bundle's folder; returns a line for people. Raises ValueError when they would disagree."""
    if out.exists():
        raise ValueError(f"{out}: exists already; remove it or choose another name")
    about = json.loads((bundle / "bundle.json").read_text())
    counted = about["codec"].get("kind") == "markov"
    if not counted and (about["codec"]["name"] != "stream" or about.get("net", {}).get("body") != "gru"):
        raise ValueError(f"{bundle}: only models of streams with a GRU body, and Markov models, run in C++")
    beside = out.with_name(out.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        if counted:
            MarkovBundle(bundle).embed(beside)
        else:
            worst = _written(bundle, about, beside, precision)
        for name in SOURCES:
            shutil.copy(_EMBED / name, beside / name)
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    size = (out / "model.bin").stat().st_size / 1e6
    if counted:
        return f"{out}: contexts of up to {about['order']} words, {size:.2f} MB; its tables are the bundle's own"
    return (
        f"{out}: {about['parameters']:,} parameters, {precision}, {size:.1f} MB; on {_VECTORS} reference events its "
        f"answers differ from the {about['precision']} bundle's by at most {worst:.2g}"
    )


def _written(bundle: Path, about: dict[str, Any], folder: Path, precision: str) -> float:
    """Write `model.bin` and `vectors.bin`; returns how far the answers are from the bundle's own."""
    net = about["net"]
    text: dict[str, Any] = {key: about[key] for key in ("name", "parameters", "validation", "lineage") if key in about}
    text |= {"source": {"precision": about["precision"], "files": about["files"]}}
    shape = (net["width"], net["layers"], net["head_width"])
    write_embedded(folder / "model.bin", _weights(bundle, net["layers"]), shape, precision, text)
    model = EmbeddedBundle(folder)
    with np.load(bundle / "vectors.npz", allow_pickle=False) as arrays:
        said = {key: arrays[key][:_VECTORS] for key in ("codes", "sounding", "known", "logits")}
    wanted = said["logits"]
    write_vectors(folder / "vectors.bin", said["codes"], said["sounding"], said["known"], wanted)
    answers = model.answers()
    worst = float(np.abs(answers - wanted).max())
    limit = max(_TOLERANCE[precision], _TOLERANCE[about["precision"]])
    if not worst <= limit:
        raise BundleError(f"{bundle}: in C++ its answers would differ by {worst:.2g} (more than {limit:g})")
    # From here on the reference is what this very file says.
    write_vectors(folder / "vectors.bin", said["codes"], said["sounding"], said["known"], answers)
    return worst


def _weights(bundle: Path, layers: int) -> dict[str, Any]:
    try:
        from antiphon.train.onnx_weights import weights_of
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ValueError("reading a bundle's weights needs onnx: pip install 'antiphon[train]'") from error
    weights = weights_of(bundle, layers)
    return {name: Matrix(*w) if isinstance(w, tuple) else w for name, w in weights.items()}
