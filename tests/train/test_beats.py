"""A net that is told where beats fall: what a corpus keeps of them, what it learns from, and what its bundle says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antiphon.codec.beats import BEAT_FEATURES, LINES, PHASES, beat_features, grid_features
from antiphon.codec.sounding import FEATURES
from antiphon.codec.stream import TICK, TIME_FIRST, TIME_LAST
from antiphon.engine import Bundle, NeuralModel, open_model
from antiphon.engine.event_graph import EventGraph
from antiphon.engine.judge import NeuralPredictor, judge
from antiphon.faces.embedding import embed
from antiphon.faces.evaluate_pieces import Music, drawn
from antiphon.faces.web_embedding import embed_for_web
from antiphon.jam.controls import Settings
from antiphon.jam.improviser import Improviser
from antiphon.jam.journal import Journal, Line, events_of, perform
from antiphon.music.beats import NO_BEATS, score_beats, steady
from antiphon.music.event import Event
from antiphon.music.grid import Grid
from antiphon.music.midi_write import write_midi
from antiphon.music.score import METER, NOTE, TEMPO, Part, Score
from antiphon.train.batches import WITHHELD, Augment, Batches, collate
from antiphon.train.corpus import Corpus, CorpusError, Window, unpacked
from antiphon.train.export import export
from antiphon.train.likelihood import known_in_order, nats, nats_of_batch
from antiphon.train.loop import TrainConfig, train
from antiphon.train.nets import NetConfig, StreamNet, on_the_beat
from antiphon.train.piece import prepare_piece
from antiphon.train.prep import prepare
from antiphon.train.thaw import thawed
from antiphon.train.tune import with_beats
from tests.ports.fakes import pair
from tests.train.small import TINY

BEAT = replace(TINY, beat=True)
QUARTER = 480
MILLISECOND = 0.15
"""How much the features change about in a millisecond: times in a corpus are whole ones."""


def played(seed: int, *, freely: bool = False) -> Score:
    """Four bars of three at 90, then eight of four at 120, after a rest of two quarters; or onsets anywhere."""
    chance = np.random.default_rng(seed)
    onset = 2 * QUARTER + np.arange(86) * QUARTER // 2
    if freely:
        onset = np.sort(onset + chance.integers(-90, 90, len(onset)))
    notes = np.zeros(len(onset), NOTE)
    notes["onset"], notes["duration"] = onset, QUARTER // 3
    notes["pitch"], notes["velocity"] = chance.integers(50, 80, len(onset)), chance.integers(50, 100, len(onset))
    change = 12 * QUARTER
    tempos = np.array([(0, 666_667), (change, 500_000)], TEMPO)
    return Score(QUARTER, (Part(0, False, notes),), tempos, np.array([(0, 3, 4), (change, 4, 4)], METER))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("beats")
    for side, seeds in (("train", range(6)), ("valid", range(6, 8))):
        (folder / "midi" / side).mkdir(parents=True)
        for seed in seeds:
            write_midi(played(seed), folder / "midi" / side / f"{seed}.mid")
    prepare([folder / "midi"], folder / "corpus", jobs=1)
    return Corpus.open(folder / "corpus")


def net_of(config: NetConfig) -> StreamNet:
    torch.manual_seed(2)
    net = StreamNet(config)
    for out in net.heads.out:
        torch.nn.init.normal_(out.weight, std=0.3)
    if config.beat:
        torch.nn.init.normal_(net.heads.time_gate.weight, std=0.3)  # closed in a new net
    return net.eval()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "beat"
    export(net_of(BEAT), folder, name="beat", precision="fp32", split=corpus.split("valid"), one_graph=True)
    return folder


# What a corpus keeps


def test_a_piece_that_was_stored_has_the_beats_of_its_score(corpus: Corpus) -> None:
    split = corpus.split("train")
    beats, began = score_beats(played(0)), 2 * QUARTER * 666_667e-6 / QUARTER
    assert len(split.beats(0)) == 2
    for start in (0, 20, 90):
        window = split.window(0, start, 40, beats=True)
        at = window.events["at"] + (split.window(0, 0, 200, beats=False).events["at"][start] + began)
        np.testing.assert_allclose(
            beat_features(window.beats, window.events["at"]), beat_features(beats, at), atol=0.02
        )


def test_a_long_silence_is_cut_and_the_beats_go_on_after_it(tmp_path: Path) -> None:
    score = played(0)
    notes = score.parts[0].notes.copy()
    notes["onset"][40:] += 301 * QUARTER  # more than two minutes, which move the bars by one beat
    score = replace(score, parts=(replace(score.parts[0], notes=notes),))
    write_midi(score, tmp_path / "rest.mid")
    piece = prepare_piece(tmp_path / "rest.mid", pedal=True)
    at = unpacked(piece.events)["at"]
    assert at[-1] < 120
    wanted = beat_features(score_beats(score), score.events()["at"])
    np.testing.assert_allclose(beat_features(piece.described.beats, at), wanted, atol=MILLISECOND)


def test_what_was_played_freely_has_no_beats(tmp_path: Path) -> None:
    (tmp_path / "midi").mkdir()
    write_midi(played(3, freely=True), tmp_path / "midi" / "free.mid")
    prepare([tmp_path / "midi"], tmp_path / "corpus", jobs=1, valid_fraction=0)
    assert len(Corpus.open(tmp_path / "corpus").split("train").beats(0)) == 0


def test_a_corpus_of_an_older_version_trains_nets_without_beats_and_no_others(corpus: Corpus, tmp_path: Path) -> None:
    shutil.copytree(corpus.folder, tmp_path / "old")
    for path in (tmp_path / "old").glob("*-beats.npy"):
        path.unlink()
    split = Corpus.open(tmp_path / "old").split("train")
    assert Batches(split, length=16, size=2).batch(0).codes.shape == (2, 16, 4)
    with pytest.raises(CorpusError, match="prepare it again"):
        Batches(split, length=16, size=2, beats=True)


def test_pieces_to_judge_on_come_with_their_beats_from_corpora_and_files_alike(corpus: Corpus) -> None:
    pieces = {}
    for path in (corpus.folder, corpus.folder.parent / "midi"):
        for piece in drawn(Music.open(path).valid, np.random.default_rng(0)):
            first = tuple(piece.events["pitch"][:20].tolist())
            pieces.setdefault(first, []).append(beat_features(piece.beats, piece.events["at"]))
    assert len(pieces) == 2
    for prepared, read in pieces.values():
        assert prepared[:, 0].all()
        np.testing.assert_allclose(prepared, read, atol=MILLISECOND)


# What a net learns from


def test_a_batch_tells_where_the_last_event_fell(corpus: Corpus) -> None:
    window = corpus.split("train").window(1, 30, 40, beats=True)
    batch = collate([window], 50, beats=True)
    assert batch.sounding.shape == (1, 50, FEATURES + BEAT_FEATURES)
    told = batch.sounding[0, :, FEATURES:].numpy()
    assert not told[0].any()
    assert not told[40:].any()
    for t, row in enumerate(window.events[:-1], start=1):
        at = float(row["at"])
        np.testing.assert_array_equal(told[t], beat_features(window.beats, np.array([at]))[0])
    np.testing.assert_array_equal(batch.sounding[..., :FEATURES], collate([window], 50).sounding)


def test_variations_keep_the_music_on_its_beat(corpus: Corpus) -> None:
    window = corpus.split("train").window(2, 0, 60, beats=True)
    varied = Augment(jittered=0, divide=0, anonymous=0, off_beat=0).apply(window, np.random.default_rng(3))
    before, after = (beat_features(w.beats, w.events["at"]) for w in (window, varied))
    np.testing.assert_allclose(after[:, :-2], before[:, :-2], atol=1e-3)
    assert after[0, -2] != before[0, -2]


def test_a_share_of_the_windows_is_told_nothing(corpus: Corpus) -> None:
    batches = Batches(corpus.split("train"), length=4, size=300, beats=True)
    known = batches.batch(0).sounding[:, 1, FEATURES].numpy()
    assert 0.5 * WITHHELD < 1 - known.mean() < 1.5 * WITHHELD


def test_a_net_learns_from_beats_and_goes_on_from_one_that_knew_none(corpus: Corpus, tmp_path: Path) -> None:
    config = TrainConfig(net=BEAT, length=24, size=4, steps=2, threads=1, precision="fp32", evaluate_every=2)
    train(corpus, tmp_path / "run", config, quiet=True)
    export(net_of(TINY), tmp_path / "plain", name="plain", precision="fp32")
    train(corpus, tmp_path / "told", replace(config, start=str(tmp_path / "plain")), quiet=True)
    about = json.loads((tmp_path / "told" / "config.json").read_text())
    assert about["net"]["beat"] is True


def test_a_net_that_is_to_be_told_of_beats_answers_as_before(corpus: Corpus) -> None:
    plain = net_of(TINY)
    told = with_beats(plain)
    assert with_beats(told) is told  # type: ignore[comparison-overlap]
    window = corpus.split("train").window(0, 0, 30, beats=True)
    known = known_in_order([0, 1, 2, 3])
    torch.testing.assert_close(
        nats_of_batch(told, collate([window], 30, beats=True), known),
        nats_of_batch(plain, collate([window], 30), known),
    )


@pytest.mark.parametrize("phase", range(PHASES))
def test_a_gate_lifts_the_times_that_fall_on_its_line(phase: int) -> None:
    grid, at = Grid(0.13, 97.0, 3), 1.234
    gates = torch.zeros(2 * PHASES)
    gates[phase] = 1.0
    lifted = on_the_beat(gates, torch.from_numpy(grid_features(grid, at))).numpy()
    beats = np.array([grid.beat(at + ticks * TICK) for ticks in (TIME_FIRST + TIME_LAST) / 2])
    line = [*LINES, 1 / grid.meter][phase]
    np.testing.assert_allclose(lifted, np.cos(2 * np.pi * line * beats), atol=1e-3)
    assert not on_the_beat(gates, torch.zeros(BEAT_FEATURES)).any()


def test_only_nets_of_streams_are_told() -> None:
    with pytest.raises(ValueError, match="only nets of the family stream"):
        NetConfig(family="token", beat=True)


# What its bundle says


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_the_engine_scores_a_piece_as_the_net_does(corpus: Corpus, tmp_path: Path, body: str, precision: str) -> None:
    net = net_of(replace(BEAT, body=body))
    export(net, tmp_path / "b", name="b", precision=precision, split=corpus.split("valid"))
    model = NeuralModel(Bundle(tmp_path / "b"))
    window = corpus.split("valid").window(0, 0, 50, beats=True)
    scores = []
    for beats in (window.beats, NO_BEATS):
        batch = collate([Window(window.events, beats)], 50, beats=True)
        with torch.no_grad():
            wanted = nats_of_batch(net, batch, known_in_order([0, 1, 2, 3]))[0].numpy()
        model.reset()
        got = model.likelihood(window.events, beats=beats)
        np.testing.assert_allclose(got, wanted, atol=1e-3 if precision == "fp32" else 0.5)
        np.testing.assert_allclose(judge(NeuralPredictor(model), window.events, beats=beats).nats, got, atol=1e-9)
        scores.append(got)
    assert np.abs(scores[0] - scores[1]).max() > 0.01


def test_no_beat_is_the_same_as_zeros_and_another_beat_is_not(bundle: Path) -> None:
    model = NeuralModel(Bundle(bundle))
    event = Event(0.3, 0, 60, 80)
    states = []
    for beat in (None, Grid(0.0, 100.0), Grid(0.1, 100.0)):
        model.reset()
        model.feed(event, beat)
        told = model.snapshot().sounding[0, FEATURES:]
        np.testing.assert_array_equal(told, grid_features(beat, 0.3))
        states.append(model.snapshot().base)
    assert np.abs(states[0] - states[1]).max() > 1e-4
    assert np.abs(states[1] - states[2]).max() > 1e-4


def test_a_bundle_is_verified_and_thawed_and_drawn_from_at_once(bundle: Path, corpus: Corpus) -> None:
    opened = Bundle(bundle)
    assert opened.verify() < 1e-3
    assert EventGraph(opened).verify() > 0.9
    assert json.loads((bundle / "bundle.json").read_text())["net"]["beat"] is True
    net = thawed(bundle)
    assert net.config.beat
    assert isinstance(net, StreamNet)
    assert nats(net, corpus.split("valid"), length=32)["nats_per_event"] > 0


@pytest.mark.parametrize("write", [embed, embed_for_web])
def test_neither_header_nor_browser_plays_it(bundle: Path, tmp_path: Path, write: Any) -> None:
    with pytest.raises(ValueError, match="told where beats fall") as error:
        write(bundle, tmp_path / "out", "fp32")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_model_in_the_box_knows_of_no_beats_and_answers_as_ever() -> None:
    model = open_model("antiphon")
    assert isinstance(model, NeuralModel)
    assert not model.bundle.knows_beats
    assert model.bundle.verify() < 0.5
    event = Event(0.0, 0, 60, 80)
    model.feed(event, Grid(0.0, 100.0))
    told = model.snapshot().base
    model.reset()
    model.feed(event)
    np.testing.assert_array_equal(model.snapshot().base, told)


# Playing


def test_a_jam_with_a_clock_is_lived_again_event_for_event(bundle: Path) -> None:
    shared = Bundle(bundle)

    def fresh() -> Improviser:
        controls = Settings().turned("memory", 2.0)
        return Improviser(NeuralModel(shared), controls, np.random.default_rng(5), pair())

    lines: list[Line] = []
    jam, rng, now = Journal(fresh(), lines.append), np.random.default_rng(6), 0.0
    (player,) = jam.ensemble.instruments("input")[:1]
    for step in range(40):
        now += 0.15
        while (due := jam.next_wake()) is not None and due <= now:
            jam.wake(max(due, now - 0.15))
        if step % 8 == 3:
            jam.beat(Grid(float(now), 60.0 + step * 3) if step != 27 else None, now)
        jam.receive(Event(now, player, int(rng.integers(50, 60)), int(rng.integers(0, 2)) * 80), now)
    again, answers = fresh(), list[Event]()
    for line in lines:
        if line[0] != ">":
            answers += perform(again, line)
    assert answers == [event for line in lines if line[0] == ">" for event in events_of(line)]
    assert any(event.instrument != player for event in answers)
    told = again._model.snapshot().sounding[0, FEATURES:]
    assert told[0] == 1


def test_steady_music_is_a_grid_of_its_own() -> None:
    grid = Grid(0.2, 77.0, 3)
    at = np.array([0.0, 1.0, 9.9])
    np.testing.assert_array_equal(beat_features(steady(grid), at)[1], grid_features(grid, 1.0))
