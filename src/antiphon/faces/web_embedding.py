"""`antiphon export --target js`: a bundle becomes a folder that a web developer needs nothing beside, or one page."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.engine.bundle import BundleError
from antiphon.engine.web_bundle import WEB_FORMAT, WebBundle, file_sums
from antiphon.faces.single_page import single_page

__all__ = ["embed_for_web"]

_SOURCES = Path(__file__).parent.parent / "embed" / "js"
_VECTORS = 32  # reference events in a folder
_TOLERANCE = {"fp32": 1e-3, "int8": 1.0}  # logits, beside the bundle's own: what eight bits may change by rounding
_RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")


def embed_for_web(bundle: Path, out: Path, precision: str, *, npm: bool = False, single_file: bool = False) -> str:
    """Write `out`, a folder or with `single_file` one page, from the folder of a bundle of streams.

    `npm`: fetch what else it needs with npm, which `single_file` always does. Returns lines for people. Raises
    ValueError when the bundle cannot be played so, or would be played otherwise; nothing is left then.
    """
    if out.exists():
        raise ValueError(f"{out}: exists already; remove it or choose another name")
    about = json.loads((bundle / "bundle.json").read_text())
    if about["codec"]["name"] != "stream":
        raise ValueError(f"{bundle}: only models of streams play in a browser")
    if about.get("net", {}).get("beat"):
        raise ValueError(f"{bundle}: models that are told where beats fall do not play in a browser; train one without")
    if {precision, about["precision"]} - _TOLERANCE.keys():
        raise ValueError(f"{bundle}: a browser plays {' and '.join(_TOLERANCE)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
        folder = Path(beside) / "folder"
        shutil.copytree(_SOURCES, folder)
        worst = _write_model(bundle, about, folder / "model", precision)
        if npm or single_file:
            _install(folder)
        if single_file:
            page = Path(beside) / "page.html"
            page.write_text(single_page(folder))
            page.rename(out)
        else:
            folder.rename(out)
    return _told(out, about, precision, worst)


def _told(out: Path, about: dict[str, Any], precision: str, worst: float) -> str:
    """What was written, and what is left to be done."""
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    first = (
        f"{out}: {about['parameters']:,} parameters, {precision}, {size:.1f} MB; on {_VECTORS} reference events its "
        f"answers differ from the {about['precision']} bundle's by at most {worst:.2g}"
    )
    if out.is_file():
        return f"{first}\nopen it in a browser: it needs no server and no network"
    if (out / "ort").exists():
        return f"{first}\nit needs no network any more: serve it with any static server"
    return f"{first}\nit needs onnxruntime-web yet: run `npm install` in it, then serve it with any static server"


def _write_model(bundle: Path, about: dict[str, Any], folder: Path, precision: str) -> float:
    """Write `model/`; returns how far its answers are from the bundle's own."""
    folder.mkdir()
    _write_graphs(bundle, folder, precision)
    kept = ("name", "parameters", "net", "validation", "lineage")
    text: dict[str, Any] = {key: about[key] for key in kept if key in about}
    text |= {"format": WEB_FORMAT, "codec": about["codec"], "precision": precision, "state": about["state"]}
    text |= {"source": {"precision": about["precision"], "files": about["files"]}}
    (folder / "bundle.json").write_text(json.dumps(text | {"files": {}}))
    with np.load(bundle / "vectors.npz", allow_pickle=False) as arrays:
        said = {key: arrays[key][:_VECTORS] for key in ("codes", "sounding", "known", "logits")}
    answers = WebBundle(folder).answers(said["codes"], said["sounding"], said["known"])
    worst = float(np.abs(answers - said["logits"]).max())
    limit = max(_TOLERANCE[precision], _TOLERANCE[about["precision"]])
    if not worst <= limit:
        raise BundleError(f"{bundle}: in a browser its answers would differ by {worst:.2g} (more than {limit:g})")
    # From here on the reference is what these very graphs say.
    vectors = [_vector(*row) for row in zip(said["codes"], said["sounding"], said["known"], answers, strict=True)]
    (folder / "vectors.json").write_text(json.dumps(vectors, separators=(",", ":")))
    (folder / "bundle.json").write_text(json.dumps(text | {"files": file_sums(folder)}, indent=1) + "\n")
    return worst


def _vector(code: Any, sounding: Any, known: Any, logits: Any) -> dict[str, Any]:
    """One reference event as JSON; of what sounds only what is not zero."""
    places = np.flatnonzero(sounding)
    return {
        "code": code.tolist(),
        "sounding": [[int(place), float(sounding[place])] for place in places],
        "known": known.astype(int).tolist(),
        "logits": [round(value, 6) for value in logits.astype(float).tolist()],
    }


def _write_graphs(bundle: Path, folder: Path, precision: str) -> None:
    try:
        from antiphon.train.web_graphs import write_web_graphs
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ValueError("rewriting a bundle's graphs needs onnx: pip install 'antiphon[train]'") from error
    try:
        write_web_graphs(bundle, folder, precision)
    except ValueError as error:
        raise ValueError(f"{bundle}: {error}") from error


def _install(folder: Path) -> None:
    """Put onnxruntime-web into `ort/`, as npm is configured; what else npm brings is removed again."""
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("npm is not installed: leave out --npm and --single-file, and run `npm install` elsewhere")
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    missing = [name for name in _RUNTIME if not (folder / "ort" / name).is_file()]
    if done.returncode or missing:
        said = next((line for line in done.stderr.splitlines() if line.strip()), f"no {', '.join(missing)}")
        raise ValueError(f"npm could not fetch onnxruntime-web: {said}")
    shutil.rmtree(folder / "node_modules")
