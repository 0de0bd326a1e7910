"""The page about many processors: its commands, as written, as far as a processor goes."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from antiphon.faces import train
from antiphon.train.corpus import Corpus
from tests.train.small import write_tunes

PAGE = Path(__file__).parent.parent.parent / "docs" / "scale.md"
COMMANDS = re.findall(r"^    ((?:antiphon|torchrun) .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
SMALL = "--recipe tiny --device cpu --size 4 --length 32 --no-samples --precision fp32"


def run(folder: Path, command: str, more: str = "") -> None:
    name, *words = shlex.split(f"{command} {more}")
    module = {"antiphon": "antiphon", "torchrun": "torch.distributed.run"}[name]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(600)
def test_a_corpus_is_read_and_trained_on_by_several_processes(tmp_path: Path) -> None:
    write_tunes(tmp_path / "midi", n=6)
    (here,) = (command for command in COMMANDS if command.endswith("-o corpus --jobs 2"))
    (local,) = (command for command in COMMANDS if "--cluster dask" in command)
    run(tmp_path, here)
    run(tmp_path, local.replace("-o corpus", "-o other"))
    assert Corpus.open(tmp_path / "other").split_hash == Corpus.open(tmp_path / "corpus").split_hash
    together = [command for command in COMMANDS if "--standalone" in command]
    run(tmp_path, together[0], f"{SMALL} --steps 2")
    (again,) = (command for command in together if command.endswith("--resume"))
    run(tmp_path, again, "--steps 3")
    assert (tmp_path / "run" / "best.safetensors").exists()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("torchrun")])
def test_what_is_said_to_torchrun_and_to_antiphon_is_understood(command: str) -> None:
    launcher = get_args_parser().parse_args(shlex.split(command)[1:])
    assert launcher.module
    assert launcher.training_script == "antiphon"
    name, *words = launcher.training_script_args
    assert name == "train"
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    assert parser.parse_args(words).out == Path("run")
