"""The tiny models in the box: small, whole, told where they come from, and able to play."""

import json

import numpy as np
import pytest

from antiphon.engine import Constraints, Voice, open_model, shipped_models
from antiphon.engine.bundle import find_bundle

TINY = [name for name in ("tiny", "token-gru", "token-transformer", "token-markov") if name in shipped_models()]


@pytest.mark.parametrize("name", TINY)
def test_they_are_tiny_whole_and_say_what_they_were_trained_on(name):
    folder = find_bundle(name)
    assert sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".onnx", ".bin")) <= 1_100_000
    about = json.loads((folder / "bundle.json").read_text())
    assert about["precision"] == ("fp32" if name == "token-markov" else "int8")
    assert {"trained_with", "data", "doubts"} <= about["lineage"].keys()
    assert all({"set", "licence", "attribution"} <= row.keys() for row in about["lineage"]["data"])
    assert open_model(name).bundle.verify() <= 0.5


@pytest.mark.parametrize("name", TINY)
def test_they_play_notes_and_end_them(name):
    model, rng, at = open_model(name), np.random.default_rng(0), 0.0
    held: set[int] = set()
    for _ in range(120):
        event = model.sample(Constraints({0: Voice(max_polyphony=3, max_length=2.0)}, at, at + 2.0), rng)
        model.feed(event)
        at = event.at
        if event.velocity:
            assert event.pitch not in held
            held.add(event.pitch)
        else:
            held.remove(event.pitch)
        assert len(held) <= 3
    assert at > 0
