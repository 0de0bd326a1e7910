"""What a jam asks of the operating system and of Python while it plays, given back when it is over."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

__all__ = ["NICENESS", "first_in_line", "real_time", "short_switches", "signals"]

SWITCH = 0.0001
"""Seconds for which Python lets one thread run while others wait; its default of 5 ms would be heard as jitter."""
PRIORITY, WILD = 5, 2.0
"""A low priority among those of real time, below that of audio servers, whose threads must come first."""
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


def real_time() -> None:
    """Let this thread, and those that it starts, run before everything ordinary, where the system allows it.

    For a process that does little and must do it at once: niceness counts only among the programs of one session on
    many Linux systems. One that runs wild is ended by the system after `WILD` seconds without a pause.
    """
    if sys.platform == "linux":
        import resource

        with contextlib.suppress(OSError, ValueError):
            limit = round(WILD * 1e6)
            resource.setrlimit(resource.RLIMIT_RTTIME, (limit, limit))
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))


@contextlib.contextmanager
def short_switches() -> Iterator[None]:
    """Let Python switch between threads often, while within."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
