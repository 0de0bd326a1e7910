"""A small corpus and a small net, for tests that train."""

from pathlib import Path

import numpy as np

from antiphon.music.event import EVENT
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.train.corpus import Corpus
from antiphon.train.nets import NetConfig
from antiphon.train.prep import prepare

TINY = NetConfig(width=32, layers=2, head_width=16, n_heads=2, window=8)


def write_tunes(folder: Path, n: int = 12, notes: int = 60) -> None:
    """Different little tunes, one a file: random walks on a scale with a bass."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        rng = np.random.default_rng(i)
        scale = np.array([0, 2, 4, 5, 7, 9, 11])
        steps = np.cumsum(rng.integers(-2, 3, notes)) % 14 + 21
        rows = []
        for k, step in enumerate(steps.tolist()):
            pitch = 12 * (step // 7) + scale[step % 7] + 24
            length = float(rng.choice([0.125, 0.25]))
            rows += [(k * 0.25, 0, pitch, 60 + k % 30), (k * 0.25 + length, 0, pitch, 0)]
            rows += [(k * 0.25, 32, 36 + i % 12, 50), (k * 0.25 + 0.2, 32, 36 + i % 12, 0)] if k % 4 == 0 else []
        events = np.array(sorted(rows, key=lambda r: (r[0], r[3] > 0)), EVENT)
        write_midi(score_from_events(events), folder / f"tune{i}.mid")


def small_corpus(folder: Path) -> Corpus:
    write_tunes(folder / "midi")
    prepare([folder / "midi"], folder / "corpus", jobs=1, valid_fraction=0.2)
    return Corpus.open(folder / "corpus")
