"""Measures of music: pure functions of a stream of events.

Conventions: `events` has dtype `EVENT` and shape (n,), in order of time, times in seconds; drums count for time and
rhythm, but never for pitch. Shares lie in 0..1. A measure of music that is not there (no notes, no time) is NaN; a
count is 0. Every function raises ValueError for events that run backwards.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from antiphon.music.chords import recognise
from antiphon.music.event import Events
from antiphon.music.key import Key
from antiphon.music.notes import drums, notes_of

__all__ = [
    "bar_length",
    "bar_start",
    "chord_agreement",
    "double_onsets",
    "evaluate",
    "groove_consistency",
    "key_agreement",
    "longest_repeat",
    "machine_gun_rate",
    "note_density",
    "note_lengths",
    "onset_intervals",
    "pitch_class_entropy",
    "polyphony",
    "repetition",
    "scale_consistency",
    "silence_share",
    "unclosed",
    "validate",
]

MAJOR = (0, 2, 4, 5, 7, 9, 11)

MACHINE_GUN_SECONDS = 0.06
"""Faster repetitions of one key than some sixteen a second are no trill or roll that hands play, but a fault."""

SIXTEENTHS = 16
"""Positions in a bar."""

SHORTEST_BAR, LONGEST_BAR = 0.8, 4.0
"""Seconds between which a bar is looked for."""
TOGETHER = 0.03
"""Seconds within which onsets are one to the ear, as those of a chord."""
_BIN = 0.01  # seconds to which onsets are rounded when a bar is looked for


def validate(events: Events) -> None:
    """Raise ValueError where `events` are not in order of time or hold times that are no numbers."""
    if not np.isfinite(events["at"]).all():
        raise ValueError("events with times that are no numbers")
    if (np.diff(events["at"]) < 0).any():
        raise ValueError("events that run backwards in time")


def _notes(events: Events) -> npt.NDArray[np.void]:
    validate(events)
    return notes_of(events)


def _pitch_classes(events: Events) -> npt.NDArray[np.int64]:
    """How many onsets each pitch class has, shape (12,)."""
    validate(events)
    struck = events[(events["velocity"] > 0) & ~drums(events["instrument"])]
    return np.bincount(struck["pitch"] % 12, minlength=12)


def pitch_class_entropy(events: Events) -> float:
    """Entropy in bits of the distribution of onsets over pitch classes: 0 for one, log2(12) = 3.58 for all alike.

    S.-L. Wu and Y.-H. Yang, "The Jazz Transformer on the Front Line", ISMIR 2020, over the whole stream.
    """
    counts = _pitch_classes(events)
    share = counts[counts > 0] / max(1, counts.sum())
    return float(-(share * np.log2(share)).sum()) if len(share) else math.nan


def scale_consistency(events: Events) -> float:
    """The largest share of onsets that lies in one of the twelve diatonic scales.

    O. Mogren, "C-RNN-GAN", NIPS workshop on constructive machine learning 2016.
    """
    counts = _pitch_classes(events)
    if not counts.sum():
        return math.nan
    fits = [counts[[(root + step) % 12 for step in MAJOR]].sum() for root in range(12)]
    return float(max(fits) / counts.sum())


def key_agreement(part: Events, key: Key) -> float:
    """The share of `part`'s note time that is spent on pitch classes of `key`.

    The pitch-in-scale rate of H.-W. Dong et al., "MuseGAN", AAAI 2018, weighed by time and in the key of other music.
    """
    notes = _notes(part)
    notes = notes[~drums(notes["instrument"])]
    total = float(notes["duration"].sum())
    within = np.isin(notes["pitch"] % 12, sorted(key.scale))
    return float(notes["duration"][within].sum()) / total if total > 0 else math.nan


def chord_agreement(part: Events, given: Events) -> float:
    """The share of `part`'s note time whose pitch class belongs to the chord that `given` sounds at that moment.

    Only time in which `given` sounds a chord that has a name counts. After the ratio of chord to non-chord tones of
    Y.-C. Yeh et al., "Automatic melody harmonization with triad chords", Journal of New Music Research 50 (2021).
    """
    notes, chords = _notes(part), _notes(given)
    notes, chords = notes[~drums(notes["instrument"])], chords[~drums(chords["instrument"])]
    onset, release = chords["onset"], chords["onset"] + chords["duration"]
    moments = np.unique(np.concatenate([onset, release]))
    within = total = 0.0
    for begin, end in pairwise(moments.tolist()):
        chord = recognise(chords["pitch"][(onset <= begin) & (release > begin)].tolist())
        if chord is None or len(chord.pitch_classes) < 3:
            continue
        overlap = np.minimum(notes["onset"] + notes["duration"], end) - np.maximum(notes["onset"], begin)
        lasting = np.maximum(overlap, 0.0)
        total += float(lasting.sum())
        within += float(lasting[np.isin(notes["pitch"] % 12, sorted(chord.pitch_classes))].sum())
    return within / total if total > 0 else math.nan


def note_density(events: Events) -> float:
    """Onsets a second, between the first and the last event.

    The note count of L.-C. Yang and A. Lerch, "On the evaluation of generative models in music", Neural Computing and
    Applications 32 (2020), by time.
    """
    validate(events)
    duration = float(np.ptp(events["at"])) if len(events) else 0.0
    return float((events["velocity"] > 0).sum()) / duration if duration > 0 else math.nan


def note_lengths(events: Events) -> npt.NDArray[np.float64]:
    """How long each note lasts in seconds, in order of onsets, shape (n,)."""
    return np.asarray(_notes(events)["duration"])


def onset_intervals(events: Events) -> npt.NDArray[np.float64]:
    """Seconds between each two neighbouring moments at which anything is struck, shape (m,); a chord is one moment."""
    validate(events)
    at = events["at"][events["velocity"] > 0]
    begins = np.append(True, np.diff(at) >= TOGETHER)[: len(at)]
    return np.asarray(np.diff(at[begins]))


def bar_length(events: Events) -> float:
    """Seconds after which the onsets come back most alike, between 0.8 and 4: a bar, or what can be taken for one.

    By autocorrelation: J. C. Brown, "Determination of the meter of musical scores by autocorrelation", JASA 94 (1993).
    """
    validate(events)
    at = events["at"][events["velocity"] > 0]
    if not len(at):
        return math.nan
    struck = np.bincount(np.rint((at - at[0]) / _BIN).astype(np.int64)).astype(np.float64)
    first, last = round(SHORTEST_BAR / _BIN), min(round(LONGEST_BAR / _BIN), len(struck) // 2)
    if last < first:
        return math.nan
    spectrum = np.fft.rfft(struck, 2 * len(struck))
    # Neighbouring lags are taken together, for nobody plays to within 30 ms. Longer lags have less to overlap, which is
    # left so: of a bar and two bars, the bar is meant.
    alike = np.convolve(np.fft.irfft(np.abs(spectrum) ** 2), np.bartlett(9)[1:-1], mode="same")
    return float((first + alike[first : last + 1].argmax()) * _BIN)


def bar_start(events: Events, bar: float, positions: int = SIXTEENTHS) -> float:
    """Seconds, at most half a position from 0, to where the lines between positions lie that most onsets are near to.

    The mean direction of the onsets on a circle of one position: K. V. Mardia, "Statistics of Directional Data" (1972).
    """
    validate(events)
    at, step = events["at"][events["velocity"] > 0], bar / positions
    if not len(at) or not step > 0:
        return 0.0
    return float(np.angle(np.exp(2j * np.pi * at / step).mean()) / (2 * np.pi) * step)


def groove_consistency(events: Events, bar: float, positions: int = SIXTEENTHS, start: float = 0.0) -> float:
    """How alike the rhythms of neighbouring bars are, 0..1: 1 less the share of positions at which just one has onsets.

    `bar` is in seconds, the first begins at `start`; onsets count for the nearest position. S.-L. Wu and Y.-H. Yang,
    "The Jazz Transformer on the Front Line", ISMIR 2020, as MusPy has it. NaN for less than two bars.
    """
    if positions < 1:
        raise ValueError("a bar has at least one position")
    notes = _notes(events)
    if not len(notes) or not bar > 0:
        return math.nan
    step = bar / positions
    onset = np.rint(np.maximum(notes["onset"] - start, 0.0) / step).astype(np.int64)
    last = math.floor((float((notes["onset"] + notes["duration"]).max()) - start) / step + 1e-6)
    n_bars = max(last, int(onset.max())) // positions + 1
    if n_bars < 2:
        return math.nan
    struck = np.zeros(n_bars * positions, np.bool_)
    struck[onset] = True
    bars = struck.reshape(n_bars, positions)
    return 1 - float((bars[:-1] != bars[1:]).mean())


def repetition(events: Events, n: int = 8) -> float:
    """The share of the runs of `n` onsets of one instrument whose pitches all came in that order before.

    S. Welleck et al., "Neural Text Generation with Unlikelihood Training", ICLR 2020 (seq-rep-n). Drums are left out.
    """
    validate(events)
    struck = events[(events["velocity"] > 0) & ~drums(events["instrument"])]
    runs = [
        own[i : i + n].tobytes()
        for instrument in np.unique(struck["instrument"])
        for own in [struck["pitch"][struck["instrument"] == instrument]]
        for i in range(len(own) - n + 1)
    ]
    return 1 - len(set(runs)) / len(runs) if runs else math.nan


def _sounding(events: Events) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Lengths of time in seconds, and how many notes sound in each, shapes (k,), from first onset to last release."""
    notes = _notes(events)
    at = np.concatenate([notes["onset"], notes["onset"] + notes["duration"]])
    step = np.repeat([1, -1], len(notes))
    order = np.argsort(at, kind="stable")
    return np.diff(at[order]), np.cumsum(step[order])[:-1]


def polyphony(events: Events) -> float:
    """How many notes sound together, on average over the time in which any sounds.

    H.-W. Dong et al., "MusPy", ISMIR 2020, in continuous time.
    """
    time, count = _sounding(events)
    total = float(time[count > 0].sum())
    return float((time * count).sum()) / total if total > 0 else math.nan


def silence_share(events: Events) -> float:
    """The share of the time from the first onset to the last release in which nothing sounds."""
    time, count = _sounding(events)
    total = float(time.sum())
    return float(time[count == 0].sum()) / total if total > 0 else math.nan


def machine_gun_rate(events: Events, within: float = MACHINE_GUN_SECONDS) -> float:
    """The share of onsets that strike their key (instrument and pitch) again less than `within` seconds after."""
    validate(events)
    struck = events[events["velocity"] > 0]
    if not len(struck):
        return math.nan
    struck = struck[np.lexsort((struck["at"], struck["pitch"], struck["instrument"]))]
    same = (struck["instrument"][1:] == struck["instrument"][:-1]) & (struck["pitch"][1:] == struck["pitch"][:-1])
    return float((same & (np.diff(struck["at"]) < within)).sum()) / len(struck)


def longest_repeat(events: Events) -> int:
    """The most onsets in a row that one instrument strikes on one and the same pitch; drums are left out."""
    validate(events)
    struck = events[(events["velocity"] > 0) & ~drums(events["instrument"])]
    struck = struck[np.argsort(struck["instrument"], kind="stable")]
    if not len(struck):
        return 0
    changed = (np.diff(struck["instrument"].astype(int)) != 0) | (np.diff(struck["pitch"].astype(int)) != 0)
    starts = np.append(0, np.flatnonzero(changed) + 1)
    return int(np.diff(np.append(starts, len(struck))).max())


def _by_key(events: Events) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Keys and whether they are struck, shape (n,), sorted by key and then by time."""
    validate(events)
    key = events["instrument"].astype(np.int64) * 128 + events["pitch"]
    order = np.argsort(key, kind="stable")
    return key[order], events["velocity"][order] > 0


def unclosed(events: Events) -> int:
    """How many notes still sound after the last event: the promise is that there are none."""
    key, struck = _by_key(events)
    last = np.append(key[1:] != key[:-1], True)[: len(key)]
    return int((struck & last).sum())


def double_onsets(events: Events) -> int:
    """How many onsets strike a key that is sounding."""
    key, struck = _by_key(events)
    return int((struck[1:] & struck[:-1] & (key[1:] == key[:-1])).sum())


def evaluate(events: Events) -> dict[str, float]:
    """All measures that need nothing but the events, by name."""
    return {
        "pitch_class_entropy": pitch_class_entropy(events),
        "scale_consistency": scale_consistency(events),
        "note_density": note_density(events),
        "note_length": float(np.median(lengths)) if len(lengths := note_lengths(events)) else math.nan,
        "polyphony": polyphony(events),
        "silence_share": silence_share(events),
        "repetition": repetition(events),
        "machine_gun_rate": machine_gun_rate(events),
        "longest_repeat": float(longest_repeat(events)),
        "unclosed": float(unclosed(events)),
        "double_onsets": float(double_onsets(events)),
    }
