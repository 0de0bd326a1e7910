"""`antiphon jam` with a model that plays at random, for where the music does not matter."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from antiphon.faces import cli, jam
from tests.jam.scripted import RandomModel

if __name__ == "__main__":
    jam.run = partial(jam.run, open_model=lambda _: RandomModel(0.15))
    sys.exit(cli.main(["jam", *sys.argv[1:]]))
