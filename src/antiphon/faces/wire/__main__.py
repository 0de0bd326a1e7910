"""The process of a jam's OSC port: `python -m antiphon.faces.wire`, started by the jam, ends with it."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

from antiphon.faces.link import TOKEN, connect
from antiphon.faces.news import News
from antiphon.faces.wire.desk import JamDesk
from antiphon.ports.base import PortError
from antiphon.ports.osc import OscPort

PATIENCE = 3.0
"""Seconds that a message in hand may take when the jam has ended."""


def main() -> int:
    """Answer until the jam ends. Returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    jam = connect(deaf=True)
    try:
        port = OscPort(args.host, args.port)
    except PortError as error:
        jam.send({"t": "failed", "why": str(error)})
        return 1
    desk = JamDesk(jam.send, port, token=os.environ.get(TOKEN) or None)
    host, number = port.address
    jam.send({"t": "ready", "host": host, "port": number})
    news = jam.messages()
    for hello in news:
        desk.tell(hello)  # what comes in meanwhile waits, since nobody knows yet which addresses there are
        break
    threading.Thread(target=_listen, args=(news, port, desk), name="news", daemon=True).start()
    try:
        port.run(desk.receive, desk.refuse)
    finally:
        port.close()
    return 0


def _listen(messages: Iterator[News], port: OscPort, desk: JamDesk) -> None:
    """The news, each told between two messages."""
    for news in messages:
        port.call(partial(desk.tell, news))
    port.stop("the jam has ended")
    time.sleep(PATIENCE)
    os._exit(0)  # whatever it is still at, nobody waits for it


if __name__ == "__main__":
    sys.exit(main())
