"""The player, as the machine knows them: the keys they hold, their instruments, and the voices that they took over."""

from __future__ import annotations

from antiphon.jam.punch import Punched
from antiphon.jam.scene import Scene
from antiphon.music.event import Event
from antiphon.music.ledger import Key

__all__ = ["Player"]


class Player:
    """The human part."""

    def __init__(self, scene: Scene) -> None:
        self.held: set[Key] = set()
        """The keys that are down."""
        self.instruments: set[int] = set()
        """The instruments they were heard on, but for the machine's own."""
        self.punched = Punched()
        """The machine's voices that are theirs for now."""
        self._scene = scene

    def did(self, event: Event) -> None:
        """They struck or released a key."""
        key = (event.instrument, event.pitch)
        (self.held.add if event.is_onset else self.held.discard)(key)
        if event.instrument in self._scene.machine:
            self.punched.played(event.instrument, self._scene.now)
        else:
            self.instruments.add(event.instrument)

    def rearranged(self) -> None:
        """The strips are others: what is the machine's now is no longer theirs."""
        self.instruments -= self._scene.machine
        self.punched.keep(self._scene.machine)

    def let_go(self) -> None:
        """Nothing is held any more, and every voice is whose it was."""
        self.held.clear()
        self.punched.clear()

    def next_back(self) -> float:
        """When the first voice that they took over is the machine's again, in seconds; inf for never."""
        return self.punched.next_back(self._scene.ensemble, self._held_instruments())

    def gives_back(self) -> bool:
        """Give back the voices that they let go of for long enough. Returns whether there was any."""
        return self.punched.take_back(self._scene.ensemble, self._held_instruments(), self._scene.now)

    def _held_instruments(self) -> frozenset[int]:
        return frozenset(instrument for instrument, _ in self.held)
