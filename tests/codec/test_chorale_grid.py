"""The raster of chorales, and the two forms of the dataset."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antiphon.codec.grid import CLASSES, HIGHEST, LOWEST, REST, SILENT, VOICES, decode, encode, read_dataset

PITCHES = arrays.arrays(np.int16, (4, 7), elements=st.one_of(st.just(SILENT), st.integers(LOWEST, HIGHEST)))


@given(PITCHES)
def test_what_is_encoded_comes_back(score):
    cells = encode(score)
    assert cells.min() >= 0
    assert cells.max() < CLASSES
    assert ((cells == REST) == (score == SILENT)).all()
    assert (decode(cells) == score).all()


@pytest.mark.parametrize("pitch", [LOWEST - 1, HIGHEST + 1, 0, 127])
def test_a_pitch_out_of_range_is_refused_by_name(pitch):
    with pytest.raises(ValueError, match=f"pitch {pitch} is out of"):
        encode([60, pitch])


def _object_array(pieces):
    array = np.empty(len(pieces), object)
    for i, piece in enumerate(pieces):
        array[i] = piece
    return array


@pytest.fixture
def pieces():
    rng = np.random.default_rng(0)
    made = [rng.integers(LOWEST, HIGHEST + 1, (steps, VOICES)).astype(np.float16) for steps in (8, 13)]
    made[0][2, 1] = np.nan
    return made


def test_both_forms_of_a_dataset_are_the_same(tmp_path, pieces):
    np.savez(tmp_path / "a.npz", train=_object_array(pieces), valid=_object_array(pieces[1:]))
    lists = [[[SILENT if np.isnan(p) else int(p) for p in row] for row in piece] for piece in pieces]
    (tmp_path / "a.json").write_text(json.dumps({"train": lists, "valid": lists[1:]}))
    for split in ("train", "valid"):
        first, second = read_dataset(tmp_path / "a.npz", split), read_dataset(tmp_path / "a.json", split)
        assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert read_dataset(tmp_path / "a.npz", "train")[0].shape == (VOICES, 8)
    assert read_dataset(tmp_path / "a.npz", "train")[0][1, 2] == SILENT


def test_an_array_that_is_one_table_is_read_as_well(tmp_path, pieces):
    np.savez(tmp_path / "a.npz", test=np.stack([np.full((8, VOICES), 60.0)]))
    assert (read_dataset(tmp_path / "a.npz", "test")[0] == 60).all()


class _Hostile:
    def __reduce__(self):
        return (print, ("this ran",))


def test_a_dataset_cannot_run_code(tmp_path, capsys):
    payload = pickle.dumps(_Hostile())
    header = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    header += b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("train.npy", header + payload)
    with pytest.raises(ValueError, match="not a dataset of chorales"):
        read_dataset(tmp_path / "a.npz", "train")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no json", "not a JSON file"),
        ("[1]", "an object with a list of pieces"),
        ('{"train": [[[60, 60]]]}', "a piece of shape 1 x 2"),
        ('{"train": [[[60, 60, 60, 60.5]]]}', "no MIDI pitches"),
        ('{"train": [[[60, 60], [60]]]}', "no table of numbers"),
        ('{"train": []}', "is empty"),
        ('{"valid": []}', "has no split 'train': there are valid"),
    ],
)
def test_what_is_no_dataset_is_said_in_a_line(tmp_path, text, says):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        read_dataset(tmp_path / "a.json", "train")
