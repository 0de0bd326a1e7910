"""What tests of every room share."""

from __future__ import annotations

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `system(program)` are skipped where the program is missing, and fail where CI is set."""
    for mark in item.iter_markers("system"):
        for program in mark.args:
            if shutil.which(program) is None:
                reason = f"{program} is not installed on this system"
                if os.environ.get("CI"):
                    pytest.fail(f"{reason}, and CI must not pass without it", pytrace=False)
                pytest.skip(reason)
