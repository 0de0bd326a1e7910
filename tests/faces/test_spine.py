"""The spine, from end to end: a folder of MIDI becomes a corpus, a run, a bundle, and the bundle plays."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from antiphon.faces.cli import main
from antiphon.music.measures import double_onsets, unclosed
from antiphon.music.midi_read import read_midi
from tests.train.small import write_tunes

TRAIN = ["--width", "32", "--layers", "1", "--head-width", "16", "--size", "4", "--length", "64", "--steps", "20",
         "--evaluate-every", "10", "--learning-rate", "5e-3", "--device", "cpu", "--threads", "1"]  # fmt: skip


@pytest.fixture(scope="module", params=["gru", "transformer"])
def spine(request, tmp_path_factory):
    """A folder with midi/, corpus/, run/ and bundle/, made by the commands themselves."""
    folder = tmp_path_factory.mktemp("spine")
    write_tunes(folder / "midi")
    corpus, run, bundle = (str(folder / name) for name in ("corpus", "run", "bundle"))
    assert main(["prep", str(folder / "midi"), "-o", corpus, "--valid", "0.2", "--jobs", "1"]) == 0
    assert main(["train", corpus, "-o", run, "--body", request.param, *TRAIN]) == 0
    assert main(["export", run, "-o", bundle, "--corpus", corpus, "--name", "small"]) == 0
    return folder


def test_the_bundle_says_where_it_comes_from(spine):
    about = json.loads((spine / "bundle" / "bundle.json").read_text())
    assert about["name"] == "small"
    assert about["lineage"]["steps"] == 20
    assert len(about["lineage"]["corpus"]["split_hash"]) == 64
    assert about["validation"]["nats_per_event"] == pytest.approx(
        sum(about["validation"][name] for name in ("instrument", "pitch", "time", "velocity"))
    )


def test_it_continues_a_tune_and_one_seed_gives_one_file(spine):
    outs = [spine / f"{name}.mid" for name in "abc"]
    for out, seed in zip(outs, ("1", "1", "2"), strict=True):
        command = ["continue", str(spine / "midi" / "tune0.mid"), "-o", str(out), "--model", str(spine / "bundle")]
        assert main([*command, "--seconds", "5", "--seed", seed]) == 0
    a, b, c = (out.read_bytes() for out in outs)
    assert a == b
    assert a != c
    events = read_midi(outs[0]).events()
    assert unclosed(events) == 0
    assert double_onsets(events) == 0
    tune = read_midi(spine / "midi" / "tune0.mid").events()
    np.testing.assert_array_equal(events["pitch"][: len(tune) - 2], tune["pitch"][: len(tune) - 2])
    assert events["at"][-1] <= tune["at"][-1] + 5.01


def test_it_plays_a_duet(spine, capsys):
    files = {name: spine / f"duet.{name}" for name in ("mid", "wav", "png")}
    command = ["jam", "--player", str(spine / "midi" / "tune1.mid"), "--fast", "--model", str(spine / "bundle")]
    leave = ["--record", str(files["mid"]), "--wav", str(files["wav"]), "--roll", str(files["png"]), "--seed", "3"]
    assert main([*command, *leave]) == 0
    assert all(path.stat().st_size > 1000 for path in (files["wav"], files["png"]))
    events = read_midi(files["mid"]).events()
    assert unclosed(events) == 0
    assert len(np.unique(events["instrument"])) >= 2


def test_bench_tells_the_figures(spine, capsys):
    assert main(["bench", "--model", str(spine / "bundle"), "--events", "20", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"event_p50_ms", "event_p99_ms", "model", "threads"} <= figures.keys()
    assert figures["event_p50_ms"] <= figures["event_p99_ms"]


def test_training_is_not_begun_over_a_run(spine, capsys):
    assert main(["train", str(spine / "corpus"), "-o", str(spine / "run"), *TRAIN]) == 1
    assert "--resume" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="the limit that stands for a full disk is POSIX's")
@pytest.mark.parametrize(
    "command",
    [
        ["prep", "midi", "-o", "out"],
        ["train", "corpus", "-o", "out", *TRAIN],
        ["export", "run", "-o", "out"],
        ["continue", "midi/tune0.mid", "-o", "out", "--model", "bundle", "--seconds", "20"],
        ["jam", "--player", "midi/tune0.mid", "--fast", "--model", "bundle", "--record", "out"],
        ["jam", "--player", "midi/tune0.mid", "--fast", "--model", "bundle", "--wav", "out"],
        ["jam", "--player", "midi/tune0.mid", "--fast", "--model", "bundle", "--roll", "out"],
    ],
    ids=lambda command: f"{command[0]}{command[-2]}",
)
def test_a_full_disk_is_one_line_and_leaves_nothing_that_looks_whole(spine, command):
    # No file may grow beyond 512 bytes: the n-th write fails, as it does where no room is left.
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))\n"
    code += "from antiphon.faces.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=spine, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("antiphon")
    left = spine / "out"
    assert not left.is_file()
    assert not (left / "bundle.json").exists()
    assert not (left / "corpus.json").exists()
    assert not (left / "best.safetensors").exists()
