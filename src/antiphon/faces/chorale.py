"""`antiphon chorale`: four-part music from nothing, around a melody, out of gaps, and on to sixteen voices."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from antiphon.compose.chorale import Options
    from antiphon.compose.chorale_score import Sheet
    from antiphon.engine.chorale import ChoraleModel

__all__ = ["add_arguments", "run"]

_VOICES = ("soprano", "alto", "tenor", "bass")


def _voices(text: str) -> list[int]:
    try:
        return [_VOICES.index(name.strip()) for name in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write some of {','.join(_VOICES)}, with commas between") from None


def _bars(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write a bar, or FIRST-LAST, as in 5-8") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", metavar="VERB", choices=sorted(_VERBS), help=", ".join(_VERBS))
    parser.add_argument(
        "tune", metavar="IN", nargs="?", type=Path, help="MIDI, MusicXML, ABC, kern or .npy (all but write)"
    )
    parser.add_argument(
        "-o", "--out", metavar="OUT", required=True, type=Path, help="what to write: .mid, .musicxml or .npy"
    )
    parser.add_argument("--model", default="chorale", help="a bundle's folder or a shipped model (chorale)")
    sampling = parser.add_argument_group("sampling")
    sampling.add_argument("--seed", type=int, default=0, help="the same seed gives the same music (0)")
    sampling.add_argument("--temperature", type=float, default=0.9, help="lower is safer (0.9)")
    sampling.add_argument(
        "--gibbs", metavar="N", type=int, help="steps of sampling (as many as cells are free, 8 to 128; a voice: 17)"
    )
    sampling.add_argument(
        "--together",
        metavar="NATS",
        type=float,
        help="draw at once what is together unsure by no more; 0: one by one (a voice: 0.3, more: inf)",
    )
    sampling.add_argument("--no-polish", action="store_true", help="leave parallel fifths and octaves as they come")
    sampling.add_argument("--rests", action="store_true", help="new voices may rest")
    what = parser.add_argument_group("what is made")
    what.add_argument("--count", type=int, default=1, help="how many; their files are numbered (1)")
    what.add_argument("--steps", type=int, help="sixteenths to write (64), or to lead over (transition: 16)")
    what.add_argument("--voice", choices=_VOICES, default="soprano", help="harmonize: whose melody it is (soprano)")
    what.add_argument("--part", metavar="N", type=int, help="harmonize: the file's N-th part with notes is the melody")
    what.add_argument("--bars", type=_bars, metavar="A-B", help="complete: make these bars anew")
    what.add_argument("--voices", type=_voices, metavar="V,V", help="complete, revoice: make these voices anew")
    what.add_argument("--passes", type=int, default=1, help="revoice: how often each voice has its turn (1)")
    what.add_argument("--stacked", action="store_true", help="revoice: every pass is four more voices in the file")
    what.add_argument("--to", metavar="NEXT", type=Path, help="transition: where to lead (else: a new middle half)")
    what.add_argument("--quartets", type=int, default=4, help="stack: how many quartets (4)")
    what.add_argument("--keep", type=_voices, metavar="V,V", default=[3], help="stack: what all share (bass)")
    what.add_argument("--factor", type=int, default=2, help="upsample: 2, 4, 8 ... times as long (2)")
    look = parser.add_argument_group("how it is written")
    look.add_argument("--tempo", type=float, default=72.0, help="beats a minute, where IN has none (72)")
    look.add_argument("--roll", metavar="OUT.png", type=Path, help="draw it (the first of many) as a piano roll")


@dataclass(frozen=True)
class _Job:
    """What a verb works with."""

    args: argparse.Namespace
    model: ChoraleModel
    rng: np.random.Generator
    options: Options

    def options_for(self, sheet: Sheet) -> Options:
        """How music is made on a sheet."""
        return replace(self.options, start=sheet.start)

    def sheet(self, path: Path | None = None, *, voice: int | None = None) -> Sheet:
        """The score that was given (`voice`: as that one's melody). A `.npy`'s segments are laid end to end."""
        from antiphon.compose.chorale_score import Sheet, read_array, score_of, sheet_of
        from antiphon.music.score_files import open_score

        path = path or self.args.tune
        if path is None:
            raise ValueError(f"{self.args.verb} needs a file to work on: antiphon chorale {self.args.verb} IN -o OUT")
        if path.suffix != ".npy":
            return sheet_of(
                open_score(path), path.name, voice=voice, part=self.args.part if voice is not None else None
            )
        array = read_array(path)
        joined = array if array.ndim == 2 else array.swapaxes(0, 1).reshape(array.shape[1], -1)
        if voice is not None:
            if len(joined) not in (1, len(_VOICES)):
                raise ValueError(f"{path}: has {len(joined)} voices, where one melody or four voices are needed")
            line = joined[0 if len(joined) == 1 else voice].copy()
            joined = joined[:1].repeat(len(_VOICES), axis=0)
            joined[:] = -1
            joined[voice] = line
        bare = score_of(joined[:0], tempo=self.args.tempo)
        return Sheet(joined, (None,) * len(joined), bare, 0)


@dataclass(frozen=True)
class _Made:
    """Scores (count, voices, steps), the sheet they came from, and which of its voices are as they were."""

    scores: np.ndarray[Any, np.dtype[np.int16]]
    sheet: Sheet | None = None
    kept: tuple[int, ...] = ()
    remark: str = ""


def _write(job: _Job) -> _Made:
    from antiphon.compose.chorale import write

    steps = 64 if job.args.steps is None else job.args.steps
    return _Made(write(job.model, steps, job.rng, count=job.args.count, options=job.options))


def _harmonize(job: _Job) -> _Made:
    from antiphon.compose.chorale import harmonize

    voice = _VOICES.index(job.args.voice)
    sheet = job.sheet(voice=voice)
    remark = _remark(sheet, [v for v in range(len(_VOICES)) if v != voice], job)
    scores = harmonize(
        job.model, sheet.pitches[voice], job.rng, voice=voice, count=job.args.count, options=job.options_for(sheet)
    )
    return _Made(scores, sheet, (voice,), remark)


def _complete(job: _Job) -> _Made:
    import numpy as np

    from antiphon.compose.chorale import complete

    sheet, free = job.sheet(), None
    chosen = job.args.voices if job.args.voices is not None else list(range(len(_VOICES)))
    if job.args.bars or job.args.voices:
        within = sheet.steps_of_bars(*job.args.bars) if job.args.bars else np.ones(sheet.pitches.shape[1], bool)
        if not within.any():
            raise ValueError(f"{job.args.tune}: has no bars {job.args.bars[0]} to {job.args.bars[1]}")
        free = np.zeros(sheet.pitches.shape, bool)
        free[chosen] = within
    scores = complete(
        job.model, sheet.pitches, job.rng, free=free, count=job.args.count, options=job.options_for(sheet)
    )
    kept = tuple(v for v in range(len(_VOICES)) if (scores[:, v] == sheet.pitches[v]).all())
    return _Made(scores, sheet, kept)


def _revoice(job: _Job) -> _Made:
    from antiphon.compose.chorale import revoice

    sheet = job.sheet()
    voices = job.args.voices if job.args.voices is not None else list(range(len(_VOICES)))
    made = revoice(
        job.model, sheet.pitches, job.rng, passes=job.args.passes, voices=voices, options=job.options_for(sheet)
    )
    remark = "kept by each pass: " + ", ".join(f"{share:.0%}" for share in made.kept)
    if job.args.stacked:
        return _Made(made.scores.reshape(1, -1, made.scores.shape[-1]), replace(sheet, parts=()), remark=remark)
    kept = tuple(v for v in range(len(_VOICES)) if v not in voices)
    return _Made(made.scores[-1:], sheet, kept, remark)


def _transition(job: _Job) -> _Made:
    import numpy as np

    from antiphon.compose.chorale import complete, transition

    sheet = job.sheet()
    if job.args.to is None:
        free = np.zeros(sheet.pitches.shape, bool)
        quarter = max(sheet.pitches.shape[1] // 4, 1)
        free[:, quarter : sheet.pitches.shape[1] - quarter] = True
        return _Made(
            complete(
                job.model, sheet.pitches, job.rng, free=free, count=job.args.count, options=job.options_for(sheet)
            ),
            sheet,
        )
    steps = 16 if job.args.steps is None else job.args.steps
    after = job.sheet(job.args.to).pitches
    scores = transition(
        job.model, sheet.pitches, after, job.rng, steps=steps, count=job.args.count, options=job.options_for(sheet)
    )
    return _Made(scores, sheet)


def _stack(job: _Job) -> _Made:
    from antiphon.compose.chorale import stack

    sheet = job.sheet()
    score = stack(
        job.model,
        sheet.pitches,
        job.rng,
        quartets=job.args.quartets,
        keep=job.args.keep,
        options=job.options_for(sheet),
    )
    return _Made(score[None], sheet, tuple(range(len(_VOICES))))


def _upsample(job: _Job) -> _Made:
    from antiphon.codec.grid import STEPS_PER_BEAT
    from antiphon.compose.chorale import upsample

    sheet = job.sheet()
    options = replace(job.options, start=sheet.start * job.args.factor % STEPS_PER_BEAT)
    score = upsample(job.model, sheet.pitches, job.rng, factor=job.args.factor, options=options)
    return _Made(score[None], sheet)


_VERBS: dict[str, Callable[[_Job], _Made]] = {
    "write": _write,
    "harmonize": _harmonize,
    "complete": _complete,
    "revoice": _revoice,
    "transition": _transition,
    "stack": _stack,
    "upsample": _upsample,
}


def run(args: argparse.Namespace) -> int:
    import numpy as np
    from tqdm import tqdm

    from antiphon.compose.chorale import Options, OutOfRange
    from antiphon.engine.chorale import open_chorale_model
    from antiphon.engine.gibbs import Sampling

    if args.out.suffix not in (".mid", ".musicxml", ".npy"):
        raise ValueError(f"{args.out}: what is written ends in .mid, .musicxml or .npy")
    if not 10 <= args.tempo <= 1000:
        raise ValueError(f"--tempo must be 10 to 1000 beats a minute, not {args.tempo:g}")
    sampling = Sampling(steps=args.gibbs, temperature=args.temperature, together=args.together)
    with tqdm(unit="step", leave=False) as bar:

        def show(step: int, steps: int) -> None:
            bar.total = steps
            bar.update(step - bar.n)

        options = Options(sampling, polish=not args.no_polish, rests=args.rests, progress=show)
        job = _Job(args, open_chorale_model(args.model), np.random.default_rng(args.seed), options)
        try:
            made = _VERBS[args.verb](job)
        except OutOfRange as error:
            bar_number = job.sheet(voice=_VOICES.index(args.voice) if args.verb == "harmonize" else None).bar(
                error.step
            )
            raise ValueError(f"{args.tune}: bar {bar_number}: {error}") from error
    written = _save(args, made)
    count, voices, steps = made.scores.shape
    what = f"{voices} voices, {steps / 4:g} beats" + (f", {count} of them" if count > 1 else "")
    print("; ".join(filter(None, (f"{written}: {what}", made.remark))))
    return 0


def _remark(sheet: Sheet, free_voices: list[int], job: _Job) -> str:
    """What is said when a melody has to be moved to be harmonised."""
    import numpy as np

    from antiphon.compose.chorale import shift_into_range

    free = np.zeros(sheet.pitches.shape, bool)
    free[free_voices] = True
    shift = shift_into_range(sheet.pitches, free)
    if not shift:
        return ""
    way = "higher" if shift > 0 else "lower"
    return f"the melody is out of the {job.args.voice}'s range: harmonised {abs(shift)} semitones {way} and moved back"


def _save(args: argparse.Namespace, made: _Made) -> str:
    """Write the scores and the picture; returns the name of what was written."""
    import numpy as np

    from antiphon.compose.chorale_score import score_of
    from antiphon.music.score_files import write_score

    scores = [score_of(s, sheet=made.sheet, kept=made.kept, tempo=args.tempo) for s in made.scores]
    name = str(args.out)
    if args.out.suffix == ".npy":
        np.save(args.out, made.scores if len(made.scores) > 1 else made.scores[0])
    elif len(scores) == 1:
        write_score(scores[0], args.out, title=args.out.stem)
    else:
        paths = [args.out.with_stem(f"{args.out.stem}-{i + 1}") for i in range(len(scores))]
        for score, path in zip(scores, paths, strict=True):
            write_score(score, path, title=path.stem)
        name = f"{paths[0]} to {paths[-1].name}"
    if args.roll:
        from antiphon.music.roll import draw_roll

        score = scores[0]
        # Each voice in a colour of its own: as if it were an instrument of its own.
        apart = replace(score, parts=tuple(replace(p, program=i) for i, p in enumerate(score.parts)))
        draw_roll(apart.events(), args.roll, groups={p.instrument: p.name for p in apart.parts}, title=args.out.stem)
    return name
