"""Notochord's homunculus beside `antiphon jam`: the same keyboard, synthesiser, tune and JACK server, in one run.

    python bench/homunculus.py --notochord-python NOTO/bin/python --checkpoint NOTO.ckpt [--priority equal|own]

Both play with one player's voice that is passed through, one voice that harmonises it and three voices of their own,
one after the other. JACK runs a dummy driver at 48 kHz with 64 frames a period; every message is stamped by the process
that is keyboard and synthesiser. `--priority equal`: both run wholly under SCHED_RR 5 (and the keyboard above them),
so that neither other programs nor what they ask of the system themselves makes a difference; `own`: as a user starts
them. Both are given one thread for arithmetic. Prints one line of JSON for each measurement. Needs `jackd`, `chrt`
and the right to run in real time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from antiphon.ports.presets import read_preset
from antiphon.ports.take import read_take
from tests.e2e.jack import Gear, Heard, Stage, wait_until

HERE = Path(__file__).parent
CHANNELS = {"thru": 1, "follow": 2, "auto": 3}
AUTOS = {3: 24, 4: 32, 5: 48}  # channel -> program: a guitar, a bass, strings
FOLLOWER = 73  # a flute
INTERVAL = (3, 12)  # semitones above
PRIORITY, GEAR_PRIORITY = 5, 20
LONGEST = 2.0
"""Seconds after which a note that has not come back is missing."""
PATIENCE = 120.0
Figures = dict[str, float]


class Rig(Stage):
    """A stage whose processes have the priorities that were asked for."""

    def __init__(self, folder: Path, priority: str) -> None:
        super().__init__(folder)
        self.equal = priority == "equal"
        data = str(folder / "data")
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
        self.env |= threads | {"MIDO_BACKEND": "mido.backends.rtmidi/UNIX_JACK", "XDG_DATA_HOME": data, "HOME": data}

    def launch(self, words: list[str], log: str, priority: int | None) -> subprocess.Popen[str]:
        """Start a program, under SCHED_RR with `priority` unless that is None."""
        first = [] if priority is None else ["chrt", "--rr", str(priority)]
        return self._start([*first, *words], log, talks=True)

    def connect(self, source: str, sink: str) -> None:
        """Connect two MIDI ports."""
        subprocess.run(["jack_connect", f"{source}:notes", f"{sink}:notes"], env=self.env, check=True)


class Keys(Gear):
    """The keyboard and the synthesiser of `homunculus_gear.py`."""

    def __init__(self, rig: Rig, name: str = "my", priority: int = GEAR_PRIORITY) -> None:
        self.name = name
        self._count = 0
        self._log = rig.folder / f"{name}.{time.monotonic_ns()}.log"
        self._kept = self._log.with_suffix(".json")
        words = [sys.executable, str(HERE / "homunculus_gear.py"), name, str(self._kept)]
        self._process = rig.launch(words, self._log.name, priority)
        self._done()

    def _done(self) -> None:
        self._count += 1
        wait_until(lambda: self._log.read_text().count("done") >= self._count, self._log.read_text(), PATIENCE)


class Player(ABC):
    """One of the two programs, running."""

    name: str

    def __init__(self, rig: Rig, gear: Keys, words: list[str]) -> None:
        self.rig, self.gear = rig, gear
        self.started = time.monotonic()
        self._log = f"{self.name}.{time.monotonic_ns()}.log"
        self.process = rig.launch(words, self._log, PRIORITY if rig.equal else None)
        gear.order("probe")

    @property
    def log(self) -> str:
        return (self.rig.folder / self._log).read_text()

    @abstractmethod
    def reset(self) -> None:
        """Have it forget everything."""

    @abstractmethod
    def lateness(self) -> list[float]:
        """How late each note of its own voices was by its own plan, in seconds; once it has ended."""

    def used(self) -> tuple[float, float]:
        """Seconds of the processor since its start, and the most memory it had resident, in MiB; of all processes."""
        own = psutil.Process(self.process.pid)
        family = [own, *own.children(recursive=True)]
        times = [process.cpu_times() for process in family]
        most = 0
        for process in family:
            status = Path(f"/proc/{process.pid}/status").read_text()
            most += int(status.split("VmHWM:")[1].split()[0])
        return sum(t.user + t.system for t in times), most / 1024

    def end(self, number: signal.Signals) -> None:
        """Send it a signal and wait until it is gone."""
        self.process.send_signal(number)
        try:
            self.process.wait(timeout=20.0)
        except subprocess.TimeoutExpired:
            print(f"{self.name} does not end by {number.name}, and is killed", file=sys.stderr)
            self.process.kill()
            self.process.wait()


class Antiphon(Player):
    name = "antiphon"

    def __init__(self, rig: Rig, gear: Keys) -> None:
        self._preset, self._notes = rig.folder / "stage.toml", rig.folder / "notes.json"
        self._take = rig.folder / f"{time.monotonic_ns()}.take"
        self._report = self._take.with_suffix(".json")
        strips = {
            1: 'mode = "input"',
            2: f'mode = "follow"\nsource = 1\nprogram = {FOLLOWER}\ninterval = {[*INTERVAL]}',
        }
        strips |= {channel: f'mode = "auto"\nprogram = {program}' for channel, program in AUTOS.items()}
        self._preset.write_text("\n".join(f"[channel.{channel}]\n{text}" for channel, text in strips.items()))
        words = [sys.executable, str(HERE / "homunculus_ours.py"), str(self._notes), "--preset", str(self._preset)]
        words += ["--in", "my keys", "--out", "my synth", "--console", "--seed", "1"]
        super().__init__(rig, gear, [*words, "--take", str(self._take), "--report", str(self._report)])

    def reset(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("reset\n")
        self.process.stdin.flush()

    def lateness(self) -> list[float]:
        ensemble = read_preset(self._preset).ensemble
        assert ensemble is not None
        autos = {ensemble.instrument(channel) for channel in AUTOS}
        left = defaultdict[tuple[int, ...], deque[float]](deque)
        for line in read_take(self._take).lines:
            if line[0] == "sent":
                left[tuple(line[2:5])].append(line[1])
        late = []
        for instrument, pitch, velocity, planned, _ in json.loads(self._notes.read_text()):
            gone = left[instrument, pitch, velocity]
            if gone and instrument in autos:
                late.append(gone.popleft() - planned)
        return late

    def report(self) -> dict[str, Any]:
        """What it says of itself, numbers rounded."""
        report: dict[str, Any] = json.loads(self._report.read_text())
        tables = {name: table for name, table in report.items() if isinstance(table, dict)}
        return report | {name: {k: round(v, 2) for k, v in table.items()} for name, table in tables.items()}


class Homunculus(Player):
    name = "homunculus"

    def __init__(self, rig: Rig, gear: Keys, python: Path, checkpoint: Path) -> None:
        self._notes = rig.folder / f"{time.monotonic_ns()}.json"
        voices = {"1": "mode:input,inst:1"}
        voices["2"] = f"mode:follow,source:1,inst:{FOLLOWER + 1},transpose:{[*INTERVAL]}"
        voices |= {str(channel): f"mode:auto,inst:{program + 1}" for channel, program in AUTOS.items()}
        config = ",".join(f"{channel}:{{{voice},mute:False}}" for channel, voice in voices.items())
        words = [str(python), str(HERE / "homunculus_watched.py"), str(self._notes), "--checkpoint", str(checkpoint)]
        words += ["--preset", "muted", "--config", f"{{{config}}}", "--thru", "--use_tui", "False"]
        super().__init__(rig, gear, [*words, "--midi_in", "my keys:notes", "--midi_out", "my synth:notes"])

    def reset(self) -> None:
        self.gear.send(0xB0, 8, 127)  # the control change of its settings file

    def lateness(self) -> list[float]:
        return [late for who, _, _, _, late in json.loads(self._notes.read_text()) if who == "auto"]


@dataclass(frozen=True)
class Makers:
    """How to start each."""

    python: Path
    checkpoint: Path

    def start(self, name: str, rig: Rig, gear: Keys) -> Player:
        return Antiphon(rig, gear) if name == Antiphon.name else Homunculus(rig, gear, self.python, self.checkpoint)


def summary(seconds: Iterable[float]) -> Figures:
    """Count, and percentiles in milliseconds."""
    values = 1e3 * np.array(list(seconds))
    if not len(values):
        return {"count": 0}
    p50, p90, p95, p99 = (round(float(p), 2) for p in np.percentile(values, (50, 90, 95, 99)))
    return {"count": len(values), "p50": p50, "p90": p90, "p95": p95, "p99": p99, "max": round(float(values.max()), 2)}


def echoes(sent: list[Heard], heard: list[Heard], channel: int, *, same_pitch: bool) -> list[float]:
    """Seconds from each onset that was sent to the one with its velocity on `channel`; what is missing is left out."""
    back = [message for message in heard if message.is_onset and message.channel == channel - 1]
    waits = []
    for out in (message for message in sent if message.is_onset and message.velocity > 1):
        for message in back:
            fits = message.velocity == out.velocity and (not same_pitch or message.pitch == out.pitch)
            if fits and 0.0 < message.at - out.at < LONGEST:
                waits.append(message.at - out.at)
                break
    return waits


def left_sounding(messages: Iterable[Heard]) -> tuple[list[tuple[int, int]], int]:
    """(channel from 1, pitch) of what a synthesiser is left with, and how many onsets struck what sounded already."""
    sounding: dict[tuple[int, int], None] = {}
    twice = 0
    for message in messages:
        key = (message.channel + 1, message.pitch)
        if message.is_note:
            twice += message.is_onset and key in sounding
            if message.is_onset:
                sounding[key] = None
            else:
                sounding.pop(key, None)
        elif message.status & 0xF0 == 0xB0 and message.pitch in (120, 123):
            sounding = {other: None for other in sounding if other[0] != key[0]}
    return list(sounding), twice


def transport(rig: Rig) -> dict[str, Figures]:
    """What JACK and rtmidi alone take: straight from keyboard to synthesiser, and by way of a process that echoes."""
    gear = Keys(rig)
    rig.connect("my keys", "my synth")
    gear.order("tagged line 15")
    sent, heard = gear.quit()
    direct = echoes(sent, heard, 1, same_pitch=True)
    gear, echo = Keys(rig), Keys(rig, "echo", PRIORITY)
    rig.connect("my keys", "echo synth")
    rig.connect("echo keys", "my synth")
    echo.order("echo 0")
    gear.order("tagged line 15")
    sent, heard = gear.quit()
    echo.quit()
    return {"direct": summary(direct), "echo": summary(echoes(sent, heard, 1, same_pitch=True))}


def a_minute(name: str, makers: Makers, rig: Rig, tune: str, seconds: float) -> dict[str, Any]:
    """Play `tune` into it for `seconds` and measure; ends by Ctrl-C."""
    gear = Keys(rig)
    player = makers.start(name, rig, gear)
    start_up_cpu, _ = player.used()
    time.sleep(1.0)
    before, begun = player.used()[0], time.monotonic()
    gear.order(f"tagged {tune} {seconds:g}")
    spent, took = player.used()[0] - before, time.monotonic() - begun
    _, most = player.used()
    player.end(signal.SIGINT)
    time.sleep(1.0)
    sent, heard = gear.quit()
    onsets = [message for message in sent if message.is_onset and message.velocity > 1]
    listens = next(m.at for m in heard if m.is_onset and m.channel == 0) - player.started
    left, twice = left_sounding(heard)
    figures: dict[str, Any] = {
        "player_onsets": len(onsets),
        "thru_ms": summary(echoes(sent, heard, CHANNELS["thru"], same_pitch=True)),
        "follow_ms": summary(echoes(sent, heard, CHANNELS["follow"], same_pitch=False)),
        "auto_late_ms": summary(player.lateness()),
        "auto_onsets": sum(m.is_onset and m.channel + 1 in AUTOS and m.at > sent[0].at for m in heard),
        "struck_twice": twice,
        "left_though_no_key_is_down": len(left),
        "listens_after_s": round(listens, 2),
        "cpu_s_to_listen": round(start_up_cpu, 2),
        "cpu_s_a_minute": round(spent * 60.0 / took, 2),
        "memory_mib": round(most),
    }
    if isinstance(player, Antiphon):
        figures["own_report"] = player.report()
    return figures


def hanging(name: str, makers: Makers, rig: Rig, how: str) -> dict[str, Any]:
    """What is left sounding after `how`, with two keys down."""
    gear = Keys(rig)
    player = makers.start(name, rig, gear)
    gear.order("tagged chords 8")
    for pitch in (50, 57):
        gear.send(0x90, pitch, 111)
        time.sleep(0.1)
    time.sleep(0.5)
    if how == "reset":
        player.reset()
        time.sleep(0.5)
        for pitch in (50, 57):
            gear.send(0x80, pitch, 0)
        time.sleep(2.0)
        until = time.monotonic()
        player.end(signal.SIGKILL)
    else:
        player.end(signal.Signals[how])
        time.sleep(3.0)
        until = time.monotonic()
    _, heard = gear.quit()
    left, _ = left_sounding(message for message in heard if message.at < until)
    if how == "reset":  # its own voices may well sound on
        left = [key for key in left if key[0] in (CHANNELS["thru"], CHANNELS["follow"])]
    of = {voice: sum(key[0] == channel for key in left) for voice, channel in CHANNELS.items() if voice != "auto"}
    return {"left": len(left), **of, "auto": sum(key[0] in AUTOS for key in left)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notochord-python", type=Path, required=True, help="the interpreter of its environment")
    parser.add_argument("--checkpoint", type=Path, required=True, help="a model of Notochord's default size")
    parser.add_argument("--priority", choices=("equal", "own"), default="equal")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tune", choices=("line", "chords"), nargs="+", default=["line", "chords"])
    parser.add_argument("--ours-first", action="store_true")
    parser.add_argument("--only", choices=("transport", "minute", "hanging"), nargs="+")
    given = parser.parse_args()
    names = [Homunculus.name, Antiphon.name][:: -1 if given.ours_first else 1]
    wanted = given.only or ["transport", "minute", "hanging"]
    makers = Makers(given.notochord_python.absolute(), given.checkpoint.absolute())
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), given.priority)
        try:
            print(json.dumps({"load": os.getloadavg(), "priority": given.priority}), flush=True)
            if "transport" in wanted:
                print(json.dumps(transport(rig)), flush=True)
            for name in names:
                for tune in given.tune if "minute" in wanted else ():
                    print(json.dumps({name: tune, **a_minute(name, makers, rig, tune, given.seconds)}), flush=True)
                for how in ("SIGINT", "SIGTERM", "SIGKILL", "reset") if "hanging" in wanted else ():
                    print(json.dumps({name: how, **hanging(name, makers, rig, how)}), flush=True)
        finally:
            rig.close()


if __name__ == "__main__":
    main()
