"""`antiphon corpus`: what a corpus holds, as tables in the terminal, as figures, and as a page with plots."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", type=Path, help="a folder that `antiphon prep` made")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with plots there")


def run(args: argparse.Namespace) -> int:
    from antiphon.faces.corpus_tables import corpus_plots, corpus_tables, summed_up
    from antiphon.faces.evaluate_tables import printed
    from antiphon.faces.report import write_figures, write_page
    from antiphon.train.corpus import Corpus
    from antiphon.train.survey import survey

    corpus = Corpus.open(args.corpus)
    figures = survey(corpus)
    tables, words = corpus_tables(figures), summed_up(figures)
    if figures["music"] is None:
        words += " It was made by an older version, which kept no keys, tempos and chords: prepare it again for those."
    print("\n\n".join([words, *(printed(table) for table in tables)]))
    if args.json:
        write_figures(args.json, figures)
    if args.html:
        write_page(args.html, f"The corpus {corpus.folder.resolve().name}", words, corpus_plots(figures), tables)
    return 0
