"""The chorale bundle in the box, and what is said of one that is damaged."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from antiphon.codec.grid import CLASSES, encode
from antiphon.engine import BundleError, open_model
from antiphon.engine.bundle import find_bundle
from antiphon.engine.chorale import bundle_kind, open_chorale_model


@pytest.fixture(scope="module")
def model():
    return open_chorale_model(threads=1)


def test_it_is_small_and_tells_where_it_comes_from(model):
    assert sum(p.stat().st_size for p in model.folder.iterdir()) <= 5_000_000
    assert model.about["lineage"]["data"]
    assert model.about["validation"]


def test_what_it_believes_are_probabilities(model):
    log_p = model.log_probabilities(np.zeros((2, 4, 10), np.int64), np.zeros((2, 4, 10), bool))
    assert log_p.shape == (2, 4, 10, CLASSES)
    assert np.allclose(np.exp(log_p).sum(-1), 1, atol=1e-5)


def test_many_scores_give_the_answers_of_each_alone(model):
    rng = np.random.default_rng(0)
    cells, known = rng.integers(15, 40, (600, 4, 8)), rng.random((600, 4, 8)) < 0.5
    together = model.log_probabilities(cells, known)
    for i in (0, 311, 599):
        assert np.allclose(together[i], model.log_probabilities(cells[i : i + 1], known[i : i + 1])[0], atol=1e-4)


def test_it_has_learned_that_notes_are_held_and_chords_agree(model):
    chord = encode([72, 67, 64, 48])
    cells = np.repeat(chord[None, :, None], 8, axis=2)
    known = np.ones(cells.shape, bool)
    known[0, 1, 3] = False
    assert model.log_probabilities(cells, known)[0, 1, 3, chord[1]] > np.log(0.9)
    known[0, 1] = False
    believed = model.log_probabilities(cells, known)[0, 1, 4].argmax() + 36
    assert believed % 12 in (0, 4, 7)


def test_another_number_of_voices_is_refused(model):
    with pytest.raises(ValueError, match="knows 4 voices, not 5"):
        model.log_probabilities(np.zeros((1, 5, 8), np.int64), np.zeros((1, 5, 8), bool))
    with pytest.raises(ValueError, match="without any step"):
        model.log_probabilities(np.zeros((1, 4, 0), np.int64), np.zeros((1, 4, 0), bool))


def test_the_two_kinds_of_model_are_not_taken_for_each_other():
    assert bundle_kind("chorale") == "grid"
    assert bundle_kind("antiphon") == "stream"
    with pytest.raises(BundleError, match="a model of kind 'stream', where a model of chorales is needed"):
        open_chorale_model("antiphon")
    with pytest.raises(BundleError, match="does not play along"):
        open_model("chorale")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / "net.onnx").write_bytes(b"x"), "net.onnx is damaged"),
        (lambda folder: (folder / "vectors.npz").unlink(), "not a readable bundle"),
        (lambda folder: (folder / "bundle.json").write_text("{"), "not a readable bundle"),
        (lambda folder: _edit(folder, format=1), "format 1"),
        (lambda folder: _edit(folder, codec={"name": "grid", "lowest": 0}), "another codec"),
        (lambda folder: _edit(folder, files={}), "incomplete"),
        (lambda folder: _edit(folder, without="name"), "bundle.json lacks name"),
        (lambda folder: _rewrite(folder, lambda arrays: arrays["logits"] + 1), "other answers here"),
        (lambda folder: _rewrite(folder, lambda arrays: arrays["logits"] * np.nan), "other answers here"),
        (lambda folder: _rewrite(folder, lambda arrays: arrays["logits"][..., 1:]), "another shape"),
    ],
)
def test_a_damaged_bundle_is_refused_in_a_line(tmp_path, harm, says):
    folder = tmp_path / "chorale"
    shutil.copytree(find_bundle("chorale"), folder)
    harm(folder)
    with pytest.raises(BundleError, match=says) as caught:
        open_chorale_model(folder)
    assert "\n" not in str(caught.value)


def _edit(folder, without="", **changes):
    about = json.loads((folder / "bundle.json").read_text())
    about.pop(without, None)
    (folder / "bundle.json").write_text(json.dumps(about | changes))


def _rewrite(folder, change):
    """Other reference vectors, with their checksum."""
    with np.load(folder / "vectors.npz") as kept:
        arrays = dict(kept)
    np.savez(folder / "vectors.npz", **arrays | {"logits": change(arrays)})
    files = json.loads((folder / "bundle.json").read_text())["files"]
    _edit(folder, files=files | {"vectors.npz": hashlib.sha256((folder / "vectors.npz").read_bytes()).hexdigest()})
