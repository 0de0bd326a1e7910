"""A peer of an Ableton Link session, as a process of its own: `python -m antiphon.ports.link_peer TEMPO METER`.

It stands alone because the library that speaks Link is under the GPL, which the rest of Antiphon is not: this program
is the only one that imports it, and all that passes between the two are lines of JSON.

Out, whenever the session changes and once a second: `{"tempo": quarter notes a minute, "beat": quarter notes, "at":
seconds, "peers": others in the session, "playing": bool}`, where `beat` falls at `at` on this machine's monotonic clock
and bars begin at its multiples of the meter; or `{"error": why it ends}`. In: `{"tempo": 97.5}` and
`{"playing": true}`. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["main"]

LOOK = 0.05
"""Seconds between two looks at the session, which does not tell when its beat moves."""
HEARTBEAT = 1.0
"""Seconds after which what is known is said again."""
MOVED = 0.0005
"""Seconds by which a beat must have moved for it to be a change."""
QUICKLY = 0.0002
"""Seconds that reading a beat may take, so that it is known when it was read."""
TRIES = 10

State = dict[str, Any]


def main() -> int:
    """Run until standard input ends. Returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it, and ends its input
    try:
        from aalink import Link
    except ImportError as error:
        _say({"error": str(error)})
        return 1
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_run(Link, float(sys.argv[1]), int(sys.argv[2])))
    return 0


async def _run(make: Callable[[float], Any], tempo: float, meter: int) -> None:
    link = make(tempo)
    link.quantum = meter
    link.start_stop_sync_enabled = True
    link.enabled = True
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_listen, args=(link, loop, over), daemon=True).start()
    said: State | None = None
    while not over.is_set():
        seen = _look(link)
        if said is None or seen["at"] >= said["at"] + HEARTBEAT or _changed(said, seen):
            _say(seen)
            said = seen
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK)
    link.enabled = False


def _listen(link: Any, loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    """Do what standard input says, until it ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "tempo" in asked:
            loop.call_soon_threadsafe(setattr, link, "tempo", asked["tempo"])
        if "playing" in asked:
            loop.call_soon_threadsafe(setattr, link, "playing", asked["playing"])
    loop.call_soon_threadsafe(over.set)


def _look(link: Any) -> State:
    """The session now; what took too long to read is read again."""
    for _ in range(TRIES):
        before, beat, after = time.monotonic(), link.beat, time.monotonic()
        if after - before < QUICKLY:
            break
    return {
        "tempo": link.tempo,
        "beat": beat,
        "at": 0.5 * (before + after),
        "peers": link.num_peers,
        "playing": link.playing,
    }


def _changed(said: State, seen: State) -> bool:
    beat = said["beat"] + (seen["at"] - said["at"]) * said["tempo"] / 60.0
    moved = abs(seen["beat"] - beat) * 60.0 / seen["tempo"] > MOVED
    return moved or any(said[name] != seen[name] for name in ("tempo", "peers", "playing"))


def _say(state: State) -> None:
    print(json.dumps(state), flush=True)


if __name__ == "__main__":
    sys.exit(main())
