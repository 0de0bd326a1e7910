"""A small Markov model, counted from a tune in the box."""

from functools import cache
from pathlib import Path

import numpy as np

import antiphon
from antiphon.codec.ngrams import NGrams, write_ngrams
from antiphon.codec.token import encode
from antiphon.music.midi_read import read_midi
from antiphon.train import ngrams
from antiphon.train.rhythm import Rhythms
from antiphon.train.token_markov import export_markov, tables

TUNE = Path(antiphon.__file__).parent / "tunes" / "menuet.mid"


@cache
def minuet(order: int = 4, limit: int = 20_000) -> NGrams:
    """Tables of the minuet in the box."""
    events = read_midi(TUNE).events()
    levels = ngrams.count([encode(events)], order)
    rhythms = Rhythms()
    rhythms.add(events)
    return tables(ngrams.kept(levels, ngrams.losses(levels), limit), rhythms.weights(), {"name": "minuet"})


def bundle_of(model: NGrams, folder: Path) -> Path:
    """A bundle of `model` in a new folder below `folder`."""
    run = folder / "run"
    run.mkdir(parents=True)
    write_ngrams(run / "model.bin", model)
    export_markov(run, folder / "bundle", name="minuet", lineage={"data": "a minuet"})
    return folder / "bundle"


def corrupted(model: NGrams, name: str, at: int, value: object) -> NGrams:
    """`model` with one number of one table changed."""
    array = np.array(getattr(model, name))
    array.reshape(-1)[at] = value
    return NGrams(**{**model.__dict__, name: array})
