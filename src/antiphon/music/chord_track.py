"""The chords of a piece, stretch by stretch: half bars where the beat is known, seconds where it is not.

T. Fujishima, "Realtime chord recognition of musical sound: a system using Common Lisp Music", ICMC 1999: the chord is
the one whose notes are most like those that sound, by the angle between them; here those that sound for a good part of
the stretch, each alike. A root in the bass counts for a chord. What is like no chord (a scale, a lone note) belongs to
the chord before it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from antiphon.music.chords import QUALITIES
from antiphon.music.records import starts_of
from antiphon.music.score import Score

__all__ = ["CHORD", "NO_CHORD", "TRACK_QUALITIES", "chord_track", "stretches"]

TRACK_QUALITIES = ("", "m", "7", "maj7", "m7", "m7b5", "dim", "aug", "sus4", "5")
"""The qualities of `chords.QUALITIES` that are looked for, by number."""

NO_CHORD = 255

CHORD = np.dtype([("event", "<u4"), ("root", "u1"), ("quality", "u1"), ("bass", "u1"), ("confidence", "u1")])
"""A chord from event number `event` of the piece on: pitch classes of root and lowest note, its number in
`TRACK_QUALITIES` (all three `NO_CHORD` where there is none), and how like the chord the notes are, 0 to 255."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AUDIBLE = 0.3
"""A pitch class counts that sounds for more than this share of the time that the longest one does."""
ALIKE = 0.8
"""The cosine between notes and chord from which it is one. A lone note reaches 0.79, two notes of a triad 0.82, a triad
with a stranger 0.87, with two of them 0.77."""
ROOTED = 0.08
"""What a root in the bass adds to it."""
_PITCH_CLASS = np.arange(128) % 12
_BITS = 1 << np.arange(12)
LONGEST_SPAN = 64
"""Stretches that one note counts in, at most: a note that hangs for an hour says no more."""


def stretches(score: Score, *, on_grid: bool) -> Floats:
    """Where stretches of one chord begin, in seconds of the score, and where the last one ends, shape (s + 1,).

    With `on_grid` they are half bars, or beats of bars that have no half, or two quarters where no meter is told;
    without, they are seconds.
    """
    end = score.end
    if not on_grid:
        return np.arange(np.ceil(float(score.seconds(end))) + 1.0)
    quarter = score.ticks_per_quarter
    begins = [0, *score.meters["tick"].tolist()]
    lengths = [
        2 * quarter,
        *(_stretch(n, 4 * quarter // d, by_three=n % 3 == 0 and d >= 8) for _, n, d in score.meters.tolist()),
    ]
    spans = zip(begins, [*begins[1:], end], lengths, strict=True)
    ticks = [np.arange(begin, min(until, end), max(length, 1)) for begin, until, length in spans]
    return score.seconds(np.append(np.concatenate(ticks), end))


def _stretch(beats: int, beat: int, *, by_three: bool) -> int:
    """Ticks of half a bar of so many beats, or of a beat, which may be one of three."""
    if beats % 2 == 0:
        return beats // 2 * beat
    return 3 * beat if by_three else beat


def chord_track(onset: Floats, release: Floats, pitch: Ints, bounds: Floats) -> tuple[Floats, npt.NDArray[np.void]]:
    """When each chord begins, in seconds, shape (c,), and which it is, dtype `CHORD` with `event` 0, shape (c,).

    Takes n notes of pitched instruments, in seconds and MIDI pitch, and the `bounds` (s + 1,) of `stretches`. Stretches
    of one chord are joined.
    """
    if not len(onset) or len(bounds) < 2:
        return np.empty(0), np.empty(0, CHORD)
    heard, lowest = _heard(onset, release, pitch, bounds)
    chord_of, likeness_of = _tables()
    tones = 12 * (_BITS @ (heard > AUDIBLE * heard.max(0))) + _PITCH_CLASS[lowest]
    best, confidence = chord_of[tones], likeness_of[tones]
    found = (confidence >= ALIKE).nonzero()[0]
    if not len(found):
        return np.empty(0), np.empty(0, CHORD)
    best, bass = best[found], _PITCH_CLASS[lowest[found]]
    changes = starts_of(best[1:] != best[:-1])
    chords = np.zeros(len(changes), CHORD)
    chords["root"], chords["quality"], chords["bass"] = best[changes] % 12, best[changes] // 12, bass[changes]
    chords["confidence"] = np.minimum(confidence[found[changes]], 1.0) * 255
    return bounds[found[changes]], chords


@cache
def _tables() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """For every set of pitch classes (a bit each, C lowest) and lowest of them, 12 * set + lowest: chord and likeness.

    Chords of the first quality come first, by root, then those of the second.
    """
    has = np.arange(1 << 12) >> np.arange(12)[:, None] & 1
    likeness = np.empty((len(TRACK_QUALITIES), 12, 1 << 12))
    for quality, name in enumerate(TRACK_QUALITIES):
        for root in range(12):
            tones = [(root + step) % 12 for step in QUALITIES[name]]
            likeness[quality, root] = has[tones].sum(0) * len(tones) ** -0.5
    likeness /= np.sqrt(np.maximum(has.sum(0), 1))
    every = likeness.reshape(-1, 1 << 12)
    best, alike = every.argmax(0), every.max(0)
    rooted = likeness + ROOTED  # only the chord that has the bass for its root
    best_rooted, alike_rooted = 12 * rooted.argmax(0) + np.arange(12)[:, None], rooted.max(0)
    wins = (alike_rooted > alike) | ((alike_rooted == alike) & (best_rooted < best))
    return np.where(wins, best_rooted, best).T.ravel(), np.where(wins, alike_rooted, alike).T.ravel()


def _heard(onset: Floats, release: Floats, pitch: Ints, bounds: Floats) -> tuple[Floats, Ints]:
    """Of each stretch, how long each pitch class sounds in it, (12, s), and its lowest pitch, (s,)."""
    s = len(bounds) - 1
    # The end of a note that rounding has put a hair past a bound is no note of the next stretch.
    first = np.minimum(bounds.searchsorted(onset + 1e-3, side="right"), s) - 1
    last = np.maximum(np.minimum(bounds.searchsorted(release - 1e-3), s) - 1, first)
    count = np.minimum(last - first, LONGEST_SPAN - 1) + 1
    note = np.arange(len(onset)).repeat(count)
    stretch = np.arange(len(note)) - (count.cumsum() - count - first)[note]
    seconds = np.minimum(release[note], bounds[stretch + 1]) - np.maximum(onset[note], bounds[stretch])
    heard = np.bincount((_PITCH_CLASS[pitch] * s)[note] + stretch, np.maximum(seconds, 1e-3), minlength=12 * s)
    lowest = np.full(s, 127)
    np.minimum.at(lowest, stretch, pitch[note])
    return np.asarray(heard.reshape(12, s), np.float64), lowest
