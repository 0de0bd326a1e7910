"""Nets of words in C++: read by the same header, refused like any other, and the same stream as in Python."""

import struct
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.codec.token import BOS
from antiphon.engine import BundleError, Constraints, Steer, open_model
from antiphon.engine.embedded_attention import turn
from antiphon.engine.embedded_words import EmbeddedWords
from antiphon.engine.embedded_words_file import WordShape, read_words, word_plan, write_words
from antiphon.engine.token_bundle import TokenNetModel
from antiphon.faces.cli import main
from antiphon.faces.embedding import SOURCES
from antiphon.music.grid import Grid
from antiphon.train.bundles import export_net
from tests.embed.alike import BAND, choose_alike, snapshot_brings_back
from tests.embed.bridge import EMBED, HERE, OK, CppModel, Numbers, compile_cpp
from tests.embed.conftest import embedded
from tests.embed.test_reader import place_of, with_checksums
from tests.embed.test_real_time import played
from tests.engine.counted import TUNE
from tests.train.test_token import BODIES, awake

STEER = {"pitch": Steer(top_p=0.95), "time": Steer(temperature=0.9, window=(0.05, 0.97))}
SHAPES = {"gru": WordShape(2, 1), "transformer": WordShape(4, 1, 1, 3, 2)}


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """Small random bundles by body, and folders for C++ by body and precision; `box-` those of the shipped."""
    root = tmp_path_factory.mktemp("nets")
    made = {body: root / body for body in BODIES}
    for body in BODIES:
        export_net(awake(body), made[body], name=body, precision="fp32")
        for precision in ("fp32", "int8"):
            made[f"{body}-{precision}"] = embedded(made[body], root / f"{body}-{precision}", precision)
        made[f"box-{body}"] = embedded(f"token-{body}", root / f"box-{body}", "int8")
    return made


@pytest.fixture(scope="module")
def net_library(tmp_path_factory):
    out = tmp_path_factory.mktemp("bridge") / "net.so"
    return compile_cpp(HERE / "bridge.cpp", out, "-shared", "-fPIC", "-DNET")


@pytest.fixture(scope="module", params=[(body, p) for body in BODIES for p in ("fp32", "int8")], ids="-".join)
def small(request, tmp_path_factory, net_library):
    """A file that could hardly be smaller."""
    path, rng = tmp_path_factory.mktemp("small") / "model.bin", np.random.default_rng(0)
    shape = SHAPES[request.param[0]]
    weights = {name: rng.uniform(0.1, 1, (rows, columns)) for name, rows, columns, _ in word_plan(shape)}
    write_words(path, weights, shape, request.param[1], {"name": "small"})
    return SimpleNamespace(path=path, raw=path.read_bytes(), cpp=CppModel(net_library, path), body=request.param[0])


def refused_by_python(raw, folder):
    (folder / "damaged.bin").write_bytes(raw)
    with pytest.raises(BundleError) as error:
        read_words(folder / "damaged.bin")
    return "\n" not in str(error.value)


@pytest.mark.timeout(1800)  # with --soak
@pytest.mark.parametrize("body", BODIES)
def test_eight_bits_play_ten_thousand_events_alike(nets, net_library, request, body):
    """The reference is NumPy's, written apart from the header; not a bit of a time may differ."""
    soak = request.config.getoption("soak")
    folder = nets[f"box-{body}"]
    python, cpp = TokenNetModel(EmbeddedWords(folder)), CppModel(net_library, folder / "model.bin")
    numbers, last = Numbers(0), 0.0
    for t in range(10_000 if soak else 400):
        beat = Grid(0.1, 100.0, 3) if t % 2 else None  # of which these know nothing
        span = 12.0 if t % 3 == 0 else 2.0
        constraints = Constraints(BAND, earliest=last, latest=last + span, steer=STEER, onset_weight=1.3, beat=beat)
        numbers.given.clear()
        event = python.sample(constraints, numbers)
        got = cpp.sample(constraints, numbers.given)
        assert got == (OK, (event.at, event.instrument, event.pitch, event.velocity), len(numbers.given))
        python.feed(event)
        cpp.feed(event)
        last = event.at


@pytest.mark.timeout(1800)  # with --soak
@pytest.mark.parametrize("body", BODIES)
def test_full_precision_plays_as_onnx_runtime_does_but_for_ties(nets, net_library, request, body):
    soak = request.config.getoption("soak")
    python, cpp = open_model(nets[body]), CppModel(net_library, nets[f"{body}-fp32"] / "model.bin")
    numbers, last, differing, events = Numbers(0), 0.0, 0, 10_000 if soak else 1_000
    for _ in range(events):
        constraints = Constraints(BAND, earliest=last, latest=last + 2.0, steer=STEER)
        numbers.given.clear()
        event = python.sample(constraints, numbers)
        differing += cpp.sample(constraints, numbers.given)[1] != (
            *(event.at, event.instrument, event.pitch, event.velocity),
        )
        python.feed(event)
        cpp.feed(event)
        last = event.at
    assert differing <= 1 + events // 2000


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("plainly", [False, True])
def test_logits_are_the_references(nets, net_library, body, precision, plainly):
    """Over many windows: within 1e-4, and with eight bits the very same, however it multiplies."""
    folder = nets[f"{body}-{precision}"]
    python, rng, heard = EmbeddedWords(folder), np.random.default_rng(1), BOS
    cpp, state = CppModel(net_library, folder / "model.bin", plainly=plainly), python.initial()
    for word in rng.integers(0, 316, 200).tolist():
        wanted, state = python.step(heard, state)
        got = cpp.next(word)
        if precision == "int8":
            np.testing.assert_array_equal(got, wanted)
        else:
            np.testing.assert_allclose(got, wanted, atol=1e-4)
        heard = word


@pytest.mark.parametrize("body", BODIES)
def test_onnx_runtime_says_the_same_in_full_precision(nets, net_library, body):
    bundle = open_model(nets[body]).bundle
    cpp, state, heard = CppModel(net_library, nets[f"{body}-fp32"] / "model.bin"), bundle.initial(), BOS
    for word in np.random.default_rng(2).integers(0, 316, 200).tolist():
        wanted, state = bundle.step(heard, state)
        np.testing.assert_allclose(cpp.next(word), wanted, atol=1e-4)
        heard = word


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(0, 2**32), body=st.sampled_from(BODIES))
def test_under_any_constraints_every_choice_is_the_same(nets, net_library, data, seed, body):
    folder = nets[f"{body}-int8"]
    python, cpp = TokenNetModel(EmbeddedWords(folder)), CppModel(net_library, folder / "model.bin")
    choose_alike(data, Numbers(seed), python, cpp)


@pytest.mark.parametrize("body", BODIES)
def test_a_snapshot_brings_back_just_what_was_remembered(nets, net_library, body):
    cpp = CppModel(net_library, nets[f"{body}-int8"] / "model.bin")
    snapshot_brings_back(cpp)
    cpp.reset()
    constraints, numbers = Constraints(BAND, earliest=0.0, latest=5.0), [0.3, 0.6, 0.1, 0.8, 0.5]
    assert cpp.sample(constraints, numbers) == CppModel(net_library, nets[f"{body}-int8"] / "model.bin").sample(
        constraints, numbers
    )


@pytest.mark.parametrize("count", [0, 1, 2, 77, 4_095, 1_000_003, 2**31])
def test_keys_are_turned_as_far_as_mathematics_says(count):
    rates = np.float32(10_000.0) ** (-np.arange(40, dtype=np.float32) / np.float32(40))
    angles = count * rates.astype(np.float64)
    for got, wanted in zip(turn(count, rates), (np.cos(angles), np.sin(angles)), strict=True):
        np.testing.assert_allclose(got, wanted, atol=2e-7)


def test_what_was_written_is_read(small):
    assert read_words(small.path).about == {"name": "small"}
    assert small.cpp.read(small.raw) == OK


def test_a_file_cut_off_anywhere_is_refused(small, tmp_path):
    for length in range(0, len(small.raw), 5):
        assert small.cpp.read(small.raw[:length]) != OK, length
    for raw in (*(small.raw[:length] for length in range(0, len(small.raw), 1997)), small.raw + b"\0"):
        assert small.cpp.read(raw) != OK
        assert refused_by_python(raw, tmp_path)


def test_a_file_with_any_byte_changed_is_refused(small, tmp_path):
    raw, rng = bytearray(small.raw), np.random.default_rng(1)
    for at in range(0, len(raw), 3):
        bit = 1 << int(rng.integers(8))
        raw[at] ^= bit
        assert small.cpp.read(bytes(raw)) != OK, at
        if at % 999 == 0:
            assert refused_by_python(bytes(raw), tmp_path)
        raw[at] ^= bit


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused_though_the_checksums_fit(small, tmp_path, number):
    raw = bytearray(small.raw)
    struct.pack_into("<f", raw, place_of(raw, b"norm.w")[1] + 4, number)
    assert small.cpp.read(with_checksums(raw)) != OK
    assert refused_by_python(with_checksums(raw), tmp_path)


@pytest.mark.parametrize(
    ("at", "value"),
    [(8, 2), (12, 2), (24, 9), (36, 3), (36, 2**31), (40, 2), (40, 65), (44, 3), (48, 2**27), (52, 9), (52, 2**20)],
)
def test_other_sizes_and_versions_are_refused_though_the_checksums_fit(small, tmp_path, at, value):
    raw = bytearray(small.raw)
    struct.pack_into("<I", raw, at, value)
    try:
        forged = with_checksums(raw)
    except struct.error:
        forged = bytes(raw)
    assert small.cpp.read(forged) != OK
    assert refused_by_python(forged, tmp_path)


@pytest.mark.parametrize(("table", "value"), [(b"codec.words", 317), (b"rates", 0x7F000000)])
def test_another_codec_or_another_turn_is_refused_though_the_checksums_fit(small, tmp_path, table, value):
    if table == b"rates" and small.body == "gru":
        return
    raw = bytearray(small.raw)
    struct.pack_into("<I", raw, place_of(raw, table)[1], value)
    assert small.cpp.read(with_checksums(raw)) != OK
    assert refused_by_python(with_checksums(raw), tmp_path)


@pytest.mark.parametrize("body", BODIES)
def test_a_model_of_another_kind_is_told_apart(nets, folders, net_library, library, body):
    cpp = CppModel(net_library, nets[f"{body}-int8"] / "model.bin")
    assert cpp.read((folders.tiny_int8 / "model.bin").read_bytes()) != OK
    stream = CppModel(library, folders.tiny_int8 / "model.bin")
    assert stream.read((nets[f"{body}-int8"] / "model.bin").read_bytes()) != OK


@pytest.mark.system("clang++")
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_nothing_is_allocated_after_prepare(nets, tmp_path, compiler):
    flags = ("-pthread", "-DNET", "-Wconversion", "-Wshadow")
    stress = compile_cpp(HERE / "stress.cpp", tmp_path / "stress", *flags, compiler=compiler)
    for name in ("gru-int8", "transformer-fp32", "box-transformer"):
        assert " 0 allocations after prepare, 0 wrong" in played(stress, nets[name] / "model.bin", 500)


@pytest.mark.system("clang++")
@pytest.mark.parametrize(("sanitizer", "compiler"), [("address,undefined", "clang++"), ("thread", "g++")])
def test_sanitizers_find_nothing(nets, tmp_path, sanitizer, compiler):
    flags = ("-g", "-O1", "-pthread", "-DUNCOUNTED", "-DNET", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all")
    stress = compile_cpp(HERE / "stress.cpp", tmp_path / "stress", *flags, compiler=compiler)
    for name in ("gru-int8", "gru-fp32", "transformer-int8", "transformer-fp32"):
        played(stress, nets[name] / "model.bin", 150)


@pytest.mark.system("clang++")
def test_the_fuzzer_builds_and_runs(nets, tmp_path):
    flags = ("-g", "-O1", "-DNET", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    fuzz = compile_cpp(HERE / "fuzz.cpp", tmp_path / "fuzz", *flags, compiler="clang++")
    for body in BODIES:
        done = subprocess.run(
            [fuzz, "-runs=500", "-seed=1", "-max_len=2048", "-len_control=0"],
            env={"ANTIPHON_MODEL": str(nets[f"{body}-int8"] / "model.bin")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.system("clang++")
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_a_folder_has_all_that_is_needed_and_its_example_plays(nets, tmp_path, capsys, compiler):
    check = compile_cpp(EMBED / "check.cpp", tmp_path / "check", compiler=compiler)
    duet = compile_cpp(EMBED / "duet.cpp", tmp_path / "duet", compiler=compiler)
    for name in ("box-gru", "box-transformer", "transformer-fp32"):
        folder = nets[name]
        assert {path.name for path in folder.iterdir()} == {*SOURCES, "model.bin", "vectors.bin"}
        done = subprocess.run([check, folder / "model.bin", folder / "vectors.bin"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("at most 0\n") or name.endswith("fp32")
        words = [duet, folder / "model.bin", TUNE, tmp_path / "o.mid", "1"]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert main(["verify", str(folder)]) == 0
        assert "words" in capsys.readouterr().out
    others = nets["box-gru"] / "vectors.bin"
    assert subprocess.run([check, nets["box-transformer"] / "model.bin", others], capture_output=True).returncode == 1


@pytest.mark.parametrize("name", ["model.bin", "vectors.bin"])
def test_a_damaged_folder_is_not_verified(nets, tmp_path, capsys, name):
    for each in ("model.bin", "vectors.bin"):
        raw = bytearray((nets["gru-int8"] / each).read_bytes())
        raw[len(raw) // 2] ^= name == each
        (tmp_path / each).write_bytes(raw)
    assert main(["verify", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
