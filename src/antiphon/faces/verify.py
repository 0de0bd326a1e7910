"""`antiphon verify`: is a bundle whole, and does it answer here as it did where it was made?"""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a bundle's folder, for any target, or a shipped model's name")


def run(args: argparse.Namespace) -> int:
    name, kind, worst = _verified(args.bundle)
    print(f"{args.bundle}: whole, {name}, {kind}; its reference vectors are answered within {worst:.2g}")
    return 0


def _verified(bundle: str) -> tuple[str, str, float]:
    """A bundle's name, its kind and how far its answers are off. Raises BundleError when they are not its own."""
    from antiphon.engine import Bundle, open_model
    from antiphon.engine.chorale import bundle_kind, open_chorale_model
    from antiphon.engine.event_graph import EventGraph
    from antiphon.engine.token_markov import MarkovBundle

    if (Path(bundle) / "model.bin").is_file() and not (Path(bundle) / "bundle.json").is_file():
        from antiphon.engine.embedded import EmbeddedBundle
        from antiphon.engine.embedded_words import EmbeddedWords
        from antiphon.engine.token_markov import EmbeddedMarkov

        if EmbeddedMarkov.is_in(Path(bundle)):
            counted = EmbeddedMarkov(Path(bundle))
            return counted.name, "C++, Markov", counted.verify()
        if EmbeddedWords.is_in(Path(bundle)):
            words = EmbeddedWords(Path(bundle))
            return words.name, f"C++ {words.precision}, words", words.verify()
        embedded = EmbeddedBundle(Path(bundle))
        return embedded.name, f"C++ {embedded.precision}", embedded.verify()
    if (Path(bundle) / "model" / "bundle.json").is_file():
        from antiphon.engine.web_bundle import WebBundle

        web = WebBundle(Path(bundle) / "model")
        return web.name, f"for browsers, {web.precision}", web.verify()
    if bundle_kind(bundle) == "grid":
        chorales = open_chorale_model(bundle)
        return chorales.name, "ONNX, chorales", chorales.verify()
    opened = open_model(bundle).bundle
    kind = "Markov" if isinstance(opened, MarkovBundle) else f"ONNX {opened.about['precision']}"
    if isinstance(opened, Bundle) and EventGraph.among(opened):
        kind += f", {EventGraph(opened).verify():.0%} of whole events drawn alike"
    return opened.name, kind, opened.verify()
