"""Judging what models make: held-out pieces gone on with, and played along with, measured against the data's own way.

The systems are those that are judged, and what they are held against: `data` is how the piece really goes on, `copy`
repeats its last phrase, `learner` is the Markov model that knows nothing but the piece so far, `uniform` is chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.compose.accompaniment import accompanied, repeated, two_players
from antiphon.compose.continuation import continued, opening
from antiphon.engine.features import features
from antiphon.engine.judge_chance import chance_model
from antiphon.engine.markov import MarkovModel
from antiphon.engine.model import Model
from antiphon.engine.neural import NeuralModel
from antiphon.faces.evaluate_pieces import Piece
from antiphon.music import measures
from antiphon.music.beats import Beats
from antiphon.music.copying import longest_copies
from antiphon.music.event import Events
from antiphon.music.key import find_key
from antiphon.music.statistics import (
    bootstrap_interval,
    distances_between,
    distances_within,
    frechet_distance,
    kl_divergence,
    overlap_area,
)

__all__ = ["BASELINES", "CURVES", "Excerpt", "Made", "copies", "excerpts", "frechet", "generated", "measured"]

BASELINES = ("data", "learner", "copy", "uniform")
_BARS = 2  # a phrase that is copied
_FEWEST = 8  # onsets that an excerpt goes on with
_AT_MOST = 2000  # values of a distribution
_EDGES = np.linspace(-6, 3, 19)  # log2 seconds: half octaves from 16 ms to 8 s
CURVES = tuple(2.0 ** ((_EDGES[1:] + _EDGES[:-1]) / 2))
"""The middles, in seconds, of what `curves` count."""

Figures = dict[str, Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Excerpt:
    """A piece up to `end` seconds, every note closed there, to be heard up to `begin`; where its beats fall."""

    name: str
    events: Events
    begin: float
    end: float
    beats: Beats


def excerpts(pieces: Iterable[Piece], count: int, prompt: float, seconds: float) -> list[Excerpt]:
    """The first `count` of `pieces` that are long enough: `prompt` seconds to hear, and `seconds` more."""
    found: list[Excerpt] = []
    for piece in pieces:
        if piece.events["at"][-1] < prompt + seconds:
            continue
        events = opening(piece.events, prompt + seconds)
        parts = _before(events, prompt), _after(events, prompt)
        if all((part["velocity"] > 0).sum() >= _FEWEST for part in parts):
            found.append(Excerpt(piece.name, events, prompt, prompt + seconds, piece.beats))
        if len(found) == count:
            break
    return found


def _before(events: Events, begin: float) -> Events:
    return opening(events, begin)


def _after(events: Events, begin: float) -> Events:
    """The notes that are struck from `begin` on: the releases of those struck before are left out."""
    sounding: set[tuple[int, int]] = set()
    kept = np.zeros(len(events), np.bool_)
    for i in np.flatnonzero(events["at"] >= begin).tolist():
        _, instrument, pitch, velocity = events[i].item()
        kept[i] = velocity > 0 or (instrument, pitch) in sounding
        (sounding.add if velocity else sounding.discard)((instrument, pitch))
    return np.asarray(events[kept])


@dataclass(frozen=True)
class Made:
    """What a system made of an excerpt: what `follows` it, and a `part` beside the `given` one (both may be empty)."""

    follows: Events
    part: Events
    given: Events


def generated(
    models: Mapping[str, Callable[[], Model]],
    found: Sequence[Excerpt],
    seed: int,
    progress: Callable[[int], object],
) -> dict[str, list[Made]]:
    """What each system makes of each excerpt. `models` give a model that has heard nothing, by the system's name."""
    playing: dict[str, Callable[[], Model]] = {**models, "learner": MarkovModel, "uniform": chance_model}
    made: dict[str, list[Made]] = {name: [] for name in (*models, *BASELINES)}
    for number, excerpt in enumerate(found):
        own, given = two_players(excerpt.events)
        for name, those in made.items():
            if name == "data":
                those.append(Made(*(_after(events, excerpt.begin) for events in (excerpt.events, own, given))))
            elif name == "copy":
                those.append(_copied(excerpt, own, given))
            else:
                # The same for every system, so that identical models make identical music.
                rng = np.random.default_rng([seed, number])
                those.append(_played(playing[name], excerpt, own, given, rng))
            progress(1)
    return made


def _copied(excerpt: Excerpt, own: Events, given: Events) -> Made:
    bar = measures.bar_length(_before(excerpt.events, excerpt.begin))
    phrase = _BARS * bar if _BARS * bar < excerpt.begin else excerpt.begin
    follows, part = (
        repeated(_before(events, excerpt.begin), excerpt.begin, phrase, excerpt.end - excerpt.begin)
        for events in (excerpt.events, own)
    )
    return Made(follows, part, _after(given, excerpt.begin))


def _played(model: Callable[[], Model], excerpt: Excerpt, own: Events, given: Events, rng: np.random.Generator) -> Made:
    before, begin, end = _before(excerpt.events, excerpt.begin), excerpt.begin, excerpt.end
    follows = continued(model(), before, end - begin, rng, beats=excerpt.beats)
    theirs = _after(given, begin)
    # The whole as two players play it: a single instrument was divided between them.
    before = np.concatenate([_before(own, begin), _before(given, begin)])
    before = before[np.argsort(before["at"], kind="stable")]
    instruments = np.unique(_before(own, begin)["instrument"]).tolist()
    if not len(theirs) or not instruments:
        return Made(follows, own[:0], theirs)
    part = accompanied(model(), before, theirs, instruments, end, rng, beats=excerpt.beats)
    return Made(follows, part, theirs)


def measured(made: Mapping[str, Sequence[Made]], found: Sequence[Excerpt], seed: int) -> dict[str, Figures]:
    """Each measure by system: its mean over the excerpts with a 95 % interval, and how far it is from the data.

    `distances` are those of distributions: of note lengths and of the time between onsets, both pooled, in octaves of
    seconds; and of Yang and Lerch's distances within the data against those between the data and what was made.
    """
    figures: dict[str, Figures] = {}
    for name, those in made.items():
        rows = [_measures(one, excerpt) for one, excerpt in zip(those, found, strict=True)]
        figures[name] = {
            "measures": {key: _mean([row[key] for row in rows], seed) for key in rows[0]},
            "distances": _distances(those, made["data"]),
            "curves": {
                key: _histogram(np.concatenate([f(one.follows) for one in those])) for key, f in _SPREADS.items()
            },
        }
    return figures


def _measures(made: Made, excerpt: Excerpt) -> dict[str, float]:
    before = _before(excerpt.events, excerpt.begin)
    follows = made.follows.copy()
    follows["at"] -= excerpt.begin
    # Bars are counted as those of what came before, and from the last one that begins in it.
    bar = measures.bar_length(before)
    start = excerpt.begin + measures.bar_start(_since(before, excerpt.begin - 4 * bar, excerpt.begin), bar)
    key, theirs = find_key(before), find_key(made.given)
    return {
        **measures.evaluate(follows),
        "groove_consistency": measures.groove_consistency(made.follows, bar, start=start),
        "pitch_in_key": measures.key_agreement(follows, key) if key else math.nan,
        "part_in_key": measures.key_agreement(made.part, theirs) if theirs else math.nan,
        "note_in_chord": measures.chord_agreement(made.part, made.given),
    }


def _since(events: Events, at: float, zero: float) -> Events:
    """The events from `at` seconds on, as seconds from `zero`."""
    late = events[events["at"] >= at].copy()
    late["at"] -= zero
    return np.asarray(late)


def _mean(values: Sequence[float], seed: int) -> Figures:
    known = np.array([value for value in values if not math.isnan(value)])
    return asdict(bootstrap_interval(known, np.ones(len(known)), np.random.default_rng(seed)))


def _octaves(seconds: Floats) -> Floats:
    return np.asarray(np.log2(np.clip(seconds, 2.0 ** _EDGES[0], 2.0 ** _EDGES[-1])))


_SPREADS: dict[str, Callable[[Events], Floats]] = {
    "note_length": lambda events: _octaves(measures.note_lengths(events)),
    "onset_interval": lambda events: _octaves(measures.onset_intervals(events)),
}


def _histogram(values: Floats) -> list[float]:
    counts = np.histogram(values, _EDGES)[0]
    return list((counts / max(int(counts.sum()), 1)).tolist())


def _distances(those: Sequence[Made], data: Sequence[Made]) -> dict[str, Figures]:
    """How far the distributions of `those` are from the data's."""
    figures = {}
    for name, spread in _SPREADS.items():
        own, real = ([spread(one.follows) for one in side] for side in (those, data))
        pooled, wanted = (_thinned(np.concatenate(side)) for side in (own, real))
        rows, real_rows = (np.array([_histogram(values) for values in side]) for side in (own, real))
        within = distances_within(real_rows)
        between = distances_within(rows) if those is data else distances_between(rows, real_rows)
        figures[name] = {
            "overlap": overlap_area(pooled, wanted),
            "kl": kl_divergence(pooled, wanted),
            "distance_overlap": overlap_area(between, within),
            "distance_kl": kl_divergence(within, between),  # in the direction of their own toolbox
        }
    return figures


def _thinned(values: Floats) -> Floats:
    """At most some thousands of values, evenly taken from their order: enough for a density."""
    if len(values) <= _AT_MOST:
        return values
    return np.asarray(np.sort(values)[np.linspace(0, len(values) - 1, _AT_MOST).astype(np.int64)])


def frechet(made: Mapping[str, Sequence[Made]], judge: NeuralModel) -> dict[str, float]:
    """How far what each system goes on with is from what the data does, in what `judge` has in mind while it hears it.

    As many features of either side are compared: too few make the distance too large.
    """
    heard = {name: np.concatenate([features(judge, one.follows) for one in those]) for name, those in made.items()}
    return {name: frechet_distance(*_as_many(rows, heard["data"])) for name, rows in heard.items()}


def _as_many(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """As many rows of both, evenly taken from the longer."""
    least = min(len(a), len(b))
    first, second = (x[np.linspace(0, max(len(x) - 1, 0), least).astype(np.int64)] for x in (a, b))
    return first, second


def copies(made: Mapping[str, Sequence[Made]], training: Iterable[Events], names: Sequence[str]) -> dict[str, Figures]:
    """How many notes of each excerpt's continuation stand in a row in `training`, in any key, by system.

    `names` are those of the pieces of `training`, read when all have passed: the longest passage's is told.
    """
    queries = [one.follows for those in made.values() for one in those]
    found = iter(longest_copies(queries, training))
    figures = {}
    for name, those in made.items():
        own = [next(found) for _ in those]
        longest = max(own, key=lambda copy: copy.notes)
        figures[name] = {
            "mean": float(np.mean([copy.notes for copy in own])),
            "longest": longest.notes,
            "longest_from": names[longest.piece] if longest.notes else None,
            "each": [copy.notes for copy in own],
        }
    return figures
