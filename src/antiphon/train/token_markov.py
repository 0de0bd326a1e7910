"""Training the Markov family: a corpus counted, the best order chosen by validation, and the model as a bundle."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from antiphon.codec.ngrams import CODEC, DIGIT, HIGHEST_ORDER, NGrams, read_ngrams, write_ngrams
from antiphon.codec.token import DURATION, NOTE_ON, PAD, TIME_SHIFT, VOCABULARY, Tokens, encode
from antiphon.train.bundle_folder import appearing, describe_bundle
from antiphon.train.corpus import Corpus, Split, unpacked
from antiphon.train.ngrams import ROOM, Backoff, Level, backed, count, grams_of, kept, losses, size_of
from antiphon.train.rhythm import Rhythms

__all__ = ["MarkovConfig", "export_markov", "is_markov", "markov_config", "tables", "train_markov"]

_JUDGED = 2_000_000  # words of validation
_REFERENCE = 64  # words in a bundle's reference vectors
_PIECES = 1_500  # that the rhythm is found in
_UNSPELT = "words spell no drums, and there is hardly anything else to train on"


@dataclass(frozen=True)
class MarkovConfig:
    """A run: contexts of up to `order` words, the model in `kilobytes`; `events` to count, 0 for all of the corpus.

    Every piece is counted in so many `keys`, 1 to 12. `room`: n-grams of one length that are kept while counting.
    """

    family: str = "markov"
    order: int = HIGHEST_ORDER
    kilobytes: int = 1000
    events: int = 0
    keys: int = 1
    room: int = ROOM
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (("order", 0, HIGHEST_ORDER), ("keys", 1, 12), ("kilobytes", 8, 1 << 20)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least} to {most}, not {getattr(self, name)}")
        if self.events < 0 or self.room < 1000:
            raise ValueError("events must be 0 or more, room 1000 or more")


def is_markov(settings: Mapping[str, Any]) -> bool:
    """Whether a recipe's settings are of this family."""
    return settings.get("family") == "markov"


def markov_config(settings: Mapping[str, Any], given: Mapping[str, Any], source: str) -> MarkovConfig:
    """A run by `settings`, those of `given` over them, which name fields of `MarkovConfig`. Raises `ValueError`."""
    known = {field.name: field for field in dataclasses.fields(MarkovConfig)}
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"{source}: there is no setting {name!r} of this family: there are {', '.join(known)}")
        if not isinstance(value, str if name == "family" else int):
            raise ValueError(f"{source}: {name} cannot be {value!r}: it must be like {known[name].default!r}")
    return MarkovConfig(**{**settings, **{name: value for name, value in given.items() if name in known}})


def train_markov(corpus: Corpus, folder: Path, config: MarkovConfig, *, progress: bool = True) -> dict[str, Any]:
    """Count `corpus`, choose the order, and write `model.bin` and `config.json` into `folder`.

    Returns figures of the validation side. Raises `ValueError` where there are no words, `OSError` where it cannot be
    written.
    """
    if (folder / "model.bin").exists():
        raise ValueError(f"{folder}: holds a run already; give another folder")
    train, valid = corpus.split("train"), corpus.split("valid")
    rhythms = Rhythms()
    with tqdm(total=train.n_events, unit="event", desc="counting", disable=not progress) as bar:
        pieces = _pieces(train, config, rhythms, bar.update)
        levels = count(
            (words for piece in pieces for words in _in_keys(piece, config.keys)), config.order, room=config.room
        )
    if not len(levels[0].grams):
        raise ValueError(f"{corpus.folder}: {_UNSPELT}")
    held_out = _spelt(valid, _JUDGED)
    model, tried = _chosen(levels, held_out, config, progress=progress)
    figures = _figures(model, held_out) | {"order": len(model) - 1, "bytes": size_of(model), "tried": tried}
    figures |= {"rhythm_pieces": rhythms.pieces, "trained_words": int(levels[0].counts.sum())}
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": folder.name, "validation": figures}
    stored = asdict(config) | {"corpus": corpus.info, "validation": figures}
    (folder / "config.json").write_text(json.dumps(stored, indent=1) + "\n")
    # The last, since it is what makes the folder a run: one that was killed before can be begun again.
    write_ngrams(folder / "model.bin", tables(model, rhythms.weights(), about))
    return figures


def _pieces(split: Split, config: MarkovConfig, rhythms: Rhythms, told: Any) -> Iterator[Tokens]:
    """The words of pieces, in an order drawn by the seed, until there are as many events as are wanted."""
    left = config.events or split.n_events
    for number, i in enumerate(np.random.default_rng(config.seed).permutation(len(split)).tolist()):
        if left <= 0:
            return
        events = unpacked(split.piece(i))[:left]
        if number < _PIECES:
            rhythms.add(events)
        left -= len(events)
        told(len(events))
        yield encode(events)


def _in_keys(words: Tokens, keys: int) -> Iterator[Tokens]:
    """A piece as it is, and moved up and down by semitones as far as its pitches allow."""
    note = (words >= NOTE_ON) & (words < TIME_SHIFT)
    pitches = (words[note] - NOTE_ON) % 128
    for semitones in range(-((keys - 1) // 2), keys // 2 + 1):
        if not len(pitches) or -pitches.min() <= semitones < 128 - pitches.max():
            yield np.where(note, words + semitones, words).astype(np.int16)


def _spelt(split: Split, most: int) -> list[Tokens]:
    pieces: list[Tokens] = []
    for i in range(len(split)):
        pieces.append(encode(unpacked(split.piece(i))))
        if sum(map(len, pieces)) >= most:
            break
    return pieces


def _chosen(
    levels: list[Level], held_out: list[Tokens], config: MarkovConfig, *, progress: bool
) -> tuple[list[Backoff], dict[str, float]]:
    """The model of the order that predicts `held_out` best, and the nats per word of each order that was tried.

    Where nothing is held out it is the highest order.
    """
    tried: dict[str, float] = {}
    best: list[Backoff] = []
    lost = losses(levels)  # of each order by the shorter ones alone: the same whatever is the highest
    limit = config.kilobytes * 1000
    orders = range(min(2, config.order), config.order + 1) if held_out else [config.order]
    for order in tqdm(orders, desc="choosing", disable=not progress):
        model = kept(levels[: order + 1], lost[: order + 1], limit)
        nats = _figures(model, held_out).get("nats_per_word", 0.0)
        if not best or nats < min(tried.values()):
            best = model
        tried[str(order)] = nats
    return best, tried


def _figures(model: list[Backoff], pieces: list[Tokens]) -> dict[str, float]:
    """Nats per word and per event (the sum of its words'), over pieces."""
    words = np.concatenate([np.zeros(0, np.int16), *pieces])
    if not len(words):
        return {}
    grams = np.concatenate([grams_of(piece, len(model) - 1) for piece in pieces])
    nats = -np.log(backed(model, grams)).sum()
    events = int(((words >= NOTE_ON) & (words < TIME_SHIFT)).sum())
    return {
        "nats_per_event": float(nats / events),
        "nats_per_word": float(nats / len(words)),
        "events": events,
        "words": len(words),
    }


def tables(model: list[Backoff], rhythm: npt.NDArray[np.float64], about: Mapping[str, Any]) -> NGrams:
    """The levels one after the other, as the file has them."""
    followers = np.cumsum([0, *(len(level.grams) for level in model)])
    starts = [level.starts[:-1] + first for level, first in zip(model, followers[:-1], strict=True)]
    grams = np.concatenate([level.grams for level in model])
    return NGrams(
        levels=np.cumsum([0, *(len(level.contexts) for level in model)]).astype(np.uint32),
        keys=np.concatenate([level.contexts for level in model]),
        starts=np.append(np.concatenate(starts), followers[-1]).astype(np.uint32),
        rest=np.concatenate([level.rest for level in model]),
        words=(grams & np.uint64(511)).astype(np.uint16),
        chances=np.concatenate([level.p for level in model]),
        rhythm=rhythm,
        about=about,
    )


def _levels(ngrams: NGrams) -> list[Backoff]:
    """The tables as levels again."""
    levels = []
    for first, last in zip(ngrams.levels[:-1].tolist(), ngrams.levels[1:].tolist(), strict=True):
        starts = ngrams.starts[first : last + 1].astype(np.int64)
        contexts, own = ngrams.keys[first:last], slice(int(starts[0]), int(starts[-1]))
        digits = np.repeat(contexts, np.diff(starts)) << np.uint64(DIGIT)
        grams = digits | ngrams.words[own].astype(np.uint64)
        levels.append(Backoff(grams, ngrams.chances[own], contexts, starts - starts[0], ngrams.rest[first:last]))
    return levels


def _answers(model: list[Backoff], words: Tokens) -> npt.NDArray[np.float64]:
    """How likely each word is before each of `words`, shape (n, VOCABULARY)."""
    before = grams_of(words, HIGHEST_ORDER) >> np.uint64(DIGIT)
    grams = (before[:, None] << np.uint64(DIGIT)) | np.arange(VOCABULARY, dtype=np.uint64)
    return backed(model, grams.reshape(-1)).reshape(len(words), VOCABULARY)


def _likely(model: list[Backoff]) -> Tokens:
    """Words that the model itself makes, so that its longer contexts are met, shape (_REFERENCE,)."""
    rng, words = np.random.default_rng(0), np.zeros(0, np.int16)
    while len(words) < _REFERENCE:
        (*_, p) = _answers(model, np.append(words[-HIGHEST_ORDER:], np.int16(PAD)))
        p[:NOTE_ON] = p[DURATION:] = 0.0
        words = np.append(words, np.int16(rng.choice(VOCABULARY, p=p / p.sum())))
    return words


def export_markov(run: Path, out: Path, *, name: str, lineage: Mapping[str, Any]) -> dict[str, Any]:
    """Write the bundle `out` of the run in a folder; returns its `bundle.json`.

    The reference vectors are reckoned by the trainer's own code, apart from what will read them. Raises `ValueError`,
    and writes nothing, where the run cannot be read, or where `out` exists or cannot be written.
    """
    ngrams = read_ngrams(run / "model.bin")
    told = {"name": name, "validation": ngrams.about.get("validation", {}), "lineage": dict(lineage)}
    with appearing(out) as beside:
        write_ngrams(beside / "model.bin", dataclasses.replace(ngrams, about=told))
        model = _levels(ngrams)
        words = _likely(model)
        np.savez_compressed(beside / "vectors.npz", words=words, probabilities=_answers(model, words))
        about = {
            "format": 1,
            "codec": CODEC,
            "order": ngrams.order,
            "precision": "fp32",
            "parameters": len(ngrams.keys) + len(ngrams.words),
            "state": {},
            **told,
        }
        return describe_bundle(beside, about)
