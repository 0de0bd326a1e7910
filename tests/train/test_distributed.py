"""Several processes that train together follow the curve of one, and lose little when one of them is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from antiphon.train.batches import Augment, Batches
from antiphon.train.checkpoint import opened
from antiphon.train.distributed import World
from antiphon.train.loop import TrainConfig, train
from antiphon.train.nets import NetConfig
from tests.train.small import small_corpus

STEPS = 24
CONFIG = TrainConfig(
    net=NetConfig(body="transformer", width=32, layers=2, head_width=16, n_heads=2, window=8),
    length=48,
    size=5,  # which two cannot share evenly
    accumulate=2,
    steps=STEPS,
    evaluate_every=10,
    learning_rate=2e-3,
    precision="fp32",
    device="cpu",
    seed=3,
)
LEFT_OUT = {"weights"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def alone(corpus, tmp_path_factory):
    """The run of one process."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("alone") / "run"
    train(corpus, folder, CONFIG, quiet=True)
    return folder


def recipe(folder: Path, config: TrainConfig) -> Path:
    settings = {name: value for name, value in asdict(config).items() if value is not None and name not in LEFT_OUT}
    net = settings.pop("net")
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["[net]", *(f"{name} = {json.dumps(value)}" for name, value in net.items())]
    path = folder.with_suffix(".toml")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def together(corpus, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Two processes in one run, as anybody would start them."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "antiphon"]
    command += ["train", str(corpus.folder), "-o", str(folder), "--no-samples", *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def workers_of(run: subprocess.Popen[str]) -> list[psutil.Process]:
    return sorted(psutil.Process(run.pid).children(), key=lambda process: int(process.environ()["RANK"]))


def losses(folder: Path) -> list[float]:
    """Nats per event of each step, the last said where a step was taken twice."""
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    curve = {e.step: e.value for e in events.Scalars("train/nats_per_event")}
    return [curve[step] for step in sorted(curve)]


def step_of(folder: Path) -> int:
    """The step that was last saved. Opened once, while it may be replaced at any moment."""
    try:
        data = (folder / "last.safetensors").read_bytes()
    except OSError:
        return 0
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return int(json.loads(header["__metadata__"]["progress"])["step"])


def wait_for(condition, run):
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.001)


def same_run(folder: Path, alone: Path) -> None:
    assert losses(folder) == pytest.approx(losses(alone), rel=1e-4)
    ours, theirs = (opened(run / "last.safetensors")[0] for run in (folder, alone))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=3e-4, msg=name)


def test_the_parts_of_a_batch_make_the_batch(corpus):
    def batch(part=None):
        return Batches(corpus.split("train"), length=32, size=5, seed=1, augment=Augment(), part=part).batch(7)

    parts = [batch(World(rank, 3).part(5)) for rank in range(3)]
    for name in ("codes", "sounding", "real"):
        whole = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(whole, getattr(batch(), name))


def test_two_processes_follow_the_curve_of_one(corpus, alone, tmp_path):
    folder = tmp_path / "run"
    run = together(corpus, folder, "--recipe", str(recipe(folder, CONFIG)))
    _, told = run.communicate(timeout=250)
    assert run.returncode == 0, told
    same_run(folder, alone)


def test_a_sharded_run_of_which_a_process_was_killed_goes_on_in_two_or_in_one(corpus, alone, tmp_path):
    folder = tmp_path / "run"
    run = together(corpus, folder, "--recipe", str(recipe(folder, replace(CONFIG, shard=True, save_every=0.0))))
    wait_for(lambda: step_of(folder) >= 3, run)
    workers_of(run)[-1].kill()
    run.communicate(timeout=250)
    assert run.returncode != 0
    assert 3 <= step_of(folder) < STEPS, "it was done before it could be killed"
    shutil.copytree(folder, tmp_path / "one")
    train(corpus, tmp_path / "one", CONFIG, resume=True, quiet=True)
    same_run(tmp_path / "one", alone)
    run = together(corpus, folder, "--resume")
    _, told = run.communicate(timeout=250)
    assert run.returncode == 0, told
    same_run(folder, alone)


def test_a_signal_to_one_process_stops_all_at_the_same_step(corpus, alone, tmp_path):
    folder = tmp_path / "run"
    run = together(corpus, folder, "--recipe", str(recipe(folder, replace(CONFIG, save_every=0.0))))
    wait_for(lambda: step_of(folder) >= 2, run)
    workers_of(run)[-1].send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=250)
    assert run.returncode != 0
    assert 2 <= step_of(folder) < STEPS, "it was done before it could be stopped"
    assert told.count(f"stopped and saved at step {step_of(folder)}; --resume goes on") == 1
    assert "Traceback (most recent call last)" not in told.partition("FAILED")[0].partition("stopped and saved")[0]
    train(corpus, folder, CONFIG, resume=True, quiet=True)
    same_run(folder, alone)
