"""`antiphon jam --tui` in a real terminal: tmux's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from antiphon.tunes import MENUET

pytestmark = pytest.mark.system("tmux")


class Terminal:
    """A terminal of 100 x 34 characters with a shell."""

    def __init__(self, folder: Path) -> None:
        self._server = ["tmux", "-f", "/dev/null", "-S", str(folder / "tmux")]
        environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "PS1": "ready> "}
        environment.pop("TMUX", None)
        shell = ["new-session", "-d", "-x", "100", "-y", "34", "sh"]
        subprocess.run([*self._server, *shell], check=True, env=environment, cwd=folder)

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        subprocess.run([*self._server, "send-keys", *keys], check=True)

    @property
    def text(self) -> str:
        """What is to be seen."""
        shown = subprocess.run([*self._server, "capture-pane", "-p"], check=True, capture_output=True, text=True)
        return shown.stdout

    @property
    def alternate(self) -> bool:
        """Whether a program has taken the whole screen."""
        asked = [*self._server, "display-message", "-p", "#{alternate_on}"]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip() == "1"

    def wait(self, what: str | Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until words are to be seen, or something holds."""
        until = time.monotonic() + seconds
        while not (what in self.text if isinstance(what, str) else what()):
            assert time.monotonic() < until, f"{what} was waited for in vain:\n{self.text}"
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run([*self._server, "kill-server"], check=False)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


def test_a_jam_in_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    take = tmp_path / "evening.take"
    jam = f"{sys.executable} -m antiphon jam --tui --no-page --player {MENUET} --preset strings --take {take}"
    terminal.keys(f"clear; {jam}; stty -a | grep -o ' icanon'; echo over", "Enter")
    terminal.wait(" auto      violin")
    assert terminal.alternate
    terminal.wait("━")  # it is heard
    terminal.keys("F3")
    terminal.wait(" turns ─")
    terminal.keys("PageDown", "PageDown", "Right", "Right")  # to the group in which share is the first
    terminal.wait("0.74")
    terminal.keys("m")
    terminal.wait(" muted ")
    terminal.keys("m", "Space")
    terminal.wait(lambda: '"panic"' in take.read_text())
    terminal.keys("q")
    terminal.wait("\nover")
    assert not terminal.alternate
    assert " icanon" in terminal.text
    assert "the musician has left" in terminal.text
    asked = take.read_text()
    assert '"share"' in asked
    assert "0.74" in asked
    assert '"mute"' in asked


def test_a_terminal_is_given_back_when_the_jam_is_killed(terminal: Terminal, tmp_path: Path) -> None:
    jam = f"{sys.executable} -m antiphon jam --tui --no-page --player {MENUET} --no-take"
    terminal.keys(f"clear; echo $$ > shell; {jam}; stty -a | grep -o ' icanon'; echo over", "Enter")
    terminal.wait("acoustic grand piano")
    shell = int((tmp_path / "shell").read_text())
    for jam_process in psutil.Process(shell).children():
        jam_process.kill()
    terminal.wait("the jam has gone")
    terminal.wait(lambda: not terminal.alternate)


def test_a_jam_ends_with_its_terminal_when_the_face_is_killed(terminal: Terminal, tmp_path: Path) -> None:
    take = tmp_path / "evening.take"
    jam = f"{sys.executable} -m antiphon jam --tui --no-page --player {MENUET} --take {take}"
    terminal.keys(f"clear; echo $$ > shell; {jam}; echo over", "Enter")
    terminal.wait("acoustic grand piano")
    shell = int((tmp_path / "shell").read_text())
    faces = [p for p in psutil.Process(shell).children(recursive=True) if "antiphon.faces.tui" in p.cmdline()]
    assert len(faces) == 1
    faces[0].kill()
    terminal.wait("\nover")
    assert not terminal.alternate
    assert '"end"' in take.read_text()
