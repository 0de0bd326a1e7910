"""How much is measured of a stream model, and the flags that say so."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Measuring", "add_measuring", "measuring"]


@dataclass(frozen=True)
class Measuring:
    """How much is measured: events for likelihood and for the 24 orders, pieces gone on with, and for how long."""

    events: int = 20_000
    length: int = 512  # events of a piece
    orders: int = 1_000
    pieces: int = 12
    prompt: float = 20.0  # seconds
    seconds: float = 15.0
    train_events: int | None = None  # of the music to look for copies in; None: as many as are quickly read
    generate: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("events", "length", "pieces"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("orders", "train_events", "seed"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"--{name.replace('_', '-')} must be 0 or more, not {getattr(self, name)}")
        for name in ("prompt", "seconds"):
            if not 1 <= getattr(self, name) <= 600:
                raise ValueError(f"--{name} must be 1 to 600, not {getattr(self, name):g}")


_DEFAULT = Measuring()


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """The flags of `Measuring`, and where the training music is."""
    group = parser.add_argument_group("stream models")
    group.add_argument("--events", type=int, default=_DEFAULT.events, help=f"events judged ({_DEFAULT.events:,})")
    group.add_argument("--length", type=int, default=_DEFAULT.length, help=f"of each piece ({_DEFAULT.length})")
    group.add_argument(
        "--order-events",
        dest="orders",
        type=int,
        default=_DEFAULT.orders,
        help=f"events judged in all 24 orders, 0 for none ({_DEFAULT.orders:,})",
    )
    group.add_argument("--pieces", type=int, default=_DEFAULT.pieces, help=f"pieces gone on with ({_DEFAULT.pieces})")
    group.add_argument("--prompt", type=float, default=_DEFAULT.prompt, help=f"seconds heard ({_DEFAULT.prompt:g})")
    group.add_argument("--seconds", type=float, default=_DEFAULT.seconds, help=f"seconds made ({_DEFAULT.seconds:g})")
    group.add_argument("--no-generate", dest="generate", action="store_false", help="judge likelihood only: quicker")
    group.add_argument(
        "--train", metavar="DIR", type=Path, help="what it was trained on, to look for copies in (the corpus's own)"
    )
    group.add_argument(
        "--train-events",
        type=int,
        help="of it, at most (50 million of a corpus, 5 million of files, which take longer)",
    )


def measuring(args: argparse.Namespace) -> Measuring:
    """What the flags of `add_measuring` say. Raises ValueError, in one line."""
    return Measuring(**{name: getattr(args, name) for name in Measuring.__dataclass_fields__})
