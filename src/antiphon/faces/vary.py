"""`antiphon vary`: operations on a piece, one after another in the order in which they are written."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from antiphon.compose.texture import Texture
    from antiphon.music.key import Key
    from antiphon.music.score import Score

__all__ = ["add_arguments", "run"]

MASK_STEPS = 18
"""How long a mask is that is drawn, as the seed's were."""


def _factors(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})(?:\.\.(\d{1,4}))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write how many times as long, as in 3, or 2..8 to have it drawn")
    return int(match[1]), int(match[2] or match[1])


def _voices(text: str) -> list[int]:
    """Voices from 1, as in 1-4,9, to voices from 0."""
    found: list[int] = []
    for word in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:(?:-|\.\.)(\d{1,3}))?\s*", word)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise argparse.ArgumentTypeError(f"{text!r}: write voices, from 1, as in 1-4,9")
        found += range(int(match[1]) - 1, int(match[2] or match[1]))
    return found


def _span(text: str) -> tuple[int | None, int | None, int]:
    """Steps and how many times: 2 (all of them), or 33-40:2 (from 1, both ends included)."""
    match = re.fullmatch(r"(?:(\d{1,7})-(\d{1,7}):)?(\d{1,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write how many times, as in 2, or 33-40:2 for steps 33 to 40")
    return (int(match[1]) - 1 if match[1] else None, int(match[2]) if match[2] else None, int(match[3]))


def _mask(text: str) -> str:
    if not re.fullmatch(r"random(:[1-9]\d{0,3})?|shaded:\d{1,4}/\d{1,4}|[01]+(,[01]+)*", text):
        raise argparse.ArgumentTypeError(f"{text!r}: write random, shaded:2/6, or rows such as 1101,0111")
    rows = text.split(",")
    if len({len(row) for row in rows}) > 1:
        raise argparse.ArgumentTypeError(f"{text!r}: the rows of a mask must be of one length")
    return text


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal() and int(low) < int(high) <= 127):
        raise argparse.ArgumentTypeError(f"{text!r}: write the lowest and the highest MIDI pitch, as in 24-96")
    return int(low), int(high)


class _Next(argparse.Action):
    """Notes an operation down in the order in which it was written."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  argparse gives it
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002  and this
    ) -> None:
        namespace.operations = [*(namespace.operations or []), (self.const, values)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tune", metavar="IN", type=Path, help="MIDI, MusicXML, ABC, kern; or voices of MIDI pitches as .npy"
    )
    parser.add_argument(
        "-o", "--out", metavar="OUT.mid", required=True, type=Path, help="what to write: .mid, .musicxml or .npy"
    )
    parser.set_defaults(operations=[])
    order = parser.add_argument_group("operations, one after another as they are written")
    for operation in _OPERATIONS:
        order.add_argument(
            f"--{operation.name}",
            dest="operations",
            action=_Next,
            const=operation.name,
            metavar=operation.metavar,
            type=operation.type,
            help=operation.help,
        )
    how = parser.add_argument_group("how")
    how.add_argument("--seed", type=int, default=0, help="the same seed gives the same variation (0)")
    how.add_argument("--key", help="for --stretch and --scores, as in 'G minor' (found)")
    how.add_argument("--every", type=int, default=1, help="--arpeggiate: only each n-th block of the mask (1)")
    how.add_argument("--clump", type=int, default=36, help="--octaves: steps that leap together (36)")
    how.add_argument("--range", type=_range, default=(24, 96), help="--octaves, --bass: MIDI pitches kept to (24-96)")
    how.add_argument("--tempo", type=float, default=72.0, help="beats a minute of a .npy (72)")
    look = parser.add_argument_group("what is drawn and told")
    look.add_argument("--roll", metavar="OUT.png", type=Path, help="draw it as a piano roll")
    look.add_argument(
        "--scores", metavar="OUT", type=Path, help="each step's key and consonance: .png, or .tsv to read"
    )


@dataclass
class _Studio:
    """What operations need besides the texture and their argument."""

    args: argparse.Namespace
    rng: np.random.Generator
    heard: Key | None = None

    def key(self, texture: Texture) -> Key:
        """The key that was given, or that was heard in the piece when first needed, and moves only with it."""
        if self.heard is None:
            self.heard = _key(self.args, texture)
        return self.heard


@dataclass(frozen=True)
class _Operation:
    name: str
    metavar: str
    type: Callable[[str], Any]
    help: str
    vary: Callable[[Texture, Any, _Studio], Texture]


def _stretch(texture: Texture, factors: tuple[int, int], studio: _Studio) -> Texture:
    from antiphon.compose.variations import stretched

    return stretched(texture, studio.key(texture), *factors, studio.rng)


def _arpeggiate(texture: Texture, mask: str, studio: _Studio) -> Texture:
    import numpy as np

    from antiphon.compose.variations import arpeggiated, random_mask, shaded_mask

    kind, _, size = mask.partition(":")
    if kind == "random":
        cells = random_mask(texture.voices, int(size or MASK_STEPS), studio.rng)
    elif kind == "shaded":
        rests, notes = map(int, size.split("/"))
        cells = shaded_mask(texture.voices, MASK_STEPS, rests, notes, studio.rng)
    else:
        cells = np.array([[cell == "1" for cell in row] for row in mask.split(",")])
    return arpeggiated(texture, cells, every=studio.args.every)


def _octaves(texture: Texture, share: float, studio: _Studio) -> Texture:
    from antiphon.compose.variations import octaves_shifted

    lowest, highest = studio.args.range
    return octaves_shifted(texture, share, studio.rng, clump=studio.args.clump, lowest=lowest, highest=highest)


def _bass(texture: Texture, share: float, studio: _Studio) -> Texture:
    from antiphon.compose.variations import bass_lowered

    return bass_lowered(texture, share, studio.rng, lowest=studio.args.range[0])


def _dropout(texture: Texture, share: float, studio: _Studio) -> Texture:
    from antiphon.compose.variations import dropped

    return dropped(texture, share, studio.rng)


def _swell(texture: Texture, amount: int, studio: _Studio) -> Texture:
    from antiphon.compose.variations import swelling

    return swelling(texture, amount, studio.rng)


def _transpose(texture: Texture, semitones: int, studio: _Studio) -> Texture:
    from antiphon.compose.variations import transposed

    if studio.heard is not None and studio.args.key is None:
        studio.heard = replace(studio.heard, tonic=(studio.heard.tonic + semitones) % 12)
    return transposed(texture, semitones)


def _pick(texture: Texture, voices: Sequence[int], _: _Studio) -> Texture:
    from antiphon.compose.variations import chosen

    return chosen(texture, voices)


def _double(texture: Texture, voices: Sequence[int], _: _Studio) -> Texture:
    from antiphon.compose.variations import doubled

    return doubled(texture, voices)


def _hold(texture: Texture, span: tuple[int | None, int | None, int], _: _Studio) -> Texture:
    from antiphon.compose.variations import held

    first, end, times = span
    return held(texture, first or 0, texture.steps if end is None else end, times)


def _thin(texture: Texture, span: tuple[int | None, int | None, int], _: _Studio) -> Texture:
    from antiphon.compose.variations import thinned

    first, end, times = span
    return thinned(texture, first or 0, texture.steps if end is None else end, times)


def _join(texture: Texture, path: Path, studio: _Studio) -> Texture:
    from antiphon.compose.variations import joined

    return joined(texture, _read(path, studio.args.tempo))


def _unstack(texture: Texture, voices: int, _: _Studio) -> Texture:
    from antiphon.compose.variations import unstacked

    return unstacked(texture, voices)


_OPERATIONS = (
    _Operation("stretch", "N..M", _factors, "hold each passage out of the key 2..8 times as long", _stretch),
    _Operation("arpeggiate", "MASK", _mask, "random, random:STEPS, shaded:RESTS/NOTES, or rows 110,011", _arpeggiate),
    _Operation("octaves", "SHARE", float, "clumps of notes an octave higher; below 0, lower", _octaves),
    _Operation("bass", "SHARE", float, "so many of the lowest voice's notes an octave lower", _bass),
    _Operation("dropout", "SHARE", float, "leave out so many of the notes", _dropout),
    _Operation("swell", "N", int, "louder through what was stretched, softer outside, by up to N", _swell),
    _Operation("transpose", "N", int, "N semitones higher; below 0, lower", _transpose),
    _Operation("pick", "VOICES", _voices, "only these voices, from 1, as in 1-4,9", _pick),
    _Operation("double", "VOICES", _voices, "these voices once more, behind the others", _double),
    _Operation("hold", "SPAN", _span, "all steps, as in 2, or some, as in 33-40:2, held so many times as long", _hold),
    _Operation("thin", "SPAN", _span, "keep one of so many steps: undoes hold", _thin),
    _Operation("join", "NEXT", Path, "another piece behind it", _join),
    _Operation("unstack", "N", int, "groups of N voices one after another", _unstack),
)


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from antiphon.compose.texture import score_of_texture
    from antiphon.music.score_files import write_score

    if args.out.suffix not in (".mid", ".musicxml", ".npy"):
        raise ValueError(f"{args.out}: what is written ends in .mid, .musicxml or .npy")
    if not 10 <= args.tempo <= 1000:
        raise ValueError(f"--tempo must be 10 to 1000 beats a minute, not {args.tempo:g}")
    texture = _read(args.tune, args.tempo)
    given = texture.steps
    studio = _Studio(args, np.random.default_rng(args.seed))
    by_name = {operation.name: operation for operation in _OPERATIONS}
    for name, value in args.operations:
        try:
            texture = by_name[name].vary(texture, value, studio)
        except ValueError as error:
            raise ValueError(f"--{name}: {error}") from None
    made = score_of_texture(texture)
    if args.out.suffix == ".npy":
        np.save(args.out, texture.pitches)
    else:
        write_score(made, args.out, title=args.out.stem)
    words = [f"{args.out}: {texture.voices} voices, {texture.steps / 4:g} beats of {given / 4:g}"]
    words.append(f"{made.n_notes} notes")
    if args.roll:
        _draw(made, args.roll, args.out.stem)
    if args.scores:
        words.append(_tell(texture, studio.key(texture), args.scores, args.out.stem))
    print("; ".join(words))
    return 0


def _read(path: Path, tempo: float) -> Texture:
    """A piece as a texture; the segments of a `.npy` are laid end to end."""
    from antiphon.compose.chorale_score import read_array
    from antiphon.compose.texture import texture_of, texture_of_pitches
    from antiphon.music.score_files import open_score

    if path.suffix != ".npy":
        return texture_of(open_score(path), str(path))
    array = read_array(path)
    voices = array if array.ndim == 2 else array.swapaxes(0, 1).reshape(array.shape[1], -1)
    return texture_of_pitches(voices, tempo=tempo)


def _key(args: argparse.Namespace, texture: Texture) -> Key:
    """The key that was given, or that is heard in the piece as it is by now."""
    from antiphon.compose.texture import score_of_texture
    from antiphon.music.key import find_key, parse_key

    if args.key is not None:
        return parse_key(args.key)
    found = find_key(score_of_texture(texture).events())
    if found is None:
        raise ValueError(f"{args.tune}: no key can be heard in it; give one with --key")
    return found


def _draw(score: Score, path: Path, title: str) -> None:
    from antiphon.music.roll import draw_roll

    # Each voice in a colour of its own: as if it were an instrument of its own.
    apart = replace(score, parts=tuple(replace(part, program=n) for n, part in enumerate(score.parts)))
    draw_roll(apart.events(), path, groups={part.instrument: part.name for part in apart.parts[:7]}, title=title)


def _tell(texture: Texture, key: Key, path: Path, title: str) -> str:
    """Write each step's scores, and say how much is in the key."""
    from antiphon.compose.variations import consonance, in_key

    inside, sweet = in_key(texture.pitches, key), consonance(texture.pitches)
    if path.suffix.lower() == ".png":
        from antiphon.compose.texture_picture import draw_scores

        draw_scores(inside, sweet, texture.tense, path, title=f"{title} in {key}")
    else:
        rows = [f"{n + 1}\t{a:.3f}\t{b:.3f}\n" for n, (a, b) in enumerate(zip(inside, sweet, strict=True))]
        path.write_text("step\tin_key\tconsonance\n" + "".join(rows), "utf-8")
    return f"{(inside == 1).mean():.0%} of its steps in {key}, {sweet.mean():.0%} of its intervals consonant"
