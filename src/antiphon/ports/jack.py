"""The JACK server, seen from outside: whether it lives, which its clients cannot tell without risk.

A client of a server that was killed is told nothing, lists the ports of the dead, and waits for ever once it has sent
more than its buffer holds. What the system says about the server's socket is always true.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["server_socket"]

LISTENS = 0x10000
"""The flag of a socket that accepts connections (`__SO_ACCEPTCON` of Linux)."""
SOCKETS = Path("/proc/net/unix")


def server_socket(table: str | None = None) -> str | None:
    """What identifies the running JACK server, another one after each start; None when none runs or none can be seen.

    `table` is what `/proc/net/unix` says; read now when it is None. Systems without it can see none.
    """
    if table is None:
        try:
            table = SOCKETS.read_text(errors="replace")
        except OSError:
            return None
    wanted = f"/jack_{os.environ.get('JACK_DEFAULT_SERVER') or 'default'}_"
    for row in table.splitlines()[1:]:
        words = row.split(maxsplit=7)
        if len(words) == 8 and wanted in words[7] and int(words[3], 16) & LISTENS:
            return f"{words[6]} {words[7]}"
    return None
