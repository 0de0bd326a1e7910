"""The process of the choir: `python -m antiphon.faces.web.choir_child`, started by the page's server at first use.

It reads an order a line and answers with lines: how far it is, then what it made or why not. It gives way to whatever
else wants the processor, and ends when nobody is there to read on.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from functools import cache
from typing import Any, TextIO

from antiphon.engine.chorale import ChoraleModel, open_chorale_model
from antiphon.faces.web.choir_work import FORMATS, make, page_of
from antiphon.faces.web.chorale_orders import read_order, read_paper

NICE = 10


def main() -> int:
    """Serve until standard input ends. Returns the exit code."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library may print is no answer
    try:
        for line in sys.stdin:
            kind, body, name = json.loads(line)
            try:
                answer = _answer(kind, base64.b64decode(body), name, lines)
            except (ValueError, OSError) as error:
                if isinstance(error, BrokenPipeError):
                    raise
                answer = {"t": "refused", "why": str(error).splitlines()[0]}
            _say(lines, answer)
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the page's server has ended, and there is nothing left to be flushed
    return 0


def _answer(kind: str, body: bytes, name: str, lines: TextIO) -> dict[str, Any]:
    if kind == "read":
        return {"t": "made", **page_of(body, name)}
    if kind in FORMATS:
        return {"t": "made", "file": base64.b64encode(FORMATS[kind](read_paper(body))).decode()}

    def tell(step: int, steps: int) -> None:
        _say(lines, {"t": "step", "step": step, "steps": steps})

    return {"t": "made", **make(read_order(body), _model(), tell)}


@cache
def _model() -> ChoraleModel:
    """One thread: the other processors are the jam's. The music does not depend on how many there are."""
    return open_chorale_model(threads=1)


def _say(lines: TextIO, message: dict[str, Any]) -> None:
    lines.write(json.dumps(message) + "\n")
    lines.flush()


if __name__ == "__main__":
    sys.exit(main())
