"""A jam in simulated time: the same partner, with a clock that leaps from one event to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from antiphon.music.event import Event, Events
from antiphon.music.ledger import Ledger
from antiphon.ports.host import Partner
from antiphon.ports.recorder import MACHINE, PLAYER, Recorder

__all__ = ["Happening", "run_simulated"]

Happening = tuple[float, Callable[[float], Iterable[Event]]]
"""Something that is done at a time in seconds: given the time, it answers with events to be sent."""


def run_simulated(
    partner: Partner,
    tune: Events,
    recorder: Recorder,
    *,
    happenings: Sequence[Happening] = (),
    thinking: float = 0.0,
    until: float = math.inf,
    progress: Callable[[float], None] | None = None,
) -> float:
    """Let `tune` (dtype `EVENT`, in order of time) play the human part; both sides go to `recorder`.

    `happenings`, in order of time, are done on the way; each wake takes `thinking` seconds. Ends at `until` seconds,
    or when the tune is over and the partner has nothing left to do, with every note of both closed. `progress` is told
    the simulated time, second by second. Returns the time at which the jam ended.
    """
    player = [Event(*row) for row in tune.tolist()]
    now, told, played, happened = 0.0, 0.0, 0, 0
    while True:
        wake = partner.next_wake()
        next_played = player[played].at if played < len(player) else math.inf
        next_happening = happenings[happened][0] if happened < len(happenings) else math.inf
        at = min(next_played, next_happening, math.inf if wake is None else wake)
        if at > until or at == math.inf:
            now = until if until < at < math.inf else now
            break
        now = max(now, at)
        if next_happening <= now:
            recorder.extend(MACHINE, happenings[happened][1](now))
            happened += 1
        elif next_played <= now:
            recorder.add(PLAYER, player[played])
            recorder.extend(MACHINE, partner.receive(player[played], now))
            played += 1
        else:
            recorder.extend(MACHINE, partner.wake(now))
            partner.took(thinking)
            now += thinking
        if progress is not None and now >= told + 1.0:
            told = now
            progress(now)
    recorder.extend(MACHINE, partner.panic(now))
    sounding = Ledger()
    for event in recorder.as_it_came(PLAYER):
        sounding.apply(event)
    recorder.extend(PLAYER, sounding.closing(now))
    return now
