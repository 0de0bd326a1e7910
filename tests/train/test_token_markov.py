"""From a corpus to a Markov model that plays: counted, chosen, exported; and the grid that its rhythm comes from."""

import json

import numpy as np
import pytest

from antiphon.codec.ngrams import read_ngrams
from antiphon.faces.cli import main
from antiphon.music.event import EVENT
from antiphon.train.rhythm import Rhythms, grid_of
from antiphon.train.token_markov import MarkovConfig, export_markov, markov_config, train_markov
from tests.engine.counted import TUNE, bundle_of, minuet
from tests.train.small import small_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("counted"))


def test_the_order_that_predicts_best_is_kept_within_its_size(corpus, tmp_path):
    figures = train_markov(corpus, tmp_path / "run", MarkovConfig(kilobytes=16), progress=False)
    assert figures["nats_per_word"] == min(figures["tried"].values()) < np.log(316) / 2
    assert figures["bytes"] <= 16_000
    assert (tmp_path / "run" / "model.bin").stat().st_size < 16_000 + 3_000
    assert read_ngrams(tmp_path / "run" / "model.bin").order == figures["order"]


def test_more_keys_are_more_words(corpus, tmp_path):
    words = [
        train_markov(corpus, tmp_path / str(keys), MarkovConfig(keys=keys), progress=False)["trained_words"]
        for keys in (1, 12)
    ]
    assert words[1] == 12 * words[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"order": 7}, "order"), ({"keys": 0}, "keys"), ({"width": 3}, "width"), ({"order": "4"}, "order")],
)
def test_settings_that_are_none_are_told_in_one_line(settings, says):
    with pytest.raises(ValueError, match=says) as error:
        markov_config({"family": "markov", **settings}, {}, "mine.toml")
    assert "\n" not in str(error.value)


def test_the_commands_lead_from_a_corpus_to_a_continued_tune(corpus, tmp_path, capsys):
    run, bundle = str(tmp_path / "run"), str(tmp_path / "bundle")
    assert main(["train", str(corpus.folder), "-o", run, "--recipe", "markov", "--seed", "3"]) == 0
    assert main(["export", run, "-o", bundle]) == 0
    assert main(["verify", bundle]) == 0
    assert main(["export", run, "-o", str(tmp_path / "cpp"), "--target", "cpp"]) == 0
    assert main(["continue", str(TUNE), "-o", str(tmp_path / "o.mid"), "--model", bundle, "--seconds", "5"]) == 0
    about = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert about["lineage"]["training"]["seed"] == 3
    assert about["lineage"]["corpus"]["split_hash"] == corpus.split_hash
    assert about["validation"]["words"] > 0
    capsys.readouterr()
    for words in (["train", str(corpus.folder), "-o", run, "--recipe", "markov"], ["export", run, "-o", bundle]):
        assert main(words) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def waltz(tempo, meter, bars=24, jitter=0.0, seed=0):
    """A bass on the first beat, and notes on the others and between."""
    rng, rows, beat = np.random.default_rng(seed), [], 60 / tempo
    for k in range(bars * meter):
        at = 3.0 + k * beat
        notes = [(at, 40 if k % meter == 0 else 64, 100 if k % meter == 0 else 70)]
        notes += [(at + beat / 2, 67, 60)] if rng.random() < 0.6 else []
        for onset, pitch, velocity in notes:
            onset += rng.normal(0, jitter) if jitter else 0.0
            rows += [(onset, 0, pitch, velocity), (onset + beat / 3, 0, pitch, 0)]
    return np.array(sorted(rows), EVENT)


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("tempo", [78.0, 96.0, 132.0])
def test_the_beat_and_the_bar_of_what_was_written_down_are_found(tempo, meter):
    grid = grid_of(waltz(tempo, meter))
    assert grid is not None
    assert abs(grid.tempo / tempo - 1) < 0.01
    assert grid.meter == meter
    assert abs(((grid.beat(3.0) + meter / 2) % meter) - meter / 2) < 0.1


def test_what_was_played_freely_has_no_grid():
    assert grid_of(waltz(96.0, 4, jitter=0.12)) is None
    assert grid_of(waltz(96.0, 4)[:10]) is None


def test_rhythms_know_where_in_the_bar_onsets_fall():
    rhythms = Rhythms()
    for seed in range(6):
        rhythms.add(waltz(96.0, 4, seed=seed))
    weights = rhythms.weights()
    assert rhythms.pieces == 6
    assert weights[3, [0, 4, 8, 12]].min() > 3 * weights[3, 1::2].max()
    np.testing.assert_array_equal(weights[4], 1.0)


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    folder = bundle_of(minuet(), tmp_path / "whole")

    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("antiphon.train.token_markov.np.savez_compressed", full)
    with pytest.raises(ValueError, match=r"cannot be written .*No space left"):
        export_markov(folder.parent / "run", tmp_path / "half", name="half", lineage={})
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    with pytest.raises(ValueError, match="exists already"):
        export_markov(folder.parent / "run", folder, name="half", lineage={})


def test_a_run_that_was_killed_while_it_wrote_can_be_begun_again(corpus, tmp_path, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("antiphon.codec.ngrams.Path.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        train_markov(corpus, tmp_path / "run", MarkovConfig(), progress=False)
    monkeypatch.undo()
    assert train_markov(corpus, tmp_path / "run", MarkovConfig(), progress=False)["words"]
    assert not list(tmp_path.glob("run/*.partial"))
