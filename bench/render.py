"""How fast recordings are made, and how well in tune: each renderer on four and on sixteen voices.

python bench/render.py [--seconds 120] [--soundfont FILE] [--json]

The piece is voices in eighths, quarters and halves at 72 beats a minute, four of them or sixteen, played on pianos,
and by Csound on its filtered saws as well. Times are of the processor, our own and that of the program that was run,
and leave out loading Python; what is printed is seconds of sound by seconds of processor, with the hall. Cents are the
largest distance of twelve keys of Werckmeister's third temperament, played on an organ, from their table.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from antiphon.compose.chorale_score import score_of
from antiphon.music.scala import open_tuning
from antiphon.music.score import NOTE, Part, Score
from antiphon.music.tuning import Tuning
from antiphon.ports.csound import play_csound
from antiphon.ports.fluid import play_fluidsynth
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.hall import Stereo, add_echoes, impulse_response
from antiphon.ports.performance import Performance, perform
from antiphon.ports.sampler import SoundfontFile
from antiphon.ports.sound import render

REVERB = 0.25


def used() -> float:
    """Seconds of processor that this process and the ones that it has run have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def piece(voices: int, seconds: float) -> Score:
    """Voices that walk in steps, lower ones slower."""
    steps = round(seconds * 72 / 60 * 4)
    rng = np.random.default_rng(voices)
    lines = []
    for v in range(voices):
        length = (2, 4, 4, 8)[v % 4]
        walk = 72 - 7 * (v % 4) + np.cumsum(rng.integers(-2, 3, steps // length + 1)) % 12
        lines.append(np.repeat(walk, length)[:steps])
    return score_of(np.array(lines, np.int16), tempo=72)


def in_hall(sound: Stereo) -> Stereo:
    add_echoes(sound, REVERB * impulse_response(2.2, 44_100))
    return sound


def renderers(font: Path) -> dict[str, Callable[[Performance], Stereo]]:
    def sampler(performance: Performance) -> Stereo:
        loaded = SoundfontFile(font)
        return in_hall(
            render(
                performance.events, loaded, programs=performance.programs, pans=performance.pans, silence=2.2,
                tuning=performance.tuning,
            )
        )  # fmt: skip

    return {
        "soundfont": sampler,
        "fluidsynth": lambda performance: in_hall(play_fluidsynth(performance, font)),
        "csound": lambda performance: play_csound(performance, reverb=REVERB),
    }


def off_by(play: Callable[[Performance], Stereo], tuning: Tuning) -> float:
    """Cents between the worst of twelve keys and its table."""
    notes = np.array([(n * 1920, 1900, 60 + n, 90) for n in range(12)], NOTE)
    sound = play(perform(Score(480, (Part(19, False, notes),)), tuning=tuning))[0]
    worst = 0.0
    for n in range(12):
        part = sound[round((2 * n + 0.3) * 44_100) : round((2 * n + 1.9) * 44_100)]
        level = np.log(np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 20)) + 1e-12)
        wanted = tuning.frequencies[60 + n] * (1 << 20) / 44_100
        low = int(wanted * 0.97)
        peak = low + int(level[low : int(wanted * 1.03)].argmax())
        a, b, c = level[peak - 1 : peak + 2]
        worst = max(worst, abs(1200 * float(np.log2((peak + 0.5 * (a - c) / (a - 2 * b + c)) / wanted))))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--soundfont", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    font = args.soundfont or general_midi_soundfont()
    tuning = open_tuning("werckmeister-3")
    results: dict[str, dict[str, float]] = {}
    for name, play in renderers(font).items():
        row = results[name] = {"cents": off_by(play, tuning)}
        for voices in (4, 16):
            for program in (0, 48) if name == "csound" else (0,):
                performance = perform(piece(voices, args.seconds), tuning=tuning, program=program)
                began = used()
                sound = play(performance)
                row[f"{voices}_voices_{'strings' if program else 'piano'}"] = sound.shape[1] / 44_100 / (used() - began)
    if args.json:
        print(json.dumps(results))
        return
    for name, row in results.items():
        print(name + ": " + ", ".join(f"{key} {value:.3g}" for key, value in row.items()))


if __name__ == "__main__":
    main()
