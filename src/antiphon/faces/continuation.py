"""`antiphon continue`: go on where a MIDI file ends."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tune", metavar="TUNE", type=Path, help="the piece to continue: MIDI, MusicXML, ABC or kern")
    parser.add_argument("-o", "--out", metavar="OUT.mid", required=True, type=Path, help="the piece and what follows")
    parser.add_argument("--model", default="antiphon", help="a bundle's folder or a shipped model (antiphon)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to go on (30)")
    parser.add_argument("--from", dest="start", metavar="S", type=float, help="continue from this second of the piece")
    parser.add_argument("--only", action="store_true", help="write what follows without the piece")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same file (0)")
    parser.add_argument("--temperature", type=float, default=1.0, help="of the pitches; lower is safer (1)")
    parser.add_argument("--roll", metavar="OUT.png", type=Path, help="draw it as a piano roll")
    parser.add_argument("--wav", metavar="OUT.wav", type=Path, help="render it to sound")
    parser.add_argument("--soundfont", metavar="FILE", type=Path, help="for --wav (one found, else our own)")


def run(args: argparse.Namespace) -> int:
    import dataclasses

    import numpy as np
    from tqdm import tqdm

    from antiphon.compose.continuation import DEFAULT_STEER, continued, joined, opening
    from antiphon.engine import open_model
    from antiphon.music.beats import known_beats
    from antiphon.music.midi_write import score_from_events, write_midi
    from antiphon.music.score_files import open_score

    if not 0 < args.seconds <= 3600:
        raise ValueError(f"--seconds must be more than 0 and at most 3600, not {args.seconds:g}")
    score = open_score(args.tune, pedal=True)
    events = score.events()
    if args.start is not None:
        events = opening(events, args.start)
    if not len(events):
        raise ValueError(f"{args.tune}: has no notes to continue from")
    steer = dict(DEFAULT_STEER)
    steer["pitch"] = dataclasses.replace(steer["pitch"], temperature=args.temperature)
    model = open_model(args.model)
    with tqdm(total=args.seconds, unit="s", bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s") as bar:
        follows = continued(
            model,
            events,
            args.seconds,
            np.random.default_rng(args.seed),
            beats=known_beats(score),
            steer=steer,
            progress=lambda share: bar.update(share * args.seconds - bar.n),
        )
    if args.only:
        follows["at"] -= follows["at"][0] if len(follows) else 0.0
    whole = follows if args.only else np.concatenate([events, follows])
    write_midi(score_from_events(whole) if args.only else joined(score, float(events["at"][-1]), follows), args.out)
    if args.roll:
        from antiphon.music.roll import draw_roll

        draw_roll(whole, args.roll, title=f"{args.tune.stem}, continued")
    if args.wav:
        from antiphon.ports.sound import render_wav

        render_wav(whole, args.wav, soundfont=args.soundfont)
    print(f"{args.out}: {int((follows['velocity'] > 0).sum())} notes in {args.seconds:g} s follow {args.tune.name}")
    return 0
