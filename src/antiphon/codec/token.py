"""The token codec: one keyboard's music as words of a small flat vocabulary, for the smallest models.

Four kinds of word spell an event: shifts of time, a velocity, and the key struck or released. An event is always spelt
in the same way: as many of the longest shifts as fit, the rest of the time since the last event, a velocity if a key is
struck, the key. Who plays is not told, so that all instruments but drums are one keyboard. The words for durations and
the special ones are in the vocabulary of 316 that models of this kind share, and are never written here.

Time lies on a lattice of 20 ms ticks that is anchored to the clock, so rounding never adds up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from antiphon.music.event import Event, Events, is_drum
from antiphon.music.notes import drums

__all__ = [
    "BOS",
    "CODEC",
    "LONGEST",
    "LONGEST_SHIFT",
    "NOTE_OFF",
    "NOTE_ON",
    "PAD",
    "TICK",
    "TIME_SHIFT",
    "VELOCITIES",
    "VELOCITY",
    "VOCABULARY",
    "TokenEncoder",
    "Tokens",
    "decode",
    "encode",
    "loudness",
    "name_of",
    "spelt",
    "tick_of",
    "velocity_bin",
]

TICK = 0.02
"""Seconds a tick."""
PAD, BOS, EOS, UNK = range(4)
NOTE_ON = 4
"""The word that strikes pitch 0; the 127 after it strike the others."""
NOTE_OFF = NOTE_ON + 128
"""The word that releases pitch 0."""
TIME_SHIFT = NOTE_OFF + 128
"""The word of one tick; the 31 after it are of 2 to 32."""
LONGEST_SHIFT = 32
VELOCITY = TIME_SHIFT + LONGEST_SHIFT
"""The word of the softest velocity."""
VELOCITIES = 8
DURATION = VELOCITY + VELOCITIES
DURATIONS = 16
VOCABULARY = DURATION + DURATIONS
"""316 words."""

LONGEST = 500
"""Ticks (ten seconds): whatever is longer is spelt so."""

Tokens = npt.NDArray[np.int16]
"""Words, shape (n,)."""


def tick_of(at: float) -> int:
    """The tick on which a time in seconds falls."""
    return math.floor(at / TICK + 0.5)


def velocity_bin(velocity: int) -> int:
    """0 to 7 of a velocity 1 to 127."""
    return velocity * VELOCITIES >> 7


def loudness(bin_: int) -> tuple[int, int]:
    """The softest and the loudest MIDI velocity of a bin."""
    return max(16 * bin_, 1), 16 * bin_ + 15


def spelt(ticks: int, pitch: int, velocity: int) -> list[int]:
    """The words of an event that comes `ticks` after the last."""
    whole, rest = divmod(min(max(ticks, 0), LONGEST), LONGEST_SHIFT)
    words = [TIME_SHIFT + LONGEST_SHIFT - 1] * whole
    if rest:
        words.append(TIME_SHIFT + rest - 1)
    if velocity:
        return [*words, VELOCITY + velocity_bin(velocity), NOTE_ON + pitch]
    return [*words, NOTE_OFF + pitch]


class TokenEncoder:
    """`encode`, one event at a time: the same words, in constant time. `last_tick` is None until the first event."""

    __slots__ = ("last_tick",)

    def __init__(self, last_tick: int | None = None) -> None:
        self.last_tick = last_tick

    def encode(self, event: Event) -> list[int]:
        """The words of the next event, none if it is a drum's; one from before the last counts as simultaneous."""
        if is_drum(event.instrument):
            return []
        tick = tick_of(event.at)
        since = 0 if self.last_tick is None else max(tick - self.last_tick, 0)
        self.last_tick = tick if self.last_tick is None else self.last_tick + since
        return spelt(since, event.pitch, event.velocity)


def encode(events: Events) -> Tokens:
    """The words of `events` (dtype `EVENT`, in order); drums have none."""
    events = events[~drums(events["instrument"])]
    ticks = np.maximum.accumulate(np.floor(events["at"] / TICK + 0.5).astype(np.int64))
    since = np.minimum(np.diff(ticks, prepend=ticks[:1]), LONGEST)
    whole, rest = np.divmod(since, LONGEST_SHIFT)
    struck = events["velocity"] > 0
    # Words are written from each event's last, its key, backwards; what is left before them are longest shifts.
    last = np.cumsum(whole + (rest > 0) + struck + 1) - 1
    words = np.full(last[-1] + 1 if len(last) else 0, TIME_SHIFT + LONGEST_SHIFT - 1, np.int16)
    words[last] = np.where(struck, NOTE_ON, NOTE_OFF) + events["pitch"].astype(np.int16)
    words[(last - 1)[struck]] = VELOCITY + (events["velocity"][struck].astype(np.int16) * VELOCITIES >> 7)
    words[(last - 1 - struck)[rest > 0]] = TIME_SHIFT + rest[rest > 0] - 1
    return words


def decode(tokens: Sequence[int] | Tokens, *, start: float = 0.0, instrument: int = 0) -> Iterator[Event]:
    """The events that words spell, the first at `start` seconds plus its own shift. Velocities are their bins' middles.

    Words that spell nothing (specials, durations, a velocity with no key) are passed over; a key that is struck with no
    velocity before it takes the last one.
    """
    tick, velocity = 0, 64
    for token in tokens:
        word = int(token)
        if NOTE_ON <= word < NOTE_OFF:
            yield Event(start + tick * TICK, instrument, word - NOTE_ON, velocity)
        elif NOTE_OFF <= word < TIME_SHIFT:
            yield Event(start + tick * TICK, instrument, word - NOTE_OFF, 0)
        elif TIME_SHIFT <= word < VELOCITY:
            tick += word - TIME_SHIFT + 1
        elif VELOCITY <= word < DURATION:
            velocity = sum(loudness(word - VELOCITY)) // 2


def name_of(token: int) -> str:
    """A word as people write it, such as NOTE_ON_60. Raises ValueError for what is not in the vocabulary."""
    for first, size, name, base in (
        (NOTE_ON, 128, "NOTE_ON", 0),
        (NOTE_OFF, 128, "NOTE_OFF", 0),
        (TIME_SHIFT, LONGEST_SHIFT, "TIME_SHIFT", 1),
        (VELOCITY, VELOCITIES, "VELOCITY", 1),
        (DURATION, DURATIONS, "DURATION", 1),
    ):
        if first <= token < first + size:
            return f"{name}_{token - first + base}"
    if PAD <= token <= UNK:
        return ("<PAD>", "<BOS>", "<EOS>", "<UNK>")[token]
    raise ValueError(f"no word has the number {token}: there are {VOCABULARY}")


CODEC: dict[str, object] = {
    "name": "token",
    "kind": "net",
    "tick": TICK,
    "longest": LONGEST,
    "begin": BOS,
    "vocabulary": [name_of(word) for word in range(VOCABULARY)],
}
"""What the bundle of a net of words says of its codec."""
