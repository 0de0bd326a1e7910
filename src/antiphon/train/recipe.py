"""Recipes: a run's settings as a small TOML file; some are shipped, by name."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antiphon.train.checkpoint import RunError
from antiphon.train.loop import TrainConfig
from antiphon.train.nets import NetConfig

__all__ = ["config_of", "read_recipe", "recipe_names"]

SHIPPED = Path(__file__).parent / "recipes"


def recipe_names() -> dict[str, str]:
    """The recipes that are shipped, and what each says of itself, the smallest first."""
    return {path.stem: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for path in _shipped()}


def _shipped() -> list[Path]:
    order = ("tiny", "small", "base", "large", "token-gru", "token-transformer", "markov")
    return sorted(SHIPPED.glob("*.toml"), key=lambda path: order.index(path.stem) if path.stem in order else 99)


def read_recipe(name: str) -> dict[str, Any]:
    """The settings in a recipe: a shipped one's name, or a TOML file. Raises `RunError`, one line."""
    path = SHIPPED / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise RunError(
            f"no recipe is named {name!r}: there are {', '.join(recipe_names())}, or a file's path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: not TOML: {error}") from None


def config_of(settings: Mapping[str, Any], given: Mapping[str, Any], source: str = "the recipe") -> TrainConfig:
    """A run by `settings`, with those of `given` over them; both name fields of `TrainConfig`, and of `NetConfig`.

    In `settings` those of the net are in a table `net`, or beside the others; what else is in `given` is passed over.
    Raises `ValueError`, one line, for what is not known.
    """
    ours = {f.name: f for f in dataclasses.fields(TrainConfig)}
    nets = {f.name: f for f in dataclasses.fields(NetConfig)}
    net = settings.get("net", {})
    for name, value in ({**settings, **net} if isinstance(net, dict) else {"net": net}).items():
        known = {**ours, **nets}.get(name)
        if known is None or (name == "net" and not isinstance(value, dict)):
            raise ValueError(f"{source}: there is no setting {name!r}: there are {', '.join([*ours, *nets])}")
        if isinstance(known.default, int | float) and (
            not isinstance(value, int | float) or isinstance(value, bool) != isinstance(known.default, bool)
        ):
            raise ValueError(f"{source}: {name} cannot be {value!r}: it must be like {known.default!r}")
    merged = {name: value for name, value in settings.items() if name in ours and name != "net"}
    merged |= {name: value for name, value in given.items() if name in ours}
    shape = {name: value for name, value in {**settings, **net, **given}.items() if name in nets}
    return TrainConfig(**{**merged, "net": NetConfig(**shape)})
