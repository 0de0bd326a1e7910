"""Nets of words: no peeking, a trainer that they share with the stream's, and likelihoods that can be compared."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec import token
from antiphon.music.event import DRUM_KITS, EVENT
from antiphon.train import loop
from antiphon.train.batches import Augment
from antiphon.train.checkpoint import load_net
from antiphon.train.corpus import CorpusError, Window, unpacked
from antiphon.train.families import batches_of, net_of
from antiphon.train.loop import TrainConfig, train
from antiphon.train.nets import NetConfig
from antiphon.train.recipe import config_of
from antiphon.train.token_batches import TokenBatches, spelt_windows
from antiphon.train.token_likelihood import nats_of_words, token_nats
from tests.train.small import small_corpus

WORDS = NetConfig(family="token", width=32, layers=2, n_heads=2, window=24, feed_forward=48)
CONFIG = TrainConfig(
    net=WORDS, length=64, size=4, steps=30, evaluate_every=10, learning_rate=1e-2, precision="fp32", device="cpu"
)
BODIES = ("gru", "transformer")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def awake(body):
    """A net that is not silent, as an untrained one is."""
    torch.manual_seed(0)
    net = net_of(replace(WORDS, body=body))
    torch.nn.init.normal_(net.out.weight)
    return net.eval()


@pytest.mark.parametrize("body", BODIES)
def test_no_word_is_seen_before_it_is_predicted(body):
    net, words = awake(body), torch.randint(4, token.VOCABULARY, (2, 40), generator=torch.Generator().manual_seed(0))
    changed = words.clone()
    changed[:, 17] = (changed[:, 17] + 1) % token.VOCABULARY
    with torch.no_grad():
        before, after = net(words), net(changed)
    assert torch.allclose(before[:, :18], after[:, :18], atol=1e-6)
    assert not torch.allclose(before[:, 18], after[:, 18], atol=1e-3)


def test_a_transformer_looks_back_as_far_as_its_windows_reach():
    net = awake("transformer")
    reach = (WORDS.window - 1) * WORDS.layers
    words = torch.randint(4, token.VOCABULARY, (1, 80), generator=torch.Generator().manual_seed(0))
    changed = words.clone()
    changed[:, 0] = 5 if words[0, 0] != 5 else 6
    with torch.no_grad():
        before, after = net(words), net(changed)  # word 0 goes in at place 1
    assert torch.allclose(before[:, 2 + reach :], after[:, 2 + reach :], atol=1e-6)
    assert not torch.allclose(before[:, 1 + WORDS.window // 2], after[:, 1 + WORDS.window // 2], atol=1e-4)


@pytest.mark.parametrize("body", BODIES)
def test_training_learns_something(corpus, tmp_path, body):
    config = replace(CONFIG, net=replace(WORDS, body=body))
    before = token_nats(net_of(config.net), corpus.split("valid"))
    progress = train(corpus, tmp_path / "run", config, quiet=True)
    assert progress.best < 0.75 * before["nats_per_event"]
    net, saved = load_net(tmp_path / "run" / "best.safetensors")
    assert net.config == config.net
    assert token_nats(net, corpus.split("valid"))["nats_per_event"] == pytest.approx(saved["best"], abs=1e-4)


def test_an_interrupted_run_goes_on_bit_for_bit(corpus, tmp_path, monkeypatch):
    train(corpus, tmp_path / "whole", CONFIG, quiet=True)

    class PowerCut(Exception):
        pass

    step = loop.Run.step

    def failing(run, stream):
        if run.progress.step == 17:
            raise PowerCut
        return step(run, stream)

    monkeypatch.setattr(loop.Run, "step", failing)
    with pytest.raises(PowerCut):
        train(corpus, tmp_path / "cut", CONFIG, quiet=True)
    monkeypatch.undo()
    train(corpus, tmp_path / "cut", CONFIG, quiet=True, resume=True)
    whole, cut = (load_net(tmp_path / n / "last.safetensors")[0] for n in ("whole", "cut"))
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.equal(a, b)


def test_an_event_costs_what_its_words_cost(corpus):
    net, split = awake("gru"), corpus.split("valid")
    found = token_nats(net, split, length=10_000)
    nats, events, words = 0.0, 0, 0
    for i in range(len(split)):
        spelt = token.encode(unpacked(split.piece(i)))
        batch = spelt_windows([spelt], len(spelt))
        with torch.no_grad():
            nats += float(nats_of_words(net, batch).sum())
        events, words = events + len(split.piece(i)), words + len(spelt)
    assert (found["events"], found["words"]) == (events, words)
    assert found["nats_per_event"] == pytest.approx(nats / events, rel=1e-5)
    assert found["nats_per_word"] == pytest.approx(nats / words, rel=1e-5)
    kinds = sum(found[kind] for kind in ("time", "velocity", "pitch"))
    assert kinds == pytest.approx(found["nats_per_event"], rel=1e-6)


def test_an_untrained_net_holds_all_words_for_equally_likely(corpus):
    assert token_nats(net_of(WORDS), corpus.split("valid"))["nats_per_word"] == pytest.approx(
        np.log(token.VOCABULARY), abs=1e-4
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.integers(0, 5))
def test_what_is_padded_costs_nothing(length, more):
    net = awake("gru")
    words = np.arange(4, 4 + length, dtype=np.int16)
    with torch.no_grad():
        short = nats_of_words(net, spelt_windows([words], max(length, 1)))
        long = nats_of_words(net, spelt_windows([words], max(length, 1) + more))
    assert float(long.sum()) == pytest.approx(float(short.sum()), rel=1e-5)


def test_batches_are_words_of_varied_windows_and_parts_make_the_whole(corpus):
    def batches(seed=0, part=slice(None), augment=None):
        kind = {"length": 32, "size": 6, "seed": seed, "weights": {}, "augment": augment, "part": part}
        made = batches_of(net_of(WORDS), corpus.split("train"), **kind)
        assert isinstance(made, TokenBatches)
        return made.batch(3)

    assert torch.equal(batches().words, batches().words)
    assert not torch.equal(batches().words, batches(augment=Augment()).words)
    parts = [batches(part=part).words for part in (slice(0, 2), slice(2, 6))]
    assert torch.equal(torch.cat(parts), batches().words)
    assert batches().words.shape == (6, 2 * 32)


def test_music_of_drums_alone_cannot_be_trained_on(corpus):
    class Drums(TokenBatches):
        def window(self, rng):
            return Window(np.array([(0.0, DRUM_KITS, 36, 90)], EVENT))

    with pytest.raises(CorpusError, match="drums"):
        Drums(corpus.split("train"), length=8, size=1).batch(0)


def test_a_recipe_says_its_family():
    config = config_of({"family": "token", "net": {"width": 16}}, {"layers": 1})
    assert (config.net.family, config.net.width, config.net.layers) == ("token", 16, 1)
    with pytest.raises(ValueError, match="no family of nets is called 'organ'"):
        config_of({"family": "organ"}, {})
