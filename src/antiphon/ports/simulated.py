"""A jam in simulated time: the same improviser, with a clock that leaps from one event to the next."""

from __future__ import annotations

import math
from collections.abc import Callable

from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event, Events
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder

__all__ = ["run_simulated"]


def run_simulated(
    improviser: Improviser,
    tune: Events,
    recorder: Recorder,
    *,
    until: float = math.inf,
    progress: Callable[[float], None] | None = None,
) -> float:
    """Let `tune` (dtype `EVENT`, in order of time) play the human part; both sides go to `recorder`.

    Ends at `until` seconds, or when the tune is over and the improviser has nothing left to do, with every note of
    both closed. `progress` is told the simulated time, second by second. Returns the time at which the jam ended.
    """
    player = [Event(*row) for row in tune.tolist()]
    now, told, i = 0.0, 0.0, 0
    while True:
        wake = improviser.next_wake()
        at = min(player[i].at if i < len(player) else math.inf, math.inf if wake is None else wake)
        if at > until or at == math.inf:
            now = until if until < at < math.inf else now
            break
        now = max(now, at)
        if i < len(player) and player[i].at <= now:
            recorder.add(PLAYER, player[i])
            recorder.extend(MACHINE, improviser.receive(player[i], now))
            i += 1
        else:
            recorder.extend(MACHINE, improviser.wake(now))
        if progress is not None and now >= told + 1.0:
            told = now
            progress(now)
    for release in improviser.panic(now):
        recorder.add(MACHINE if release.instrument in improviser.parts.machine else PLAYER, release)
    return now
