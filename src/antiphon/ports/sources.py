"""Several sources as one."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.ports.base import Listener, Source

__all__ = ["Sources"]


class Sources:
    """All of `sources`, started in order and closed in the opposite one."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)

    def start(self, listener: Listener) -> None:
        """Begin to tell `listener`. Raises `PortError`; then none of them is left open."""
        for source in self._sources:
            try:
                source.start(listener)
            except OSError:
                self.close()
                raise

    def close(self) -> None:
        """Tell nothing more."""
        for source in reversed(self._sources):
            source.close()
