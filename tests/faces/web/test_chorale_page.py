"""The chorale on the page: drawn by mouse, finger and keyboard, harmonised, heard, undone, taken in and out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from antiphon.codec.grid import VOICE_RANGES
from antiphon.music.midi_read import read_midi
from antiphon.music.score import Score
from antiphon.music.score_files import open_score
from antiphon.music.tuning import Tuning, named_scale
from tests.faces.web.stagehand import Visit, Visitor

pytestmark = pytest.mark.system("chromium")

AT_WORK = 120_000
"""Milliseconds that the choir, which gives way to everybody, may take on a busy machine."""

LISTEN = """
window.sent = [];
const post = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (message, ...more) {
  if (message?.choir || message?.hush) sent.push(message);
  return post.call(this, message, ...more);
};
"""
"""Keeps what the thread of sound is told about the chorale."""


class Chorister(Visitor):
    """A visitor with the chorale open, by what people do there."""

    def __init__(self, visitor: Visitor) -> None:
        self.__dict__ = visitor.__dict__
        self.panel("Chorale")
        self.canvas = self.page.get_by_role("application")
        self.do("work.gibbs = 2")

    def do(self, what: str) -> Any:
        """Something of the chorale's own: `desk`, `work` or `player`."""
        return self.see(f"() => {{ const {{ desk, work, player }} = antiphon.chorale; return {what}; }}")

    @property
    def lines(self) -> list[list[list[int]]]:
        lines: list[list[list[int]]] = self.do(
            "desk.lines.map((line) => line.map(({ at, length, pitch }) => [at, length, pitch]))"
        )
        return lines

    def place(self, step: float, pitch: int) -> tuple[float, float]:
        """Where a step and a pitch are on the screen."""
        self.page.wait_for_timeout(40)
        box = self.canvas.bounding_box()
        assert box is not None
        low, high = self.do("[Math.min(36, ...all()) - 1, Math.max(81, ...all()) + 1]".replace("all()", ALL))
        row = box["height"] / (high - low + 1)
        return box["x"] + (step + 0.5) * box["width"] / self.do("desk.steps"), box["y"] + (high - pitch + 0.5) * row

    def draw(self, step: int, pitch: int) -> None:
        self.page.mouse.click(*self.place(step, pitch))

    def ask(self, verb: str) -> None:
        """Have the choir do something, and wait for it."""
        self.page.get_by_role("button", name=verb).click()
        self.page.wait_for_function("() => !antiphon.chorale.work.isBusy", timeout=AT_WORK)
        assert not self.do("work.isComplaint"), self.do("work.said")

    def open(self, path: Path) -> None:
        """Choose a file of music, and wait until it is open or refused."""
        self.page.get_by_label("A file of music").set_input_files(path)
        self.page.wait_for_function("() => !antiphon.chorale.work.isBusy", timeout=AT_WORK)

    def saved(self, button: str, folder: Path) -> Path:
        """What is downloaded."""
        with self.page.expect_download(timeout=AT_WORK) as download:
            self.page.get_by_role("button", name=button).click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


ALL = "[desk.cursor.pitch, ...desk.lines.flat().map(({ pitch }) => pitch)]"
MELODY = [[0, 4, 67], [4, 4, 69], [8, 4, 71], [12, 4, 72]]


AFRESH = """(
  work.cancel(), player.stop(), ["locked", "muted", "solo"].forEach((name) => desk[name].clear()),
  desk.replace([[], [], [], []], { steps: 64, meters: [[0, 4, 4]] }),
  desk.choose({ voice: 0, unit: 4, isDotted: false, tool: "draw", bars: null, tempo: 72 }),
  desk.choose({ cursor: { at: 0, pitch: 67 } }), Object.assign(work, { gibbs: 2, isFresh: true }),
  (antiphon.history.notes = []), (sent.length = 0)
)"""
"""A blank sheet, whatever was done before."""


@pytest.fixture(scope="module")
def choir_stall(browser: Browser, address: str) -> Iterator[Chorister]:
    """One page for the tests that leave nothing behind but what is on the sheet."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    context.add_init_script(LISTEN)
    chorister = Chorister(Visitor(context.new_page(), address))
    chorister.begin()
    yield chorister
    context.close()


@pytest.fixture
def chorister(choir_stall: Chorister) -> Iterator[Chorister]:
    choir_stall.panel("Chorale")
    choir_stall.do(AFRESH)
    yield choir_stall
    complaints, choir_stall.complaints[:] = [*choir_stall.complaints], []
    assert complaints == []


def test_a_melody_is_drawn_harmonised_undone_and_harmonised_again_from_its_seed(
    chorister: Chorister, tmp_path: Path
) -> None:
    chorister.page.get_by_label("Bars", exact=True).fill("1")
    chorister.page.get_by_label("Bars", exact=True).press("Enter")
    for at, _, pitch in MELODY:
        chorister.draw(at, pitch)
    assert chorister.lines[0] == MELODY
    chorister.ask("Harmonise")
    made = chorister.lines
    assert made[0] == MELODY, "what was drawn stays to the letter"
    for line, (low, high) in zip(made, VOICE_RANGES, strict=True):
        assert sum(length for _, length, _ in line) == 16
        assert all(low <= pitch <= high for _, _, pitch in line)
    seed = chorister.do("work.seed")
    expect(chorister.page.get_by_text(f"Harmonised with seed {seed}")).to_be_visible()
    chorister.page.locator("antiphon-chorale").get_by_role("button", name="Undo").click()
    assert chorister.lines == [MELODY, [], [], []]
    chorister.page.locator("antiphon-chorale summary").click()
    chorister.page.get_by_label("a fresh one each time").uncheck()
    chorister.ask("Harmonise")
    assert chorister.lines == made, "the same seed gives the same music"
    chorister.do("desk.toggle('locked', 3)")
    chorister.ask("Revoice")
    assert chorister.lines[3] == made[3], "a voice that is locked stays"
    chorister.ask("Stack to 16")
    assert len(chorister.lines) == 16
    assert _lines(read_midi(chorister.saved("Save MIDI", tmp_path))) == chorister.lines


def test_notes_are_moved_stretched_and_erased_by_the_mouse(chorister: Chorister) -> None:
    mouse = chorister.page.mouse
    chorister.draw(8, 67)
    mouse.move(*chorister.place(9, 67))
    mouse.down()
    mouse.move(*chorister.place(17, 72))
    mouse.up()
    assert chorister.lines[0] == [[16, 4, 72]]
    x, y = chorister.place(19, 72)
    mouse.move(x + 1, y)
    mouse.down()
    mouse.move(*chorister.place(23, 72))
    mouse.up()
    assert chorister.lines[0] == [[16, 8, 72]]
    chorister.page.get_by_text("Alto").click()
    chorister.draw(18, 60)
    assert chorister.lines[1] == [[16, 4, 60]]
    mouse.click(*chorister.place(18, 72), button="right")
    assert chorister.lines[0] == []
    chorister.page.keyboard.press("Control+z")
    assert chorister.lines[0] == [[16, 8, 72]]
    chorister.page.keyboard.press("KeyZ")
    chorister.wait_for_note(60)
    assert chorister.lines[0] == [[16, 8, 72]], "after the mouse the letters are still the jam's piano"
    chorister.page.get_by_role("button", name="Erase").click()
    mouse.click(*chorister.place(18, 60))
    assert chorister.lines[1] == []


def test_everything_can_be_written_by_keyboard_and_is_told(chorister: Chorister) -> None:
    keyboard = chorister.page.keyboard
    chorister.canvas.focus()
    for key in ("KeyZ", "KeyC", "KeyB"):
        keyboard.press(key)
    assert chorister.lines[0] == [[0, 4, 60], [4, 4, 64], [8, 4, 67]]
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "PageDown", "Home", "ArrowDown", "Enter"):
        keyboard.press(key)
    assert chorister.lines[0] == [[0, 4, 60], [4, 4, 64], [8, 8, 68]]
    alto = chorister.lines[1]
    assert [note[:2] for note in alto] == [[0, 4]]
    expect(chorister.page.locator("antiphon-chorale-grid [role=status]")).to_contain_text("alto, bar 1 beat 1")
    keyboard.press("Delete")
    assert chorister.lines[1] == []
    keyboard.press("Shift+Tab")
    assert chorister.page.evaluate("document.activeElement.ariaLabel") == "Bar 4"
    keyboard.press("Enter")
    assert chorister.do("desk.bars") == [4, 4]
    assert chorister.notes() == [], "what is written is no jam"


def test_what_is_played_sounds_and_every_note_that_begins_ends(chorister: Chorister) -> None:
    chorister.do(
        "desk.replace([0, 1, 2, 3].map((voice) => [0, 2, 4, 6].map((at) => "
        "({ at, length: 2, pitch: [72, 67, 60, 48][voice], drawn: true }))))"
    )
    chorister.do("desk.choose({ tempo: 240 })")
    chorister.see("sent.length = 0")
    chorister.page.get_by_role("button", name="▶ Play").click()
    chorister.until("antiphon.sound.peak > 0.01")
    chorister.until("!antiphon.chorale.player.isPlaying")
    onsets, ends = _paired(chorister)
    assert len(onsets) == 16
    assert sorted(ends) == sorted(onsets)
    chorister.until("antiphon.sound.peak < 0.001")
    for stop in (
        lambda: chorister.page.get_by_role("button", name="■ Stop").click(),
        lambda: chorister.panel("Presets"),
        lambda: chorister.page.keyboard.press("Escape"),
    ):
        chorister.panel("Chorale")
        chorister.do("desk.choose({ tempo: 30 })")
        chorister.page.get_by_role("button", name="▶ Play").click()
        chorister.until("antiphon.sound.peak > 0.01")
        stop()
        chorister.until("!antiphon.chorale.player.isPlaying && antiphon.sound.peak < 0.001")
        onsets, ends = _paired(chorister)
        assert sorted(ends) == sorted(onsets)


def test_it_is_played_in_the_tuning_that_is_chosen(chorister: Chorister) -> None:
    chorister.until("document.querySelectorAll('[aria-label=Tuning] option').length > 5")
    chorister.page.get_by_label("Tuning").select_option("vrwt")
    chorister.page.get_by_label("Tonic").select_option("D")
    chorister.do("player.taste(66, 0)")
    (bend,) = chorister.see("sent.filter(({ data }) => data?.[0] === 0xe0).map(({ data }) => [...data])")
    cents = ((bend[1] | bend[2] << 7) / 8192 - 1) * 200
    by_hand = Tuning.on(named_scale("vrwt"), 2).deviations
    assert cents == pytest.approx(by_hand[66], abs=0.02)
    chorister.page.get_by_label("Tuning").select_option("equal")


def test_a_voice_that_is_muted_is_not_heard_and_solo_is_all_that_is(chorister: Chorister) -> None:
    chorister.do("desk.write([{ at: 0, length: 16, pitch: 67, drawn: true }])")
    chorister.page.get_by_role("button", name="Mute the soprano").click()
    chorister.page.get_by_role("button", name="▶ Play").click()
    chorister.page.wait_for_timeout(400)
    assert chorister.see("antiphon.sound.peak") < 0.001
    chorister.page.get_by_role("button", name="Mute the soprano").click()
    chorister.until("antiphon.sound.peak > 0.01")
    chorister.page.get_by_role("button", name="Only the bass").click()
    chorister.until("antiphon.sound.peak < 0.001")


def test_what_was_played_is_taken_in_its_own_rhythm(chorister: Chorister) -> None:
    chorister.see(
        "() => { const now = antiphon.jam.clock.now; antiphon.history.notes.push(...[0, 0.52, 1.0, 1.27, 1.51].map("
        "(start, place) => ({ who: 'you', channel: 1, pitch: 48 + place, velocity: 80, start: now - 4 + start, "
        "end: now - 4 + [0.5, 0.98, 1.25, 1.5, 2.5][place] }))); }"
    )
    chorister.page.get_by_role("button", name="Take what I played").click()
    line = chorister.lines[0]
    assert [note[0] for note in line] == [0, 4, 8, 10, 12]
    assert [note[1] for note in line[:4]] == [4, 4, 2, 2]
    assert [note[2] for note in line] == [60, 61, 62, 63, 64], "by octaves into the soprano's range"
    assert 110 < chorister.do("desk.tempo") < 130


def test_a_file_is_opened_and_what_is_none_is_told(chorister: Chorister, tmp_path: Path) -> None:
    chorister.do("desk.write([{ at: 2, length: 6, pitch: 67, drawn: true }])")
    chorister.saved("Save MIDI", tmp_path)
    (tmp_path / "none.mid").write_bytes(b"<html>")
    chorister.open(tmp_path / "none.mid")
    expect(chorister.page.locator(".news.complaint")).to_contain_text("none.mid")
    chorister.complaints.clear()  # the browser notes the refusal
    chorister.page.get_by_role("button", name="Clear").click()
    chorister.open(tmp_path / "chorale.mid")
    assert chorister.do("work.said") == "chorale.mid is open"
    assert chorister.lines[0] == [[2, 6, 67]]


WALTZ = "X:1\nT:In three\nM:3/4\nL:1/4\nQ:1/4=90\nK:G\nD|G2 B|d2 c|B3|]\n"


def test_a_melody_in_three_with_an_upbeat_is_opened_harmonised_and_saved_as_notation(
    chorister: Chorister, tmp_path: Path
) -> None:
    (tmp_path / "waltz.abc").write_text(WALTZ)
    chorister.open(tmp_path / "waltz.abc")
    assert chorister.do("work.said") == "waltz.abc is open"
    melody = [[0, 4, 62], [4, 8, 67], [12, 4, 71], [16, 8, 74], [24, 4, 72], [28, 12, 71]]
    assert chorister.lines[0] == melody
    bars = chorister.page.locator(".ruler button")
    expect(bars).to_have_text(["0", "13/4", "2", "3"])
    widths = [bar["width"] for bar in (bars.nth(place).bounding_box() for place in range(2)) if bar]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.02)
    chorister.ask("Harmonise")
    assert chorister.lines[0] == melody
    assert all(sum(length for _, length, _ in line) == 40 for line in chorister.lines)
    for button, upbeat in (("Save MusicXML", (0, 3, 4)), ("Save MIDI", (0, 1, 4))):
        score = open_score(chorister.saved(button, tmp_path))
        step = score.ticks_per_quarter // 4
        assert _lines(score) == chorister.lines
        assert score.meters.tolist() == [upbeat, (4 * step, 3, 4)]
    for name in ("chorale.musicxml", "chorale.mid"):
        chorister.open(tmp_path / name)
        assert chorister.do("desk.meters") == [[0, 3, 4], [4, 3, 4]]
    assert chorister.do("desk.tempo") == 90


def test_a_sheet_is_set_in_three_and_notes_begin_on_its_beats(chorister: Chorister) -> None:
    page = chorister.page
    page.get_by_label("Meter", exact=True).select_option("3/4")
    page.get_by_label("Upbeat", exact=True).select_option("1/4")
    assert chorister.do("[desk.steps, desk.measures.length]") == [52, 5], "as many bars as before, and the upbeat"
    chorister.draw(0, 67)
    page.get_by_role("radio", name="1/2").check()
    chorister.draw(9, 69)
    assert chorister.lines[0] == [[0, 4, 67], [8, 8, 69]], "a half on the second beat of three"
    page.get_by_role("button", name="Dotted").click()
    chorister.draw(17, 71)
    assert chorister.lines[0][-1] == [16, 12, 71]
    page.get_by_role("button", name="Bar 1,").click()
    assert chorister.do("desk.span") == [4, 16]
    page.get_by_role("button", name="Clear").click()
    assert chorister.lines[0] == [[0, 4, 67], [16, 12, 71]]
    chorister.canvas.focus()
    for key in ("Home", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("antiphon-chorale-grid [role=status]")).to_contain_text("soprano, bar 1 beat 1")
    page.get_by_label("Meter", exact=True).select_option("6/8")
    page.get_by_label("Upbeat", exact=True).select_option("none")
    assert chorister.do("desk.meters") == [[0, 6, 8]]
    page.keyboard.press("Control+z")
    assert chorister.do("desk.meters") == [[0, 6, 8], [4, 6, 8]]


def test_work_is_shown_and_given_up_and_the_score_stays(chorister: Chorister) -> None:
    chorister.do("(desk.setBars(32), desk.put({ at: 0, length: 4, pitch: 67, drawn: true }), work.gibbs = 1024)")
    chorister.page.get_by_role("button", name="Write").click()
    chorister.page.wait_for_function("() => antiphon.chorale.work.share > 0", timeout=AT_WORK)
    expect(chorister.page.get_by_role("progressbar")).to_be_visible()
    expect(chorister.page.get_by_role("button", name="Write")).to_be_disabled()
    chorister.draw(8, 72)
    assert chorister.lines[0] == [[0, 4, 67]], "nothing is drawn meanwhile"
    chorister.page.get_by_role("button", name="Cancel").click()
    expect(chorister.page.get_by_text("Given up.")).to_be_visible()
    assert chorister.lines[0] == [[0, 4, 67]]
    chorister.do("desk.setBars(1)")
    chorister.do("work.gibbs = 2")
    chorister.ask("Write")
    assert all(sum(length for _, length, _ in line) == 16 for line in chorister.lines)


def test_on_a_phone_a_finger_draws_and_all_panels_are_in_reach(visit: Visit) -> None:
    phone = Chorister(visit(viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True))
    assert phone.see("document.documentElement.scrollWidth") <= 360
    last = phone.page.get_by_role("tab", name="Session").bounding_box()
    assert last is not None
    assert last["x"] + last["width"] <= 360
    phone.canvas.scroll_into_view_if_needed()
    phone.page.touchscreen.tap(*phone.place(4, 67))
    assert phone.lines[0] == [[4, 4, 67]]


def test_what_was_drawn_is_there_when_the_page_comes_back_and_nonsense_is_not(chorister: Chorister) -> None:
    chorister.do("desk.write([{ at: 2, length: 6, pitch: 67, drawn: true }])")
    chorister.page.reload()
    chorister.until("antiphon.chorale.desk.lines[0].length === 1")
    chorister.see("localStorage.setItem('antiphon.chorale.score', '{\"bars\": 1e9, \"lines\": [[{}]]}')")
    chorister.page.reload()
    chorister.until("antiphon.chorale.desk.steps === 64")
    assert chorister.lines == [[], [], [], []]


def _paired(chorister: Chorister) -> tuple[list[Any], list[Any]]:
    """The beginnings and the ends of notes that were sent, each as (channel, pitch)."""
    sent = json.loads(chorister.see("JSON.stringify(sent.filter(({ data }) => data).map(({ data }) => [...data]))"))
    onsets = [(data[0] & 15, data[1]) for data in sent if data[0] & 0xF0 == 0x90]
    return onsets, [(data[0] & 15, data[1]) for data in sent if data[0] & 0xF0 == 0x80]


def _lines(score: Score) -> list[list[list[int]]]:
    step = score.ticks_per_quarter // 4
    return [
        [[int(n["onset"]) // step, int(n["duration"]) // step, int(n["pitch"])] for n in part.notes]
        for part in score.parts
    ]
