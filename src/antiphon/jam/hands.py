"""Hands: the machine's own notes, from the moment at which each is struck until it must have ended."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from antiphon.jam.answers import LastAnswer
from antiphon.jam.harmony import Harmony, follower_voice
from antiphon.jam.listening import Listening
from antiphon.jam.memory import Context
from antiphon.jam.planning import Chord, Planner
from antiphon.jam.scene import Scene
from antiphon.music.event import Event, is_drum
from antiphon.music.ledger import Key, Ledger

__all__ = ["Hands", "Tally", "moved"]


@dataclass
class Tally:
    """What happened so far, in events, for meters and tests."""

    heard: int = 0
    played: int = 0
    late: int = 0
    refused: int = 0
    forced: int = 0


class Hands:
    """Strikes and releases the machine's notes, and those of the voices that follow a note of anyone.

    Every event is entered in the ledger and handed out, whatever happens in between: an exception of the model never
    costs a release.
    """

    def __init__(self, scene: Scene, context: Context, planner: Planner, listening: Listening) -> None:
        self.ledger = Ledger()
        self.tally = Tally()
        self.answer = LastAnswer()
        self.struck = 0
        """Notes that the machine's own voices struck in this turn, or since the player's last note."""
        self.silent_since = -math.inf
        """When the machine's own voices last did something, or their turn began, in seconds."""
        self.chord: Chord | None = None
        """The chord that is being built, where only chords are wanted."""
        self.own: dict[Key, float] = {}
        """The machine's sounding notes, and when each must have ended at the latest."""
        self._scene = scene
        self._context = context
        self._planner = planner
        self._listening = listening
        self._harmony = Harmony()
        self._out: list[Event] = []  # entered in the ledger, not yet handed out
        self._unheard: set[Key] = set()  # struck while it was not listened to, so memory never knew of them

    # Handing out

    @property
    def is_full(self) -> bool:
        """Whether something waits to be handed out."""
        return bool(self._out)

    def handed_out(self) -> list[Event]:
        """What is to be sent, each once, in the order in which it was entered."""
        out, self._out = self._out, []
        return out

    # Striking and releasing

    def play(self, event: Event) -> None:
        """Enter and feed the machine's own event, at the time at which it can sound: never in the past."""
        sent = moved(event, max(event.at, self._scene.now))
        key = (sent.instrument, sent.pitch)
        if sent.is_onset:
            self.own[key] = sent.at + self._scene.voicing.longest(sent.instrument)
        else:
            del self.own[key]
        self._out.append(sent)
        self.tally.played += 1
        if self._scene.is_auto(sent.instrument):
            self.silent_since = sent.at
        entered = self._enter(sent, "hear_itself")
        self.answer.played(entered, self._scene.settings.number("silence"))
        if sent.is_onset:
            self._count(entered)
            self.harmonise(entered)
        else:
            self.release_followers(key)
            self._end_chord(sent)

    def close(self, key: Key) -> None:
        """Release one of the machine's notes now, or as soon as its onset, already handed out, has sounded."""
        self.play(Event(max(self._scene.now, self.ledger.sounding.get(key, self._scene.now)), *key, 0))

    def close_all(self, keys: Iterable[Key] | None = None) -> bool:
        """Release these notes of the machine's, all when None. Returns whether there were any."""
        closing = [key for key in (self.own if keys is None else keys) if key in self.own]
        for key in closing:
            if key in self.own:  # its chord or its source may have ended it meanwhile
                self.close(key)
        return bool(closing)

    def close_voice(self, instrument: int) -> bool:
        """Release all that one of the machine's voices holds. Returns whether there was anything."""
        return self.close_all([key for key in self.own if key[0] == instrument])

    def cut_overdue(self) -> bool:
        """Release what has lasted as long as it may, whatever the model has in mind. Returns whether there was any."""
        overdue = [key for key in self.own if self._must_end(key) <= self._scene.now]
        self.tally.forced += len(overdue)
        return self.close_all(overdue)

    def panic(self) -> None:
        """Release everyone's notes, the player's too; asks the model for nothing when the context is to be renewed.

        Only the machine's releases are handed out: who passes the player's notes on closes them.
        """
        self.close_all()
        for release in self.ledger.closing(self._scene.now):
            self._enter(release, "hear_you")
        self.own.clear()
        self._unheard.clear()
        self._harmony.clear()

    def hear(self, event: Event) -> Event:
        """Enter the player's event. Returns it at the time at which it was entered."""
        return self._enter(event, "hear_you")

    # Voices that follow

    def harmonise(self, source: Event) -> None:
        """Let the voices that follow strike with `source`, an onset that was just entered."""
        scene = self._scene
        if scene.says("mute", "on") or scene.says("hold", "on"):
            return
        for follower in scene.ensemble.followers(source.instrument):
            strip = scene.ensemble.strip_of(follower)
            held = sum(key[0] == follower for key in self.own)
            if strip.mute or held >= scene.voicing.most(follower):
                continue
            pitches = scene.voicing.pitches(follower, scene.now, self._listening, avoiding=False)
            voice = follower_voice(strip, source, pitches)
            event = None if voice is None else self._planner.follower(follower, voice, scene.voicing)
            if event is not None and (follower, event.pitch) not in self.own:
                self._harmony.struck((source.instrument, source.pitch), (follower, event.pitch))
                self.play(event)

    def release_followers(self, source: Key) -> None:
        """End the notes that were struck because of `source`."""
        self.close_all(self._harmony.released(source))

    # When what must end

    def next_end(self) -> float:
        """When the first of the machine's notes must have ended, in seconds; inf when nothing sounds."""
        return min((self._must_end(key) for key in self.own), default=math.inf)

    def auto_sounds(self) -> bool:
        """Whether a voice that plays by itself holds a note."""
        return any(self._scene.is_auto(instrument) for instrument, _ in self.own)

    def _must_end(self, key: Key) -> float:
        """A turn that is over ends what was played in it, but not what follows the player."""
        return min(self.own[key], self._scene.quiet_by) if self._scene.is_auto(key[0]) else self.own[key]

    # Entering

    def _enter(self, event: Event, switch: str) -> Event:
        """Ledger, memory and model hear `event`, at a time that never runs backwards; returns it at that time.

        With `switch` off it is not remembered, nor heard at all when it is the player's. A release is heard just where
        its onset was.
        """
        heard = moved(event, max(event.at, self._context.latest))
        key = (event.instrument, event.pitch)
        self.ledger.apply(heard)
        if event.is_onset and self._scene.says(switch, "off"):
            self._unheard.add(key)
        known = key not in self._unheard
        if not event.is_onset:
            self._unheard.discard(key)
        if known or switch == "hear_itself":
            self._context.feed(heard, self._scene.beat, remember=known)
        return heard

    def _count(self, onset: Event) -> None:
        if not self._scene.is_auto(onset.instrument):
            return
        self.struck += 1
        self._planner.struck(onset.instrument)
        chords = self._scene.voicing.texture == "chords" and not is_drum(onset.instrument)
        if chords and self.chord is None:
            self.chord = Chord(onset.instrument, onset.at, 1)

    def _end_chord(self, released: Event) -> None:
        """Where only chords are wanted, a chord ends as one."""
        if self._scene.voicing.texture == "chords" and not is_drum(released.instrument):
            self.chord = None
            self.close_voice(released.instrument)


def moved(event: Event, at: float) -> Event:
    """`event` at another time, in seconds."""
    return Event(at, event.instrument, event.pitch, event.velocity)
