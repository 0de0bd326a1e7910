"""The Markov model's file in C++: read by the same header, refused like any other, and the same stream as in Python."""

import struct
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.codec.ngrams import write_ngrams
from antiphon.engine import Constraints, Steer
from antiphon.engine.token_markov import MarkovBundle, MarkovModel
from antiphon.faces.cli import main
from antiphon.faces.embedding import SOURCES
from antiphon.music.grid import Grid
from tests.embed.alike import BAND, choose_alike, snapshot_brings_back
from tests.embed.bridge import EMBED, HERE, OK, CppModel, Numbers, compile_cpp
from tests.embed.conftest import embedded
from tests.embed.test_real_time import played
from tests.engine.counted import TUNE, bundle_of, corrupted, minuet

STEER = {"pitch": Steer(top_p=0.95), "time": Steer(temperature=0.9, window=(0.05, 0.97))}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundle_of(minuet(), tmp_path_factory.mktemp("counted"))


@pytest.fixture(scope="module")
def folder(bundle):
    return embedded(bundle, bundle.parent / "cpp", "int8")


@pytest.fixture(scope="module")
def words_library(tmp_path_factory):
    out = tmp_path_factory.mktemp("bridge") / "words.so"
    return compile_cpp(HERE / "bridge.cpp", out, "-shared", "-fPIC", "-DMARKOV")


@pytest.fixture
def cpp(words_library, folder):
    return CppModel(words_library, folder / "model.bin")


def test_ten_thousand_events_are_drawn_alike(cpp, bundle, request):
    """From the same random numbers: not a bit of a time may differ, with a beat and without."""
    python, numbers, last = MarkovModel(MarkovBundle(bundle)), Numbers(0), 0.0
    for t in range(10_000 if request.config.getoption("soak") else 1_200):
        beat = Grid(0.1, 100.0, 3) if t % 2 else None
        span = 12.0 if t % 3 == 0 else 2.0
        constraints = Constraints(
            BAND, earliest=last, latest=last + span, steer=STEER, onset_weight=1.3, weights={0: 2.0}, beat=beat
        )
        numbers.given.clear()
        event = python.sample(constraints, numbers)
        got = cpp.sample(constraints, numbers.given)
        assert got == (OK, (event.at, event.instrument, event.pitch, event.velocity), len(numbers.given))
        python.feed(event)
        cpp.feed(event)
        last = event.at


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_under_any_constraints_every_choice_is_the_same(bundle, cpp, data, seed):
    cpp.reset()
    python = MarkovModel(MarkovBundle(bundle))
    choose_alike(data, Numbers(seed), python, cpp)


def test_probabilities_are_the_same_bits(cpp):
    model, rng = minuet(), np.random.default_rng(0)
    for _ in range(300):
        history = int(model.keys[rng.integers(len(model.keys))]) | int(rng.integers(316)) << 45
        np.testing.assert_array_equal(cpp.probabilities(history), model.probabilities(history))


def test_a_file_cut_off_or_changed_anywhere_is_refused(cpp, folder):
    raw, rng = bytearray((folder / "model.bin").read_bytes()), np.random.default_rng(1)
    assert cpp.read(bytes(raw)) == OK
    for length in range(0, len(raw), 7):
        assert cpp.read(bytes(raw[:length])) != OK, length
    assert cpp.read(bytes(raw) + b"\0") != OK
    for at in range(0, len(raw), 3):
        bit = 1 << int(rng.integers(8))
        raw[at] ^= bit
        assert cpp.read(bytes(raw)) != OK, at
        raw[at] ^= bit


@pytest.mark.parametrize(
    ("table", "at", "value"),
    [
        *[("levels", 0, 1), ("levels", 2, 2**32 - 1), ("keys", 0, 1), ("keys", 2, 0), ("keys", -1, 2**60)],
        *[("starts", 1, 2**31), ("starts", -1, 0), ("rest", 3, np.nan), ("rest", 3, 0.0), ("rest", 3, np.inf)],
        *[("words", 0, 400), ("words", 1, 0), ("chances", 2, 0.0), ("chances", 2, np.nan), ("chances", 2, 1.5)],
        *[("rhythm", 20, np.inf), ("rhythm", 20, 0.0)],
    ],
)
def test_tables_that_break_the_rules_are_refused_though_the_checksums_fit(cpp, tmp_path, table, at, value):
    write_ngrams(tmp_path / "model.bin", minuet())
    raw = (tmp_path / "model.bin").read_bytes()
    own, other = getattr(minuet(), table).tobytes(), getattr(corrupted(minuet(), table, at, value), table).tobytes()
    changed = bytearray(raw.replace(own, other, 1))
    assert changed != raw
    struct.pack_into("<I", changed, 56, zlib.crc32(changed[64:]))
    struct.pack_into("<I", changed, 60, zlib.crc32(changed[:60]))
    assert cpp.read(bytes(changed)) != OK


def test_a_snapshot_brings_back_just_what_was_remembered(cpp):
    snapshot_brings_back(cpp)


@pytest.mark.system("clang++")
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_nothing_is_allocated_after_prepare(folder, tmp_path, compiler):
    flags = ("-pthread", "-DMARKOV", "-Wconversion", "-Wshadow")
    stress = compile_cpp(HERE / "stress.cpp", tmp_path / "stress", *flags, compiler=compiler)
    assert " 0 allocations after prepare, 0 wrong" in played(stress, folder / "model.bin", 4000)


@pytest.mark.system("clang++")
@pytest.mark.parametrize(("sanitizer", "compiler"), [("address,undefined", "clang++"), ("thread", "g++")])
def test_sanitizers_find_nothing(folder, tmp_path, sanitizer, compiler):
    flags = ("-g", "-O1", "-pthread", "-DUNCOUNTED", "-DMARKOV", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all")
    stress = compile_cpp(HERE / "stress.cpp", tmp_path / "stress", *flags, compiler=compiler)
    played(stress, folder / "model.bin", 1000)


@pytest.mark.system("clang++")
def test_the_fuzzer_builds_and_runs(folder, tmp_path):
    flags = ("-g", "-O1", "-DMARKOV", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    fuzz = compile_cpp(HERE / "fuzz.cpp", tmp_path / "fuzz", *flags, compiler="clang++")
    done = subprocess.run(
        [fuzz, "-runs=2000", "-seed=1", "-max_len=2048", "-len_control=0"],
        env={"ANTIPHON_MODEL": str(folder / "model.bin")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_folder_has_all_that_is_needed_and_its_example_plays(folder, tmp_path, capsys):
    assert {path.name for path in folder.iterdir()} == {*SOURCES, "model.bin", "vectors.bin"}
    check = compile_cpp(EMBED / "check.cpp", tmp_path / "check")
    done = subprocess.run([check, folder / "model.bin", folder / "vectors.bin"], capture_output=True, text=True)
    assert done.stdout.endswith("at most 0\n"), done.stderr
    duet = compile_cpp(EMBED / "duet.cpp", tmp_path / "duet")
    done = subprocess.run([duet, folder / "model.bin", TUNE, tmp_path / "o.mid", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert main(["verify", str(folder)]) == 0
    assert "Markov" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["model.bin", "vectors.bin"])
def test_a_damaged_folder_is_not_verified(folder, tmp_path, capsys, name):
    for each in ("model.bin", "vectors.bin"):
        raw = bytearray((folder / each).read_bytes())
        raw[len(raw) // 2] ^= name == each
        (tmp_path / each).write_bytes(raw)
    assert main(["verify", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
