"""Frames of sound as notes: when one begins, when it is another, when it is over."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from antiphon.ports.pitch_frames import Candidate, Frame

__all__ = ["LOUDEST", "Heard", "NoteFinder"]

LOUDEST = -9.0
"""dB of full scale, root mean square, that is velocity 127."""
DECIBELS_A_DECADE = 40.0
"""A tenth of the velocity is so much softer: the curve of soundfonts, the other way round."""
MARGIN = 8.0
"""dB above the noise floor at which the gate opens."""
HYSTERESIS = 4.0
"""dB below that at which it closes."""
FLOOR_UP, FLOOR_DOWN = 0.1, 1.0
"""dB a frame at which the noise floor follows what has no pitch."""
CLEAR, VOICED = 0.8, 0.6
"""Clarity with which a note may begin, and with which it goes on."""
SHARE = 0.93
"""Of the best clarity: the highest pitch that reaches it is the pitch, since every multiple of a period is one too."""
UP_SHARE, DOWN_SHARE = 0.975, 0.8
"""The same while a note sounds, for a pitch that is one of its harmonics, and for one whose harmonic it is."""
NEAR = 0.5
"""Semitones within which pitches are the same."""
AWAY = 0.75
"""Semitones from a note's centre at which it is another note: more than a vibrato swings."""
OFF, FOLLOW = 0.15, 0.03
"""Semitones by which a note's centre may lie beside its key, and the share of a deviation by which it follows."""
SETTLED = 0.25
"""Semitones within which a pitch has settled."""
SURE, SURE_SPREAD = 0.95, 0.12
"""Clarity and semitones for which two frames are enough to settle."""
LEAVING = 0.45
"""Semitones from a note's centre at which a pitch may be on its way to another."""
STILL, LEAP = 0.02, 9.0
"""Semitones from frame to frame of a pitch that does not move, and of one that was not there before."""
TRAVEL, REST = 7, 7
"""Frames: a pitch that took longer than `TRAVEL` to come here has glided, and must rest for `REST`."""
LASTING = 9
"""Frames after which a pitch is believed that may be the common fundamental of two others; beyond an octave, twice."""
FIFTH, OCTAVE = 7, 12
HUSH = 6
"""Frames without a pitch that end a note."""
FALL, FORGET = 15.0, 0.15
"""dB: what has fallen so far is released; and how much of its height is forgotten every frame (30 dB a second)."""
DIP, RISE, STEEP, SWING = 2.5, 2.5, 2.5, 8
"""dB that the level must fall and then rise, each within `SWING` frames, for the same pitch to be struck again; of the
fall, `STEEP` must happen within three frames: a tremolo is slower."""
STEADY, DEEP = 0.2, 10.0
"""Semitones: of a pitch that has moved more, harmonics pass through resonances, and the level swings with them; it must
fall by `DEEP` dB and rise by half of that."""
AGAIN = 8.0
"""dB by which the level must rise for a pitch that was released to begin again: its echo rises less."""
JUMP, FLARE = 5.0, 9.0
"""dB by which the level, or what is bright in it, leaps up within three frames when a note is struck without a dip."""
FRESH = 10
"""Frames after its onset in which a note is not struck again: its attack may be uneven."""
LOW = 52
"""Pitches below have periods of which too few fit into the short window to tell their level."""
MEMORY = 32
"""Frames that are looked back upon."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A note that began (velocity 1..127) or ended (0), before sample `at`."""

    at: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class _Moment:
    """A frame and the pitch that was chosen for it."""

    frame: Frame
    pitch: float | None
    clarity: float


class NoteFinder:
    """Notes of one voice. `tuning` is in semitones above A4 = 440 Hz, `gain` and `gate` in dB, `hop` in samples."""

    def __init__(self, hop: int, *, tuning: float = 0.0, gain: float = 0.0, gate: float = -60.0) -> None:
        self._hop = hop
        self._tuning = tuning
        self._gain = gain
        self._gate = gate
        self._floor = -120.0
        self._past: deque[_Moment] = deque(maxlen=MEMORY)
        self._note: int | None = None
        self._began = 0
        self._last = 0
        self._centre = 0.0
        self._height = -120.0
        self._trough = -120.0
        self._released = 0.0

    def take(self, frame: Frame) -> Iterator[Heard]:
        """What `frame` makes known."""
        chosen = self._choose(frame)
        pitch = None if chosen is None else chosen.pitch - self._tuning
        self._past.append(_Moment(frame, pitch, 0.0 if chosen is None else chosen.clarity))
        if self._note is None:
            self._listen_for_noise(frame)
            self._trough = min(self._trough, frame.level)
            yield from self._begin(frame)
        else:
            self._height = max(frame.level, self._height - FORGET)
            yield from self._go_on(frame)

    def end(self, at: int) -> Iterator[Heard]:
        """Nothing more is heard from sample `at` on."""
        if self._note is not None:
            yield self._off(at)
        self._past.clear()
        self._trough = -120.0

    def _choose(self, frame: Frame) -> Candidate | None:
        best = frame.clarity
        sounds = self._note is not None
        if best < (VOICED if sounds else CLEAR) or not self._is_loud(frame):
            return None
        chosen = next(c for c in frame.candidates if c.clarity >= SHARE * best)
        if not sounds:
            return chosen
        centre = self._centre + self._tuning
        near = next((c for c in frame.candidates if abs(c.pitch - centre) < NEAR), None)
        if near is None or not _harmonic(abs(chosen.pitch - centre)):
            return chosen
        if chosen.pitch > centre:
            return chosen if chosen.clarity >= UP_SHARE * near.clarity else near
        return near if near.clarity >= DOWN_SHARE * best else chosen

    def _is_loud(self, frame: Frame) -> bool:
        """Whether the gate is open; it closes later than it opens."""
        gate = max(self._gate, self._floor + self._gain + MARGIN)
        return frame.level + self._gain >= gate - (0.0 if self._note is None else HYSTERESIS)

    def _listen_for_noise(self, frame: Frame) -> None:
        if frame.clarity < CLEAR:
            self._floor += min(max(frame.level - self._floor, -FLOOR_DOWN), FLOOR_UP)

    def _begin(self, frame: Frame) -> Iterator[Heard]:
        pitch = self._settled()
        if pitch is None:
            return
        if frame.level >= self._trough + AGAIN or self._follows(pitch):
            yield self._on(self._rise(), pitch)

    def _follows(self, pitch: float) -> bool:
        """Whether the pitch is another than was released, and no part or echo of that as it dies away."""
        apart = abs(pitch - self._released)
        levels = [m.frame.level for m in self._latest(4)]
        return apart > AWAY and not _harmonic(apart) and levels[-1] > min(levels)

    def _go_on(self, frame: Frame) -> Iterator[Heard]:
        assert self._note is not None
        hushed = len(self._past) >= HUSH and all(m.pitch is None for m in self._latest(HUSH))
        if hushed or not self._is_loud(frame) or frame.level < self._height - FALL:
            yield self._off(frame.end - (HUSH * self._hop if hushed else 0))
            return
        pitch = self._settled()
        if pitch is None:
            return
        if abs(pitch - self._centre) > AWAY and round(pitch) != self._note:
            if not self._glides() and not self._doubtful(pitch):
                at = self._change(pitch)
                yield self._off(at)
                yield self._on(at, pitch)
        elif (struck := self._struck_again()) is not None:
            yield self._off(struck)
            yield self._on(struck, pitch)
        else:
            self._centre += FOLLOW * (pitch - self._centre)
            self._centre = min(max(self._centre, self._note - OFF), self._note + OFF)

    def _on(self, at: int, pitch: float) -> Heard:
        self._note = min(max(round(pitch), 0), 127)
        self._centre = min(max(pitch, self._note - OFF), self._note + OFF)
        now = self._past[-1].frame.end
        self._began = now
        level = max((m.frame.level for m in self._past if m.frame.end > at), default=self._past[-1].frame.level)
        self._height = level
        self._last = max(at, self._last)
        velocity = 127 * 10 ** ((level + self._gain - LOUDEST) / DECIBELS_A_DECADE)
        return Heard(self._last, self._note, min(max(round(velocity), 1), 127))

    def _off(self, at: int) -> Heard:
        assert self._note is not None
        note, self._note = self._note, None
        self._released = self._centre
        self._trough = self._past[-1].frame.level if self._past else -120.0
        self._last = max(at, self._last + self._hop)  # no note is without length
        return Heard(self._last, note, 0)

    def _latest(self, count: int) -> list[_Moment]:
        return [self._past[i] for i in range(max(-count, -len(self._past)), 0)]

    def _settled(self) -> float | None:
        """The pitch that the last frames agree on."""
        two = [m.pitch for m in self._latest(2) if m.pitch is not None and m.clarity >= SURE]
        if len(two) == 2 and abs(two[1] - two[0]) < SURE_SPREAD:
            return two[1]
        three = [m.pitch for m in self._latest(3) if m.pitch is not None]
        if len(three) == 3 and max(three) - min(three) < SETTLED:
            return median(three)
        return None

    def _glides(self) -> bool:
        """Whether the pitch is on its way: as quick as it came, or not yet at rest after a long way."""
        away = _run([m.pitch for m in self._past], lambda p: abs(p - self._centre) >= LEAVING)
        track = [m.pitch for m in self._latest(away + 1)]
        steps = [abs(b - a) if a is not None and b is not None else LEAP for a, b in pairwise(track)]
        now = sum(steps[-2:]) / 2
        if now > STILL and now > max(steps) / 2:
            return True
        rest = [p for p in track[-REST:] if p is not None]
        return away > TRAVEL and max(rest) - min(rest) > SETTLED

    def _doubtful(self, pitch: float) -> bool:
        """Whether the pitch may only be a fundamental that two others share: a note that dies away, and a new one."""
        lower = self._centre - pitch
        others = [self._centre + self._tuning, *(c.pitch for c in self._past[-1].frame.candidates)]
        if lower < FIFTH or not any(_harmonic(other - pitch - self._tuning) for other in others):
            return False
        lasted = _run([m.pitch for m in self._past], lambda p: abs(p - pitch) < NEAR)
        return lasted < (LASTING if lower < OCTAVE + 1 else 2 * LASTING)

    def _change(self, pitch: float) -> int:
        """Where the pitch became `pitch`, in samples: a window sees it once it fills half of it."""
        past = list(self._past)
        here = max(_run([m.pitch for m in past], lambda p: abs(p - pitch) < NEAR), 1)
        new = past[-here].frame.end
        for moment in reversed(past[:-here]):
            if moment.pitch is not None and abs(moment.pitch - self._centre) < NEAR and moment.clarity > 0.97:
                return int(0.25 * new + 0.75 * max(moment.frame.end, new - 12 * self._hop)) - self._hop
        return new - 2 * self._hop

    def _rise(self) -> int:
        """Where the sound began that has now a pitch, in samples."""
        past = list(self._past)
        now = max(m.frame.recent for m in past[-3:])
        lowest = min(m.frame.recent for m in past)
        at = len(past) - 1
        while at > 0 and past[at - 1].frame.recent > max(lowest + RISE, now - 20):
            at -= 1
        return past[at].frame.end - self._hop

    def _struck_again(self) -> int | None:
        """Where the note that sounds was struck once more, in samples; None where it goes on."""
        moments = [m for m in self._latest(MEMORY) if m.frame.end > self._began + FRESH * self._hop]
        if len(moments) < 3:
            return None
        since = [m.frame for m in moments]
        levels = [f.slow if self._centre < LOW else f.level for f in since]
        lowest = min(range(max(0, len(since) - SWING), len(since)), key=levels.__getitem__)
        before = levels[max(0, lowest - SWING) : lowest + 1]
        fallen, risen = max(before) - levels[lowest], levels[-1] - levels[lowest]
        steepest = max((a - b for a, b in zip(before, before[3:], strict=False)), default=0.0)
        held = [m.pitch for m in moments[:lowest] if m.pitch is not None]
        if held and max(held) - min(held) > STEADY:
            dipped = fallen >= DEEP and risen >= DEEP / 2
        else:
            dipped = fallen >= DIP and steepest >= STEEP and risen >= RISE
        brighter = since[-1].bright - min(f.bright for f in since[-4:])
        sudden = levels[-1] - min(levels[-4:])
        if dipped or sudden >= JUMP or (brighter >= FLARE and sudden >= 1.5):
            return since[lowest].end - self._hop
        return None


def _harmonic(interval: float) -> bool:
    """Whether a pitch that lies `interval` semitones higher is a harmonic, the second or above."""
    ratio = 2 ** (interval / 12)
    return ratio > 1.5 and abs(12 * math.log2(ratio / round(ratio))) < NEAR


def _run(track: Sequence[float | None], fits: Callable[[float], bool]) -> int:
    """How many of the last pitches fit, without a gap."""
    count = 0
    for pitch in reversed(track):
        if pitch is None or not fits(pitch):
            break
        count += 1
    return count
