"""Fine-tuning: a bundle becomes a net again, only what should change does, and the best of it is kept."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from antiphon.train import loop
from antiphon.train.checkpoint import RunError, load_net, opened, save
from antiphon.train.export import export
from antiphon.train.likelihood import nats
from antiphon.train.loop import TrainConfig, train
from antiphon.train.nets import StreamNet
from antiphon.train.thaw import net_from, thawed
from antiphon.train.tune import loosened, merged
from tests.train.small import TINY, small_corpus
from tests.train.test_export import net_of

CONFIG = TrainConfig(
    net=TINY, length=64, size=4, steps=12, evaluate_every=6, learning_rate=5e-3, precision="fp32", device="cpu"
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A checkpoint to start from."""
    path = tmp_path_factory.mktemp("start") / "best.safetensors"
    save(path, net_of("gru"), {"step": 0})
    return path


@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_a_bundle_at_full_precision_gives_back_just_the_net_it_was_made_of(tmp_path, body):
    net = net_of(body)
    export(net, tmp_path / "b", name="b", precision="fp32")
    for name, value in thawed(tmp_path / "b").state_dict().items():
        torch.testing.assert_close(value, net.state_dict()[name], rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_a_bundle_of_eight_bits_gives_back_a_net_that_is_nearly_as_likely(corpus, tmp_path, body):
    net = net_of(body)
    export(net, tmp_path / "b", name="b", precision="int8")
    before, after = (nats(n, corpus.split("valid"), length=64)["nats_per_event"] for n in (net, thawed(tmp_path / "b")))
    assert after == pytest.approx(before, rel=0.01)


def test_what_is_no_bundle_of_this_version_is_refused_in_one_line(tmp_path):
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(RunError, match="no bundle"):
        thawed(tmp_path)
    export(net_of("gru"), tmp_path / "b", name="b", precision="fp32")
    export(StreamNet(replace(TINY, layers=TINY.layers + 1)), tmp_path / "deeper", name="c", precision="fp32")
    for graph in ("body.onnx", "heads.onnx"):
        shutil.copy(tmp_path / "deeper" / graph, tmp_path / "b" / graph)
    with pytest.raises(RunError, match="another version"):
        thawed(tmp_path / "b")
    export(net_of("gru"), tmp_path / "c", name="c", precision="fp32")
    with np.load(tmp_path / "c" / "vectors.npz") as arrays:
        np.savez(tmp_path / "c" / "vectors.npz", **{**arrays, "logits": arrays["logits"] + 3})
    with pytest.raises(RunError, match="answers otherwise"):
        thawed(tmp_path / "c")


@pytest.mark.parametrize("tuning", ["full", "heads", "lora"])
def test_only_what_may_change_does_and_it_learns(corpus, tmp_path, started, tuning):
    config = replace(CONFIG, start=str(started), tuning=tuning, rank=2)
    before = net_from(started)
    known = nats(before, corpus.split("valid"), length=64)["nats_per_event"]
    progress = train(corpus, tmp_path / "run", config, quiet=True)
    assert progress.best < known
    after = load_net(tmp_path / "run" / "best.safetensors")[0].state_dict()
    assert after.keys() == before.state_dict().keys()
    changed = {name for name, value in before.state_dict().items() if not torch.equal(value, after[name])}
    body = {name for name in changed if not name.startswith("heads.")}
    if tuning == "full":
        assert any(name.startswith("body.") for name in body)
    elif tuning == "heads":
        assert changed
        assert not body
    else:
        assert body == {"hear.weight"}
        for name in changed:
            ranks = np.linalg.svd((after[name] - before.state_dict()[name]).numpy(), compute_uv=False)
            assert (ranks > 1e-5 * ranks[0]).sum() <= 2, name


def test_low_ranks_begin_as_nothing_and_are_merged_into_a_copy(started):
    net = net_from(started)
    loose = loosened(net_from(started), "lora", 4)
    plain = merged(loose)
    assert plain is not loose
    for name, value in net.state_dict().items():
        assert torch.equal(plain.state_dict()[name], value), name
    free = [name for name, p in loose.named_parameters() if p.requires_grad]
    assert free
    assert all(".up" in name or ".down" in name for name in free)


def test_what_it_knew_is_the_best_until_something_is_better(corpus, tmp_path, started):
    config = replace(CONFIG, start=str(started), learning_rate=1e-12, steps=6, patience=1)
    progress = train(corpus, tmp_path / "run", config, quiet=True)
    known = nats(net_from(started), corpus.split("valid"), limit=config.evaluate_events)["nats_per_event"]
    assert progress.best <= known + 1e-6


def test_a_run_of_low_ranks_that_was_killed_goes_on_bit_for_bit(corpus, tmp_path, started, monkeypatch):
    class PowerCut(Exception):
        pass

    def failing(run, stream):
        if run.progress.step == 8:
            raise PowerCut
        return step(run, stream)

    config = replace(CONFIG, start=str(started), tuning="lora", save_every=0.0)
    train(corpus, tmp_path / "whole", config, quiet=True)
    step = loop.Run.step
    monkeypatch.setattr(loop.Run, "step", failing)
    with pytest.raises(PowerCut):
        train(corpus, tmp_path / "cut", config, quiet=True)
    monkeypatch.undo()
    assert train(corpus, tmp_path / "cut", config, resume=True, quiet=True).step == 12
    whole, cut = (opened(tmp_path / name / "last.safetensors")[0] for name in ("whole", "cut"))
    assert any(name.endswith(".up") for name in whole)
    assert whole.keys() == cut.keys()
    for name, value in whole.items():
        assert torch.equal(value, cut[name]), name


def test_tuning_needs_something_to_start_from():
    with pytest.raises(ValueError, match="start from"):
        TrainConfig(tuning="heads")
    with pytest.raises(ValueError, match="full, heads, lora"):
        TrainConfig(tuning="everything", start="x")


def test_the_net_is_handed_out_after_each_evaluation(corpus, tmp_path, started):
    steps = []
    config = replace(CONFIG, start=str(started), tuning="lora")
    train(corpus, tmp_path / "run", config, quiet=True, evaluated=lambda net, progress: steps.append(progress.step))
    assert steps == [6, 12]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["tuning"] == "lora"
