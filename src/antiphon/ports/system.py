"""What a jam asks of the operating system and of Python while it plays, given back when it is over."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

__all__ = ["NICENESS", "first_in_line", "short_switches", "signals"]

SWITCH = 0.0001
"""Seconds for which Python lets one thread run while others wait; its default of 5 ms would be heard as jitter."""
NICENESS = -11
"""What audio servers ask for too. Systems that make music usually grant it, others do not, which is no error."""


@contextlib.contextmanager
def signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Give the signals that end a program to `stop` instead, while within; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    for name in names:
        signal.signal(getattr(signal, name), lambda number, _: stop(f"stopped by {signal.Signals(number).name}"))
    try:
        yield
    finally:
        for name, previous in before.items():
            signal.signal(getattr(signal, name), previous)


@contextlib.contextmanager
def first_in_line() -> Iterator[None]:
    """Let this thread, and those that it starts, run before ordinary ones while within, where the system allows it."""
    if not hasattr(os, "setpriority"):
        yield
        return
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, min(before, NICENESS))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


@contextlib.contextmanager
def short_switches() -> Iterator[None]:
    """Let Python switch between threads often, while within."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
