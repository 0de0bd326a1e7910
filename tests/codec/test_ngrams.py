"""The file of a Markov model: what was written is read, and nothing else is."""

import dataclasses
import struct
import zlib

import numpy as np
import pytest

from antiphon.codec.ngrams import HIGHEST_ORDER, NGramsError, read_ngrams, write_ngrams
from tests.engine.counted import corrupted, minuet


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("ngrams") / "model.bin"
    write_ngrams(path, minuet())
    return path.read_bytes()


def refused(raw: bytes, folder) -> bool:
    (folder / "model.bin").write_bytes(raw)
    with pytest.raises(NGramsError) as error:
        read_ngrams(folder / "model.bin")
    return "\n" not in str(error.value)


def forged(raw: bytes | bytearray) -> bytes:
    """The file with checksums that fit."""
    head = bytearray(raw[:64])
    struct.pack_into("<I", head, 56, zlib.crc32(raw[64:]))
    struct.pack_into("<I", head, 60, zlib.crc32(head[:60]))
    return bytes(head) + bytes(raw[64:])


def test_what_was_written_is_read(raw, tmp_path):
    (tmp_path / "model.bin").write_bytes(raw)
    model, back = minuet(), read_ngrams(tmp_path / "model.bin")
    for field in dataclasses.fields(model):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(model, field.name))
    assert back.about == {"name": "minuet"}


def test_the_head_is_as_the_page_says(raw):
    model = minuet()
    head = struct.unpack_from("<8sIIQIIdIIII", raw)
    sizes = (len(model.keys), len(model.words), 8, 16)
    assert head == (b"ANTIGRAM", 1, model.order, len(raw), 316, head[5], 0.02, *sizes)
    assert raw[len(raw) - head[5] :] == b'{"name": "minuet"}'
    assert struct.unpack_from(f"<{model.order + 2}I", raw, 64) == tuple(model.levels.tolist())


def test_a_file_cut_off_or_changed_anywhere_is_refused(raw, tmp_path):
    rng = np.random.default_rng(0)
    for length in [*range(0, 70), *rng.integers(70, len(raw), 40).tolist()]:
        assert refused(raw[:length], tmp_path)
    assert refused(raw + b"\0", tmp_path)
    for at in [*range(64), *rng.integers(64, len(raw), 60).tolist()]:
        changed = bytearray(raw)
        changed[at] ^= 1 << int(rng.integers(8))
        assert refused(bytes(changed), tmp_path)


@pytest.mark.parametrize(
    ("table", "at", "value"),
    [
        ("levels", 0, 1),
        ("levels", 1, 2),
        ("levels", 2, 2**32 - 1),
        ("keys", 0, 1),
        ("keys", 2, 0),
        ("keys", -1, 2**60),
        ("starts", 1, 2**31),
        ("starts", -1, 0),
        ("rest", 3, np.nan),
        ("rest", 3, 0.0),
        ("rest", 3, np.inf),
        ("rest", 3, -1.0),
        ("words", 0, 400),
        ("words", 1, 0),
        ("chances", 2, 0.0),
        ("chances", 2, np.nan),
        ("chances", 2, 1.5),
        ("rhythm", 20, np.inf),
        ("rhythm", 20, 0.0),
    ],
)
def test_tables_that_break_the_rules_are_neither_written_nor_read(raw, tmp_path, table, at, value):
    broken = corrupted(minuet(), table, at, value)
    with pytest.raises(NGramsError):
        write_ngrams(tmp_path / "model.bin", broken)
    own = getattr(minuet(), table).tobytes()
    place = raw.index(own)
    changed = raw[:place] + getattr(broken, table).tobytes() + raw[place + len(own) :]
    assert refused(forged(changed), tmp_path)


@pytest.mark.parametrize(("at", "value"), [(8, 2), (12, HIGHEST_ORDER + 1), (24, 317), (40, 1), (44, 1), (48, 7)])
def test_other_sizes_and_versions_are_refused_though_the_checksums_fit(raw, tmp_path, at, value):
    changed = bytearray(raw)
    struct.pack_into("<I", changed, at, value)
    assert refused(forged(changed), tmp_path)


def test_all_chances_add_up_to_one_after_any_words():
    model, rng = minuet(), np.random.default_rng(0)
    for _ in range(200):
        row = int(rng.integers(len(model.keys)))
        p = model.probabilities(int(model.keys[row]))
        assert p.min() > 0
        assert abs(p.sum() - 1) < 1e-5
