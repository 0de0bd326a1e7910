"""A musician in a process of their own: plays a MIDI file into `antiphon jam` over JACK and keeps what comes back.

Run as `python musician.py TUNE.mid SECONDS hold|release OUT.json`; SECONDS of the tune are played, keys still down then
are held or released, and it listens until its standard input is closed. OUT.json: what was `sent` and `heard`, each as
[monotonic seconds, byte, byte, byte].
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import rtmidi

from antiphon.music.midi_read import read_midi

PATIENCE = 20.0


def open_port(kind: Any, name: str) -> Any:
    """A client of JACK, connected to the first port whose name contains `name`, for which it waits a while."""
    client = kind(rtmidi.API_UNIX_JACK, "ear" if kind is rtmidi.MidiIn else "hand")
    given_up = time.monotonic() + PATIENCE
    while time.monotonic() < given_up:
        for place, port in enumerate(client.get_ports()):
            if name in port:
                client.open_port(place, "notes")
                return client
        time.sleep(0.05)
    raise SystemExit(f"no port named {name} came within {PATIENCE:g} s; there are {client.get_ports()}")


def main() -> None:
    tune, seconds, last, out = sys.argv[1], float(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    heard: list[list[float]] = []
    sent: list[list[float]] = []
    ear = open_port(rtmidi.MidiIn, "antiphon output")
    ear.set_callback(lambda stamped, _: heard.append([time.monotonic(), *stamped[0]]))
    hand = open_port(rtmidi.MidiOut, "antiphon input")

    def play(*message: int) -> None:
        sent.append([time.monotonic(), *message])
        hand.send_message(message)

    begin = time.monotonic()
    down: set[int] = set()
    for at, _, pitch, velocity in read_midi(tune).events().tolist():
        if at >= seconds:
            break
        time.sleep(max(0.0, begin + at - time.monotonic()))
        play(0x90 if velocity else 0x80, pitch, velocity)
        (down.add if velocity else down.discard)(pitch)
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    for pitch in down if last == "release" else ():
        play(0x80, pitch, 0)
    print("played", flush=True)
    sys.stdin.read()
    ear.cancel_callback()
    out.write_text(json.dumps({"sent": sent, "heard": heard}))
    hand.close_port()
    ear.close_port()


if __name__ == "__main__":
    main()
