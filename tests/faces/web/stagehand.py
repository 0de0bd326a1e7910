"""What the tests of the page need: a real jam with a page, a real browser, and words for what people do there."""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 10_000
"""Milliseconds that anything may take on a busy machine."""

MIDI_DEVICE = """
class Input extends EventTarget {
  id = "one"; name = "Stage Piano"; state = "connected"; onmidimessage = null;
  send(...data) { this.onmidimessage?.({ data: new Uint8Array(data), timeStamp: performance.now() }); }
}
window.device = new Input();
window.midi = { inputs: new Map([["one", device]]), onstatechange: null };
window.midiError = null;
navigator.requestMIDIAccess = async () => {
  if (window.midiError) throw new DOMException("as the test says", window.midiError);
  return window.midi;
};
"""
"""A MIDI device for a browser without any: `device.send(0x90, 60, 80)` plays it."""


@contextmanager
def jam(*arguments: str) -> Iterator[str]:
    """A jam with a page, and nothing else to play on. Gives the page's address."""
    command = [sys.executable, "-m", "antiphon", "jam", "--page", "--no-browser", "--page-port", "0", *arguments]
    said: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        reader = threading.Thread(target=_read, args=(process.stderr, said))
        reader.start()
        try:
            yield _address(said)
        finally:
            process.terminate()
            process.wait(timeout=20)
            reader.join(timeout=20)


def _read(lines: Iterable[str], said: queue.Queue[str]) -> None:
    for line in lines:
        said.put(line)
    said.put("")


def _address(said: queue.Queue[str]) -> str:
    heard = []
    while line := said.get(timeout=60):
        heard.append(line)
        if address := re.search(r"the page: (http://\S+)", line):
            return address[1]
    raise AssertionError(f"there was no page: {''.join(heard)}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One page in a browser of its own, by what people do with it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        self.until("antiphon.jam.latest('take') !== undefined && antiphon.jam.clock.isSet")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait until a condition in the words of the page holds."""
        function = condition if condition.startswith("(") else f"() => {condition}"
        self.page.wait_for_function(function, arg=argument, polling=20)

    def see(self, expression: str, argument: Any = None) -> Any:
        """The value of an expression of the page."""
        return self.page.evaluate(expression, argument)

    def begin(self) -> None:
        """Do what lets the browser sound."""
        self.until("antiphon.sound.state !== 'loading'")
        self.page.keyboard.press("ShiftLeft")
        self.until("antiphon.sound.state === 'on'")

    def notes(self, who: str = "you") -> list[dict[str, Any]]:
        """What the roll remembers of somebody's playing."""
        notes: list[dict[str, Any]] = self.see("who => antiphon.history.notes.filter(note => note.who === who)", who)
        return notes

    def wait_for_note(self, pitch: int, who: str = "you") -> None:
        """Wait until the jam has told of a note."""
        self.until("(note) => antiphon.history.notes.some(n => n.who === note[0] && n.pitch === note[1])", [who, pitch])

    def wait_for_release(self, pitch: int) -> None:
        """Wait until the jam has told that the player's note is over."""
        self.until("(pitch) => antiphon.history.notes.every(n => n.pitch !== pitch || n.who === 'it' || n.end)", pitch)

    def panel(self, name: str) -> None:
        """Open one of the panels."""
        self.page.get_by_role("tab", name=name).click()


Visit = Callable[..., Visitor]
