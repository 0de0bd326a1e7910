"""The header compiles clean, allocates nothing after `prepare`, and sanitizers find nothing."""

import subprocess

import pytest

from tests.embed.bridge import EMBED, HERE, compile_cpp

COMPILERS = ["g++", "clang++"]
pytestmark = [pytest.mark.system("clang++")]


def played(program, model, events):
    done = subprocess.run([program, model, str(events)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("compiler", COMPILERS)
def test_nothing_is_allocated_after_prepare(folders, tmp_path, compiler):
    """operator new and C's allocation are counted while everything is called at random, two threads on one file."""
    stress = compile_cpp(HERE / "stress.cpp", tmp_path / "stress", "-pthread", compiler=compiler)
    for folder in (folders.tiny_int8, folders.tiny_fp32, folders.box_int8):
        said = played(stress, folder / "model.bin", 400)
        assert " 0 allocations after prepare, 0 wrong" in said


@pytest.mark.parametrize(("sanitizer", "compiler"), [("address,undefined", "clang++"), ("thread", "g++")])
def test_sanitizers_find_nothing(folders, tmp_path, sanitizer, compiler):
    flags = ("-g", "-O1", "-pthread", "-DUNCOUNTED", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all")
    stress = compile_cpp(HERE / "stress.cpp", tmp_path / "stress", *flags, compiler=compiler)
    for folder in (folders.tiny_int8, folders.tiny_fp32):
        played(stress, folder / "model.bin", 150)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    "flags", [["-O3", "-ffp-contract=off"], ["-fno-exceptions", "-fno-rtti", "-Wconversion", "-Wshadow"]]
)
def test_reference_vectors_are_answered(folders, tmp_path, compiler, flags):
    check = compile_cpp(EMBED / "check.cpp", tmp_path / "check", *flags, compiler=compiler)
    for folder in (folders.box_int8, folders.box_fp32, folders.tiny_int8, folders.tiny_fp32):
        done = subprocess.run([check, folder / "model.bin", folder / "vectors.bin"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        if "int8" in folder.name:
            assert done.stdout.endswith("at most 0\n")
    others = folders.tiny_int8 / "vectors.bin"
    assert subprocess.run([check, folders.box_int8 / "model.bin", others], capture_output=True).returncode == 1


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_way_of_multiplying_gives_the_same(tmp_path, compiler):
    program = compile_cpp(HERE / "products.cpp", tmp_path / "products", compiler=compiler)
    assert subprocess.run([program], capture_output=True).returncode == 0


def test_arithmetic_without_order_is_refused(tmp_path):
    (tmp_path / "a.cpp").write_text('#include "antiphon.hpp"\n')
    done = subprocess.run(
        ["g++", "-std=c++17", "-ffast-math", "-fsyntax-only", "-I", EMBED, tmp_path / "a.cpp"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "without -ffast-math" in done.stderr


def test_the_fuzzer_builds_and_runs(folders, tmp_path):
    """A few hundred inputs; how to run it for longer stands in `fuzz.cpp`."""
    flags = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    fuzz = compile_cpp(HERE / "fuzz.cpp", tmp_path / "fuzz", *flags, compiler="clang++")
    done = subprocess.run(
        [fuzz, "-runs=600", "-seed=1", "-max_len=2048", "-len_control=0"],
        env={"ANTIPHON_MODEL": str(folders.tiny_int8 / "model.bin")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
