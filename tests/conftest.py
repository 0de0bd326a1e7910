"""What tests of every room share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

# A time limit for each example tells how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("antiphon", deadline=None)
hypothesis.settings.load_profile("antiphon")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Flags that let tests run which are left out otherwise: those that take as long as one wants, or what few have."""
    parser.addoption("--soak", type=float, metavar="MINUTES", help="also run long jams, of so many minutes")
    parser.addoption(
        "--onnxruntime", metavar="DIR", help="also build against ONNX Runtime's C++ headers, which lie there"
    )


ON_STAGE = tuple(Path(__file__).parent / room for room in ("e2e", "ports", "faces"))
"""Where tests play in real time, over ports that all of them share: never two of them at once."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Two processors share the tests: what plays in real time, and what does not.

    What nobody asked for is not skipped but left out: a skip would look like something missing.
    """
    for item in items:
        on_stage = any(folder in item.path.parents for folder in ON_STAGE)
        item.add_marker(pytest.mark.xdist_group("stage" if on_stage else "desk"))
    for flag in ("soak", "onnxruntime"):
        if config.getoption(flag) is None:
            left_out = [item for item in items if item.get_closest_marker(flag)]
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `system(program)` are skipped where the program is missing, and fail where CI is set."""
    for mark in item.iter_markers("system"):
        for program in mark.args:
            if shutil.which(program) is None:
                reason = f"{program} is not installed on this system"
                if os.environ.get("CI"):
                    pytest.fail(f"{reason}, and CI must not pass without it", pytrace=False)
                pytest.skip(reason)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI is set, whatever the reason, a skip is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("CI must not pass with skipped tests", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
