"""The ledger: which notes sound, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from antiphon.music.event import Event

__all__ = ["Key", "Ledger"]

Key = tuple[int, int]
"""(instrument, pitch): the thing that can sound once at a time."""


class Ledger:
    """What sounds, longest first. Entering an event costs O(1).

    The ledger believes what it is told: a second onset on a key restarts the note there, a release of a silent key
    changes nothing. Whoever must answer for both (a port, a filter) asks first with `in` or `strike`'s answer.
    """

    __slots__ = ("_since", "sounding")

    sounding: Mapping[Key, float]
    """(instrument, pitch) -> onset in seconds; a live, read-only view, longest-sounding first."""

    def __init__(self) -> None:
        self._since: dict[Key, float] = {}
        self.sounding = MappingProxyType(self._since)

    def __contains__(self, key: object) -> bool:
        return key in self._since

    def __iter__(self) -> Iterator[Key]:
        return iter(self._since)

    def __len__(self) -> int:
        return len(self._since)

    def meant(self, event: Event) -> tuple[Event, ...]:
        """What `event` comes to, which is not entered: nothing where it releases silence, and where it strikes a key
        that sounds, first that key's release."""
        if (event.instrument, event.pitch) not in self._since:
            return (event,) if event.velocity else ()
        if not event.velocity:
            return (event,)
        return Event(event.at, event.instrument, event.pitch, 0), event

    def apply(self, event: Event) -> None:
        """Enter an event, onset or release."""
        if event.velocity > 0:
            self.strike(event)
        else:
            self.release(event.instrument, event.pitch)

    def strike(self, event: Event) -> float | None:
        """Enter an onset. Returns the onset (seconds) of the note that it cut off on its key, or None."""
        key = (event.instrument, event.pitch)
        cut = self._since.pop(key, None)  # out and in again, so that the order stays the order of onsets
        self._since[key] = event.at
        return cut

    def release(self, instrument: int, pitch: int) -> float | None:
        """Enter a release. Returns the onset (seconds) of the note that it ended, or None when the key was silent."""
        return self._since.pop((instrument, pitch), None)

    def closing(self, at: float) -> list[Event]:
        """The releases, all at `at` seconds, that end everything that sounds. The ledger itself is not changed."""
        return [Event(at, instrument, pitch, 0) for instrument, pitch in self._since]

    def copy(self) -> Ledger:
        """An independent ledger with the same notes."""
        twin = Ledger()
        twin._since.update(self._since)
        return twin
