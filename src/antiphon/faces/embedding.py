"""`antiphon export --target cpp`: a bundle becomes a folder that a C++ developer needs nothing beside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.engine.bundle import BundleError
from antiphon.engine.embedded import EmbeddedBundle, write_vectors
from antiphon.engine.embedded_file import write_embedded
from antiphon.engine.embedded_words import EmbeddedWords, write_word_vectors
from antiphon.engine.embedded_words_file import WordShape, write_words
from antiphon.engine.tensor_file import Matrix
from antiphon.engine.token_markov import MarkovBundle
from antiphon.train.bundle_folder import appearing

__all__ = ["SOURCES", "embed"]

_EMBED = Path(__file__).parent.parent / "embed"
SOURCES = ("antiphon.hpp", "midi.hpp", "duet.cpp", "check.cpp", "CMakeLists.txt", "README.md")
_VECTORS = 32  # reference events in a folder
# What a graph that was written in eight bits says may differ from what the same weights say here by its own rounding.
_TOLERANCE = {"fp32": 1e-3, "int8": 1.0}


def embed(bundle: Path, out: Path, precision: str) -> str:
    """Write `out` from a bundle's folder; returns a line for people. Raises ValueError when they would disagree."""
    about = json.loads((bundle / "bundle.json").read_text())
    with appearing(out) as beside:
        said = _written(bundle, about, beside, precision)
        for name in SOURCES:
            shutil.copy(_EMBED / name, beside / name)
    size = (out / "model.bin").stat().st_size / 1e6
    return f"{out}: {said.format(size=f'{size:.1f} MB' if size >= 1 else f'{size:.2f} MB')}"


def _written(bundle: Path, about: dict[str, Any], folder: Path, precision: str) -> str:
    """Write `model.bin` and `vectors.bin`; returns what to say of them, where `{size}` stands for the size."""
    codec, net = about["codec"], about.get("net", {})
    if codec.get("kind") == "markov":
        MarkovBundle(bundle).embed(folder)
        return f"contexts of up to {about['order']} words, {{size}}; its tables are the bundle's own"
    if codec["name"] == "token":
        worst, heard = _write_words(bundle, about, folder, precision), "words"
    elif net.get("beat"):
        raise ValueError(f"{bundle}: models that are told where beats fall do not run in C++; train one without `beat`")
    elif codec["name"] == "stream" and net.get("body") == "gru":
        worst, heard = _write_stream(bundle, about, folder, precision), "events"
    else:
        raise ValueError(
            f"{bundle}: only models of streams with a GRU body, nets of words and Markov models run in C++"
        )
    limit = max(_TOLERANCE[precision], _TOLERANCE[about["precision"]])
    if not worst <= limit:
        raise BundleError(f"{bundle}: in C++ its answers would differ by {worst:.2g} (more than {limit:g})")
    return (
        f"{about['parameters']:,} parameters, {precision}, {{size}}; on {_VECTORS} reference {heard} its "
        f"answers differ from the {about['precision']} bundle's by at most {worst:.2g}"
    )


def _write_stream(bundle: Path, about: dict[str, Any], folder: Path, precision: str) -> float:
    """Write a stream's model; returns how far the answers are from the bundle's own."""
    net = about["net"]
    shape = (net["width"], net["layers"], net["head_width"])
    write_embedded(folder / "model.bin", _weights(bundle, about), shape, precision, _text(about))
    model = EmbeddedBundle(folder)
    with np.load(bundle / "vectors.npz", allow_pickle=False) as arrays:
        said = {key: arrays[key][:_VECTORS] for key in ("codes", "sounding", "known", "logits")}
    write_vectors(folder / "vectors.bin", said["codes"], said["sounding"], said["known"], said["logits"])
    answers = model.answers()
    # From here on the reference is what this very file says.
    write_vectors(folder / "vectors.bin", said["codes"], said["sounding"], said["known"], answers)
    return float(np.abs(answers - said["logits"]).max())


def _write_words(bundle: Path, about: dict[str, Any], folder: Path, precision: str) -> float:
    """Write a net of words; returns how far the answers are from the bundle's own."""
    net = about["net"]
    shape = WordShape(net["width"], net["layers"])
    weights = _weights(bundle, about)
    if net["body"] == "transformer":
        gate_up = weights["gate_up.0"]
        hidden = len(gate_up.rows if isinstance(gate_up, Matrix) else gate_up) // 2
        shape = WordShape(net["width"], net["layers"], net["n_heads"], net["window"], hidden)
    write_words(folder / "model.bin", weights, shape, precision, _text(about))
    with np.load(bundle / "vectors.npz", allow_pickle=False) as arrays:
        words, wanted = arrays["words"][:_VECTORS], arrays["logits"][:_VECTORS]
    write_word_vectors(folder / "vectors.bin", words, wanted)
    answers = EmbeddedWords(folder).answers()
    write_word_vectors(folder / "vectors.bin", words, answers)
    return float(np.abs(answers - wanted).max())


def _text(about: dict[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {key: about[key] for key in ("name", "parameters", "validation", "lineage") if key in about}
    return text | {"source": {"precision": about["precision"], "files": about["files"]}}


def _weights(bundle: Path, about: dict[str, Any]) -> dict[str, Any]:
    try:
        from antiphon.train.onnx_weights import weights_of, weights_of_words
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ValueError("reading a bundle's weights needs onnx: pip install 'antiphon[train]'") from error
    net = about["net"]
    words = about["codec"]["name"] == "token"
    weights = weights_of_words(bundle, net) if words else weights_of(bundle, net["layers"])
    return {name: Matrix(*w) if isinstance(w, tuple) else w for name, w in weights.items()}
