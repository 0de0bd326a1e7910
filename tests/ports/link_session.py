"""Two players in a Link session of their own, on a network that consists of this machine's loopback and nothing else.

Run by `test_link` as a program within a private network namespace; prints what happened as JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from functools import partial

from antiphon.music.grid import Grid
from antiphon.ports.link import Link

GET_FLAGS, SET_FLAGS, UP, MULTICAST = 0x8913, 0x8914, 0x1, 0x1000  # of <linux/sockios.h> and <linux/if.h>


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14s", b"lo", flags | UP | MULTICAST, b""))


def until(true: Callable[[], object], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


def tempo(link: Link) -> float:
    return link.grid.tempo if link.grid is not None else 0.0


def apart(one: Link, other: Link) -> float:
    """Seconds between their bars."""
    assert one.grid is not None
    assert other.grid is not None
    now = time.monotonic()
    bars = (one.grid.beat(now) - other.grid.beat(now)) / 4.0
    return abs(bars - round(bars)) * 4.0 * one.grid.period


def agree(one: Link, other: Link, at: float) -> bool:
    return all(abs(tempo(link) - at) < 1e-3 * at for link in (one, other))


def main() -> None:
    raise_loopback()
    lost: list[str] = []
    grids: list[Grid] = []
    first = Link(grids.append, lost.append, tempo=93.0)
    second = Link(lambda grid: None, lost.append, tempo=141.0)
    seen: dict[str, object] = {}
    first.start()
    seen["alone"] = tempo(first)
    second.start()
    seen["met"] = until(lambda: first.peers == second.peers == 1)
    seen["joined"] = until(lambda: abs(tempo(second) - tempo(first)) < 0.01)
    apart_ms = [1e3 * apart(first, second)]
    for setter, to in ((first, 20.0), (second, 999.0), (first, 120.0)):
        setter.set_tempo(to)
        seen[f"{to:g}"] = until(partial(agree, first, second, to))
        time.sleep(0.3)
        apart_ms.append(1e3 * apart(first, second))
    seen["apart_ms"] = max(apart_ms)
    first.set_playing(True)
    seen["playing"] = until(lambda: second.playing)
    told = len(grids)
    time.sleep(2.5)
    seen["told_while_steady"] = len(grids) - told
    assert second._process is not None
    os.kill(second._process.pid, signal.SIGKILL)
    seen["lost"] = until(lambda: lost)
    begun = time.monotonic()
    second.close()
    first.close()
    first.close()
    seen["closing"] = time.monotonic() - begun
    seen["reports"] = lost
    seen["imported"] = "aalink" in sys.modules
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
