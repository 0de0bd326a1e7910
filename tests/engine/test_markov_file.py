"""What was learned comes back from its file just as it was, or not at all."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.engine.markov import MarkovModel
from antiphon.engine.markov_repertoire import ONSET
from antiphon.engine.model import Constraints, Voice
from antiphon.music.event import Event
from tests.engine.phrases import phrase, streams, taught

IN_ONE_FOLDER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def contents(model):
    arrays = [array.tobytes() for one in (model.melodic, model.drums) for array in one.arrays().values()]
    return arrays, [one._continuations for one in (model.melodic, model.drums)]


@IN_ONE_FOLDER
@given(heard=streams())
def test_a_round_trip_changes_nothing(tmp_path, heard):
    model, path = taught(heard), tmp_path / "learned"
    model.save(path)
    again = MarkovModel()
    again.load(path)
    assert contents(again) == contents(model)
    assert np.array_equal(again.melodic.transitions, model.melodic.transitions)
    assert [p.name for p in tmp_path.iterdir()] == ["learned"]


@IN_ONE_FOLDER
@given(heard=streams(), seed=st.integers(0, 2**32 - 1))
def test_who_has_loaded_it_plays_what_who_saved_it_would(tmp_path, heard, seed):
    model, path = taught([*phrase([60, 64, 67]), *[Event(1.0 + e.at, *_rest(e)) for e in heard]]), tmp_path / "learned"
    model.save(path)
    again = MarkovModel()
    again.load(path)
    model.begin_session()
    answers = []
    for one in (model, again):
        one.feed(Event(0.0, 0, 62, 70))
        answers.append(one.sample(Constraints({256: Voice()}, earliest=0.1), np.random.default_rng(seed)))
    assert answers[0] == answers[1]


def _rest(event):
    return event.instrument, event.pitch, event.velocity


def test_it_goes_on_learning_where_it_stopped(tmp_path):
    model, path = taught(phrase([60, 62], begin=1000.0)), tmp_path / "learned"
    model.save(path)
    again = MarkovModel()
    again.load(path)
    for event in phrase([64, 65], begin=0.0):  # a clock that began anew
        again.feed(event)
    assert np.flatnonzero(again.melodic.struck).tolist() == [60, 62, 64, 65]


def test_of_more_than_fits_the_newest_is_loaded(tmp_path):
    path = tmp_path / "learned"
    taught(phrase(range(40, 100))).save(path)
    small = MarkovModel(most=10, order=2)
    small.load(path)
    assert np.flatnonzero(small.melodic.struck).tolist() == list(range(90, 100))
    assert all(small.melodic.follower(p) == p + 1 for p in range(9))


def test_a_file_that_ends_too_early_is_refused_in_one_line_and_nothing_is_lost(tmp_path):
    path = tmp_path / "learned"
    taught(phrase([60, 62, 64, 65] * 5)).save(path)
    whole = path.read_bytes()
    model = taught(phrase([70, 71]))
    before = contents(model)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is no file of what was learned") as refused:
            model.load(path)
        assert "\n" not in str(refused.value)
        assert str(path) in str(refused.value)
    assert contents(model) == before


@IN_ONE_FOLDER
@given(at=st.integers(0, 10**6), by=st.integers(1, 255))
def test_a_damaged_file_is_refused_or_harmless(tmp_path, at, by):
    path = tmp_path / "learned"
    taught(phrase([60, 62, 64, 65] * 5)).save(path)
    damaged = bytearray(path.read_bytes())
    damaged[at % len(damaged)] ^= by
    path.write_bytes(bytes(damaged))
    model = MarkovModel()
    try:
        model.load(path)
    except ValueError as error:
        refused = str(error)
    else:
        refused = ""
    assert "\n" not in refused
    if not refused:
        model.sample(Constraints({0: Voice()}), np.random.default_rng(0))


def foreign_files():
    onsets, durations = np.zeros(3, ONSET), np.full(128, np.nan)
    onsets["velocity"], onsets["follower"], onsets["duration"] = 80, -1, np.nan
    good = {
        f"{kind}_{n}": a for kind in ("melodic", "drums") for n, a in (("onsets", onsets), ("durations", durations))
    }
    good["format"] = np.array("antiphon-markov-1")
    yield "good", good
    for name, value in [("pitch", 128), ("velocity", 0), ("gap", np.nan), ("gap", -1.0), ("duration", np.inf),
                        ("follower", 3), ("follower", -2), ("context", 0x3D00), ("context", 0xFF)]:  # fmt: skip
        wrong = onsets.copy()
        wrong[name][1] = value
        yield f"{name}={value}", good | {"melodic_onsets": wrong}
    yield "another kind", good | {"format": np.array("something-else")}
    yield "too little", {"format": good["format"]}
    yield "another shape", good | {"drums_onsets": np.zeros((2, 2), ONSET)}
    yield "other numbers", good | {"drums_onsets": np.zeros(3)}
    yield "few durations", good | {"drums_durations": np.zeros(3)}
    yield "objects", good | {"melodic_onsets": np.array([{}], object)}


FILES = dict(foreign_files())


@pytest.mark.parametrize("name", list(FILES))
def test_what_nobody_ever_learned_is_refused(tmp_path, name):
    path = tmp_path / "learned.npz"
    np.savez(path, **FILES[name])
    if name == "good":
        MarkovModel().load(path)
        return
    with pytest.raises(ValueError, match="is no file of what was learned"):
        MarkovModel().load(path)


def test_a_foreign_file_is_refused_and_nothing_in_it_is_run(tmp_path):
    path = tmp_path / "learned"
    for content in (b"MThd and so on", pickle.dumps(print), b"\x93NUMPY", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no file of what was learned"):
            MarkovModel().load(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="is no file of what was learned"):
        MarkovModel().load(path)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="learned"):
        MarkovModel().load(tmp_path / "learned")
    with pytest.raises(OSError, match="nowhere"):
        MarkovModel().save(tmp_path / "nowhere" / "learned")
