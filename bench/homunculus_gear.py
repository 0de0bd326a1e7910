"""The keyboard and the synthesiser of `tests/e2e/gear.py`, which also can:

probe           strike the lowest key again and again until its note comes back on channel 1, then release it
tagged SECONDS  the bundled minuet round and round; each onset has a velocity by which its echoes are known
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET
from tests.e2e import gear

PROBE = 21
"""The lowest key of a piano, which the minuet never strikes."""
TAGS = range(40, 110)
"""Velocities, given out in turn: at five onsets a second each comes back after fourteen seconds."""
STEP = 0.22
"""Seconds from one note of the line to the next."""


class Tagger(gear.Gear):
    """Gear whose onsets can be told apart."""

    def probe(self) -> None:
        while not any(message[1:3] == [0x90, PROBE] and message[3] for message in self.heard[-64:]):
            self.send("144", str(PROBE), "1")
            time.sleep(0.02)
            self.send("128", str(PROBE), "0")
            time.sleep(0.005)

    def tagged(self, tune: str, seconds: str) -> None:
        events = TUNES[tune]()
        length = events[-1][0] + 0.2
        tags = itertools.cycle(TAGS)
        begin = time.monotonic()
        down: set[int] = set()
        for again in itertools.count():
            for at, pitch, strikes in events:
                due = at + again * length
                if due >= float(seconds):
                    for left in down:
                        self.send("128", str(left), "0")
                    return
                time.sleep(max(0.0, begin + due - time.monotonic()))
                (down.add if strikes else down.discard)(pitch)
                self.send("144" if strikes else "128", str(pitch), str(next(tags) if strikes else 0))


def chords() -> list[tuple[float, int, bool]]:
    """The minuet as it is: (seconds, pitch, whether it is struck)."""
    return [(at, pitch, velocity > 0) for at, _, pitch, velocity in read_midi(MENUET).events().tolist()]


def line() -> list[tuple[float, int, bool]]:
    """The minuet's notes one after another."""
    pitches = [pitch for _, pitch, strikes in chords() if strikes]
    return [
        event
        for place, pitch in enumerate(pitches)
        for event in ((place * STEP, pitch, True), ((place + 0.8) * STEP, pitch, False))
    ]


TUNES = {"line": line, "chords": chords}


if __name__ == "__main__":
    gear.Gear = Tagger  # type: ignore[misc]  # the same program, with more orders
    gear.main()
