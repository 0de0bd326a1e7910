"""Opening a model, of whatever family: its bundle says which."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from antiphon.engine.bundle import Bundle
from antiphon.engine.bundle_file import BundleError, find_bundle
from antiphon.engine.model import Model
from antiphon.engine.neural import NeuralModel
from antiphon.engine.token_bundle import TokenBundle, TokenNetModel
from antiphon.engine.token_markov import MarkovBundle, MarkovModel

__all__ = ["OpenedModel", "open_model", "open_stream_model"]


class OpenedModel(Model, Protocol):
    """A model that was opened from a bundle."""

    name: str
    bundle: Any
    """What it was opened from: has a `folder`, and what `bundle.json` says in `about`."""

    def reset(self) -> None:
        """Remember nothing, as when it was opened."""

    def fresh(self) -> OpenedModel:
        """Another model of the same bundle, which has heard nothing."""


_FAMILIES: dict[tuple[str, str], Callable[[Path, int], OpenedModel]] = {
    ("stream", ""): lambda folder, threads: NeuralModel(Bundle(folder, threads=threads)),
    ("token", "net"): lambda folder, threads: TokenNetModel(TokenBundle(folder, threads=threads)),
    ("token", "markov"): lambda folder, _: MarkovModel(MarkovBundle(folder)),
}
"""By the name of the codec and the kind of model that it is for."""


def open_model(name: str | Path, *, threads: int = 1) -> OpenedModel:
    """Open a bundle by its path or a shipped model's name. Raises BundleError in one line."""
    folder = find_bundle(name)
    try:
        codec = json.loads((folder / "bundle.json").read_text())["codec"]
        family = str(codec["name"]), str(codec.get("kind", ""))
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BundleError(f"{folder}: not a readable bundle ({error})") from error
    if family not in _FAMILIES:
        raise BundleError(f"{folder}: a model of kind {' '.join(family).strip()!r}, which does not play along")
    return _FAMILIES[family](folder, threads)


def open_stream_model(name: str | Path, *, threads: int = 1) -> NeuralModel:
    """Open a bundle of a stream model, which answers for any field given any others. Raises BundleError."""
    return NeuralModel(Bundle(find_bundle(name), threads=threads))
