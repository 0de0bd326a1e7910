"""`antiphon ports`: the MIDI ports of this system, and what it is missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["add_arguments", "run"]

REMEDIES = {
    "ALSA": "`modprobe snd-seq` loads it; inside a container or a virtual machine, use JACK",
    "Jack": "start it (jackd, or qjackctl), or leave it: it is only needed for programs that use it",
}
"""What to do about an interface that does not answer, by its name."""
SEQUENCER = Path("/dev/snd/seq")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `antiphon ports` understands."""
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what there is and what is missing. Returns 0: a system without ports is no error."""
    found = _found()
    if args.json:
        print(json.dumps(found))
        return 0
    for direction in ("inputs", "outputs"):
        ports = found[direction]
        print(f"{direction}:" if ports else f"{direction}: none")
        for port in ports:
            print(f"  {port['name']} ({port['interface']})")
    for line in found["missing"]:
        print(f"missing: {line}")
    return 0


def _found() -> dict[str, Any]:
    try:
        from antiphon.ports.midi import interfaces, list_ports
    except ImportError as error:
        reason = f"the MIDI library cannot be loaded ({error}): on Linux it needs libasound2"
        return {"inputs": [], "outputs": [], "missing": [reason]}
    ports = {
        f"{direction}s": [{"name": port.name, "interface": port.interface} for port in list_ports(direction)]
        for direction in ("input", "output")
    }
    missing = [_missing(name, problem) for name, problem in interfaces() if problem is not None]
    if sys.platform == "win32":
        missing.append("Windows makes no virtual ports: for --virtual, install a loop-back driver such as loopMIDI")
    if not ports["inputs"] or not ports["outputs"]:
        missing.append("without an input and an output, `antiphon jam` plays with a bundled tune instead")
    return {**ports, "missing": missing}


def _missing(interface: str, problem: str) -> str:
    if interface == "ALSA" and not SEQUENCER.exists():
        problem = f"ALSA has no sequencer here ({SEQUENCER} does not exist)"
    remedy = next((what for name, what in REMEDIES.items() if name.lower() == interface.lower()), None)
    return problem if remedy is None else f"{problem}: {remedy}"
