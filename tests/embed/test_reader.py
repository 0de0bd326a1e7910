"""A damaged, cut off or foreign model is refused before any number of it is used, by C++ and by Python alike."""

import struct
import zlib

import numpy as np
import pytest

from antiphon.engine.bundle import BundleError
from antiphon.engine.embedded import EmbeddedBundle
from antiphon.engine.embedded_file import plan, read_embedded, write_embedded
from antiphon.engine.tensor_file import quantised
from tests.embed.bridge import OK, CppModel

SHAPE = (2, 1, 2)  # hardly any smaller is possible


@pytest.fixture(scope="module", params=["fp32", "int8"])
def small(request, tmp_path_factory):
    path, rng = tmp_path_factory.mktemp("small") / "model.bin", np.random.default_rng(0)
    weights = {name: rng.standard_normal((rows, columns)) for name, rows, columns, _ in plan(*SHAPE)}
    write_embedded(path, weights, SHAPE, request.param, {"name": "small", "licence": "CC0-1.0"})
    return path


@pytest.fixture(scope="module")
def cpp(library, small):
    return CppModel(library, small)


def refused_by_python(raw, folder):
    (folder / "damaged.bin").write_bytes(raw)
    with pytest.raises(BundleError) as error:
        read_embedded(folder / "damaged.bin")
    return "\n" not in str(error.value)


def test_what_was_written_is_read(small, cpp):
    assert read_embedded(small).about == {"name": "small", "licence": "CC0-1.0"}
    assert cpp.read(small.read_bytes()) == OK


def test_a_file_cut_off_anywhere_is_refused(small, cpp, tmp_path):
    raw = small.read_bytes()
    for length in range(len(raw)):
        assert cpp.read(raw[:length]) != OK, length
    for length in range(0, len(raw), 997):
        assert refused_by_python(raw[:length], tmp_path)
    assert cpp.read(raw + b"\0") != OK
    assert refused_by_python(raw + b"\0", tmp_path)


def test_a_file_with_any_byte_changed_is_refused(small, cpp, tmp_path):
    raw, rng = bytearray(small.read_bytes()), np.random.default_rng(1)
    for at in range(len(raw)):
        bit = 1 << int(rng.integers(8))
        raw[at] ^= bit
        assert cpp.read(bytes(raw)) != OK, at
        if at % 997 == 0:
            assert refused_by_python(bytes(raw), tmp_path)
        raw[at] ^= bit


def with_checksums(raw: bytearray) -> bytes:
    """The file as one would forge it."""
    (count,) = struct.unpack_from("<I", raw, 24)
    for entry in range(64, 64 + 64 * count, 64):
        at, size = struct.unpack_from("<QQ", raw, entry + 48)
        struct.pack_into("<I", raw, entry + 44, zlib.crc32(raw[at : at + size]))
    struct.pack_into("<I", raw, 60, zlib.crc32(raw[64 : 64 + 64 * count], zlib.crc32(raw[:60])))
    return bytes(raw)


def place_of(raw, name):
    (count,) = struct.unpack_from("<I", raw, 24)
    for entry in range(64, 64 + 64 * count, 64):
        if raw[entry : entry + 32].rstrip(b"\0") == name:
            return entry, struct.unpack_from("<Q", raw, entry + 48)[0]
    raise AssertionError(name)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_though_the_checksums_fit(small, cpp, tmp_path, number):
    raw = bytearray(small.read_bytes())
    struct.pack_into("<f", raw, place_of(raw, b"start")[1] + 8, number)
    assert cpp.read(with_checksums(raw)) != OK
    assert refused_by_python(with_checksums(raw), tmp_path)


@pytest.mark.parametrize(
    ("at", "value"),
    [(8, 2), (12, 2), (24, 9), (36, 5), (36, 2**31), (40, 2), (40, 65), (44, 0), (48, 321), (52, 164)],
)
def test_other_sizes_and_versions_are_refused_though_the_checksums_fit(small, cpp, tmp_path, at, value):
    raw = bytearray(small.read_bytes())
    struct.pack_into("<I", raw, at, value)
    try:
        forged = with_checksums(raw)
    except struct.error:
        forged = bytes(raw)
    assert cpp.read(forged) != OK
    assert refused_by_python(forged, tmp_path)


@pytest.mark.parametrize("offset", [0, 32, 36, 40, 48, 56])
def test_an_index_that_says_otherwise_is_refused_though_the_checksums_fit(small, cpp, tmp_path, offset):
    raw = bytearray(small.read_bytes())
    entry, _ = place_of(raw, b"gru.0.in.b")
    raw[entry + offset] ^= 1
    assert cpp.read(with_checksums(raw)) != OK
    assert refused_by_python(with_checksums(raw), tmp_path)


def test_weights_that_are_missing_or_no_numbers_are_not_written(tmp_path):
    weights = {name: np.zeros((rows, columns)) for name, rows, columns, _ in plan(*SHAPE)}
    weights["start"] = weights["start"] * np.nan
    with pytest.raises(BundleError, match="start"):
        write_embedded(tmp_path / "m.bin", weights, SHAPE, "fp32", {})


def test_eight_bits_are_within_half_a_step(tmp_path):
    weight = np.random.default_rng(0).standard_normal((50, 30)).astype(np.float32)
    weight[3] = 0
    matrix = quantised(weight)
    assert np.all(np.abs(matrix.floats() - weight) <= matrix.scale[:, None] * 0.5001)
    assert np.abs(matrix.rows).max() == 127


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: raw[:40] + b"x" + raw[41:], lambda _: b""])
def test_damaged_vectors_are_told(folders, tmp_path, damage):
    for name in ("model.bin", "vectors.bin"):
        (tmp_path / name).write_bytes((folders.tiny_int8 / name).read_bytes())
    (tmp_path / "vectors.bin").write_bytes(damage((tmp_path / "vectors.bin").read_bytes()))
    with pytest.raises(BundleError, match="vectors"):
        EmbeddedBundle(tmp_path).verify()
