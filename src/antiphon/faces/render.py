"""`antiphon render`: a recording of a piece, by our own sampler, FluidSynth or Csound, in any tuning."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.music.score import Score
    from antiphon.music.tuning import Tuning
    from antiphon.ports.hall import Stereo
    from antiphon.ports.performance import Performance

__all__ = ["add_arguments", "run"]

RENDERERS = ("soundfont", "fluidsynth", "csound")
HALL_SECONDS = 2.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tune", metavar="IN", type=Path, help="MIDI, MusicXML, ABC, kern; or voices of MIDI pitches as .npy"
    )
    parser.add_argument("-o", "--out", metavar="OUT", required=True, type=Path, help="a .wav, .flac or .mp3 file")
    sound = parser.add_argument_group("sound")
    sound.add_argument(
        "--with", dest="renderer", choices=RENDERERS, default=RENDERERS[0], help="our sampler, or a program (soundfont)"
    )
    sound.add_argument("--soundfont", metavar="FILE", type=Path, help="an .sf2 (one found, else our own; not csound)")
    sound.add_argument("--csd", metavar="FOLDER", type=Path, help="csound: leave its score and samples there")
    sound.add_argument("--program", metavar="N", type=int, help="0 to 127: what all parts play but drums (the file's)")
    sound.add_argument("--reverb", metavar="SHARE", type=float, default=0.25, help="of a hall, 0 to 1 (0.25)")
    sound.add_argument("--rate", type=int, default=44_100, help="samples a second (44100)")
    sound.add_argument("--tempo", type=float, default=72.0, help="beats a minute of a .npy (72)")
    sound.add_argument("--untrimmed", action="store_true", help="keep the silence at both ends")
    tuned = parser.add_argument_group("tuning")
    tuned.add_argument("--tuning", metavar="NAME", default="equal", help="a temperament, or a Scala file (equal)")
    tuned.add_argument("--tonic", metavar="KEY", help="the note on which the tuning begins, as in Eb (C)")
    tuned.add_argument("--keymap", metavar="FILE.kbm", type=Path, help="a Scala keymap, in place of --tonic")
    tuned.add_argument("--a4", metavar="HZ", type=float, help="move it all until A sounds so, as in 415")
    parser.add_argument("--picture", metavar="OUT.png", type=Path, help="draw the score and the waveform")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from antiphon.ports.hall import add_echoes, impulse_response
    from antiphon.ports.performance import perform
    from antiphon.ports.recording import check_format, mastered, trimmed, write_recording

    _check(args)
    check_format(args.out)
    tuning = _tuning(args)
    performance = perform(_score(args), tuning=tuning, program=args.program, sample_rate=args.rate)
    if not len(performance.notes()):
        raise ValueError(f"{args.tune}: has no notes to render")
    with tqdm(total=100, unit="%", leave=False, delay=1.0, bar_format="{l_bar}{bar}| {elapsed}") as bar:
        sound = _play(args, performance, lambda share: bar.update(100 * share - bar.n))
        if args.reverb and args.renderer != "csound":
            add_echoes(sound, args.reverb * impulse_response(HALL_SECONDS, args.rate))
    whole, cut = (sound, 0) if args.untrimmed else trimmed(sound, args.rate)
    whole = mastered(whole)
    write_recording(whole, args.out, args.rate)
    if args.picture:
        _draw(args, performance, whole, cut / args.rate)
    silent = _struck(performance) - len(performance.notes())
    words = [f"{args.out}: {whole.shape[1] / args.rate:.1f} s, {args.renderer}, {tuning.scale.name}"]
    words += [f"{silent} notes on keys that the tuning leaves silent"] if silent else []
    print("; ".join(words))
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.program is not None and not 0 <= args.program <= 127:
        raise ValueError(f"--program must be 0 to 127, not {args.program}")
    if not 0 <= args.reverb <= 1:
        raise ValueError(f"--reverb must be 0 to 1, not {args.reverb:g}")
    if not 8000 <= args.rate <= 192_000:
        raise ValueError(f"--rate must be 8000 to 192000 samples a second, not {args.rate}")
    if not 10 <= args.tempo <= 1000:
        raise ValueError(f"--tempo must be 10 to 1000 beats a minute, not {args.tempo:g}")
    if args.csd is not None and args.renderer != "csound":
        raise ValueError("--csd is for --with csound, whose score it leaves")
    if args.keymap is not None and args.tonic is not None:
        raise ValueError("--keymap says where a tuning begins: leave out --tonic")


def _tuning(args: argparse.Namespace) -> Tuning:
    from antiphon.music.key import parse_key
    from antiphon.music.scala import open_tuning

    tonic = 0 if args.tonic is None else parse_key(args.tonic).tonic
    return open_tuning(args.tuning, tonic=tonic, keymap=args.keymap, a4=args.a4)


def _score(args: argparse.Namespace) -> Score:
    """The piece; the segments of a `.npy` are laid end to end."""
    from antiphon.compose.chorale_score import read_array, score_of
    from antiphon.music.score_files import open_score

    if args.tune.suffix != ".npy":
        return open_score(args.tune, pedal=True)
    array = read_array(args.tune)
    voices = array if array.ndim == 2 else array.swapaxes(0, 1).reshape(array.shape[1], -1)
    return score_of(voices, tempo=args.tempo)


def _play(args: argparse.Namespace, performance: Performance, progress: Callable[[float], None]) -> Stereo:
    from antiphon.ports.sound import SoundError, find_soundfont, render

    if args.renderer == "csound":
        from antiphon.ports.csound import play_csound

        if args.soundfont is not None:
            raise ValueError("--soundfont is not for csound, which plays instruments of its own")
        return play_csound(performance, reverb=args.reverb, keep=args.csd, progress=progress)
    chosen = find_soundfont(args.soundfont)
    if args.renderer == "fluidsynth":
        import numpy as np

        from antiphon.ports.fluid import play_fluidsynth

        sound = play_fluidsynth(performance, chosen, progress=progress)
        return np.pad(sound, ((0, 0), (0, round(HALL_SECONDS * args.rate) if args.reverb else 0)))
    from antiphon.ports.sampler import SoundfontError, SoundfontFile

    try:
        font = SoundfontFile(chosen)
    except SoundfontError as error:
        raise SoundError(str(error)) from None
    return render(
        performance.events,
        font,
        sample_rate=args.rate,
        programs=performance.programs,
        pans=performance.pans,
        tuning=performance.tuning,
        silence=HALL_SECONDS if args.reverb else 0.0,
        progress=progress,
    )


def _struck(performance: Performance) -> int:
    from antiphon.music.notes import notes_of

    return len(notes_of(performance.events))


def _draw(args: argparse.Namespace, performance: Performance, whole: Stereo, cut: float) -> None:
    """The roll with the waveform below: under its notes where it is one system, else the whole from edge to edge."""
    from tempfile import TemporaryDirectory

    from antiphon.music.roll import LONGEST_SYSTEM, draw_roll
    from antiphon.ports.recording import waveform_picture

    at = performance.events["at"]
    begin = math.floor(float(at.min()))
    shown = max(4.0, float(at.max()) - begin)
    start, seconds = (cut - begin, shown) if shown <= LONGEST_SYSTEM else (0.0, whole.shape[1] / args.rate)
    with TemporaryDirectory() as folder:
        roll = Path(folder) / "roll.png"
        title = f"{args.out.stem}, {performance.tuning.scale.name}"
        draw_roll(performance.events, roll, groups=performance.names, title=title)
        waveform_picture(whole, args.rate, roll, args.picture, start=start, seconds=seconds)
