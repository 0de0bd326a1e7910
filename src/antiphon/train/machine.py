"""The machine that trains: its device and precision, and the moment at which it is asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from antiphon.train.checkpoint import RunError

__all__ = ["chosen_device", "chosen_precision", "native_bf16", "stop_on_signal"]


def chosen_device(name: str) -> str:
    """The device called `name`, or for "auto" a GPU if there is one. Raises `RunError` where it cannot be used."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch's words for: no such device, or none of this kind here
        raise RunError(f"device {name!r} cannot be used here ({str(error).splitlines()[0][:80]})") from error
    return name


def chosen_precision(name: str, device: str) -> torch.dtype:
    """The type called `name`, bf16 or fp32, or for "auto" bf16 where it is native."""
    if name == "auto":
        return torch.bfloat16 if device.startswith("cuda") or native_bf16() else torch.float32
    return torch.bfloat16 if name == "bf16" else torch.float32


def native_bf16() -> bool:
    """Whether this processor multiplies bf16 natively; elsewhere it is emulated and slow."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Turns Ctrl-C and SIGTERM into a flag, so that a step in progress ends and is saved."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, action in before.items():
            signal.signal(number, action)
