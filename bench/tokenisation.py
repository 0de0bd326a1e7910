"""From files to what a model sees: `antiphon prep` against MidiTok's tokenisers, the same files, one core each.

Each turn is a process of its own, whose CPU time counts once all is imported; the least of some rounds is taken.
Counted are notes: of ours those that are read, of MidiTok's the tokens that begin one; and tokens: of ours four for
each onset and each release (instrument, pitch, time, velocity), of MidiTok's its ids.

MidiTok opens a file and makes ids of it, in memory, as it is configured by default or with programs told as ours are.
`antiphon prep` is all of ours: reading, mending, pedal, facts, chords, phrases, fingerprints, near-copies, and the
corpus written to disk. `antiphon read and encode` is what MidiTok does: reading, events and their codes, in memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

OURS = ("antiphon prep", "antiphon read and encode")
THEIRS = ("REMI", "REMI with programs", "TSD", "MIDILike")
BEGIN_A_NOTE = ("Pitch", "NoteOn", "DrumOn")
BAR = 5

Counts = dict[str, float]


def prep(paths: Sequence[Path]) -> Counts:
    from antiphon.train.prep import prepare

    with tempfile.TemporaryDirectory() as room:
        midi, corpus = Path(room) / "midi", Path(room) / "corpus"
        midi.mkdir()
        for number, path in enumerate(paths):
            (midi / f"{number:04d}.mid").symlink_to(path.resolve())
        started = time.process_time()
        prepare([midi], corpus, jobs=1)
        spent = time.process_time() - started
        rows = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]
    notes = sum(row["notes"] for row in rows)
    return {"cpu_s": spent, "notes": notes, "tokens": 8 * notes, "refused": _count(rows, "refused")}


def _count(rows: Sequence[dict[str, str]], status: str) -> int:
    return sum(row["status"] == status for row in rows)


def read_and_encode(paths: Sequence[Path]) -> Counts:
    from antiphon.codec.stream import encode
    from antiphon.music.midi_read import MidiError, read_midi

    events = refused = 0
    started = time.process_time()
    for path in paths:
        try:
            events += len(encode(read_midi(path, pedal=True).events()))
        except MidiError:
            refused += 1
    return {"cpu_s": time.process_time() - started, "notes": events // 2, "tokens": 4 * events, "refused": refused}


def tokenise(name: str, paths: Sequence[Path]) -> Counts:
    import miditok

    kind, _, programs = name.partition(" with ")
    tokenizer = getattr(miditok, kind)(miditok.TokenizerConfig(use_programs=bool(programs)))
    notes = tokens = refused = 0
    spent = 0.0
    for path in paths:
        started = time.process_time()
        try:
            made = tokenizer(path)
        except Exception:  # whatever it is, the file is lost to it
            refused, made = refused + 1, []
        spent += time.process_time() - started
        for sequence in made if isinstance(made, list) else [made]:
            tokens += len(sequence.ids)
            notes += sum(token.startswith(BEGIN_A_NOTE) for token in sequence.tokens)
    return {"cpu_s": spent, "notes": notes, "tokens": tokens, "refused": refused}


def side(name: str, paths: Sequence[Path]) -> Counts:
    if name == OURS[0]:
        return prep(paths)
    return read_and_encode(paths) if name == OURS[1] else tokenise(name, paths)


def in_a_process(python: str, name: str, paths: Sequence[Path]) -> Counts:
    told = "\n".join(map(str, paths))
    command = [python, __file__, "--side", name]
    done = subprocess.run(command, input=told, stdout=subprocess.PIPE, text=True, check=True)
    counts: Counts = json.loads(done.stdout.splitlines()[-1])
    return counts


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("midi", type=Path, nargs="?", help="a folder of MIDI files")
    parse.add_argument("--miditok", default="python3", help="a Python that has MidiTok")
    parse.add_argument("--files", type=int, default=300)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--side", help=argparse.SUPPRESS)  # in a process of its own: files on stdin, counts on stdout
    given = parse.parse_args()
    if given.side:
        print(json.dumps(side(given.side, [Path(line) for line in sys.stdin.read().splitlines()])))
        return
    every = sorted(given.midi.rglob("*.mid"))
    chosen = [every[i * len(every) // given.files] for i in range(given.files)]
    least: dict[str, Counts] = {}
    for turn in range(given.rounds):
        for name in (*OURS, *THEIRS):
            counts = in_a_process(sys.executable if name in OURS else given.miditok, name, chosen)
            print(f"{turn + 1} {name}: {counts['cpu_s']:.2f} s of CPU", flush=True)
            least[name] = min(counts, least.get(name, counts), key=lambda one: one["cpu_s"])
    ours = least[OURS[0]]["notes"] / least[OURS[0]]["cpu_s"]
    for name, counts in least.items():
        notes, tokens = (counts[what] / counts["cpu_s"] for what in ("notes", "tokens"))
        figures = {"notes_per_cpu_s": round(notes), "tokens_per_cpu_s": round(tokens)}
        print(json.dumps({"what": name, **figures, "prep_is_times": round(ours / notes, 2), **counts}))
    best = max(least[name]["notes"] / least[name]["cpu_s"] for name in THEIRS)
    sys.exit(0 if ours >= BAR * best else 1)


if __name__ == "__main__":
    main()
