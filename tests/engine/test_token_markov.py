"""The trained Markov model: it says what it was counted from, keeps to a beat, and is opened like any other bundle."""

import json

import numpy as np
import pytest

from antiphon.codec.token import encode
from antiphon.engine import BundleError, Constraints, Voice, open_model
from antiphon.engine.token_markov import MarkovBundle, MarkovModel, MarkovWords
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.midi_read import read_midi
from antiphon.train.ngrams import chance, count, grams_of
from tests.engine.counted import TUNE, bundle_of, corrupted, minuet


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundle_of(minuet(), tmp_path_factory.mktemp("counted"))


def test_looked_up_word_by_word_it_predicts_about_what_was_counted():
    piece = encode(read_midi(TUNE).events())
    words, nats = MarkovWords(minuet()), []
    for word in piece.tolist():
        nats.append(-words.logits()[word])
        words.hear(word)
    counted = -np.log(chance(count([piece], 4), grams_of(piece, 4)))
    assert np.mean(nats) < counted.mean() + 0.3
    assert np.mean(nats) < 1.5


def test_it_plays_as_any_model_and_snapshots_bring_back_the_same_future(bundle):
    model, constraints = open_model(bundle), Constraints({0: Voice(max_polyphony=3, max_length=2.0)}, latest=60.0)
    assert model.name == "minuet"
    rng, futures = np.random.default_rng(0), []
    for _ in range(20):
        model.feed(model.sample(constraints, rng))
    before = model.snapshot()
    for _ in range(2):
        model.restore(before)
        rng, future = np.random.default_rng(1), []
        for _ in range(20):
            future.append(model.sample(constraints, rng))
            model.feed(future[-1])
        futures.append(future)
    assert futures[0] == futures[1]


def on_the_beat(strength, beat):
    """The share of onsets drawn within 25 ms of a beat, from a model that knows nothing but the rhythm."""
    model = minuet()
    rhythm = np.ones_like(model.rhythm)
    rhythm[3, 0::4], rhythm[3, 1::4], rhythm[3, 2::4], rhythm[3, 3::4] = 3.4, 0.2, 0.2, 0.2
    plain = type(model)(**{**minuet(0).__dict__, "rhythm": rhythm})
    bundle = MarkovBundle.__new__(MarkovBundle)
    bundle.ngrams, bundle.about = plain, {"name": "even"}
    player, rng = MarkovModel(bundle, strength), np.random.default_rng(0)
    player.feed(Event(0.0, 0, 60, 80))
    hits = []
    while len(hits) < 1500:
        event = player.sample(Constraints({0: Voice()}, latest=3.0, beat=beat), rng)
        if event.velocity:
            hits.append(abs(event.at * 2 - round(event.at * 2)) < 0.05)
    return float(np.mean(hits))


def test_onsets_keep_to_a_beat_that_is_known_as_much_as_is_asked():
    beat = Grid(0.0, 120.0, 4)
    shares = [on_the_beat(1.0, None), on_the_beat(0.0, beat), on_the_beat(1.0, beat), on_the_beat(2.0, beat)]
    assert shares[0] == shares[1]
    assert shares[1] * 1.3 < shares[2] < shares[3]


def test_a_damaged_or_foreign_bundle_is_refused_in_one_line(bundle, tmp_path):
    for name in ("model.bin", "vectors.npz"):
        copy = tmp_path / f"damaged-{name}"
        copy.mkdir()
        for path in bundle.iterdir():
            raw = bytearray(path.read_bytes())
            raw[len(raw) // 2] ^= path.name == name
            (copy / path.name).write_bytes(raw)
        with pytest.raises(BundleError, match=r"checksum") as error:
            open_model(copy)
        assert "\n" not in str(error.value)


def test_other_tables_than_those_of_the_vectors_are_told(bundle, tmp_path):
    other = bundle_of(corrupted(minuet(), "chances", 5, 0.5), tmp_path / "other")
    about = json.loads((bundle / "bundle.json").read_text())
    about["files"]["model.bin"] = json.loads((other / "bundle.json").read_text())["files"]["model.bin"]
    (other / "bundle.json").write_text(json.dumps(about))
    (other / "vectors.npz").write_bytes((bundle / "vectors.npz").read_bytes())
    with pytest.raises(BundleError, match="other answers"):
        open_model(other)
