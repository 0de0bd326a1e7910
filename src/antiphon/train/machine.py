"""What the processor can do."""

from __future__ import annotations

from pathlib import Path

__all__ = ["native_bf16"]


def native_bf16() -> bool:
    """Whether this processor multiplies bf16 natively; elsewhere it is emulated and slow."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
