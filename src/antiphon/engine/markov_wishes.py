"""Wishes: the onsets that a repertoire would have a voice strike next, each with its odds.

Each wish is an onset that was once learned, put where it would come now. How likely it is says an interpolation over
contexts, from the longest that is known down to none, whose escapes are those of I. H. Witten and T. C. Bell, "The
Zero-Frequency Problem", IEEE Transactions on Information Theory 37 (1991). Since a wish is a whole onset, its rhythm,
loudness and length go with its pitch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.engine.markov_line import TOGETHER, Line
from antiphon.engine.markov_repertoire import ANYWHERE, UNKNOWN, Repertoire, contexts_of, is_classes

__all__ = ["LONG_SHOT", "Wishes", "escaping", "placed", "wished"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

OUT_OF_STEP = 0.3
"""Odds of a wish whose rhythm before it was another one than now's."""
STEP = 1.35
"""Up to how many times as long a time may be and still be the same rhythm."""
FINGERS = 10
"""Onsets that one voice strikes together at most."""
SHORTEST = 0.02
"""Seconds that a note is meant to last at least, however short it was when it was learned."""
DETERRED = 0.01
"""Odds that are left to going on with a loop, or with a copy that is too long."""
LONG_SHOT = 1e-6
"""Odds of what fits only when it is bent."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Onsets that one voice may want, arrays of shape (m,): times in seconds, odds that sum to 1."""

    pitch: Ints
    velocity: Ints
    at: Floats
    duration: Floats
    odds: Floats


def escaping(repertoire: Repertoire, contexts: list[int]) -> list[tuple[int, list[int], float]]:
    """(context, its continuations' positions, the odds of each of them) for those of `contexts` that are known.

    The longest comes first. With n continuations of t kinds, a context gives t / (n + t) of its odds to the next one;
    the last keeps them.
    """
    known = [(context, found) for context in contexts if (found := repertoire.continuations(context))]
    ways, left = [], 1.0
    for context, positions in known:
        kinds = repertoire.kinds(positions) if context != known[-1][0] else 0
        ways.append((context, positions, left / (len(positions) + kinds)))
        left *= kinds / (len(positions) + kinds)
    return ways


def wished(repertoire: Repertoire, line: Line, own: Line, begin: float, most_copied: int) -> Wishes:
    """What a voice whose last line was `own` may want from `begin` seconds on, when it continues `line`.

    A loop that has gone round some three times, or a copy of more than `most_copied` onsets, is led away from: nothing
    but the last pitch counts then, or nothing at all, and what would go on with it is hardly wished for.
    """
    looping, copying = line.looping(), line.following(repertoire) if line.copied >= most_copied else []
    contexts = contexts_of(line.context, 1 if copying else repertoire.order)
    ways = escaping(repertoire, [ANYWHERE] if looping is not None else contexts)
    counts = [len(positions) for _, positions, _ in ways]
    onsets = repertoire.onsets([position for _, positions, _ in ways for position in positions])
    raw = onsets["pitch"].astype(np.int64)
    of_classes = np.repeat([is_classes(context) for context, _, _ in ways], counts)
    pitch = _carried(raw, onsets["context"], of_classes, line, own)
    weights: Floats = np.repeat([odds for _, _, odds in ways], counts) * np.where(
        _in_step(onsets["gap_before"], line.gap), 1.0, OUT_OF_STEP
    )
    worn = {repertoire.pitch(position) for position in copying} | ({looping} if looping is not None else set())
    if worn:
        weights[np.isin(raw, list(worn))] *= DETERRED
    gaps = onsets["gap"].astype(np.float64)
    at, late = _kept_in_time(gaps, line, begin)
    weights *= late
    duration = onsets["duration"].astype(np.float64)
    typical = repertoire.durations[raw]
    duration = np.where(np.isnan(duration), np.where(np.isnan(typical), UNKNOWN, typical), duration)
    duration = np.maximum(duration, SHORTEST)
    return Wishes(pitch, onsets["velocity"].astype(np.int64), at, duration, weights / weights.sum())


def _carried(raw: Ints, contexts: npt.NDArray[np.uint64], of_classes: Mask, line: Line, own: Line) -> Ints:
    """The pitches of continuations: where only pitch classes agree, it is the interval that is learned."""
    if not own.recent or not of_classes.any():
        return raw
    last = line.recent[0] if line.recent else own.recent[0]
    before = (contexts & np.uint64(0xFF)).astype(np.int64) - 1
    moved = last + raw - before
    return np.asarray(np.where(of_classes & (moved >= 0) & (moved < 128), moved, raw))


def _in_step(before: npt.NDArray[np.float32], now: float) -> Mask:
    shortest, longest = (now + TOGETHER) / STEP - TOGETHER, (now + TOGETHER) * STEP - TOGETHER
    return np.asarray((before > shortest) & (before < longest))


def _kept_in_time(gaps: Floats, line: Line, begin: float) -> tuple[Floats, Floats]:
    """When onsets come after the last one of `line`, and their odds: of a time gone by, the next multiple comes.

    So whoever has been silent comes in on the beat. What should have sounded together with the last one, and now is too
    late or one finger too many, comes at no time that was ever learned.
    """
    if not np.isfinite(line.at):
        return max(begin, 0.0) + gaps if not np.isfinite(begin) else begin + gaps, np.ones(len(gaps))
    missed = (gaps <= TOGETHER) & ((line.at + gaps < begin) | (line.chord >= FINGERS))
    steps = np.where(missed, UNKNOWN, gaps)
    beats = np.maximum(np.ceil((begin - line.at) / np.maximum(steps, TOGETHER)), 1.0)
    return line.at + steps * beats, np.where(missed, LONG_SHOT, 1.0 / beats)


def placed(wishes: Wishes, mask: Mask, near: int | None) -> tuple[Ints, Floats]:
    """The wished pitches moved into `mask`, shape (128,), which allows some, and what is left of their odds.

    What lies outside goes to the octave of it that is nearest to `near` (None: to itself); where `mask` has no pitch of
    that class, to its nearest pitch, as a long shot.
    """
    inside = mask[wishes.pitch]
    if inside.all():
        return wishes.pitch, wishes.odds
    allowed = np.flatnonzero(mask)
    place, odds = np.arange(128), np.ones(128)
    for pitch in np.unique(wishes.pitch[~inside]).tolist():
        octaves = allowed[allowed % 12 == pitch % 12]
        odds[pitch] = 1.0 if len(octaves) else LONG_SHOT
        reachable = octaves if len(octaves) else allowed
        place[pitch] = reachable[np.abs(reachable - (pitch if near is None else near)).argmin()]
    return place[wishes.pitch], wishes.odds * odds[wishes.pitch]
