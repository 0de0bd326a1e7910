"""A whole phrase at once: the likeliest-drawn continuation whose every pitch is where it may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiphon.engine.belief import chain, constrained_draw
from antiphon.engine.draw import draw
from antiphon.engine.markov_repertoire import ANYWHERE, UNKNOWN, Repertoire, contexts_of, extended, is_classes
from antiphon.engine.markov_wishes import escaping

__all__ = ["Onset", "continued_phrase", "next_pitches"]


class Onset(NamedTuple):
    """One onset of a phrase: MIDI pitch, seconds after the one before it, velocity 1..127, duration in seconds."""

    pitch: int
    gap: float
    velocity: int
    duration: float


def continued_phrase(
    repertoire: Repertoire, context: int, allowed: npt.NDArray[np.bool_], rng: np.random.Generator
) -> list[Onset]:
    """Go on from `context` with n onsets, pitch i within `allowed[i]`, shape (n, 128).

    The pitches are drawn exactly with the variable-order Markov probability of `next_pitches`, given that all are
    allowed; the rest of each onset is that of one of those that were learned there. Raises NothingPossible.
    """
    start = _known(repertoire, context)
    net = chain(start, lambda state: _steps(repertoire, state), len(allowed))
    phrase, state = [], start
    for pitch in constrained_draw(net, allowed, rng):
        ways = [(position, odds) for position, odds in _ways(repertoire, state) if repertoire.pitch(position) == pitch]
        shares = np.array([odds for _, odds in ways])
        onset = repertoire.onsets([ways[draw(shares / shares.sum(), rng)][0]])[0]
        duration = UNKNOWN if np.isnan(onset["duration"]) else float(onset["duration"])
        phrase.append(Onset(pitch, float(onset["gap"]), int(onset["velocity"]), duration))
        state = _known(repertoire, extended(state, pitch))
    return phrase


def next_pitches(repertoire: Repertoire, context: int) -> dict[int, float]:
    """Pitch -> probability after `context`, of those that ever followed its last pitch; of all where none did."""
    found: dict[int, float] = {}
    for position, odds in _ways(repertoire, context):
        pitch = repertoire.pitch(position)
        found[pitch] = found.get(pitch, 0.0) + odds
    return found


def _ways(repertoire: Repertoire, context: int) -> Iterator[tuple[int, float]]:
    """The positions of what may follow, each with its odds; one may come more than once."""
    for _, positions, odds in escaping(repertoire, _backing_off(repertoire, context)):
        for position in positions:
            yield position, odds


def _backing_off(repertoire: Repertoire, context: int) -> list[int]:
    """The contexts of pitches within `context` that are known; no context at all only where none of them is."""
    pitches = [one for one in contexts_of(context, repertoire.order)[:-1] if not is_classes(one)]
    return [one for one in pitches if repertoire.continuations(one)] or [ANYWHERE]


def _known(repertoire: Repertoire, context: int) -> int:
    """The longest known end of `context`: what comes before it changes nothing."""
    return _backing_off(repertoire, context)[0]


def _steps(repertoire: Repertoire, state: int) -> Iterator[tuple[int, float, int]]:
    for pitch, probability in next_pitches(repertoire, state).items():
        yield pitch, probability, _known(repertoire, extended(state, pitch))
