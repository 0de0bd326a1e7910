"""Calibration: sends notes to an output, and hears them come back or hears a musician tap along with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from antiphon.ports.midi import Opened
from antiphon.ports.wire import NOTE_OFF, NOTE_ON

__all__ = ["loop_back", "tap_along"]

GAP = 0.05
"""Seconds between two notes that are sent round; no multiple of any usual period, so that all phases are met."""
UNEVEN = 0.0137
LAST_WORD = 0.5
"""Seconds for which the last note is waited for."""
PERIOD = 0.75
"""Seconds between two clicks: more than twice any latency that could be taken for the next click."""
LEAD = 1.0
"""Seconds before the first click."""
CLICK = (9, 76, 110)
"""Channel (from 0), pitch and velocity of a click: the high wood block."""


def loop_back(output: Opened, source: Opened, count: int) -> tuple[list[float], int]:
    """Send `count` notes that should come back. Returns how long each was under way, in seconds, and how many are lost.

    No two notes that are under way at once look alike.
    """
    came: dict[tuple[int, int], float] = {}

    def arrived(message: Sequence[int]) -> None:
        if len(message) == 3 and message[0] & 0xF0 == NOTE_ON and message[2]:
            came.setdefault((message[1], message[2]), time.monotonic())

    source.listen(arrived)
    taken = []
    sent: dict[tuple[int, int], float] = {}
    for i in range(count):
        key = (36 + i % 48, 1 + i // 48 % 127)
        came.pop(key, None)
        sent[key] = time.monotonic()
        output.send(bytes((NOTE_ON, *key)))
        output.send(bytes((NOTE_OFF, key[0], 0)))
        time.sleep(GAP + UNEVEN * (i % 7) / 7)
    time.sleep(LAST_WORD)
    source.client.cancel_callback()
    taken = [came[key] - at for key, at in sent.items() if key in came]
    return taken, count - len(taken)


def tap_along(output: Opened, count: int, taps: Opened | TextIO) -> tuple[list[float], list[float]]:
    """Click `count` times while a musician taps, on a MIDI input or by lines of a text.

    Returns when each click was sent and when each tap came, in monotonic seconds.
    """
    tapped: list[float] = []
    over = threading.Event()
    if isinstance(taps, Opened):
        taps.listen(lambda message: _tap(message, tapped))
    else:
        threading.Thread(target=_lines, args=(taps, tapped.append, over), daemon=True).start()
    begin = time.monotonic() + LEAD
    beats = [begin + i * PERIOD for i in range(count)]
    channel, pitch, velocity = CLICK
    for beat in beats:
        time.sleep(max(0.0, beat - time.monotonic()))
        output.send(bytes((NOTE_ON | channel, pitch, velocity)))
        time.sleep(PERIOD / 8)
        output.send(bytes((NOTE_OFF | channel, pitch, 0)))
    time.sleep(PERIOD / 2)
    over.set()
    if isinstance(taps, Opened):
        taps.client.cancel_callback()
    return beats, [at for at in tapped if at >= beats[0] - PERIOD / 2]


def _tap(message: Sequence[int], tapped: list[float]) -> None:
    if len(message) == 3 and message[0] & 0xF0 == NOTE_ON and message[2]:
        tapped.append(time.monotonic())


def _lines(text: TextIO, tapped: Callable[[float], None], over: threading.Event) -> None:
    for _ in text:
        if over.is_set():
            return
        tapped(time.monotonic())
