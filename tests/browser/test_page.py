"""The page plays a duet: what is played is heard and answered, and every note ends."""

import pytest

from antiphon.faces.single_page import single_page
from tests.faces.web.stagehand import MIDI_DEVICE

pytestmark = pytest.mark.system("npm", "chromium")

IT_ANSWERS = "duet.played.some((event) => event.instrument !== 0 && event.velocity)"
PHONE = {"viewport": {"width": 390, "height": 760}, "is_mobile": True, "has_touch": True}


def unended(page):
    """Notes that were struck and not released, of everything that was played."""
    return page.evaluate(
        """() => {
            const held = new Set();
            for (const { instrument, pitch, velocity } of duet.played) {
                if (velocity) held.add(`${instrument} ${pitch}`);
                else held.delete(`${instrument} ${pitch}`);
            }
            return [...held];
        }"""
    )


def play_until_answered(page):
    """Play without a pause until the partner has struck a note."""
    for letter in "qetq" * 30:
        page.keyboard.down(letter)
        page.wait_for_timeout(120)
        page.keyboard.up(letter)
        if page.evaluate(IT_ANSWERS):
            return
    raise AssertionError("nobody answered")


def hear_it_alone(page):
    """Wait until the partner is heard while the visitor has been silent for a while."""
    page.wait_for_function(
        """() => {
            const last = duet.played.findLast((event) => event.instrument === 0);
            const isAlone = performance.now() / 1000 - last.at > 0.7 && !duet.hands.held.length;
            return isAlone && duet.partner.sounding.length && duet.sound.peak > 0.01;
        }""",
        timeout=20_000,
        polling=20,
    )


def test_a_note_is_heard_and_answered(visit, folders, address):
    page = visit(f"{address}/box_int8/")
    assert page.evaluate("duet.sound.peak") == 0
    page.keyboard.down("q")
    page.wait_for_function("duet.sound.peak > 0.02", polling=20)
    page.keyboard.up("q")
    play_until_answered(page)
    hear_it_alone(page)
    page.wait_for_function("document.getElementById('cost').textContent.includes('ms an event')")  # at its second event
    assert page.evaluate("duet.roll.notes.some((note) => note.who === 'it')")


@pytest.mark.parametrize("ending", ["blur", "pagehide", "hidden", "Stop"])
def test_every_note_ends_when_nobody_can_be_seen_to_end_it(visit, folders, address, ending):
    page = visit(f"{address}/tiny_int8/")
    play_until_answered(page)
    for letter in "qet":
        page.keyboard.down(letter)
    page.wait_for_function("duet.hands.held.length === 3 && duet.partner.sounding.length", polling=5)
    if ending == "Stop":
        page.get_by_role("button", name="Stop").click()
    elif ending == "hidden":
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    else:
        page.evaluate("ending => dispatchEvent(new Event(ending))", ending)
    assert unended(page) == []
    assert page.evaluate("[duet.hands.held.length, duet.partner.sounding.length, duet.sound.sounding]") == [0, 0, 0]
    played = page.evaluate("duet.played.length")
    page.wait_for_timeout(500)
    assert page.evaluate("duet.played.length") == played, "it plays on"
    page.wait_for_function("duet.sound.peak < 0.005", polling=50)


def test_it_rests_when_nobody_plays_any_more(visit, folders, address):
    page = visit(f"{address}/tiny_int8/")
    play_until_answered(page)
    page.wait_for_function("duet.partner.isResting", timeout=30_000)
    assert unended(page) == []


def test_fingers_slide_over_the_keys(visit, folders, address):
    page = visit(f"{address}/tiny_int8/", **PHONE)
    boxes = [page.locator(f"[data-pitch='{pitch}']").bounding_box() for pitch in (60, 62)]
    for box, step in zip(boxes, (page.mouse.down, lambda: None), strict=True):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.9)
        step()
    assert page.evaluate("duet.hands.held") == [62]
    page.mouse.up()
    assert page.evaluate("duet.hands.held") == []
    own = page.evaluate("duet.played.filter((event) => event.instrument === 0).map((e) => [e.pitch, e.velocity > 0])")
    assert own == [[60, True], [60, False], [62, True], [62, False]]


def test_a_midi_keyboard_plays_and_may_be_unplugged(visit, folders, address):
    page = visit(f"{address}/tiny_int8/", MIDI_DEVICE)
    page.click("#midi")
    page.wait_for_function("document.getElementById('midi').textContent === 'Stage Piano'")
    page.evaluate("device.send(0x90, 60, 80), device.send(0xb0, 64, 127), device.send(0x80, 60, 0)")
    page.evaluate("device.send(0x90, 64, 70)")
    assert page.evaluate("duet.hands.held") == [60, 64]  # one by the pedal
    page.evaluate("device.send(0xb0, 64, 0)")
    assert page.evaluate("duet.hands.held") == [64]
    page.evaluate("midi.inputs.delete('one'), midi.onstatechange({ port: { id: 'one', state: 'disconnected' } })")
    assert page.evaluate("duet.hands.held") == []


def test_who_forbids_midi_is_told_so(visit, folders, address):
    page = visit(f"{address}/tiny_int8/", MIDI_DEVICE)
    page.evaluate("window.midiError = 'NotAllowedError'")
    page.click("#midi")
    page.wait_for_function("document.getElementById('midi').textContent === 'MIDI was not allowed'")


@pytest.mark.parametrize("options", [PHONE, {"viewport": {"width": 1600, "height": 900}}], ids=["phone", "desktop"])
def test_the_page_fits(visit, folders, address, options):
    page = visit(f"{address}/tiny_int8/", **options)
    root = "document.documentElement"
    assert page.evaluate(f"[{root}.scrollWidth <= innerWidth, {root}.scrollHeight <= innerHeight]") == [True, True]
    widths = page.evaluate("[...document.querySelectorAll('#piano .white')].map((key) => key.clientWidth)")
    assert min(widths) >= 30


def test_one_page_plays_from_the_disk_without_any_network(visit, folders, tmp_path):
    (tmp_path / "duet.html").write_text(single_page(folders.box_int8))
    page = visit((tmp_path / "duet.html").as_uri(), offline=True)
    assert "Play a note" in page.inner_text("#begin")
    play_until_answered(page)
    hear_it_alone(page)
