"""Whether nonsense at the doors of a jam slows those who play: 200 garbled messages a second by WebSocket and by OSC.

Somebody plays at the page all the while. Rounds with and without the flood alternate, so that whatever else the machine
does falls on both. What counts is the time from a key at the page until the jam has told the page of it, which is after
the model has heard it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

RATE = 200.0
"""Garbled messages a second, at each door."""
NOTES = 10.0
"""Notes a second that are played."""


def garbage(rng: np.random.Generator) -> bytes:
    """Something that is no message, or nearly one."""
    nearly = [
        b'{"t":"set","name":"share","value":1e999}',
        b'{"t":"midi","data":[144,60',
        b'{"t":"strip","channel":-1,"fields":{"range":[9,1]}}',
        b"[" * 500,
        b"\x00/antiphon/control/share\x00,f\x00",
        b"/antiphon/control/share\0,f\0\0\x7f\xc0\0\0",
        b"#bundle\0" + b"\xff" * 12,
    ]
    choice = int(rng.integers(len(nearly) + 1))
    return nearly[choice] if choice < len(nearly) else rng.bytes(int(rng.integers(1, 900)))


def flood(address: str, port: int, over: threading.Event) -> None:
    """Send nonsense to both doors until it is `over`."""
    rng = np.random.default_rng(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire, connect(address) as page:
        reader = threading.Thread(target=lambda: [None for _ in page], daemon=True)
        reader.start()
        begun, sent = time.monotonic(), 0
        while not over.is_set():
            wire.sendto(garbage(rng), ("127.0.0.1", port))
            page.send(garbage(rng).decode("latin-1"))
            sent += 1
            time.sleep(max(0.0, begun + sent / RATE - time.monotonic()))


def play(address: str, seconds: float) -> list[float]:
    """Milliseconds from a key at the page until the page is told of it. None is lost, or this raises."""
    times = []
    with connect(address) as page:
        for number in range(round(seconds * NOTES)):
            due = time.monotonic() + 1 / NOTES
            for velocity in (80, 0):
                begun = time.perf_counter()
                page.send(json.dumps({"t": "midi", "data": [0x90, 48 + number % 24, velocity]}))
                while True:
                    news = json.loads(page.recv(timeout=10))
                    if news["t"] == "note" and news["who"] == "you" and news["velocity"] == velocity:
                        break
                times.append(1e3 * (time.perf_counter() - begun))
                time.sleep(0.5 / NOTES)
            time.sleep(max(0.0, due - time.monotonic()))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="of each kind")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each round")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = ["jam", "--page", "--page-port", "0", "--no-browser", "--osc", "0", "--take", f"{folder}/jam.take"]
        report = Path(folder) / "report.json"
        jam = subprocess.Popen(
            [sys.executable, "-m", "antiphon", *command, "--report", str(report)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_DATA_HOME": folder},
        )
        assert jam.stderr is not None
        said = ""
        for line in jam.stderr:
            said += line
            if "listens" in line:
                break
        threading.Thread(target=jam.stderr.read, daemon=True).start()
        page = re.search(r"http://(\S+)", said)
        osc = re.search(r"OSC: \S+:(\d+)", said)
        assert page is not None
        assert osc is not None
        address = f"ws://{page[1]}jam"
        play(address, 3.0)
        times: dict[str, list[float]] = {"calm": [], "flooded": []}
        for _ in range(args.rounds):
            times["calm"] += play(address, args.seconds)
            over = threading.Event()
            flooding = threading.Thread(target=flood, args=(address, int(osc[1]), over))
            flooding.start()
            times["flooded"] += play(address, args.seconds)
            over.set()
            flooding.join()
        jam.send_signal(signal.SIGINT)
        jam.wait()
    for name, sample in times.items():
        p50, p99 = np.percentile(sample, (50, 99))
        print(f"{name:8} {len(sample)} messages, none lost: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    ratio = np.percentile(times["flooded"], 99) / np.percentile(times["calm"], 99)
    print(f"p99 flooded / calm: {ratio:.2f}")


if __name__ == "__main__":
    main()
