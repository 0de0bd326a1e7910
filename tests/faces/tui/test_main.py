"""The process of the terminal's face, before there is anything to show."""

from __future__ import annotations

import subprocess
import sys

import pytest

from antiphon.faces.link import FaceError, Link


def test_without_a_terminal_it_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    link = Link("antiphon.faces.tui")  # whose output is captured, and so no terminal
    with pytest.raises(FaceError, match="it needs a terminal"):
        link.wait()
    assert capfd.readouterr() == ("", "")


def test_without_a_jam_it_says_so() -> None:
    ran = subprocess.run([sys.executable, "-m", "antiphon.faces.tui"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == "antiphon: a face is started by antiphon jam, and by nobody else\n"


def test_the_jam_itself_never_loads_what_draws() -> None:
    code = (
        "import sys, antiphon.faces.jam, antiphon.faces.live, antiphon.faces.company; print('textual' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
