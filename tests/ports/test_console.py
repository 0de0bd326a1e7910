"""What is typed while it plays."""

from __future__ import annotations

import io
import time

from antiphon.ports.console import Console
from antiphon.ports.inbox import Act, Inbox, Notice, Turn


def said(*lines: str) -> list[object]:
    inbox = Inbox()
    Console(io.StringIO("".join(f"{line}\n" for line in lines))).start(inbox)
    heard: list[object] = []
    given_up = time.monotonic() + 5.0
    while len(heard) < len([line for line in lines if line.strip()]) and time.monotonic() < given_up:
        if (message := inbox.take(0.1)) is not None:
            heard.append(message)
    return heard


def test_actions_and_controls_are_understood() -> None:
    assert said("undo", "", "preset my strings", "share 0.3", "key F#m") == [
        Act("undo", ""),
        Act("preset", "my strings"),
        Turn("share", 0.3),
        Turn("key", "F# minor"),
    ]


def test_what_is_wrong_is_said_and_nothing_is_turned() -> None:
    first, second = said("share 7", "louder")
    assert isinstance(first, Notice)
    assert "share cannot be '7': it must be 0 to 1" in first.text
    assert isinstance(second, Notice)
    assert "no control is named 'louder'" in second.text
    assert "undo" in second.text


def test_help_names_everything() -> None:
    (notice,) = said("help")
    assert isinstance(notice, Notice)
    assert "undo" in notice.text
    assert "density" in notice.text
