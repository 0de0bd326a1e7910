"""The net of counterpoint, what it is shown, its training and its export."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec.grid import CLASSES, PITCHES, REST
from antiphon.engine.chorale import ChoraleModel
from antiphon.train.checkpoint import RunError
from antiphon.train.chorale import main
from antiphon.train.chorale_data import Batch, Chorales, hidden_cells, hidden_steps, voice_ranges
from antiphon.train.chorale_export import export_chorale
from antiphon.train.chorale_loop import (
    ChoraleTrainConfig,
    load_chorale_net,
    nats_of_orders,
    nats_per_cell,
    train_chorales,
)
from antiphon.train.chorale_net import ChoraleNet, ChoraleNetConfig, PitchMix, Recall

SMALL = ChoraleNetConfig(channels=16, hidden=24, mixed=4, moved=4, recalled=4, heads=2, blocks=2, reach=(1, 2))
PIECES = [np.random.default_rng(i).integers(10, 30, (4, steps)) for i, steps in enumerate((24, 40, 10))]


def _net(seed=0):
    torch.manual_seed(seed)
    net = ChoraleNet(SMALL).eval()
    for head in (net.pitch_head, net.rest_head):
        torch.nn.init.normal_(head.weight)
    return net


def _cells(shape=(2, 4, 16), seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(10, 30, shape))


def _edges(scores, steps, *, begins=0.0, ends=0.0):
    edges = torch.zeros(scores, steps // 4, 2)
    edges[:, 0, 0], edges[:, -1, 1] = begins, ends
    return edges


@torch.no_grad()
def test_what_is_hidden_makes_no_difference():
    net, cells, known = _net(), _cells(), torch.ones(2, 4, 16)
    known[:, 1, 3:9] = 0
    other = cells.clone()
    other[:, 1, 3:9] = REST
    here = _edges(2, 16)
    assert torch.equal(net(cells, known, here), net(other, known, here))
    other[:, 1, 9] = 40
    assert not torch.equal(net(cells, known, here), net(other, known, here))


@torch.no_grad()
def test_it_is_equivariant_to_time_away_from_the_edges():
    net, cells = _net(), _cells((1, 4, 80))
    known = torch.zeros(1, 4, 80)
    known[:, :, 36:44] = 1
    here = net(cells, known, _edges(1, 80))[:, :, 32:48]
    moved = net(cells.roll(8, -1), known.roll(8, -1), _edges(1, 80))[:, :, 40:56]
    assert torch.allclose(here, moved, atol=1e-4)


@torch.no_grad()
def test_it_is_told_where_the_piece_begins_and_ends():
    net, cells, known = _net(), _cells((1, 4, 80)), torch.zeros(1, 4, 80)
    near = 4 * sum((1, 2))  # steps from which a small net's two blocks can look
    begun, ended = (
        (_edges(1, 80, begins=1.0), slice(0, 4), slice(4 + 2 * near, None)),
        (_edges(1, 80, ends=1.0), slice(-4, None), slice(0, -4 - 2 * near)),
    )
    inside = net(cells, known, _edges(1, 80))
    for edges, there, far in (begun, ended):
        change = (net(cells, known, edges) - inside).abs()
        assert change[:, :, there].mean() > 2 * change[:, :, far].mean()
    for block in net.blocks:  # by recall alone it can be heard further away
        block.from_recall.weight.zero_()
    inside = net(cells, known, _edges(1, 80))
    for edges, there, far in (begun, ended):
        told = net(cells, known, edges)
        assert not torch.allclose(told[:, :, there], inside[:, :, there])
        assert torch.equal(told[:, :, far], inside[:, :, far])


@torch.no_grad()
def test_a_beat_hears_its_like_however_far_away():
    recall = Recall(SMALL)
    for query_or_key in range(2):  # beats are alike by what they hold, not by where they are
        rows = slice(query_or_key * SMALL.recalled, (query_or_key + 1) * SMALL.recalled)
        recall.ask.weight[rows] = 40 * torch.eye(SMALL.recalled, SMALL.channels)
    recall.ask.bias.zero_()
    beats = torch.randn(1, 50, PITCHES, SMALL.channels)
    beats[:, 45, :, : SMALL.recalled] = beats[:, 2, :, : SMALL.recalled]
    heard, changed = recall(beats), beats.clone()
    changed[:, 45, :, SMALL.recalled :] += 1.0
    other = (recall(changed) - heard).abs().sum((2, 3))[0]
    assert other[2] > 0.1
    assert other[3:45].max() < 1e-3


@torch.no_grad()
def test_pitches_hear_each_other_by_their_interval():
    mix, x = PitchMix(3), torch.zeros(1, 2, PITCHES, 3)
    x[:, :, 10:20] = torch.randn(10, 3)
    assert torch.allclose(mix(x)[:, :, :-7], mix(x.roll(7, 2))[:, :, 7:], atol=1e-5)
    assert mix(x)[:, :, -1].abs().max() > 0  # from one end of the keyboard to the other


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="blocks must be 1 or more"):
        ChoraleNetConfig(blocks=0)
    with pytest.raises(ValueError, match="dropout"):
        ChoraleNetConfig(dropout=1.0)


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 2**32))
def test_something_is_always_hidden(length, voices, seed):
    hidden = hidden_cells(length, voices, np.random.default_rng(seed))
    assert hidden.shape == (voices, length)
    assert hidden.any()


def test_masks_of_every_size_and_kind_are_met():
    masks = [hidden_cells(16, 4, np.random.default_rng(i)) for i in range(2000)]
    shares = np.histogram([m.mean() for m in masks], 8, (0, 1))[0]
    assert shares.min() > 100
    assert 0.2 < np.mean([(m.all(0) | ~m.any(0)).all() for m in masks]) < 0.6
    assert np.mean([m.all(1).any() and not m.all() for m in masks]) > 0.05
    going_on = [not m[:, :4].any() and m[:, 8:].all() for m in masks]
    assert 0.01 < np.mean(going_on) < 0.1


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_crops_stay_in_the_voices_ranges_and_on_the_beat(step):
    batch = Chorales(PIECES, length=16, size=4, seed=0).batch(step)
    ranges = voice_ranges(PIECES)
    inside = batch.known | batch.hidden
    assert not (batch.known & batch.hidden).any()
    for v, (low, high) in enumerate(ranges):
        sounding = batch.cells[:, v][inside[:, v]]
        assert (sounding >= low).all()
        assert (sounding <= high).all()
    again = Chorales(PIECES, length=16, size=4, seed=0).batch(step)
    assert (again.cells == batch.cells).all()
    assert (again.hidden == batch.hidden).all()


def test_a_crop_that_is_longer_than_its_piece_ends_with_it():
    batch = Chorales(PIECES[2:], length=16, size=3, seed=0).batch(0)
    assert not (batch.known | batch.hidden)[:, :, 10:].any()
    assert (batch.known | batch.hidden)[:, :, :10].all()


def test_crops_know_the_edges_of_their_piece_and_meet_them_often():
    piece = np.tile(np.arange(80) // 2, (4, 1))  # every beat is another pitch
    batches = [Chorales([piece], length=16, size=8, seed=0, transpose=False).batch(i) for i in range(40)]
    begins, ends, n = 0, 0, 0
    for batch in batches:
        for cells, edges in zip(batch.cells, batch.edges, strict=True):
            assert edges[0, 0] == (cells[0, 0] == 0)
            assert edges[-1, 1] == (cells[0, -1] == 39)
            assert not edges[1:, 0].any()
            assert not edges[:-1, 1].any()
            begins, ends, n = begins + edges[0, 0], ends + edges[-1, 1], n + 1
    assert begins / n > 1.5 / 17  # of 17 places, two count as the edge
    assert ends / n > 1.5 / 17


def test_the_loss_is_of_hidden_cells_each_score_alike():
    batch = Chorales(PIECES, length=16, size=4, seed=0).batch(0)
    logits = torch.zeros(4, 4, 16, CLASSES)
    assert torch.allclose(nats_per_cell(logits, batch), torch.full((4,), float(np.log(CLASSES))))
    logits[torch.from_numpy(batch.known)] = torch.randn(CLASSES)  # what is said of known cells is no matter
    assert torch.allclose(nats_per_cell(logits, batch), torch.full((4,), float(np.log(CLASSES))))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    chord = np.array([72, 67, 60, 48])
    pieces = [(chord + rng.integers(-2, 3)).tolist() for _ in range(6)]
    splits = {name: [[row] * 16 for row in pieces] for name in ("train", "valid")}
    path = tmp_path_factory.mktemp("data") / "chords.json"
    path.write_text(json.dumps(splits))
    return path


def _config(steps):
    return ChoraleTrainConfig(
        net=SMALL, length=8, size=4, steps=steps, evaluate_every=8, evaluate_crops=16, learning_rate=1e-2
    )


def test_training_learns_and_goes_on_where_it_stopped(dataset, tmp_path):
    whole = train_chorales(dataset, tmp_path / "whole", _config(16), quiet=True)
    assert whole["validation"] < np.log(CLASSES) - 0.3

    ticks = iter(range(10_000))

    def clock():
        if (tick := next(ticks)) == 16:  # twice a step: in the ninth
            raise KeyboardInterrupt
        return float(tick)

    with pytest.raises(KeyboardInterrupt, match="stopped and saved at step 8"):
        train_chorales(dataset, tmp_path / "parts", _config(16), quiet=True, clock=clock)
    with pytest.raises(RunError, match="holds a run already"):
        train_chorales(dataset, tmp_path / "parts", _config(16), quiet=True)
    parts = train_chorales(dataset, tmp_path / "parts", _config(16), quiet=True, resume=True)
    assert parts["step"] == 16
    assert parts["validation"] == pytest.approx(whole["validation"], abs=1e-3)


def test_a_run_can_go_on_from_anothers_best_net(dataset, tmp_path):
    first = train_chorales(dataset, tmp_path / "first", _config(16), quiet=True)
    config = replace(
        _config(8), start=str(tmp_path / "first" / "best.safetensors"), learning_rate=1e-5, matrix_rate=1e-5
    )
    assert train_chorales(dataset, tmp_path / "second", config, quiet=True)["best"] < first["best"] + 0.05
    other = replace(config, net=replace(SMALL, channels=8))
    with pytest.raises(RunError, match="another shape"):
        train_chorales(dataset, tmp_path / "third", other, quiet=True)
    assert not (tmp_path / "third").exists()


@given(st.integers(1, 40), st.integers(2, 4), st.integers(0, 1000))
def test_of_the_steps_of_an_order_some_are_being_filled(length, voices, seed):
    hidden = hidden_steps(length, voices, np.random.default_rng(seed))
    assert hidden.shape == (voices, length)
    assert hidden.any()
    long = np.concatenate([hidden_steps(400, voices, np.random.default_rng((seed, i))) for i in range(8)], axis=1)
    begun = (long.any(0) & ~long.all(0)).sum() / long.any(0).sum()
    assert 0.15 < begun < 0.35


def test_a_score_is_met_in_several_orders_at_once():
    batch = Chorales(PIECES, length=16, size=4, seed=0).ordered(3, 2, 5)
    assert batch.cells.shape == (10, 4, 16)
    for rows in (slice(0, 5), slice(5, 10)):
        assert (batch.cells[rows] == batch.cells[rows][:1]).all()
        assert len({hidden.tobytes() for hidden in batch.hidden[rows]}) > 1
    assert not np.array_equal(batch.cells[0], batch.cells[5])


def _one_score(hidden):
    hidden = np.array(hidden, bool)
    cells = np.random.default_rng(0).integers(10, 30, hidden.shape)
    return Batch(cells, ~hidden, hidden, np.zeros((len(cells), hidden.shape[2] // 4, 2), bool))


def test_one_order_alone_costs_the_mean_of_its_steps():
    hidden = np.zeros((1, 4, 8), bool)
    hidden[0, :, [1, 4]] = hidden[0, 2, 6] = True
    batch, logits = _one_score(hidden), torch.randn(1, 4, 8, CLASSES)
    nats = torch.nn.functional.cross_entropy(
        logits.flatten(0, 2), torch.from_numpy(batch.cells).flatten(), reduction="none"
    ).view(4, 8)
    assert nats_of_orders(logits, batch, 1).item() == pytest.approx(
        torch.stack([nats[:, 1].mean(), nats[:, 4].mean(), nats[2, 6]]).mean().item(), rel=1e-5
    )


def test_the_kindest_order_counts_most():
    hidden = np.zeros((2, 4, 8), bool)
    hidden[:, :, 3] = True
    batch, logits = _one_score(hidden), torch.zeros(2, 4, 8, CLASSES)
    batch.cells[1] = batch.cells[0]
    plain = nats_of_orders(logits, batch, 2).item()
    assert plain == pytest.approx(np.log(CLASSES), rel=1e-5)
    for voice in range(4):
        logits[0, voice, 3, batch.cells[0, voice, 3]] = 30.0  # the first order makes it certain
    one_of_two = np.log(2) / (0.75 * 4)
    assert nats_of_orders(logits, batch, 2).item() == pytest.approx(one_of_two, rel=1e-3)
    logits.requires_grad_()
    nats_of_orders(logits, batch, 2).backward()
    assert logits.grad[1].abs().sum() < 1e-3  # nothing is to be learned where another order makes it plain
    assert torch.isfinite(logits.grad).all()


@given(st.integers(2, 4), st.integers(0, 10_000))
def test_a_steps_odds_are_the_mean_of_its_orders_each_by_how_seldom_it_is_hidden(orders, seed):
    batch = Chorales(PIECES, length=16, size=1, seed=seed).ordered(0, 2, orders)
    logits = 3 * torch.randn(*batch.cells.shape, CLASSES, generator=torch.Generator().manual_seed(seed))
    odds = torch.log_softmax(logits, -1).gather(-1, torch.from_numpy(batch.cells)[..., None])[..., 0].numpy()
    wanted = []
    for first in range(0, 2 * orders, orders):
        steps = []
        for step in range(16):
            said = []  # weight, and odds of the step, of each order that hides it
            for row in range(first, first + orders):
                hidden = batch.hidden[row]
                if hidden[:, step].any():
                    length = (batch.known[row] | hidden).any(0).sum()
                    mean = odds[row, hidden[:, step], step].mean()
                    said.append((length / hidden.any(0).sum(), np.exp(0.75 * 4 * mean)))
            if said:
                weights, chances = np.array(said).T
                steps.append(-np.log((weights * chances).sum() / weights.sum()) / (0.75 * 4))
        wanted.append(np.mean(steps))
    assert nats_of_orders(logits, batch, orders).numpy() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("orders", [-1, 1, 17])
def test_orders_that_cannot_be_are_refused_in_one_line(orders, dataset, tmp_path, capsys):
    assert main([str(dataset), "-o", str(tmp_path / "run"), "--orders", str(orders)]) == 1
    assert capsys.readouterr().err == f"orders must be 0 or from 2 to 16, not {orders}\n"
    assert not (tmp_path / "run").exists()


def test_a_net_can_learn_the_mean_of_several_orders(dataset, tmp_path):
    first = train_chorales(dataset, tmp_path / "first", _config(16), quiet=True)
    config = replace(_config(16), start=str(tmp_path / "first" / "best.safetensors"), orders=3, size=8)
    second = train_chorales(dataset, tmp_path / "second", config, quiet=True)
    assert second["validation"] < first["validation"]
    assert second["validation"] < np.log(CLASSES) - 0.3


def test_a_bundle_gives_the_nets_own_answers(tmp_path):
    net = _net()
    about = export_chorale(net, tmp_path / "b", name="b", lineage={"data": "none"}, validation={})
    assert about["largest_difference"] < 1e-3
    model = ChoraleModel(tmp_path / "b", threads=1)
    for steps in (4, 5, 23):
        cells = np.random.default_rng(steps).integers(10, 30, (3, 4, steps))
        known = np.random.default_rng(steps + 1).random(cells.shape) < 0.5
        for start, edges in ((0, (True, True)), (3, (True, False)), (3, (False, True))):
            room = ((0, 0), (0, 0), (start, -(start + steps) % 4))
            with torch.no_grad():
                padded = torch.from_numpy(np.pad(cells, room))
                told = _edges(3, padded.shape[2], begins=edges[0], ends=edges[1])
                logits = net(padded, torch.from_numpy(np.pad(known, room)).float(), told)
            wanted = torch.log_softmax(logits, -1)[:, :, start : start + steps].numpy()
            assert np.allclose(model.log_probabilities(cells, known, start=start, edges=edges), wanted, atol=1e-3)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(RunError, match="holds no bundle"):
        export_chorale(_net(), tmp_path, name="b", lineage={}, validation={})
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_checkpoint_keeps_the_average(dataset, tmp_path):
    train_chorales(dataset, tmp_path / "run", _config(8), quiet=True)
    net, progress = load_chorale_net(tmp_path / "run" / "best.safetensors")
    assert progress["step"] == 8
    assert net.config == SMALL
    with pytest.raises(RunError, match="not a checkpoint"):
        load_chorale_net(dataset)
