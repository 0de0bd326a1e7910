"""A keyboard and a synthesiser in a process of their own, which can be unplugged, over JACK.

Run as `python gear.py NAME OUT.json`: the keyboard is the port `NAME keys:notes`, the synthesiser `NAME synth:notes`.
Each line on standard input is an order, and is answered with `done`:

    send 144 60 80        send a message
    notes COUNT GAP       COUNT short notes, GAP seconds from one to the next
    clock BEATS TEMPO     ticks of a MIDI clock
    tune SECONDS          the beginning of the bundled minuet
    echo DELAY            from now on each onset that is heard is played on the keyboard, DELAY seconds later
    unplug, plug          both ports are gone; both are back
    quit                  write what was sent and heard, each as [monotonic seconds, byte, byte, byte], and end
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import rtmidi

from antiphon.music.midi_read import read_midi
from antiphon.tunes import MENUET


class Gear:
    """The two ports, and everything that passed."""

    def __init__(self, name: str, out: Path) -> None:
        self.name, self.out = name, out
        self.sent: list[list[float]] = []
        self.heard: list[list[float]] = []
        self.delay: float | None = None
        self.plug()

    def plug(self) -> None:
        self._keys: Any = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, f"{self.name} keys")
        self._keys.open_virtual_port("notes")
        self._synth: Any = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, f"{self.name} synth")
        self._synth.ignore_types(sysex=False, timing=False, active_sense=False)
        self._synth.set_callback(lambda stamped, _: self.arrived(stamped[0]))
        self._synth.open_virtual_port("notes")

    def arrived(self, message: list[int]) -> None:
        self.heard.append([time.monotonic(), *message])
        if self.delay is not None and message[0] & 0xF0 == 0x90 and message[2]:
            if self.delay:
                threading.Timer(self.delay, self._keys.send_message, (message,)).start()
            else:
                self._keys.send_message(message)

    def echo(self, delay: str) -> None:
        self.delay = float(delay)

    def unplug(self) -> None:
        self._synth.cancel_callback()
        for port in (self._keys, self._synth):
            port.close_port()
            port.delete()

    def send(self, *message: str) -> None:
        numbers = [int(byte) for byte in message]
        self.sent.append([time.monotonic(), *numbers])
        self._keys.send_message(numbers)

    def notes(self, count: str, gap: str) -> None:
        begin = time.monotonic()
        for i in range(int(count)):
            time.sleep(max(0.0, begin + i * float(gap) - time.monotonic()))
            pitch = str(36 + i % 60)
            self.send("144", pitch, "80")
            if float(gap) > 0.001:
                time.sleep(float(gap) / 2)
            self.send("128", pitch, "0")

    def clock(self, beats: str, tempo: str) -> None:
        begin, tick = time.monotonic(), 60.0 / float(tempo) / 24
        for i in range(24 * int(beats)):
            time.sleep(max(0.0, begin + i * tick - time.monotonic()))
            self.send("248")

    def tune(self, seconds: str) -> None:
        begin = time.monotonic()
        for at, _, pitch, velocity in read_midi(MENUET).events().tolist():
            if at < float(seconds):
                time.sleep(max(0.0, begin + at - time.monotonic()))
                self.send("144" if velocity else "128", str(pitch), str(velocity))

    def quit(self) -> None:
        self.out.write_text(json.dumps({"sent": self.sent, "heard": self.heard}))
        print("done", flush=True)
        os._exit(0)  # the clients of a dead server are better left alone


def main() -> None:
    gear = Gear(sys.argv[1], Path(sys.argv[2]))
    print("done", flush=True)
    for line in sys.stdin:
        order, *arguments = line.split()
        getattr(gear, order)(*arguments)
        print("done", flush=True)


if __name__ == "__main__":
    main()
