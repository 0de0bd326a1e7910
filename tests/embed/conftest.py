"""What the tests of the C++ share: folders for C++ and the header as a library, each made once."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest

from antiphon.faces.export import add_arguments, run
from tests.embed.bridge import HERE, compile_cpp
from tests.embed.models import bundle_of, shipped_net, tiny_net


def embedded(source: str | Path, out: Path, precision: str) -> Path:
    """`antiphon export SOURCE -o OUT --target cpp --precision ...`."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args([str(source), "-o", str(out), "--target", "cpp", "--precision", precision])) == 0
    return out


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Bundles and their folders for C++, by name: `box` is the shipped model, `tiny` a random one of full precision."""
    root = tmp_path_factory.mktemp("embed")
    bundles = {"box": bundle_of(shipped_net(), root / "box"), "tiny": bundle_of(tiny_net(), root / "tiny")}
    sources = {
        "box": {"fp32": bundles["box"], "int8": "antiphon"},
        "tiny": dict.fromkeys(("fp32", "int8"), bundles["tiny"]),
    }
    made = {
        f"{name}-{precision}": embedded(source, root / f"{name}-{precision}", precision)
        for name, by_precision in sources.items()
        for precision, source in by_precision.items()
    }
    return SimpleNamespace(**{key.replace("-", "_"): folder for key, folder in {**bundles, **made}.items()})


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The header behind a C interface, as a shared library."""
    return compile_cpp(HERE / "bridge.cpp", tmp_path_factory.mktemp("bridge") / "bridge.so", "-shared", "-fPIC")
