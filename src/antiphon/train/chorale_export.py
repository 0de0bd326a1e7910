"""Export: a trained net of counterpoint becomes a bundle, one ONNX graph for any number of scores of any length."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch

from antiphon.codec.grid import CLASSES, HIGHEST, LOWEST, STEPS_PER_BEAT, VOICES
from antiphon.train.checkpoint import RunError
from antiphon.train.chorale_net import ChoraleNet

__all__ = ["export_chorale"]

_FORMAT = 2
_OPSET = 18
_TOLERANCE = 1e-3  # logits
_VECTOR_SHAPE = (2, VOICES, 24)


def export_chorale(
    net: ChoraleNet, folder: Path, *, name: str, lineage: Mapping[str, Any], validation: Mapping[str, float]
) -> dict[str, Any]:
    """Write a bundle: `net.onnx`, `vectors.npz` and `bundle.json`, whose contents are returned.

    Raises RunError when the graph does not give the net's own answers, or the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "bundle.json").exists():
        raise RunError(f"{folder}: is not empty and holds no bundle; give another folder")
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        worst = _write(net.eval(), beside)
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(beside.iterdir())}
        codec = {"name": "grid", "lowest": LOWEST, "highest": HIGHEST, "voices": VOICES}
        about = {
            "format": _FORMAT,
            "name": name,
            "codec": codec | {"steps_per_beat": STEPS_PER_BEAT},
            "net": net.config.as_dict(),
            "parameters": sum(p.numel() for p in net.parameters()),
            "largest_difference": worst,
            "validation": dict(validation),
            "lineage": dict(lineage),
            "files": files,
        }
        (beside / "bundle.json").write_text(json.dumps(about, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return about


def _write(net: ChoraleNet, folder: Path) -> float:
    """Write the graph and its reference vectors; returns the largest difference of a logit."""
    rng = np.random.default_rng(0)
    cells = torch.from_numpy(rng.integers(0, CLASSES, _VECTOR_SHAPE))
    known = torch.from_numpy((rng.random(_VECTOR_SHAPE) < 0.5).astype(np.float32))
    edges = torch.zeros(_VECTOR_SHAPE[0], _VECTOR_SHAPE[2] // STEPS_PER_BEAT, 2)
    edges[0, 0, 0] = edges[0, -1, 1] = 1
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but still gives the smaller graph.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        torch.onnx.export(
            net,
            (cells, known, edges),
            str(folder / "net.onnx"),
            input_names=["cells", "known", "edges"],
            output_names=["logits"],
            dynamic_axes={name: {0: "scores", 2: "steps"} for name in ("cells", "known", "logits")}
            | {"edges": {0: "scores", 1: "beats"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(folder / "net.onnx"))
    with torch.no_grad():
        wanted = net(cells, known, edges).numpy()
    np.savez_compressed(
        folder / "vectors.npz",
        cells=cells.numpy().astype(np.int8),
        known=known.numpy().astype(np.int8),
        edges=edges.numpy().astype(np.int8),
        logits=wanted,
    )
    session = ort.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"cells": cells.numpy(), "known": known.numpy(), "edges": edges.numpy()})
    worst = float(np.abs(got - wanted).max())
    if not worst <= _TOLERANCE:
        raise RunError(f"the graph's answers differ from the net's by {worst:.2g}")
    return worst
