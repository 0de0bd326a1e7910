"""Samples: what a model in training plays, after each evaluation, as a MIDI file and a picture."""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from antiphon.compose.continuation import DEFAULT_STEER, continued
from antiphon.engine import open_model
from antiphon.music.event import Events
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.music.roll import draw_roll
from antiphon.train.bundles import export_net
from antiphon.train.corpus import Corpus, CorpusError, unpacked
from antiphon.train.loop import Progress
from antiphon.train.nets import Net

__all__ = ["Samples"]

GIVEN, PLAYED = 6.0, 20.0
"""Seconds of a piece that it never saw, and of what it makes of it."""
PAUSE = 20.0
"""Seconds at least between two samples: a tiny net is evaluated more often than anybody would listen."""


class Samples:
    """Goes on with the opening of the first held-out piece, always the same one, by the net as it is."""

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._folder = folder
        self._given = _opening(corpus)
        self._last = -PAUSE

    def __call__(self, net: Net, progress: Progress) -> None:
        """Write `step-N.mid` and `.png`. What cannot be written is said, and the training goes on."""
        now = time.monotonic()
        if self._given is None or now < self._last + PAUSE:
            return
        self._last = now
        path = self._folder / f"step-{progress.step:06}.mid"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            events = self._played(net)
            write_midi(score_from_events(events), path)
            nats = progress.validation.get("nats_per_event", float("nan"))
            title = f"after {progress.step:,} steps, {nats:.3f} nats an event: its own from {GIVEN:g} s on"
            draw_roll(events, path.with_suffix(".png"), title=title)
        except (OSError, ValueError) as error:
            tqdm.write(f"antiphon train: no sample at step {progress.step}: {error}", file=sys.stderr)

    def _played(self, net: Net) -> Events:
        assert self._given is not None
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder) / "sample"
            export_net(copy.deepcopy(net), bundle, name="sample", precision="fp32")  # which takes it out of training
            model = open_model(bundle)
            more = continued(model, self._given, PLAYED, np.random.default_rng(1), steer=DEFAULT_STEER)
        return np.concatenate([self._given, more])


def _opening(corpus: Corpus) -> Events | None:
    """The first seconds of the first held-out piece, dtype `EVENT`; of a piece of training where none is held out."""
    for side in ("valid", "train"):
        try:
            split = corpus.split(side)
        except CorpusError:
            continue
        if len(split.index):
            events = unpacked(split.piece(0))
            return events[events["at"] <= GIVEN]
    return None
