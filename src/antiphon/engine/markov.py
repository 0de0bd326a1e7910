"""The Markov model: it starts from nothing, learns from every note that it hears, and plays in that style.

F. Pachet, "The Continuator: Musical Interaction With Style", Journal of New Music Research 32 (2003): continuations of
the longest context that is known, drawn towards what sounds around. Each instrument is a line of its own, and what one
line did any other may go on with, in its own range.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.codec.stream import StreamEncoder
from antiphon.engine.belief import staying
from antiphon.engine.choices import Choices, Row
from antiphon.engine.markov_continuation import Onset, continued_phrase
from antiphon.engine.markov_file import read_repertoires, write_repertoires
from antiphon.engine.markov_line import Line
from antiphon.engine.markov_race import Race
from antiphon.engine.markov_repertoire import LONGEST_ORDER, UNKNOWN, Repertoire
from antiphon.engine.markov_wishes import placed, wished
from antiphon.engine.model import Constraints, NothingPossible
from antiphon.music.event import Event, check_event, is_drum
from antiphon.music.grid import Grid
from antiphon.music.ledger import Key, Ledger

__all__ = ["MarkovModel", "Snapshot"]

STALE = 2.0
"""Seconds for which a voice goes on with its own line; after them it goes on with the newest line of anyone."""
SURROUNDINGS = 16
"""Onsets by all, by which the harmony is judged."""
FADING = 0.9
"""How much less each of them counts than the one after it."""
STRANGE = 0.05
"""Odds of a pitch class that does not sound around, against the commonest one, when `harmony` is 1."""

_EVERYWHERE = np.ones(128, np.bool_)


@dataclass(frozen=True, slots=True)
class _Struck:
    """An onset that was heard and is not yet learned, and its place in its line."""

    event: Event
    before: Line


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is being played, not what was learned."""

    ledger: Ledger
    lines: dict[int, Line]
    surroundings: tuple[tuple[int, int], ...]
    struck: _Struck | None
    at: float
    tick: int | None


class MarkovModel:
    """A model that learns while it is played with; see `engine.model.Model` for the three questions.

    What was learned is kept when an older state is restored; only the playing goes back. An onset is learned when the
    next event comes, and only once: what is fed again after `restore`, at times that were learned already, renews what
    is being played and nothing else. Where a new clock begins, say `begin_session`.

    Drums learn from drums, all other instruments from each other.
    """

    name = "markov"

    def __init__(
        self,
        *,
        order: int = 4,
        most: int = 100_000,
        horizon: int = 4,
        most_copied: int = 12,
        harmony: float = 1.0,
        teachers: Container[int] | None = None,
        ignores: Container[int] = (),
    ) -> None:
        """`order`: pitches in the longest context, 1 to 7. `most`: onsets that are remembered, of drums and of others.

        `horizon`: how many onsets must find a place in the voice's range, the next one included. `most_copied`: onsets
        that may be the same in a row as something it learned before it is led away. `harmony`: how strongly the pitch
        classes that sound around draw the next one to them, 0 for not at all. It learns only from the instruments that
        are in `teachers` (None: from all) and not in `ignores`; all of this may be changed at any time, save `order`
        and `most`.
        """
        if not 1 <= order <= LONGEST_ORDER:
            raise ValueError(f"order cannot be {order}: it must be 1 to {LONGEST_ORDER}")
        if most < 1:
            raise ValueError(f"most cannot be {most}: something must be remembered")
        self.horizon, self.most_copied, self.harmony = horizon, most_copied, harmony
        self.teachers, self.ignores = teachers, ignores
        self.learning = True
        """Whether it learns from what it hears."""
        self.melodic, self.drums = Repertoire(order, most), Repertoire(order, most)
        self._intent: tuple[Key, float] | None = None  # what it last wanted to strike, and for how many seconds
        self._plans: dict[Key, tuple[float, float]] = {}  # for each key, its last onset by intent and when that ends
        self.restore(Snapshot(Ledger(), {}, (), None, -math.inf, None))

    def __len__(self) -> int:
        """How many onsets it remembers."""
        return len(self.melodic) + len(self.drums)

    def begin_session(self) -> None:
        """Hear a new clock: silence, and times that may be earlier than what was learned."""
        for repertoire in (self.melodic, self.drums):
            repertoire.begin_session()
        self._plans.clear()
        self.restore(Snapshot(Ledger(), {}, (), None, -math.inf, None))

    def save(self, path: Path) -> None:
        """Write what was learned to one file, whole or not at all. Raises OSError."""
        write_repertoires(path, {"melodic": self.melodic, "drums": self.drums})

    def load(self, path: Path) -> None:
        """Know just what was saved to `path` (of more than fits, the newest), and begin a session.

        Raises OSError where it cannot be read, and ValueError, in one line, where it is nothing that was saved; then
        nothing changes.
        """
        blank = {kind: Repertoire(self.melodic.order, self.melodic.most) for kind in ("melodic", "drums")}
        read_repertoires(path, blank)
        self.melodic, self.drums = blank["melodic"], blank["drums"]
        self.begin_session()

    # Hearing

    def snapshot(self) -> Snapshot:
        """What is being played: the lines and what sounds, not what was learned."""
        lines = dict(self._lines)
        return Snapshot(self._ledger.copy(), lines, self._surroundings, self._struck, self._at, self._encoder.last_tick)

    def restore(self, state: Snapshot) -> None:
        """Play on from where `state` was taken, with all that was learned since."""
        self._ledger, self._lines, self._surroundings = state.ledger.copy(), dict(state.lines), state.surroundings
        self._struck, self._at, self._encoder = state.struck, state.at, StreamEncoder(state.tick)
        self._intent = None

    def feed(self, event: Event, beat: Grid | None = None) -> None:  # noqa: ARG002 - it keeps to one when it plays
        """Hear an event. A release of what does not sound is ignored; striking a sounding key first releases it.

        Raises ValueError, and changes nothing, for a time that is not a number or a field out of range.
        """
        check_event(event)
        sounds = (event.instrument, event.pitch) in self._ledger
        if not event.velocity and not sounds:
            return
        heard = Event(max(event.at, self._at), event.instrument, event.pitch, event.velocity)
        self._learn_struck()
        self._encoder.encode(heard)
        self._at = heard.at
        if sounds:
            self._release(heard)
        if heard.velocity:
            self._strike(heard)

    def _strike(self, event: Event) -> None:
        repertoire, key = self._repertoire(event.instrument), (event.instrument, event.pitch)
        before = self._lines.get(event.instrument, Line())
        fresh = repertoire.is_new(event)
        self._lines[event.instrument] = before.struck(event.pitch, event.at, repertoire if fresh else None)
        self._struck = _Struck(event, before)
        self._ledger.strike(event)
        if not is_drum(event.instrument):
            self._surroundings = (*self._surroundings[1 - SURROUNDINGS :], key)
        if self._intent is not None and self._intent[0] == key:
            self._plans[key] = (event.at, event.at + self._intent[1])
        self._intent = None

    def _release(self, event: Event) -> None:
        since = self._ledger.release(event.instrument, event.pitch)
        if since is not None and self.learning:
            self._repertoire(event.instrument).end((event.instrument, event.pitch), since, event.at)

    def _learn_struck(self) -> None:
        """Learn the last onset: only when something follows it: what is fed once and taken back leaves no trace."""
        if self._struck is None:
            return
        event, before = self._struck.event, self._struck.before
        self._struck = None
        repertoire, line = self._repertoire(event.instrument), self._lines[event.instrument]
        taught = self.teachers is None or event.instrument in self.teachers
        if not self.learning or not taught or event.instrument in self.ignores or not repertoire.is_new(event):
            return
        begins = line.context >> 8 == 0
        context, leader = (0, -1) if begins else (before.context, before.position)
        position = repertoire.learn(event, context, before.gap_to(event.at), before.gap, leader)
        self._lines[event.instrument] = replace(line, position=position)

    def _repertoire(self, instrument: int) -> Repertoire:
        return self.drums if is_drum(instrument) else self.melodic

    # Playing

    def sample(self, constraints: Constraints, rng: np.random.Generator) -> Event:
        """Draw the next event. Raises NothingPossible when the constraints, or what was learned, leave none."""
        choices = Choices(constraints, self._ledger, self._at, self._encoder.last_tick)
        rows = [row for row in choices.rows if not row.loudest or len(self._repertoire(row.instrument))]
        if not rows:
            raise NothingPossible("nothing was heard yet that could be played")
        race = Race(choices.tick)
        begin = max(constraints.earliest, self._at)
        for instrument in dict.fromkeys(row.instrument for row in rows):
            self._enter(race, [row for row in rows if row.instrument == instrument], constraints, begin)
        contenders = race.contenders(constraints)
        for name in constraints.order:
            contenders = contenders.drawn(name, constraints, rng)
        (instrument, pitch, _, velocity), at, duration = contenders.one(rng)
        event = Event(at, int(instrument), int(pitch), int(velocity))
        self._intent = ((event.instrument, event.pitch), duration) if event.velocity else None
        return event

    def continuation(
        self, allowed: npt.NDArray[np.bool_], rng: np.random.Generator, *, instrument: int = 0
    ) -> list[Onset]:
        """Go on from the line that `instrument` would go on with by n onsets, pitch i within `allowed[i]`, (n, 128).

        Drawn exactly from the constrained Markov process (Pachet, Roy and Barbieri 2011): no search, and no end that is
        reached by accident. Raises NothingPossible when nothing that was learned leads through what is allowed.
        """
        repertoire = self._repertoire(instrument)
        if not len(repertoire):
            raise NothingPossible("nothing was heard yet that could be played")
        return continued_phrase(repertoire, self._line(instrument, self._at).context, allowed, rng)

    def _enter(self, race: Race, rows: list[Row], constraints: Constraints, begin: float) -> None:
        """Let one instrument, which may do what `rows` say, run for the next event."""
        instrument = rows[0].instrument
        voice, repertoire = constraints.voices[instrument], self._repertoire(instrument)
        strike = next((row for row in rows if row.loudest), None)
        ends = [(row, self._planned(instrument, int(row.pitches.argmax()), begin)) for row in rows if not row.loudest]
        for row, planned in ends:
            race.release(row, planned)
        overdue = strike is None and ends[0][0].begin == ends[0][0].end
        if not voice.may_start or not len(repertoire) or overdue:
            return
        own = self._lines.get(instrument, Line())
        wishes = wished(repertoire, self._line(instrument, begin), own, begin, self.most_copied)
        mask = _EVERYWHERE if voice.pitches is None else voice.pitches
        if strike is not None:
            mask = strike.pitches.copy()
            for row, _ in ends:
                mask |= row.pitches
        pitch, odds = placed(wishes, mask, own.recent[0] if own.recent else None)
        race.voice(wishes, pitch, odds * self._fitness(instrument, pitch, mask), strike, ends)

    def _line(self, instrument: int, begin: float) -> Line:
        """The line that a voice goes on with: its own while it is fresh, else the newest."""
        own = self._lines.get(instrument)
        if own is not None and begin - own.at <= STALE:
            return own
        alike = [line for other, line in self._lines.items() if is_drum(other) == is_drum(instrument)]
        return max(alike, key=lambda line: line.at, default=Line())

    def _planned(self, instrument: int, pitch: int, begin: float) -> float:
        """When a sounding note is to end: as intended, or when such notes mostly do; not before `begin` seconds."""
        since = self._ledger.sounding[instrument, pitch]
        struck, end = self._plans.get((instrument, pitch), (math.nan, math.nan))
        if struck == since:
            return max(end, begin)
        typical = float(self._repertoire(instrument).durations[pitch])
        lasts = UNKNOWN if math.isnan(typical) else max(typical, 0.01)
        while since + lasts < begin:
            lasts *= 2
        return since + lasts

    def _fitness(
        self, instrument: int, pitch: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        """What multiplies the odds of pitches, shape (m,): what sounds around, and where they lead within `mask`."""
        fitness = np.ones(len(pitch))
        repertoire = self._repertoire(instrument)
        if self.horizon > 1 and not mask.all():
            stays = staying(repertoire.transitions, repertoire.struck, mask, self.horizon - 1)[pitch]
            if stays.any():
                fitness *= stays
        others = [near % 12 for other, near in self._surroundings if other != instrument]
        if others and self.harmony and not is_drum(instrument):
            share = np.bincount(others, FADING ** np.arange(len(others), 0, -1), minlength=12)
            fitness *= (share / share.max() + STRANGE)[pitch % 12] ** self.harmony
        return fitness
