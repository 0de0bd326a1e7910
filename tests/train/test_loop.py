"""Training learns, is resumed bit for bit, and never leaves half a checkpoint."""

import itertools
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from antiphon.train import loop
from antiphon.train.batches import Augment, Batches
from antiphon.train.checkpoint import RunError, load_net
from antiphon.train.likelihood import ALL_ORDERS, nats
from antiphon.train.loop import TrainConfig, train
from antiphon.train.nets import StreamNet
from tests.train.small import TINY, small_corpus

CONFIG = TrainConfig(
    net=TINY, length=64, size=4, steps=30, evaluate_every=10, learning_rate=5e-3, precision="fp32", device="cpu"
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def test_batches_are_a_function_of_seed_and_step_alone(corpus):
    make = lambda seed: Batches(corpus.split("train"), length=32, size=3, seed=seed, augment=Augment())  # noqa: E731
    a, b, other = make(1), make(1), make(2)
    a.batch(0)
    assert torch.equal(a.batch(5).codes, b.batch(5).codes)
    assert not torch.equal(a.batch(5).codes, other.batch(5).codes)


@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_training_learns_something(corpus, tmp_path, body):
    config = replace(CONFIG, net=replace(TINY, body=body))
    before = nats(StreamNet(config.net), corpus.split("valid"), length=64)["nats_per_event"]
    progress = train(corpus, tmp_path / "run", config, quiet=True)
    assert progress.best < 0.7 * before
    net, saved = load_net(tmp_path / "run" / "best.safetensors")
    assert nats(net, corpus.split("valid"), length=512)["nats_per_event"] == pytest.approx(saved["best"], abs=1e-4)


def test_a_resumed_run_ends_where_an_unbroken_one_does(corpus, tmp_path):
    train(corpus, tmp_path / "whole", CONFIG, quiet=True)
    train(corpus, tmp_path / "parts", replace(CONFIG, steps=20), quiet=True)
    # The schedule depends on the run's length, so continue under the same one from the same point.
    train(corpus, tmp_path / "one", replace(CONFIG, learning_rate=5e-3), quiet=True)
    whole, one = (load_net(tmp_path / n / "last.safetensors")[0] for n in ("whole", "one"))
    for a, b in zip(whole.parameters(), one.parameters(), strict=True):
        assert torch.equal(a, b)


def test_an_interrupted_run_goes_on_bit_for_bit(corpus, tmp_path, monkeypatch):
    config = replace(CONFIG, net=replace(TINY, dropout=0.2))
    train(corpus, tmp_path / "whole", config, quiet=True)

    class PowerCut(Exception):
        pass

    step = loop.Run.step

    def failing(run, stream):
        if run.progress.step == 17:
            raise PowerCut
        return step(run, stream)

    monkeypatch.setattr(loop.Run, "step", failing)
    with pytest.raises(PowerCut):
        train(corpus, tmp_path / "cut", config, quiet=True)
    monkeypatch.undo()
    train(corpus, tmp_path / "cut", config, resume=True, quiet=True)
    whole, cut = (load_net(tmp_path / n / "last.safetensors")[0] for n in ("whole", "cut"))
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.equal(a, b)


def test_what_a_power_cut_costs_is_counted_in_minutes(corpus, tmp_path, monkeypatch):
    """By a clock that says half a minute a step, a run that is saved every two minutes is saved every fourth step."""
    saved = []
    save = loop.Run.save
    monkeypatch.setattr(loop.Run, "save", lambda run: (saved.append(run.progress.step), save(run)))
    clock = (30.0 * tick for tick in itertools.count())
    config = replace(CONFIG, steps=12, evaluate_every=100)
    train(corpus, tmp_path / "run", config, quiet=True, clock=lambda: next(clock))
    assert saved == [4, 8, 12, 12]


def test_a_net_whose_loss_is_no_number_is_not_saved(corpus, tmp_path, monkeypatch):
    config = replace(CONFIG, save_every=0.0)
    losses = iter([1.0, 1.0, 1.0, float("nan")])
    loss = loop.Run.loss
    monkeypatch.setattr(loop.Run, "loss", lambda run, *batch: loss(run, *batch) * next(losses))
    with pytest.raises(RunError, match="no longer a number at step 4, which drew batch 3 by seed 0"):
        train(corpus, tmp_path / "run", config, quiet=True)
    net, progress = load_net(tmp_path / "run" / "last.safetensors")
    assert progress["step"] == 3
    assert all(value.isfinite().all() for value in net.state_dict().values())


def test_a_run_is_not_overwritten_by_accident(corpus, tmp_path):
    train(corpus, tmp_path / "run", replace(CONFIG, steps=2), quiet=True)
    with pytest.raises(RunError, match="--resume"):
        train(corpus, tmp_path / "run", CONFIG, quiet=True)


def test_early_stop_ends_a_run_that_learns_nothing(corpus, tmp_path):
    config = replace(CONFIG, learning_rate=0.0, steps=1000, patience=2)
    assert train(corpus, tmp_path / "run", config, quiet=True).step == 30


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "half", "other"])
def test_a_broken_checkpoint_is_refused_in_one_line(corpus, tmp_path, damage):
    train(corpus, tmp_path / "run", replace(CONFIG, steps=2), quiet=True)
    path = tmp_path / "run" / "best.safetensors"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        from safetensors.numpy import save

        other = save({"x": np.zeros(3)})
        path.write_bytes({"empty": b"", "text": b"hello", "half": whole[: len(whole) // 2], "other": other}[damage])
    with pytest.raises(RunError) as error:
        load_net(path)
    assert "\n" not in str(error.value)


def test_config_says_what_was_trained_on(corpus, tmp_path):
    train(corpus, tmp_path / "run", replace(CONFIG, steps=2), quiet=True)
    about = json.loads((tmp_path / "run" / "config.json").read_text())
    assert about["corpus"]["split_hash"] == corpus.info["split_hash"]
    assert about["steps"] == 2


def test_nats_of_an_untrained_net_are_those_of_chance(corpus):
    net = StreamNet(TINY)
    for gate in (net.heads.pitch_gate, net.heads.instrument_gate):
        torch.nn.init.zeros_(gate.weight)
        torch.nn.init.zeros_(gate.bias)
    for out in net.heads.out:
        torch.nn.init.zeros_(out.bias)
    scores = nats(net, corpus.split("valid"), length=64, orders=ALL_ORDERS[:2])
    assert scores["pitch"] == pytest.approx(np.log(128), abs=1e-4)
    assert scores["instrument"] == pytest.approx(np.log(320), abs=1e-4)


def test_an_interrupted_run_says_so_and_goes_on_bit_for_bit(corpus, tmp_path, monkeypatch):
    train(corpus, tmp_path / "whole", CONFIG, quiet=True)
    step = loop.Run.step

    def interrupted(run, stream):
        if run.progress.step == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return step(run, stream)

    monkeypatch.setattr(loop.Run, "step", interrupted)
    with pytest.raises(KeyboardInterrupt, match="saved at step 7; --resume"):
        train(corpus, tmp_path / "cut", CONFIG, quiet=True)
    monkeypatch.undo()
    load_net(tmp_path / "cut" / "best.safetensors")  # there is something to export, early as it was
    train(corpus, tmp_path / "cut", CONFIG, resume=True, quiet=True)
    whole, cut = (load_net(tmp_path / n / "last.safetensors")[0] for n in ("whole", "cut"))
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"steps": 0}, "steps"),
        ({"size": 0}, "size"),
        ({"length": -1}, "length"),
        ({"accumulate": 0}, "accumulate"),
        ({"minutes": 0.0}, "minutes"),
        ({"minutes": float("nan")}, "minutes"),
        ({"threads": 0}, "threads"),
        ({"save_every": -1.0}, "save_every"),
    ],
)
def test_a_run_that_cannot_be_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(CONFIG, **change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": 0}, "layers"),
        ({"body": "brain"}, "brain"),
        ({"dropout": 1.0}, "dropout"),
        ({"body": "transformer", "width": 33}, "multiple of 4"),
    ],
)
def test_a_net_that_cannot_be_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(TINY, **change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": {"nosuch": 2.0}}, "no set is called 'nosuch'"),
        ({"weights": {"midi": 0.0}}, "something to train on"),
        ({"weights": {"midi": -1.0}}, "0 or more"),
        ({"device": "moon"}, "moon"),
    ],
)
def test_a_run_that_this_corpus_or_machine_cannot_do_leaves_nothing(corpus, tmp_path, change, says):
    with pytest.raises(ValueError, match=says):
        train(corpus, tmp_path / "run", replace(CONFIG, **change), quiet=True)
    assert not (tmp_path / "run").exists()
