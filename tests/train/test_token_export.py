"""A bundle of a net of words gives the net's own answers, plays what it may, and is refused when it was damaged."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec import token
from antiphon.engine import BundleError, Constraints, Voice, open_model, shipped_models
from antiphon.engine.token_bundle import NetWords, TokenBundle, TokenNetModel
from antiphon.engine.token_judge import judge_words
from antiphon.music.event import DRUM_KITS, EVENT, Event
from antiphon.train.bundles import export_net
from antiphon.train.checkpoint import RunError
from antiphon.train.corpus import unpacked
from antiphon.train.loop import train
from antiphon.train.thaw import thawed
from antiphon.train.token_batches import spelt_windows
from antiphon.train.token_export import export_token
from antiphon.train.token_likelihood import nats_of_words, token_nats
from tests.engine.promises import keeps_its_promises, limits, voices
from tests.train.small import small_corpus
from tests.train.test_token import BODIES, CONFIG, WORDS, awake


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    for body in BODIES:
        export_net(awake(body), folder / body, name=body, precision="fp32")
    return folder


def of_one_instrument(corpus):
    events = unpacked(corpus.split("valid").piece(0))
    return events[events["instrument"] == 0][:80]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("precision", ["fp32", "int8", "int8-static", "int4w"])
def test_the_engine_scores_words_as_the_net_does(corpus, tmp_path, body, precision):
    net = awake(body)
    about = export_token(net, tmp_path / "b", name="b", precision=precision, split=corpus.split("valid"))
    events = of_one_instrument(corpus)
    words = token.encode(events)
    with torch.no_grad():
        wanted = nats_of_words(net, spelt_windows([words], len(words)))[0].numpy()
    model = open_model(tmp_path / "b")
    got = judge_words(model, events).nats
    if precision == "fp32":
        np.testing.assert_allclose(got, wanted, atol=1e-3)
    assert abs(got.mean() - wanted.mean()) < (0.1 if precision == "int4w" else 0.02) * wanted.mean()
    assert model.bundle.verify() == pytest.approx(0, abs=1e-5)
    graph = about["graphs"]["step.onnx"]
    assert [value["name"] for value in graph["inputs"]] == ["token", *about["state"]]
    assert [value["shape"] for value in graph["inputs"][1:]] == list(about["state"].values())
    assert graph["outputs"][0] == {"name": "logits", "dtype": "float32", "shape": [1, token.VOCABULARY]}


def test_an_events_nats_are_its_words_and_what_the_stream_tells_more(corpus, bundles):
    events = of_one_instrument(corpus)
    judged = judge_words(open_model(bundles / "gru"), events)
    struck = np.array([np.log(16 if v >= 16 else 15) if v else 0.0 for v in events["velocity"].tolist()])
    assert judged.events.nats.sum() == pytest.approx(judged.nats.sum() + len(events) * np.log(2) + struck.sum())
    assert (judged.events.nats[:, 0] == 0).all()  # who plays is given
    assert ((judged.events.hit >= 0) & (judged.events.hit <= 1)).all()
    assert judged.top(token.VOCABULARY).all()


def test_a_net_that_knows_nothing_costs_its_whole_vocabulary(bundles):
    class Even(TokenBundle):
        def step(self, word, state):
            return np.zeros(token.VOCABULARY, np.float32), state

        def verify(self, words=None):
            return 0.0

    events = np.array([(0.0, 0, 60, 90), (0.5, 0, 60, 0), (1.5, 0, 62, 3)], EVENT)
    judged = judge_words(TokenNetModel(Even(bundles / "gru")), events)
    assert judged.nats.tolist() == pytest.approx([np.log(316)] * len(token.encode(events)))
    assert judged.events.nats.sum(1)[0] == pytest.approx(2 * np.log(316) + np.log(2) + np.log(16))


def test_drums_are_not_judged(bundles):
    with pytest.raises(ValueError, match="drums have no words"):
        judge_words(open_model(bundles / "gru"), np.array([(0.0, DRUM_KITS, 36, 90)], EVENT))


@pytest.mark.parametrize("body", BODIES)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.dictionaries(st.integers(0, 127), voices(), min_size=1, max_size=3))
def test_a_net_never_plays_what_it_may_not(bundles, body, seed, voices):
    model, rng = TokenNetModel(_opened(bundles / body)), np.random.default_rng(seed)
    at = partial(limits, voices, wait=0.0, span=2.0)
    keeps_its_promises(model, at, rng, 20, lambda voices, held: None)


_OPENED = {}


def _opened(folder):
    """Sessions are slow to open, and hold no state."""
    if folder not in _OPENED:
        _OPENED[folder] = TokenBundle(folder)
    return _OPENED[folder]


@pytest.mark.parametrize("body", BODIES)
@given(st.lists(st.integers(4, token.VOCABULARY - 1), min_size=1, max_size=30), st.integers(0, 10))
@settings(max_examples=25, deadline=None)
def test_what_was_heard_is_remembered_exactly(bundles, body, words, back):
    straight, wandering = NetWords(_opened(bundles / body)), NetWords(_opened(bundles / body))
    for word in words:
        straight.hear(word)
        before = wandering.snapshot()
        for other in range(back):
            wandering.hear(4 + other)
        wandering.restore(before)
        wandering.hear(word)
    assert np.array_equal(straight.logits(), wandering.logits())


def test_a_transformer_hears_more_than_its_window_holds_as_its_net_does(bundles):
    net, words = awake("transformer"), NetWords(_opened(bundles / "transformer"))
    spelt = torch.randint(4, token.VOCABULARY, (1, 100), generator=torch.Generator().manual_seed(1))
    for word in spelt[0, :-1].tolist():
        words.hear(word)
    with torch.no_grad():
        np.testing.assert_allclose(words.logits(), net(spelt)[0, -1].numpy(), atol=1e-3)


def test_a_session_may_last_for_ever(bundles):
    """Counts are exact far beyond a float's whole numbers: where it began makes no difference to what follows."""
    net, bundle = awake("transformer"), _opened(bundles / "transformer")
    spelt = torch.randint(4, token.VOCABULARY, (1, 60), generator=torch.Generator().manual_seed(2))
    state = bundle.initial()
    state["heard"] = np.array([4090, 2**20], np.float32)  # four thousand million words ago
    for _ in range(3 * WORDS.window):  # what was heard since fills the layers' windows
        _, state = bundle.step(token.BOS, state)
    for word in [token.BOS, *spelt[0, :-1].tolist()]:
        logits, state = bundle.step(word, state)
    with torch.no_grad():
        wanted = net(spelt)[0, -1].numpy()
    np.testing.assert_allclose(logits, wanted, atol=1e-3)


def test_fresh_models_of_one_bundle_keep_apart(bundles):
    a = open_model(bundles / "gru")
    b, constraints = a.fresh(), Constraints({0: Voice(max_polyphony=4)})
    event = a.sample(constraints, np.random.default_rng(0))
    a.feed(event)
    assert b.sample(constraints, np.random.default_rng(0)) == event
    a.reset()
    assert a.sample(constraints, np.random.default_rng(0)) == event


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_bundle_can_be_trained_on(corpus, tmp_path, body, precision):
    export_token(awake(body), tmp_path / "b", name="b", precision=precision)
    net, wanted = thawed(tmp_path / "b"), awake(body)
    for a, b in zip(net.state_dict().values(), wanted.state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-6 if precision == "fp32" else 0.03 * float(b.abs().max()))
    config = replace(CONFIG, start=str(tmp_path / "b"), steps=4, evaluate_every=4, tuning="lora", rank=2)
    progress = train(corpus, tmp_path / "run", config, quiet=True)
    assert progress.best < token_nats(net, corpus.split("valid"))["nats_per_event"]


def test_a_net_that_is_not_made_of_numbers_is_not_exported(tmp_path):
    for precision in ("fp32", "int8"):
        net = awake("gru")
        torch.nn.init.constant_(net.out.bias, float("nan"))
        with pytest.raises(RunError, match="differ"):
            export_token(net, tmp_path / "b", name="b", precision=precision)
        assert list(tmp_path.iterdir()) == []


def rewritten(folder, change):
    about = json.loads((folder / "bundle.json").read_text())
    change(about)
    (folder / "bundle.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "bundle.json").write_text("[]"), "not a readable bundle"),
        (lambda f: (f / "step.onnx").write_bytes(b"no"), "damaged"),
        (lambda f: (f / "vectors.npz").unlink(), "not a readable bundle"),
        (lambda f: rewritten(f, lambda a: a.update(format=99)), "format 99"),
        (lambda f: rewritten(f, lambda a: a["codec"].update(tick=0.01)), "another codec"),
        (lambda f: rewritten(f, lambda a: a["codec"].update(kind="organ")), "does not play along"),
        (lambda f: rewritten(f, lambda a: a["files"].pop("step.onnx")), "incomplete"),
        (lambda f: rewritten(f, lambda a: a.pop("state")), "lacks"),
        (lambda f: rewritten(f, lambda a: a.update(state={"hidden": [10**6, 10**6]})), "plays live"),
        (lambda f: rewritten(f, lambda a: a.update(state={"hidden": [1, 5]})), "cannot be used"),
        (lambda f: rewritten(f, lambda a: a.update(state={"other": [2, 32]})), "cannot be used"),
        (lambda f: swapped(f, logits=lambda x: x + 1), "other answers"),
        (lambda f: swapped(f, logits=lambda x: x * np.nan), "other answers"),
        (lambda f: swapped(f, logits=lambda x: x[:, :5]), "another shape"),
        (lambda f: swapped(f, words=lambda x: x[:0], logits=lambda x: x[:0]), "another shape"),
        (lambda f: swapped(f, words=lambda x: x + 400), "cannot be used"),
    ],
)
def test_a_wrong_bundle_is_refused_in_one_line(bundles, tmp_path, damage, says):
    copy = tmp_path / "copy"
    shutil.copytree(bundles / "gru", copy)
    damage(copy)
    with pytest.raises(BundleError, match=says) as error:
        open_model(copy)
    assert "\n" not in str(error.value)


def swapped(folder, **changes):
    import hashlib

    with np.load(folder / "vectors.npz") as arrays:
        np.savez(folder / "vectors.npz", **{k: changes.get(k, lambda x: x)(arrays[k]) for k in arrays})
    digest = hashlib.sha256((folder / "vectors.npz").read_bytes()).hexdigest()
    rewritten(folder, lambda a: a["files"].update({"vectors.npz": digest}))


def test_a_release_of_what_was_struck_before_it_heard_anything_is_passed_over(bundles):
    model = open_model(bundles / "gru")
    before = model.snapshot()
    model.feed(Event(1.0, 0, 60, 0))
    assert np.array_equal(model.snapshot().words.logits, before.words.logits)


def test_models_that_can_jam_are_on_the_list():
    assert "antiphon" in shipped_models()
    assert "chorale" not in shipped_models()
    assert "chorale" in shipped_models("grid")
