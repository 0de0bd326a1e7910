"""`antiphon export --target js` writes all that is needed, or nothing; and the page of the documentation is true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from antiphon.engine.bundle import BundleError
from antiphon.engine.web_bundle import WebBundle
from antiphon.faces.cli import main
from antiphon.faces.web_embedding import embed_for_web
from antiphon.train.nets import NetConfig, StreamNet
from tests.browser.stage import served
from tests.embed.models import bundle_of
from tests.missing import antiphon_without, says_that_it_needs

ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "src" / "antiphon" / "embed" / "js"


def test_a_folder_has_all_that_is_needed_but_what_npm_fetches(tmp_path, capsys):
    assert main(["export", "antiphon", "-o", str(tmp_path / "web"), "--target", "js"]) == 0
    assert "npm install" in capsys.readouterr().out
    there = {path.relative_to(tmp_path / "web").as_posix() for path in (tmp_path / "web").rglob("*") if path.is_file()}
    sources = {path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*") if path.is_file()}
    graphs = {"body", "instrument", "pitch", "time", "velocity"}
    model = {*(f"{name}.onnx" for name in graphs), "heads.bin", "vectors.json", "bundle.json"}
    assert there == sources | {f"model/{name}" for name in model}
    assert sum(path.stat().st_size for path in (tmp_path / "web" / "model").iterdir()) < 10e6
    about = json.loads((tmp_path / "web" / "model" / "bundle.json").read_text())
    assert about["lineage"]["data"], "licences of the data"
    assert WebBundle(tmp_path / "web" / "model").verify() < 1e-4


def test_no_address_is_committed_and_one_version_is_pinned():
    lock = (SOURCES / "package-lock.json").read_text()
    assert "http" not in lock
    assert "resolved" not in lock
    wanted = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    pinned = json.loads(lock)["packages"]
    assert wanted == {name: pinned[f"node_modules/{name}"]["version"] for name in wanted}
    assert all("integrity" in package for name, package in pinned.items() if name)


def transformer() -> StreamNet:
    torch.manual_seed(2)
    net = StreamNet(NetConfig(body="transformer", width=32, layers=2, head_width=16, n_heads=2, window=8)).eval()
    for tensor in net.parameters():  # no two tensors alike, no norm the identity
        torch.nn.init.normal_(tensor, std=0.3)
    return net


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("stored", ["fp32", "int8"])
def test_any_stream_model_is_rewritten_from_either_precision(tmp_path, precision, stored):
    bundle = bundle_of(transformer(), tmp_path / "bundle", precision)
    said = embed_for_web(bundle, tmp_path / "web", stored)
    assert f"{stored}," in said
    assert WebBundle(tmp_path / "web" / "model").verify() < 1e-4
    graph = (tmp_path / "web" / "model" / "body.onnx").read_bytes()
    assert (b"DequantizeLinear" in graph) == (stored == "int8")
    assert b"MatMulInteger" not in graph


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([str(ROOT / "src/antiphon/models/chorale")], "only models of streams"),
        (["no-such-run"], "no-such-run"),
        (["antiphon", "--name", "x"], "is a bundle"),
        (["antiphon", "--npm"], "npm is not installed"),
        (["antiphon", "--single-file"], "npm is not installed"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_nothing_is_left(tmp_path, capsys, monkeypatch, words, says):
    monkeypatch.setenv("PATH", "")
    assert main(["export", *words, "-o", str(tmp_path / "out"), "--target", "js"]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_npm_cannot_do_is_told_and_nothing_is_left(tmp_path, capsys, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\necho 'npm error no network' >&2\nexit 1\n")
    (tmp_path / "bin" / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert main(["export", "antiphon", "-o", str(tmp_path / "out"), "--target", "js", "--npm"]) == 1
    assert "no network" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_nothing_is_overwritten_and_flags_of_browsers_are_for_browsers(tmp_path, capsys):
    assert main(["export", "antiphon", "-o", str(tmp_path), "--target", "js"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["export", "antiphon", "-o", str(tmp_path / "out"), "--target", "cpp", "--npm"]) == 1
    assert "--target js" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["heads.bin", "vectors.json", "bundle.json"])
def test_a_damaged_folder_is_not_verified(tmp_path, capsys, name):
    embed_for_web(bundle_of(transformer(), tmp_path / "bundle"), tmp_path / "web", "int8")
    assert main(["verify", str(tmp_path / "web")]) == 0
    assert "browser" in capsys.readouterr().out
    path = tmp_path / "web" / "model" / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BundleError):
        WebBundle(path.parent).verify()
    assert main(["verify", str(tmp_path / "web")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.system("npm", "chromium")
def test_the_page_is_true_as_it_is_written(tmp_path, browser):
    """Every command of the page, one after another, in an empty folder; then its page, opened and clicked."""
    text = (ROOT / "docs" / "browser.md").read_text()
    commands = re.findall(r"^    \$ (.+)$", text, re.MULTILINE)
    (mine,) = re.findall(r"```html\n(.*?)```", text, re.DOTALL)
    assert len(commands) == 2
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "duet.html").stat().st_size > 10e6
    assert not (tmp_path / "partner" / "node_modules").exists()
    (tmp_path / "partner" / "mine.html").write_text(mine)
    struck = """
        window.struck = [];
        const start = OscillatorNode.prototype.start;
        const stop = OscillatorNode.prototype.stop;
        OscillatorNode.prototype.start = function (at) { struck.push([this, at, null]); start.call(this, at); };
        OscillatorNode.prototype.stop = function (at) {
            struck.find(([tone]) => tone === this)[2] = at;
            stop.call(this, at);
        };
    """
    with served(tmp_path / "partner") as address:
        page = browser.new_page()
        page.add_init_script(struck)
        page.goto(f"{address}/mine.html")
        page.get_by_text("64").click(timeout=60_000)
        page.wait_for_function("struck.length > 3 && struck.every(([, , end]) => end !== null)", timeout=30_000)
        assert page.evaluate("struck.every(([, start, end]) => end === null || end >= start)")
        page.close()


def test_a_run_without_onnx_says_what_is_missing(tmp_path):
    done = antiphon_without("onnx", "export", "antiphon", "-o", tmp_path / "out", "--target", "js")
    says_that_it_needs("onnx", done)
