"""Onsets and releases to notes: which release belongs to which onset, and what is done when one is missing.

On one key (a track, a channel and a pitch) the rules are:

* Releases with nothing sounding are dropped.
* The first onset belongs to the first release, the second to the second: so two voices in unison, of which one holds
  longer, come out as written.
* From where the releases no longer suffice, an onset belongs to the first release after it, so that one lost release
  does not displace all that follow; without one the note hangs, until the key is struck again or the track ends.
* Whatever the releases say, striking a key again ends its earlier note; of notes struck together the longest is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.music.records import starts_of

__all__ = ["HANGING", "Paired", "end_at_restrikes", "pair_notes"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

HANGING = np.iinfo(np.int64).max
"""The release of a note that never gets one."""


@dataclass(frozen=True)
class Paired:
    """Notes as the rules above pair them, ordered by key, then onset.

    `index` int64 (n,) points at each note's onset among the events given; `release` is in the events' ticks, `HANGING`
    where there is none. `orphans` counts the releases dropped.
    """

    index: Ints
    release: Ints
    orphans: int


def pair_notes(key: Ints, tick: Ints, onset: Flags) -> Paired:
    """Pair the events of arrays `key`, `tick` and `onset`, each (n,), given in order of time for each key."""
    few = key.min(initial=0) >= 0 and key.max(initial=0) <= 0xFFFF  # in 16 bits they are sorted many times faster
    order = np.argsort(key.astype(np.uint16) if few else key, kind="stable")
    ons, offs = order[0::2], order[1::2]
    if len(ons) == len(offs) and onset[ons].all() and not onset[offs].any() and (key[ons] == key[offs]).all():
        return Paired(ons, tick[offs], 0)  # each onset has its release, as in most files
    order, orphans = _without_orphans(order, key, onset)
    key, tick, onset = key[order], tick[order], onset[order]
    first, of_key = _segments(key)
    ons, offs = np.flatnonzero(onset), np.flatnonzero(~onset)
    n_on = np.bincount(of_key[ons], minlength=len(first))
    n_off = np.bincount(of_key[offs], minlength=len(first))
    first_on, first_off = np.cumsum(n_on) - n_on, np.cumsum(n_off) - n_off
    segment = of_key[ons]
    ordinal = np.arange(len(ons)) - first_on[segment]
    release = np.full(len(ons), HANGING)
    partnered = ordinal < n_off[segment]
    release[partnered] = tick[offs[(first_off[segment] + ordinal)[partnered]]]
    if (n_on > n_off).any():
        short = _after_last_balance(of_key, onset)[ons]
        release[short] = _first_release_after(ons[short], tick, onset, of_key)
    return Paired(order[ons], release, orphans)


def _without_orphans(order: Ints, key: Ints, onset: Flags) -> tuple[Ints, int]:
    """`order` (events sorted by key) less the releases that find nothing sounding, and how many those were."""
    if not len(order):
        return order, 0
    steps = np.where(onset[order], 1, -1)
    first, of_key = _segments(key[order])
    sounding = np.cumsum(steps)
    sounding -= (sounding[first] - steps[first])[of_key]
    if sounding.min() >= 0:
        return order, 0
    # The lowest level so far is the floor. Each key is sunk below all before it, so one accumulation serves all keys.
    sunk = of_key * (2 * len(order) + 2)
    floor = np.minimum.accumulate(np.minimum(sounding, 0) - sunk)
    before = np.append(0, floor[:-1])
    before[first] = -sunk[first]
    orphan = sounding - sunk < before
    return order[~orphan], int(orphan.sum())


def _segments(key: Ints) -> tuple[Ints, Ints]:
    """For sorted `key` (n,): where each run of one key starts (k,), and to which run each element belongs (n,)."""
    starts = np.append(True, key[1:] != key[:-1])[: len(key)]
    return np.flatnonzero(starts), np.cumsum(starts) - 1


def _after_last_balance(of_key: Ints, onset: Flags) -> Flags:
    """True for events after the last moment at which nothing sounded on their key, shape (n,)."""
    first = np.flatnonzero(np.append(True, of_key[1:] != of_key[:-1]))
    steps = np.where(onset, 1, -1)
    sounding = np.cumsum(steps)
    sounding -= (sounding[first] - steps[first])[of_key]
    last_silence = first - 1
    silent = np.flatnonzero(sounding == 0)
    np.maximum.at(last_silence, of_key[silent], silent)
    return np.arange(len(onset)) > last_silence[of_key]


def _first_release_after(ons: Ints, tick: Ints, onset: Flags, of_key: Ints) -> Ints:
    """The tick of the release that directly follows each onset on its key, or `HANGING`, shape of `ons`.

    A release written at the very tick of an onset, with an earlier note still sounding, is that note's: the next is
    looked at instead.
    """
    n = len(tick)
    following = np.minimum(ons + 1, n - 1)
    is_release = (ons + 1 < n) & ~onset[following] & (of_key[following] == of_key[ons])
    struck_again = (ons > 0) & onset[ons - 1] & (of_key[ons - 1] == of_key[ons])
    belongs_before = is_release & struck_again & (tick[following] == tick[ons])
    following = np.where(belongs_before, np.minimum(ons + 2, n - 1), following)
    is_release = np.where(
        belongs_before,
        (ons + 2 < n) & ~onset[following] & (of_key[following] == of_key[ons]),
        is_release,
    )
    return np.where(is_release, tick[following], HANGING)


def end_at_restrikes(key: Ints, onset: Ints, release: Ints) -> tuple[Ints, Ints, int, int]:
    """End each note where its key is struck again.

    Takes notes of shape (n,) ordered by key, then onset. Returns the indices of the notes kept, shape (m,), their
    releases, how many were ended early, and how many dropped because a longer one begins with them.
    """
    again = key[1:] == key[:-1]
    together = again & (onset[1:] == onset[:-1])
    kept: Ints = np.arange(len(key))
    if together.any():
        kept = starts_of(~together)
        # A release that is known tells more than one that is missing.
        known = np.maximum.reduceat(np.where(release < HANGING, release, -1), kept)
        release = np.where(known >= 0, known, HANGING)
        onset, again = onset[kept], again[~together]
    dropped = len(key) - len(kept)
    ceiling = np.full(len(kept), HANGING)
    np.copyto(ceiling[:-1], onset[1:], where=again)
    early = int(np.count_nonzero((release > ceiling) & (release < HANGING)))
    return kept, np.minimum(release, ceiling), early, dropped
