"""A query over OSC: there and back on this machine, against the engine's own time, and against Notochord's server.

One client asks one server at a time and waits for each reply. The servers run as their users start them. Rounds
alternate, so that whatever else the machine does falls on all of them; of each, the round with the lowest median
counts. `engine` is what the server's own session needs for the same message in this process, without any OSC.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from antiphon.engine import open_model
from antiphon.faces.osc_addresses import ADDRESSES, read_arguments
from antiphon.faces.osc_query import Wish, query_wish
from antiphon.faces.osc_session import Session, prepared
from antiphon.ports.osc_packets import read_packet, write_message

FOUR = ["include_inst", [1, 25, 33, 49], "min_time", 0.0, "max_time", 2.0, "pitch_temp", 0.9]
ASKED: dict[str, tuple[str, list[Any]]] = {
    "four voices, and feed": ("/notochord/query_feed", FOUR),
    "four voices": ("/notochord/query", FOUR),
    "a pitch": ("/notochord/query", ["next_inst", 1, "next_time", 0.0, "next_vel", 80]),
    "anything": ("/notochord/query", []),
}
WIRE = "nothing: /antiphon/ping"
WARM_UP = 50
PAUSE = 0.002
"""Seconds between a reply and the next query: an endless load is not how a musician asks."""


def timed(ask: Callable[[], None], count: int) -> list[float]:
    """Milliseconds that each call took."""
    times = []
    for _ in range(WARM_UP + count):
        begun = time.perf_counter()
        ask()
        times.append(1e3 * (time.perf_counter() - begun))
        time.sleep(PAUSE)
    return times[WARM_UP:]


def draw(session: Session, wish: Wish, *, keep: bool) -> None:
    """What the desk has the session do."""
    drawn = session.draw(wish)
    if keep:
        session.feed(drawn.heard)


def engine_times(count: int) -> dict[str, list[float]]:
    """What the session itself needs, without a message."""
    session = Session(prepared(open_model("antiphon"), None), np.random.default_rng(1))
    found = {}
    for name, (address, args) in ASKED.items():
        session.reset()
        where = ADDRESSES[address]
        wish = query_wish(read_arguments(where, args))
        found[name] = timed(lambda wish=wish, keep=where.keeps: draw(session, wish, keep=keep), count)  # type: ignore[misc]
    return found


def server_times(command: list[str], port: int, count: int, *, ours: bool) -> dict[str, list[float]]:
    """What a client waits for."""
    found = {}
    with serving(command), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        wait_for(client, port)
        for name, (address, args) in ASKED.items():
            client.sendto(write_message("/notochord/reset"), ("127.0.0.1", port))
            packet = write_message(address, *args)

            def ask(packet: bytes = packet) -> None:
                client.sendto(packet, ("127.0.0.1", port))
                (reply,) = read_packet(client.recv(65536))
                assert reply.address == "/return/notochord/query", reply

            found[name] = timed(ask, count)
        if ours:
            found[WIRE] = timed(lambda: ping(client, port), count)
    return found


def ping(client: socket.socket, port: int) -> None:
    """There and back with nothing in between."""
    client.sendto(write_message("/antiphon/ping"), ("127.0.0.1", port))
    client.recv(65536)


def wait_for(client: socket.socket, port: int) -> None:
    """Ask until there is an answer, at most a minute, and take all the answers."""
    client.settimeout(0.5)
    for _ in range(120):
        with contextlib.suppress(OSError):  # nobody listens yet
            client.sendto(write_message("/notochord/query"), ("127.0.0.1", port))
            client.recv(65536)
            with contextlib.suppress(TimeoutError):
                while client.recv(65536):
                    pass
            client.settimeout(30)
            return
    raise SystemExit("the server does not answer")


@contextlib.contextmanager
def serving(command: list[str]) -> Iterator[None]:
    """A server while within."""
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        program.terminate()
        program.wait()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--notochord-python", metavar="PYTHON", help="the interpreter of its environment")
    parse.add_argument("--checkpoint", type=Path, help="its model")
    parse.add_argument("--count", type=int, default=300, help="queries of each kind a round")
    parse.add_argument("--rounds", type=int, default=3)
    given = parse.parse_args()
    runs: dict[str, list[dict[str, list[float]]]] = {"engine": [], "antiphon": [], "notochord": []}
    for _ in range(given.rounds):
        runs["engine"].append(engine_times(given.count))
        port = str(free_port())
        ours = [sys.executable, "-m", "antiphon", "server", "--port", port]
        runs["antiphon"].append(server_times(ours, int(port), given.count, ours=True))
        if given.notochord_python:
            theirs = [given.notochord_python, "-m", "notochord", "server", "--receive-port", port]
            theirs += ["--checkpoint", str(given.checkpoint)]
            runs["notochord"].append(server_times(theirs, int(port), given.count, ours=False))
    report(runs)


def report(runs: dict[str, list[dict[str, list[float]]]]) -> None:
    """Prints, for each kind of query, median and 99th percentile in milliseconds, and the two ratios."""
    print("| query | engine p50/p99 ms | server p50/p99 ms | to engine | Notochord p50/p99 ms | times faster |")
    print("|---|---|---|---|---|---|")
    for name in ASKED:
        best = {who: min((run[name] for run in rounds), key=np.median) for who, rounds in runs.items() if rounds}
        p50 = {who: float(np.median(times)) for who, times in best.items()}
        shown = {who: f"{p50[who]:.2f} / {np.quantile(times, 0.99):.2f}" for who, times in best.items()}
        ratio, faster = p50["antiphon"] / p50["engine"], p50.get("notochord", np.nan) / p50["antiphon"]
        theirs = shown.get("notochord", "")
        print(f"| {name} | {shown['engine']} | {shown['antiphon']} | {ratio:.2f} | {theirs} | {faster:.1f} |")
    wire = min((run[WIRE] for run in runs["antiphon"]), key=np.median)
    print(f"| {WIRE} | | {np.median(wire):.2f} / {np.quantile(wire, 0.99):.2f} | | | |")


if __name__ == "__main__":
    main()
