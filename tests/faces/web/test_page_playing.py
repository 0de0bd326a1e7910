"""Playing on the page: by letters, mouse, fingers and devices; hearing it; letting go whatever happens."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.faces.web.stagehand import MIDI_DEVICE, Visit, Visitor

pytestmark = pytest.mark.system("chromium")

MIDDLE_C = 60


def test_a_letter_begins_the_sound_and_is_a_note_for_the_jam(visit: Visit) -> None:
    page = visit()
    page.until("antiphon.sound.state === 'waiting'")
    expect(page.page.get_by_text("Press any key, or tap, to begin")).to_be_visible()
    page.page.keyboard.down("KeyZ")
    page.until("antiphon.sound.peak > 0.01")
    page.wait_for_note(MIDDLE_C)
    expect(page.page.get_by_text("Press any key, or tap, to begin")).to_be_hidden()
    page.page.keyboard.up("KeyZ")
    page.wait_for_release(MIDDLE_C)


def test_rows_are_found_by_where_keys_are_and_not_by_what_is_printed_on_them(visit: Visit) -> None:
    page = visit()
    page.see("""() => {
      for (const [code, key] of [["KeyZ", "y"], ["KeyQ", "a"], ["Digit2", "é"], ["BracketRight", "$"]]) {
        for (const kind of ["keydown", "keyup"]) dispatchEvent(new KeyboardEvent(kind, { code, key }));
      }
    }""")
    for pitch in (60, 72, 73, 91):
        page.wait_for_note(pitch)


def test_octave_and_touch_are_moved_by_arrows(visit: Visit) -> None:
    page = visit()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("Shift+ArrowRight")
    page.page.keyboard.press("KeyZ")
    page.wait_for_note(MIDDLE_C - 12)
    assert page.notes()[-1]["velocity"] == 110


def test_what_is_written_is_no_music(visit: Visit) -> None:
    page = visit()
    page.panel("Controls")
    page.page.get_by_label("Find a control").press_sequentially("zx")
    page.page.get_by_label("Find a control").blur()
    page.page.keyboard.press("Control+KeyC")
    page.page.keyboard.press("KeyN")
    page.wait_for_note(69)
    assert [note["pitch"] for note in page.notes()] == [69]


def test_a_list_that_was_opened_with_the_mouse_does_not_keep_the_letters(visit: Visit) -> None:
    page = visit()
    page.see("document.querySelector('antiphon-stage select').focus({ focusVisible: false })")
    page.page.keyboard.press("KeyZ")
    page.wait_for_note(MIDDLE_C)
    page.page.get_by_label("Your voice").press("KeyX")
    page.page.keyboard.press("KeyC")
    page.page.wait_for_timeout(100)
    assert {note["pitch"] for note in page.notes()} == {MIDDLE_C}


def test_the_space_bar_is_the_pedal_and_holds_what_was_played(visit: Visit) -> None:
    page = visit()
    page.begin()
    page.page.keyboard.down("Space")
    page.page.keyboard.press("KeyZ")
    page.wait_for_note(MIDDLE_C)
    page.page.wait_for_timeout(300)
    assert page.see("antiphon.sound.peak") > 0.005, "the pedal is down"
    page.page.keyboard.up("Space")
    page.until("!antiphon.hands.isPedalDown")


def test_keys_are_let_go_when_the_page_loses_them(visit: Visit) -> None:
    page, other = visit(), visit()
    for loss in (
        "dispatchEvent(new Event('blur'))",
        "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true }),"
        "document.dispatchEvent(new Event('visibilitychange')), delete document.hidden",
        "antiphon.jam.wire.drop()",
    ):
        for key in ("KeyZ", "KeyC"):
            page.page.keyboard.down(key)
        other.until("antiphon.history.notes.filter(({ who, end }) => who === 'you' && end === null).length === 2")
        page.see(loss)
        other.until("antiphon.history.notes.every(({ who, end }) => who === 'it' || end !== null)")
        assert page.see("antiphon.hands.held.length") == 0
        page.until("antiphon.jam.wire.isOpen")
        for key in ("KeyZ", "KeyC"):
            page.page.keyboard.up(key)


def test_a_page_that_is_loaded_again_in_the_middle_of_a_phrase_leaves_no_note_hanging(visit: Visit) -> None:
    page, other = visit(), visit()
    for key in ("KeyZ", "KeyC", "KeyB"):
        page.page.keyboard.down(key)
    other.wait_for_note(67)
    page.page.reload()
    for pitch in (60, 64, 67):
        other.wait_for_release(pitch)


def test_keys_on_the_screen_are_louder_further_down(visit: Visit) -> None:
    page = visit()
    key = page.page.get_by_label("C4", exact=True)
    box = key.bounding_box()
    assert box is not None
    for share in (0.55, 0.85):
        page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * share)
        page.page.mouse.down()
        page.page.mouse.up()
    page.until("antiphon.history.notes.filter(n => n.who === 'you').length === 2")
    page.wait_for_release(MIDDLE_C)
    softer, louder = (note["velocity"] for note in page.notes())
    assert 20 < softer < louder <= 127


def test_fingers_glide_and_each_has_a_key_of_its_own(visit: Visit) -> None:
    page = visit()
    page.see("""() => {
      const keyboard = document.querySelector("antiphon-piano");
      keyboard.setPointerCapture = () => {};
      const at = (name, kind, pointerId) => {
        const box = document.querySelector(`[aria-label="${name}"]`).getBoundingClientRect();
        const [clientX, clientY] = [box.x + box.width / 2, box.y + box.height * 0.8];
        keyboard.dispatchEvent(new PointerEvent(kind, { pointerId, clientX, clientY, button: 0, cancelable: true }));
      };
      at("C4", "pointerdown", 7);
      at("G4", "pointerdown", 8);
      at("D4", "pointermove", 7);
      window.held = antiphon.hands.held.map(({ pitch }) => pitch);
      at("D4", "pointerup", 7);
      at("G4", "pointercancel", 8);
    }""")
    assert sorted(page.see("held")) == [62, 67]
    assert page.see("antiphon.hands.held.length") == 0
    for pitch in (60, 62, 67):
        page.wait_for_release(pitch)


def test_a_midi_device_plays_and_is_let_go_when_it_is_unplugged(visit: Visit) -> None:
    page = visit(script=MIDI_DEVICE)
    page.panel("Session")
    page.page.locator("#session").get_by_role("button", name="Use MIDI devices").click()
    expect(page.page.get_by_label("Stage Piano")).to_be_checked()
    page.see("device.send(0x90, 62, 33)")
    page.wait_for_note(62)
    assert page.notes()[-1]["velocity"] == 33
    page.see("device.send(0x90, 62, 0), device.send(0xf8), device.send(0xe0, 0, 64), device.send(0x90, 65, 80)")
    page.wait_for_release(62)
    page.wait_for_note(65)
    page.see("device.state = 'disconnected', midi.onstatechange()")
    page.wait_for_release(65)
    page.see("device.state = 'connected', midi.onstatechange(), device.send(0x90, 66, 80), device.send(0x80, 66, 0)")
    page.wait_for_note(66)
    page.page.get_by_label("Stage Piano").uncheck()
    page.see("device.send?.(0x90, 71, 80)")
    page.page.keyboard.press("KeyZ")
    page.wait_for_note(60)
    assert 71 not in {note["pitch"] for note in page.notes()}


@pytest.mark.parametrize(
    ("error", "words"), [("NotAllowedError", "told not to"), ("InvalidStateError", "cannot be reached")]
)
def test_why_there_is_no_midi_is_said(visit: Visit, error: str, words: str) -> None:
    page = visit(script=MIDI_DEVICE)
    page.see("error => { window.midiError = error; }", error)
    page.panel("Session")
    page.page.locator("#session").get_by_role("button", name="Use MIDI devices").click()
    expect(page.page.get_by_role("status").filter(has_text=words)).to_be_visible()


def test_the_machine_is_heard_and_both_are_seen(visit: Visit) -> None:
    page = visit()
    page.begin()
    before = page.see("document.querySelector('antiphon-roll canvas').toDataURL()")
    _phrase(page)
    page.until("antiphon.history.notes.filter(n => n.who === 'it').length >= 3")
    page.until("antiphon.hands.held.length === 0 && antiphon.sound.peak > 0.005")
    assert page.see("document.querySelector('antiphon-roll canvas').toDataURL()") != before
    warm, cool = page.see(COLOURS)
    assert warm > 50
    assert cool > 50


def test_what_is_played_on_another_page_is_heard_and_ends(visit: Visit) -> None:
    page, other = visit(), visit()
    page.see("antiphon.jam.set('mute', 'on')")
    other.begin()
    other.until("antiphon.sound.peak < 0.001")
    page.page.keyboard.down("KeyZ")
    other.until("antiphon.sound.peak > 0.01")
    page.page.keyboard.up("KeyZ")
    other.until("antiphon.sound.peak < 0.001")
    page.see("antiphon.jam.set('mute', 'off')")


def test_escape_and_the_button_end_every_note(visit: Visit) -> None:
    page = visit()
    page.begin()
    for panic in (
        lambda: page.page.keyboard.press("Escape"),
        lambda: page.page.get_by_role("button", name="Panic").click(),
    ):
        page.page.keyboard.down("KeyZ")
        page.until("antiphon.sound.peak > 0.01")
        panic()
        page.until("antiphon.sound.peak < 0.001")
        page.page.keyboard.up("KeyZ")


def test_with_less_motion_the_roll_turns_pages(visit: Visit) -> None:
    page = visit(reduced_motion="reduce")
    page.page.keyboard.press("KeyZ")
    page.wait_for_note(MIDDLE_C)
    page.until("document.querySelector('antiphon-roll').getAttribute('aria-label')?.includes('you played 1')")


def _phrase(page: Visitor) -> None:
    for key in ("KeyZ", "KeyC", "KeyB", "KeyM", "KeyB", "KeyC", "KeyZ", "KeyV"):
        page.page.keyboard.down(key)
        page.page.wait_for_timeout(120)
        page.page.keyboard.up(key)
        page.page.wait_for_timeout(60)


COLOURS = """() => {
  const canvas = document.querySelector("antiphon-roll canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [warm, cool] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] - data[at + 2] > 70) warm++;
    if (data[at + 2] - data[at] > 50) cool++;
  }
  return [warm, cool];
}"""
"""How many pixels of the roll are warm, and how many cool."""
