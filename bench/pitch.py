"""How soon and how rightly a voice's sound is heard as notes, and what that costs.

python bench/pitch.py [--notes 60] [--seeds 2] [--soundfont FILE.sf2] [--json]

Tones: made notes of 0.15 to 0.4 s at random pitches of a range, with 30 ms of silence between them or none (legato):
F1 of onsets within 50 ms, the same with the right semitone, and milliseconds from the true onset to the moment at which
the right pitch is told, when sound comes in blocks of 5 ms. Melodies: the top line of the bundled minuet and random
scales, played by our own soundfont (or another) in a room, clean and with white noise 30 dB below; blocks of 10 ms.
Slides and vibrato: the notes that are told. CPU is of this process, in milliseconds for each 10 ms of sound.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antiphon.music.event import EVENT, Event
from antiphon.music.midi_read import read_midi
from antiphon.music.notes import notes_of
from antiphon.ports.audio import read_wav
from antiphon.ports.general_midi import general_midi_soundfont
from antiphon.ports.pitch import PitchTracker
from antiphon.ports.sound import render_wav
from antiphon.tunes import MENUET

Sound = npt.NDArray[np.float32]
Note = tuple[float, float, int]
"""Onset and duration in seconds, and pitch."""

RATE = 44_100
RANGES = {"C2..G2": (36, 43), "G#2..D#3": (44, 51), "E3..D#4": (52, 63), "E4..D#5": (64, 75), "E5..C7": (76, 96)}
KINDS = ("sine", "saw", "sax", "voice")
PROGRAMS = {"flute": (73, 60, 91), "violin": (40, 55, 91), "alto sax": (65, 49, 80), "trumpet": (56, 54, 84)}
PROGRAMS |= {"voice oohs": (53, 48, 79), "choir aahs": (52, 48, 79)}
SAX = (0.12, 1, 0.7, 0.5, 0.5, 0.3, 0.3, 0.2, 0.15, 0.1)
"""A weak fundamental."""
STEPS = (-4, -2, -2, -1, 0, 1, 2, 2, 3, 7)


def hertz(pitch: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(440 * 2 ** ((np.asarray(pitch, float) - 69) / 12))


def wave(kind: str, pitch: npt.NDArray[np.float64]) -> Sound:
    """A tone of a MIDI pitch for every sample."""
    highest = float(hertz(pitch).max())
    count = max(1, min(40, int(0.45 * RATE / highest)))
    k = np.arange(1, count + 1)
    if kind == "voice":  # two formants and a vibrato of 50 cents
        pitch = pitch + 0.5 * np.sin(2 * np.pi * 5.5 * np.arange(len(pitch)) / RATE)
        bells = 3 * np.exp(-0.5 * ((k * highest - 700) / 120) ** 2) + 2 * np.exp(
            -0.5 * ((k * highest - 1150) / 150) ** 2
        )
        levels = (1 + bells) / k
    else:
        levels = {"sine": (k == 1) * 1.0, "saw": 1 / k, "sax": np.pad(SAX, (0, 40))[:count]}[kind]
    phase = 2 * np.pi * np.cumsum(hertz(pitch)) / RATE
    sound = sum((a * np.sin(n * phase + n * n) for n, a in enumerate(levels, 1)), np.zeros(len(pitch)))
    fade = np.minimum(
        1, np.minimum(np.arange(len(sound)) / (0.005 * RATE), np.arange(len(sound))[::-1] / (0.01 * RATE))
    )
    return (0.3 * sound * fade / np.abs(sound).max()).astype(np.float32)


def tones(kind: str, low: int, high: int, gap: float, count: int, seed: int) -> tuple[list[Note], Sound]:
    """Random notes; without a gap no pitch comes twice in a row."""
    rng, notes, parts, at, pitch = np.random.default_rng(seed), [], [np.zeros(RATE // 5, np.float32)], RATE // 5, -1
    for _ in range(count):
        pitch = int(rng.choice([p for p in range(low, high + 1) if gap or p != pitch]))
        sound = wave(kind, np.full(int(rng.uniform(0.15, 0.4) * RATE), float(pitch)))
        notes.append((at / RATE, len(sound) / RATE, pitch))
        parts += [sound, np.zeros(int(gap * RATE), np.float32)]
        at += len(sound) + len(parts[-1])
    return notes, np.concatenate(parts)


def top_line(seconds: float) -> list[Note]:
    """The highest notes of the minuet, each until the next begins."""
    notes = notes_of(read_midi(MENUET).events())
    notes = notes[np.lexsort((-notes["pitch"].astype(int), notes["onset"]))]
    first = np.append(True, np.diff(notes["onset"]) > 0)
    tune = [(on, length, pitch) for on, length, _, pitch, _ in notes[first].tolist() if pitch >= 60 and on < seconds]
    ends = [on for on, _, _ in tune[1:]] + [np.inf]
    return [(on, min(length, end - on), pitch) for (on, length, pitch), end in zip(tune, ends, strict=True)]


def scales(low: int, high: int, count: int, seed: int) -> list[Note]:
    """A walk in small and some large steps, at several speeds, now and then on one pitch."""
    rng, at, notes = np.random.default_rng(seed), 0.3, []
    pitch = int(rng.integers(low, high))
    for _ in range(count):
        length = float(rng.choice([0.12, 0.18, 0.25, 0.35, 0.5]))
        notes.append((at, length * float(rng.choice([1, 1, 0.8])), pitch))
        at += length
        pitch = min(max(pitch + int(rng.choice(STEPS)), low), high)
    return notes


def played(notes: Sequence[Note], program: int, folder: Path, soundfont: Path) -> Sound:
    rows = [(on + 0.2, program, p, 90) for on, _, p in notes] + [(on + d + 0.2, program, p, 0) for on, d, p in notes]
    path = folder / "melody.wav"
    render_wav(np.array(sorted(rows, key=lambda row: (row[0], row[3])), EVENT), path, soundfont=soundfont)
    sound, rate = read_wav(path)
    assert rate == RATE
    return sound


def noisy(sound: Sound, decibels: float) -> Sound:
    noise = np.random.default_rng(0).standard_normal(len(sound)) * np.sqrt((sound**2).mean()) * 10 ** (-decibels / 20)
    return (sound + noise).astype(np.float32)


def heard(sound: Sound, block: float) -> tuple[list[tuple[Event, float]], float]:
    """The events, each with the time at which it was told, and the CPU time for each 10 ms of sound, in ms."""
    tracker, step, told = PitchTracker(RATE, 0), round(block * RATE), []
    start = time.process_time()
    for at in range(0, len(sound), step):
        part = sound[at : at + step]
        told += [(event, (at + len(part)) / RATE) for event in tracker.hear(part, at / RATE)]
    taken = time.process_time() - start
    told += [(event, len(sound) / RATE) for event in tracker.end(len(sound) / RATE)]
    return told, 10 * taken / (len(sound) / RATE)


def scored(notes: Sequence[Note], told: Sequence[tuple[Event, float]], shift: float = 0.0) -> dict[str, list[float]]:
    """Counts of notes, told, matched onsets and matched notes, and each match's delay and error in ms."""
    onsets = [(event, when) for event, when in told if event.is_onset]
    free, matched, right = set(range(len(onsets))), 0, 0
    delays, errors = [], []
    for on, _, pitch in notes:
        near = [i for i in free if abs(onsets[i][0].at - on - shift) <= 0.05]
        same = [i for i in near if onsets[i][0].pitch == pitch]
        if not near:
            continue
        best = min(same or near, key=lambda i: abs(onsets[i][0].at - on - shift))
        free.remove(best)
        matched += 1
        if same:
            right += 1
            delays.append(1e3 * (onsets[best][1] - on - shift))
            errors.append(1e3 * (onsets[best][0].at - on - shift))
    return {"counts": [len(notes), len(onsets), matched, right], "delays": delays, "errors": errors}


def summary(scores: Sequence[dict[str, list[float]]], cpu: Sequence[float]) -> dict[str, float]:
    notes, told, matched, right = np.sum([s["counts"] for s in scores], axis=0)
    delays, errors = (np.array([x for s in scores for x in s[name]]) for name in ("delays", "errors"))
    figures = {"onset_f1": 2 * matched / (notes + told), "note_f1": 2 * right / (notes + told)}
    if len(delays):
        figures |= {f"delay_p{q}_ms": float(np.quantile(delays, q / 100)) for q in (50, 95, 100)}
        figures["error_p50_ms"] = float(np.median(errors))
    return {name: round(float(value), 3) for name, value in (figures | {"cpu_ms": np.median(cpu)}).items()}


def tone_rows(count: int, seeds: int) -> dict[str, dict[str, float]]:
    rows = {}
    for name, gap in (("gap", 0.03), ("legato", 0.0)):
        for kind in KINDS:
            for place, (low, high) in RANGES.items():
                made = [tones(kind, low, high, gap, count, seed) for seed in range(seeds)]
                listened = [(notes, *heard(sound, 0.005)) for notes, sound in made]
                rows[f"{kind} {place}, {name}"] = summary(
                    [scored(notes, told) for notes, told, _ in listened], [cpu for _, _, cpu in listened]
                )
    return rows


def melody_rows(count: int, seeds: int, soundfont: Path) -> dict[str, dict[str, float]]:
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (program, low, high) in PROGRAMS.items():
            tunes = {"minuet": [top_line(60)], "scales": [scales(low, high, count, seed) for seed in range(seeds)]}
            for tune, parts in tunes.items():
                sounds = [played(notes, program, Path(folder), soundfont) for notes in parts]
                for noise in (None, 30.0):
                    listened = [heard(s if noise is None else noisy(s, noise), 0.01) for s in sounds]
                    scores = [scored(n, told, 0.2) for n, (told, _) in zip(parts, listened, strict=True)]
                    label = f"{name}, {tune}, {'clean' if noise is None else 'noise'}"
                    rows[label] = summary(scores, [cpu for _, cpu in listened])
    return rows


def slid() -> dict[str, str]:
    """The notes that are told of slides and of vibrato."""
    rest, rows = int(0.4 * RATE), {}
    for first, last in ((60, 67), (72, 60), (60, 62)):
        for seconds in (0.1, 0.3, 0.5, 1.0, 2.0):
            way = np.linspace(first, last, int(seconds * RATE))
            told, _ = heard(wave("saw", np.concatenate([np.full(rest, first), way, np.full(rest, last)])), 0.005)
            rows[f"slide {first} to {last} in {seconds} s"] = " ".join(str(e.pitch) for e, _ in told if e.is_onset)
    for cents in (50, 60, 80, 100):
        swing = 64 + cents / 100 * np.sin(2 * np.pi * 5.5 * np.arange(2 * RATE) / RATE)
        told, _ = heard(wave("saw", swing), 0.005)
        rows[f"vibrato of {cents} cents on 64"] = " ".join(str(e.pitch) for e, _ in told if e.is_onset)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=60, help="notes of each made row (60)")
    parser.add_argument("--seeds", type=int, default=2, help="how often each is made anew (2)")
    parser.add_argument("--soundfont", type=Path, help="what plays the melodies (our own)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    args = parser.parse_args()
    rows = tone_rows(args.notes, args.seeds) | melody_rows(
        args.notes, args.seeds, args.soundfont or general_midi_soundfont()
    )
    slides = slid()
    if args.json:
        print(json.dumps({**rows, **slides}))
        return
    print(f"{'':32} onset  note   delay p50/p95/max   error   CPU")
    for name, row in rows.items():
        delay = "/".join(f"{row.get(f'delay_p{q}_ms', np.nan):.0f}" for q in (50, 95, 100))
        error = row.get("error_p50_ms", np.nan)
        right = f"{row['onset_f1']:.3f}  {row['note_f1']:.3f}"
        print(f"{name:32} {right}  {delay:>14} ms {error:5.0f} ms  {row['cpu_ms']:.2f} ms")
    for name, notes in slides.items():
        print(f"{name:32} {notes}")


if __name__ == "__main__":
    main()
