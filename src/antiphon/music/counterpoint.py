"""Measures of counterpoint: parallels, crossings, ranges, dissonance, triads and cadences of a score on a raster.

A score is an array of MIDI pitches, shape (voices, steps), highest voice first, -1 for a rest. Two voices move when
both change their pitch between the same two steps; held and repeated notes are one. Rates are counts over what could
have been counted, so that pieces of different lengths can be compared and corpora be summed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = ["Counterpoint", "measure", "parallels"]

Pitches = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]

_OCTAVE, _FIFTH = 0, 7
_CONSONANT = (0, 3, 4, 5, 7, 8, 9)
_TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))


def _onsets(score: Pitches) -> Mask:
    """Where a voice moves: (V, T - 1), true where it sounds before and after and on another pitch."""
    before, after = score[:, :-1], score[:, 1:]
    return np.asarray((before >= 0) & (after >= 0) & (before != after))


def _moving(score: Pitches, upper: int, lower: int) -> Mask:
    moves = _onsets(score[[upper, lower]])
    return np.asarray(moves[0] & moves[1])


def parallels(score: Pitches, interval: int | None = None) -> Mask:
    """Where two voices arrive in parallel fifths or octaves, shape (pairs of voices, steps).

    True at the step of arrival: both voices moved to it, and the interval between them, octaves left out, was and is
    that interval (0 for octaves and unisons, 7 for fifths; both when None). Pairs are (0, 1), (0, 2), ... as of
    `itertools.combinations`. In contrary motion a fifth that follows a twelfth counts as well.
    """
    wanted = (_OCTAVE, _FIFTH) if interval is None else (interval,)
    pairs = list(combinations(range(len(score)), 2))
    found = np.zeros((len(pairs), score.shape[1]), bool)
    for row, (i, j) in zip(found, pairs, strict=True):
        size = np.abs(score[i].astype(np.int64) - score[j]) % 12
        row[1:] = _moving(score, i, j) & (size[1:] == size[:-1]) & np.isin(size[1:], wanted)
    return found


class Counterpoint:
    """Counts over any number of scores, and the rates that they make."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, score: Pitches) -> None:
        """Count one score (V, T), V of at least 2, from a beat on."""
        if score.ndim != 2 or len(score) < 2:
            raise ValueError(f"counterpoint needs a score of shape (2 or more voices, steps), not {score.shape}")
        count = self.counts
        sounding = score >= 0
        count["steps"] += score.shape[1]
        count["cells"] += int(sounding.sum())
        count["moves"] += int(_onsets(score).sum())
        for i, j in combinations(range(len(score)), 2):
            both = sounding[i] & sounding[j]
            count["pairs"] += int(both.sum())
            count["moving_pairs"] += int(_moving(score, i, j).sum())
            count["dissonant"] += int((both & ~np.isin(np.abs(score[i] - score[j]) % 12, _CONSONANT)).sum())
            count["crossed"] += int((both & (score[i] < score[j])).sum())
        count["fifths"] += int(parallels(score, _FIFTH).sum())
        count["octaves"] += int(parallels(score, _OCTAVE).sum())
        full: Mask = np.asarray(sounding.all(axis=0))
        count["chords"] += int(full.sum())
        count["triads"] += sum(_is_triad(chord) for chord in score.T[full])
        ended = [score[:, int(np.flatnonzero(full)[-1])]] if full.any() else []
        count["endings"] += len(ended)
        count["triad_endings"] += sum(_is_triad(chord) for chord in ended)
        count["authentic_endings"] += _authentic(score, full)

    def rates(self) -> dict[str, float]:
        """The rates by name: parallels per 1000 pairs of voices that move together, the others as shares."""
        c = self.counts

        def share(part: str, whole: str, scale: float = 1.0) -> float:
            return scale * c[part] / c[whole] if c[whole] else 0.0

        return {
            "moves_per_step": share("moves", "steps"),
            "parallel_fifths_per_1000": share("fifths", "moving_pairs", 1000),
            "parallel_octaves_per_1000": share("octaves", "moving_pairs", 1000),
            "crossed_pairs": share("crossed", "pairs"),
            "dissonant_pairs": share("dissonant", "pairs"),
            "triads": share("triads", "chords"),
            "triad_endings": share("triad_endings", "endings"),
            "authentic_endings": share("authentic_endings", "endings"),
        }


def measure(scores: Iterable[Pitches], ranges: Sequence[tuple[int, int]] | None = None) -> dict[str, float]:
    """The rates of a corpus of scores; with `ranges`, (lowest, highest) of each voice, also the share out of range."""
    counts, outside = Counterpoint(), 0
    for score in scores:
        counts.add(score)
        for voice, (low, high) in zip(score, ranges or (), strict=False):
            outside += int(((voice >= 0) & ((voice < low) | (voice > high))).sum())
    rates = counts.rates()
    if ranges is not None:
        rates["out_of_range"] = outside / max(counts.counts["cells"], 1)
    return rates


def _is_triad(chord: Pitches) -> bool:
    """Whether a chord's pitch classes are those of a major, minor, diminished or augmented triad, none missing."""
    classes = {int(pitch) % 12 for pitch in chord}
    return any(classes == {(root + step) % 12 for step in triad} for triad in _TRIADS for root in classes)


def _authentic(score: Pitches, full: Mask) -> int:
    """1 when the last chord is reached with the bass falling a fifth or rising a fourth, else 0."""
    bass = score[-1][full]
    changed = bass[np.flatnonzero(np.diff(bass, prepend=-2))] if len(bass) else bass
    return int(len(changed) > 1 and (int(changed[-1]) - int(changed[-2])) % 12 == 5)
