"""A bundle gives the net's own answers, says what it is, and is refused when it was damaged."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from antiphon.engine import Bundle, BundleError, Constraints, NeuralModel, Voice, open_model
from antiphon.train.batches import collate
from antiphon.train.checkpoint import RunError
from antiphon.train.corpus import Window, unpacked
from antiphon.train.export import export
from antiphon.train.likelihood import known_in_order, nats_of_batch
from antiphon.train.nets import StreamNet
from tests.train.small import TINY, small_corpus


def net_of(body: str) -> StreamNet:
    torch.manual_seed(1)
    net = StreamNet(replace(TINY, body=body))
    for out in net.heads.out:
        torch.nn.init.normal_(out.weight, std=0.3)
    return net.eval()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    export(net_of("gru"), folder, name="tiny", precision="fp32")
    return folder


@pytest.mark.parametrize("body", ["gru", "transformer"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_engine_scores_a_piece_as_the_net_does(corpus, tmp_path, body, precision):
    net = net_of(body)
    export(net, tmp_path / "b", name="b", precision=precision, split=corpus.split("valid"))
    events = unpacked(corpus.split("valid").piece(0))[:60]
    batch = collate([Window(events)], len(events))
    with torch.no_grad():
        wanted = nats_of_batch(net, batch, known_in_order([0, 1, 2, 3]))[0].numpy()
    got = open_model(tmp_path / "b").likelihood(events)
    np.testing.assert_allclose(got, wanted, atol=1e-3 if precision == "fp32" else 0.5)
    assert abs(got.mean() - wanted.mean()) < 0.02 * wanted.mean()


def test_two_models_of_one_bundle_keep_apart(bundle):
    shared = Bundle(bundle)
    a, b = NeuralModel(shared), NeuralModel(shared)
    constraints = Constraints({0: Voice()})
    event = a.sample(constraints, np.random.default_rng(0))
    a.feed(event)
    assert b.sample(constraints, np.random.default_rng(0)) == event


def test_nothing_is_left_of_an_export_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("antiphon.train.export._parity", lambda *_: (_ for _ in ()).throw(RunError("differs")))
    with pytest.raises(RunError):
        export(net_of("gru"), tmp_path / "b", name="b", precision="fp32")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_net_that_is_not_made_of_numbers_is_not_exported(tmp_path, precision):
    net = net_of("gru")
    torch.nn.init.constant_(net.heads.out[0].bias, float("nan"))
    with pytest.raises(RunError, match="differ"):
        export(net, tmp_path / "b", name="b", precision=precision)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_bundle_is_not_overwritten(bundle):
    with pytest.raises(RunError, match="exists already"):
        export(net_of("gru"), bundle, name="tiny")


def break_file(folder, name, change):
    about = json.loads((folder / "bundle.json").read_text())
    change(about)
    (folder / "bundle.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "bundle.json").unlink(), "no model"),
        (lambda f: (f / "bundle.json").write_text("{"), "not a readable bundle"),
        (lambda f: (f / "bundle.json").write_text("[]"), "not a readable bundle"),
        (lambda f: (f / "body.onnx").write_bytes(b"no"), "damaged"),
        (lambda f: (f / "vectors.npz").unlink(), "not a readable bundle"),
        (lambda f: break_file(f, "", lambda a: a.update(format=99)), "format 99"),
        (lambda f: break_file(f, "", lambda a: a["codec"].update(tick=0.02)), "another codec"),
        (lambda f: break_file(f, "", lambda a: a["files"].pop("body.onnx")), "incomplete"),
        (lambda f: break_file(f, "", lambda a: a["files"].update({"../x": "0"})), "damaged"),
        (lambda f: break_file(f, "", lambda a: a.pop("state")), "lacks"),
        (lambda f: break_file(f, "", lambda a: a.pop("name")), "lacks"),
        (lambda f: break_file(f, "", lambda a: a.pop("precision")), "lacks"),
        (lambda f: break_file(f, "", lambda a: a.update(state=[])), "not a readable bundle"),
        (lambda f: break_file(f, "", lambda a: a.update(state={"hidden": [10**6, 10**6]})), "plays live"),
        (lambda f: break_file(f, "", lambda a: a.update(state={"hidden": [1, 5]})), "cannot be used"),
        (lambda f: break_file(f, "", lambda a: a.update(state={"other": [2, 32]})), "cannot be used"),
    ],
)
def test_a_wrong_bundle_is_refused_in_one_line(bundle, tmp_path, damage, says):
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    damage(copy)
    with pytest.raises(BundleError, match=says) as error:
        open_model(copy)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("error", [1.0, np.nan])
def test_a_bundle_that_answers_otherwise_than_its_vectors_is_refused(bundle, tmp_path, error):
    import hashlib

    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    with np.load(copy / "vectors.npz") as arrays:
        np.savez(copy / "vectors.npz", **{k: arrays[k] + error if k == "logits" else arrays[k] for k in arrays})
    digest = hashlib.sha256((copy / "vectors.npz").read_bytes()).hexdigest()
    break_file(copy, "", lambda a: a["files"].update({"vectors.npz": digest}))
    with pytest.raises(BundleError, match="other answers"):
        open_model(copy)
